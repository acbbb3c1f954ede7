"""Who is calling: a bearer token, or the older pair of a token and its secret."""

import hmac
from base64 import b64decode

from guerdon.dialects.loyaltylion.errors import UNAUTHENTICATED
from guerdon.dialects.loyaltylion.scopes import SCOPES
from guerdon.domain.key import Key
from guerdon.engine.keying import Keyring
from guerdon.http.asgi import Answer

_CREDENTIAL_LENGTH_MAX = 2048


def is_pair(key: Key) -> bool:
    """Say whether a key is a token and a secret, which may do everything but a few calls."""
    return key.app_id is not None


def scopes_of(key: Key) -> tuple[str, ...]:
    """Give what a key may do; a pair has no scopes of its own, and so has all."""
    return SCOPES if is_pair(key) else key.scopes


async def authenticate(keyring: Keyring, headers: list[tuple[bytes, bytes]]) -> Key | Answer:
    """Find the caller's key, or give the 401. Of several Authorization headers none is believed."""
    given: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if given is not None:
                return UNAUTHENTICATED
            given = value
    if given is None or len(given) > _CREDENTIAL_LENGTH_MAX:
        return UNAUTHENTICATED
    scheme, _, credential = given.strip().partition(b" ")
    token: str | None = None
    if scheme.lower() == b"bearer":
        secret = credential.strip().decode("latin-1")
    elif scheme.lower() == b"basic":
        token, secret = _pair_of(credential.strip())
    else:
        return UNAUTHENTICATED
    if not secret:
        return UNAUTHENTICATED
    key = keyring.recall(secret) or await keyring.find(secret)
    if key is None or key.dialect != "loyaltylion" or key.program_id is None:
        return UNAUTHENTICATED
    if not _is_told(key.app_id, token):
        return UNAUTHENTICATED
    return key


def _pair_of(credential: bytes) -> tuple[str, str]:
    try:
        token, _, secret = b64decode(credential, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return "", ""
    return token, secret


def _is_told(known: str | None, told: str | None) -> bool:
    """Hold the public half against the key's: one where there is one, none where there is none."""
    if known is None or told is None:
        return known is told
    return hmac.compare_digest(known.encode(), told.encode("utf-8", "surrogatepass"))
