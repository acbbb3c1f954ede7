"""Who is calling: the whole Authorization header is the API key."""

from guerdon.dialects.mage.errors import BAD_CREDENTIAL, NO_CREDENTIAL
from guerdon.domain.key import Key
from guerdon.engine.keying import Keyring
from guerdon.http.asgi import Answer

_SECRET_LENGTH_MAX = 512


async def authenticate(keyring: Keyring, headers: list[tuple[bytes, bytes]]) -> Key | Answer:
    """Find the caller's key, or give the 401. `Bearer ` before it is tolerated, never required."""
    given = b""
    for name, value in headers:
        if name == b"authorization":
            given = value
            break
    secret = given.decode("latin-1").strip()
    if secret[:7].lower() == "bearer ":
        secret = secret[7:].strip()
    if not secret:
        return NO_CREDENTIAL
    if len(secret) > _SECRET_LENGTH_MAX:
        return BAD_CREDENTIAL
    key = keyring.recall(secret) or await keyring.find(secret)
    if key is None or key.dialect != "mage" or key.program_id is None:
        return BAD_CREDENTIAL
    return key
