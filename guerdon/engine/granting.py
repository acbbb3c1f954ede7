"""Tokens that stand in for a key for a while: given, looked at, taken back."""

import re
import secrets
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from guerdon.domain.errors import OutcomeUnknown
from guerdon.domain.ids import MerchantId
from guerdon.domain.key import Key
from guerdon.engine.keying import KEPT_SECONDS, Keyring, hash_of
from guerdon.engine.runtime import Runtime
from guerdon.store import oauth_tokens
from guerdon.store.connection import Connection
from guerdon.store.oauth_tokens import OAuthToken
from guerdon.store.sequences import take_ids
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

LIFE = timedelta(minutes=15)
TOKENS_MAX = 1000
_TOKEN_BYTES = 32
# It begins with its merchant's id, so that it is looked for among that merchant's alone.
_TOKEN = re.compile(r"([0-9a-f]{1,15})\.[A-Za-z0-9_-]{43}")


class Granted(Struct, frozen=True):
    """The only time that a token is seen."""

    token: str
    expires_at: datetime


async def grant_token(runtime: Runtime, key: Key, scopes: tuple[str, ...]) -> Granted | None:
    """Make a token that may do what the key may, within these scopes; None where the merchant has
    TOKENS_MAX live ones. Only its hash is kept."""
    now = runtime.now()
    expires_at = now + LIFE
    token = f"{key.merchant_id:x}.{secrets.token_urlsafe(_TOKEN_BYTES)}"
    try:
        async with transaction(runtime.pool) as tx:
            # Taking the id lets one come in at a time, so that the count is exact.
            token_id = await take_ids(tx, key.merchant_id, 1)
            await oauth_tokens.delete_expired_oauth_tokens(tx, key.merchant_id, now)
            if await oauth_tokens.count_oauth_tokens(tx, key.merchant_id) >= TOKENS_MAX:
                return None
            await oauth_tokens.insert_oauth_token(
                tx,
                key.merchant_id,
                token_id,
                key.id,
                token_hash=hash_of(token),
                scopes=scopes,
                created_at=now,
                expires_at=expires_at,
            )
    except CommitUnknown as error:
        raise OutcomeUnknown("the connection was lost while committing") from error
    return Granted(token, expires_at)


async def inspect_token(runtime: Runtime, merchant_id: MerchantId, token: str) -> OAuthToken | None:
    """Give a live token of a merchant; None where it is another's, has ended, or is none."""
    if _merchant_of(token) != merchant_id:
        return None
    async with snapshot(runtime.pool) as view:
        return await _find_live(view, runtime, merchant_id, token)


async def revoke_token(runtime: Runtime, merchant_id: MerchantId, token: str) -> bool:
    """End a token of a merchant; say whether there was a live one. Web processes follow within
    KEPT_SECONDS."""
    if _merchant_of(token) != merchant_id:
        return False
    async with transaction(runtime.pool) as tx:
        is_live = await _find_live(tx, runtime, merchant_id, token) is not None
        return await oauth_tokens.delete_oauth_token(tx, merchant_id, hash_of(token)) and is_live


class Tokenring(Keyring):
    """Tokens by the hash of their text, kept at hand like keys. What is found is the key that a
    token stands for, with the token's scopes."""

    def __init__(self, runtime: Runtime, *, kept_seconds: float = KEPT_SECONDS) -> None:
        super().__init__(runtime.pool, kept_seconds=kept_seconds)
        self._runtime = runtime

    async def fetch(self, view: Connection, secret: str) -> Key | None:
        """Look a token up; None where it is none, or it or its key has ended."""
        merchant_id = _merchant_of(secret)
        if merchant_id is None:
            return None
        found = await _find_live(view, self._runtime, merchant_id, secret)
        return None if found is None else msgspec.structs.replace(found.key, scopes=found.scopes)


def _merchant_of(token: str) -> MerchantId | None:
    found = _TOKEN.fullmatch(token)
    return None if found is None else MerchantId(int(found[1], 16))


async def _find_live(
    view: Connection, runtime: Runtime, merchant_id: MerchantId, token: str
) -> OAuthToken | None:
    found = await oauth_tokens.find_oauth_token(view, merchant_id, hash_of(token))
    if found is None or found.expires_at <= runtime.now() or found.key.revoked_at is not None:
        return None
    return found
