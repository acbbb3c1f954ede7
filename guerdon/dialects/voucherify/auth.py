"""Who is calling: a pair of application keys, or a bearer token that was made with one."""

import hmac

from guerdon.dialects.voucherify.problems import unauthorized
from guerdon.domain.key import Key
from guerdon.engine.granting import Tokenring
from guerdon.engine.keying import Keyring
from guerdon.http.asgi import Answer

_CREDENTIAL_LENGTH_MAX = 2048


async def authenticate(
    keyring: Keyring, tokens: Tokenring, headers: list[tuple[bytes, bytes]]
) -> Key | Answer:
    """Find the caller's key, or give the 401. Where application keys are shown they alone count,
    whatever else is; of a header shown twice neither is believed."""
    app_ids: list[bytes] = []
    secrets: list[bytes] = []
    given: list[bytes] = []
    for name, value in headers:
        if name == b"x-app-id":
            app_ids.append(value)
        elif name == b"x-app-token":
            secrets.append(value)
        elif name == b"authorization":
            given.append(value)
    if app_ids or secrets:
        key = await _of_pair(keyring, app_ids, secrets)
    else:
        key = await _of_token(tokens, given)
    return key or unauthorized()


async def _of_pair(keyring: Keyring, app_ids: list[bytes], secrets: list[bytes]) -> Key | None:
    if len(app_ids) != 1 or len(secrets) != 1 or len(secrets[0]) > _CREDENTIAL_LENGTH_MAX:
        return None
    secret = secrets[0].strip().decode("latin-1")
    key = keyring.recall(secret) or await keyring.find(secret)
    if key is None or key.dialect != "voucherify" or key.app_id is None:
        return None
    # Paths name programs, so a key that is for one of them would have to be held to it.
    if key.program_id is not None:
        return None
    is_told = hmac.compare_digest(key.app_id.encode(), app_ids[0].strip())
    return key if is_told else None


async def _of_token(tokens: Tokenring, given: list[bytes]) -> Key | None:
    if len(given) != 1 or len(given[0]) > _CREDENTIAL_LENGTH_MAX:
        return None
    scheme, _, credential = given[0].strip().partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    token = credential.strip().decode("latin-1")
    return tokens.recall(token) or await tokens.find(token)


def is_token(key: Key) -> bool:
    """Say whether a call was made with a token: it has scopes, and a pair of keys has none."""
    return bool(key.scopes)
