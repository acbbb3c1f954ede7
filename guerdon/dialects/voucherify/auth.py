"""Who is calling: a pair of application keys, or a bearer token that was made with one."""

import hmac

from guerdon.dialects.voucherify.problems import unauthorized
from guerdon.domain.key import Key
from guerdon.engine.keying import Keyring
from guerdon.http.asgi import Answer

_CREDENTIAL_LENGTH_MAX = 2048


async def authenticate(keyring: Keyring, headers: list[tuple[bytes, bytes]]) -> Key | Answer:
    """Find the caller's key, or give the 401. Where application keys are shown they alone count,
    whatever else is."""
    shown: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in (b"x-app-id", b"x-app-token", b"authorization"):
            shown.setdefault(name, []).append(value)
    app_ids, secrets = shown.get(b"x-app-id"), shown.get(b"x-app-token")
    if app_ids is None and secrets is None:
        return unauthorized()
    return await _pair(keyring, app_ids or [], secrets or []) or unauthorized()


async def _pair(keyring: Keyring, app_ids: list[bytes], secrets: list[bytes]) -> Key | None:
    """Find the key of a pair; of a header shown twice neither is believed."""
    if len(app_ids) != 1 or len(secrets) != 1 or len(secrets[0]) > _CREDENTIAL_LENGTH_MAX:
        return None
    secret = secrets[0].strip().decode("latin-1")
    key = keyring.recall(secret) or await keyring.find(secret)
    if key is None or key.dialect != "voucherify" or key.app_id is None:
        return None
    if not hmac.compare_digest(key.app_id.encode(), app_ids[0].strip()):
        return None
    return key
