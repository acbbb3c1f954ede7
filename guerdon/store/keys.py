"""Keys: who may call."""

from datetime import datetime

from guerdon.domain.ids import KeyId, MerchantId
from guerdon.domain.key import Key
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("keys")


def key_of(row: Record) -> Key:
    """Turn a row with every column, by name, into a key."""
    return Key(
        id=row["id"],
        merchant_id=row["merchant_id"],
        program_id=row["program_id"],
        dialect=row["dialect"],
        name=row["name"],
        app_id=row["app_id"],
        secret_hash=row["secret_hash"],
        secret_hint=row["secret_hint"],
        access=row["access"],
        scopes=tuple(row["scopes"]),
        is_managed=row["is_managed"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )


async def insert_key(tx: Connection, key: Key) -> KeyId:
    """Add a key, whose own id is not looked at, and give the id it got.

    A secret or an app id in use already refuses this by its constraint."""
    return KeyId(
        await tx.fetchval(
            _SQL["insert_key"],
            key.merchant_id,
            key.program_id,
            key.dialect,
            key.name,
            key.app_id,
            key.secret_hash,
            key.secret_hint,
            key.access,
            list(key.scopes),
            key.is_managed,
            key.created_at,
        )
    )


async def find_key_by_hash(tx: Connection, secret_hash: bytes) -> Key | None:
    """Find a key by the hash of its secret; it may be revoked."""
    row = await tx.fetchrow(_SQL["find_key_by_hash"], secret_hash)
    return None if row is None else key_of(row)


async def list_keys(tx: Connection, merchant_id: MerchantId) -> list[Key]:
    """List a merchant's keys, revoked ones too, oldest first."""
    return [key_of(row) for row in await tx.fetch(_SQL["list_keys"], merchant_id)]


async def revoke_key(tx: Connection, merchant_id: MerchantId, key_id: KeyId, now: datetime) -> bool:
    """End a key; say whether there was one to end."""
    status = await tx.execute(_SQL["revoke_key"], merchant_id, key_id, now)
    return status == "UPDATE 1"


async def update_key(tx: Connection, key: Key) -> None:
    """Write a key that a program file owns as it shall stand; it lives again if it was revoked.

    A secret or an app id in use by another key refuses this by its constraint."""
    await tx.execute(
        _SQL["update_key"],
        key.merchant_id,
        key.id,
        key.program_id,
        key.name,
        key.app_id,
        key.secret_hash,
        key.secret_hint,
        key.access,
        list(key.scopes),
    )
