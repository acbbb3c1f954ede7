"""Idempotency keys and the answers given under them."""

from datetime import datetime

from guerdon.domain.ids import MerchantId
from guerdon.domain.state import KeyRecord
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("idempotency_records")


async def list_key_records(
    tx: Connection, merchant_id: MerchantId, keys: list[str]
) -> dict[str, KeyRecord]:
    """List what was answered under these keys."""
    rows = await tx.fetch(_SQL["list_key_records"], merchant_id, keys)
    return {row[0]: KeyRecord(row[0], row[1], row[2]) for row in rows}


async def insert_key_records(
    tx: Connection, merchant_id: MerchantId, now: datetime, records: list[KeyRecord]
) -> None:
    """Keep answers; a rival's record of the same key refuses this by its primary key."""
    await tx.execute(
        _SQL["insert_key_records"],
        merchant_id,
        now,
        [record.key for record in records],
        [record.fingerprint for record in records],
        [record.answer for record in records],
    )


async def delete_old_key_records(
    tx: Connection, merchant_id: MerchantId, before: datetime, limit: int
) -> int:
    """Forget answers older than an instant, at most so many; give how many went."""
    status = await tx.execute(_SQL["delete_old_key_records"], merchant_id, before, limit)
    return int(status.rsplit(" ", 1)[1])


async def claim_key(
    tx: Connection, merchant_id: MerchantId, key: str, fingerprint: bytes, now: datetime
) -> bool:
    """Begin an answer under a key; False where there is one already.

    Waits for a rival's transaction with the same key to end, so both never act at once."""
    status = await tx.execute(_SQL["claim_key"], merchant_id, key, fingerprint, now)
    return status == "INSERT 0 1"


async def fill_key(tx: Connection, merchant_id: MerchantId, key: str, answer: bytes) -> None:
    """Write the answer under a key claimed in this very transaction."""
    await tx.execute(_SQL["fill_key"], merchant_id, key, answer)


async def delete_own_key_records(tx: Connection, merchant_id: MerchantId, part: bytes) -> None:
    """Forget the answers that hold `part`, of calls that gave no key."""
    await tx.execute(_SQL["delete_own_key_records"], merchant_id, part)
