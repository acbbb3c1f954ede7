"""Tokens that stand in for a key for a while."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import KeyId, MerchantId
from guerdon.domain.key import Key
from guerdon.store.connection import Connection
from guerdon.store.keys import key_of
from guerdon.store.statements import statements

_SQL = statements("oauth_tokens")


class OAuthToken(Struct, frozen=True, kw_only=True):
    """What a token may do is what its `key` may, within `scopes`. Either may have ended."""

    key: Key
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


async def insert_oauth_token(
    tx: Connection,
    merchant_id: MerchantId,
    token_id: int,
    key_id: KeyId,
    *,
    token_hash: bytes,
    scopes: tuple[str, ...],
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Add a token, known by the hash of its text."""
    await tx.execute(
        _SQL["insert_oauth_token"],
        merchant_id,
        token_id,
        key_id,
        token_hash,
        list(scopes),
        created_at,
        expires_at,
    )


async def count_oauth_tokens(tx: Connection, merchant_id: MerchantId) -> int:
    """Count a merchant's tokens, those too that have run out and are still there."""
    count: int = await tx.fetchval(_SQL["count_oauth_tokens"], merchant_id)
    return count


async def delete_expired_oauth_tokens(
    tx: Connection, merchant_id: MerchantId, now: datetime
) -> None:
    """Clear away those of a merchant's tokens that have run out."""
    await tx.execute(_SQL["delete_expired_oauth_tokens"], merchant_id, now)


async def find_oauth_token(
    view: Connection, merchant_id: MerchantId, token_hash: bytes
) -> OAuthToken | None:
    """Find a token by the hash of its text. Whether it or its key has ended is for the caller to
    see."""
    row = await view.fetchrow(_SQL["find_oauth_token"], merchant_id, token_hash)
    if row is None:
        return None
    return OAuthToken(
        key=key_of(row),
        scopes=tuple(row["token_scopes"]),
        created_at=row["granted_at"],
        expires_at=row["expires_at"],
    )


async def delete_oauth_token(tx: Connection, merchant_id: MerchantId, token_hash: bytes) -> bool:
    """End a token; say whether there was one."""
    status = await tx.execute(_SQL["delete_oauth_token"], merchant_id, token_hash)
    return status == "DELETE 1"
