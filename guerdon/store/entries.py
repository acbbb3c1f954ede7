"""Ledger entries: only ever added."""

from datetime import datetime

from guerdon.domain.ids import MerchantId
from guerdon.domain.ledger import Entry
from guerdon.store.arrays import literal
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("entries")


async def insert_entries(
    tx: Connection, merchant_id: MerchantId, now: datetime, entries: list[Entry]
) -> None:
    """Add ledger entries of one batch."""
    await tx.execute(
        _SQL["insert_entries"],
        merchant_id,
        now,
        [entry.id for entry in entries],
        [entry.wallet_id for entry in entries],
        [entry.kind for entry in entries],
        [entry.points for entry in entries],
        [entry.points_after for entry in entries],
        [entry.lifetime_points for entry in entries],
        [entry.asked_points for entry in entries],
        [literal(entry.lot_ids) for entry in entries],
        [literal(entry.lot_points) for entry in entries],
        [entry.redemption_id for entry in entries],
        [entry.earning_id for entry in entries],
        [entry.note for entry in entries],
    )
