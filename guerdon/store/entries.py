"""Ledger entries: only ever added."""

from datetime import datetime

from guerdon.domain.ids import MerchantId
from guerdon.domain.ledger import Entry
from guerdon.store import arrays
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
        arrays.literal([entry.id for entry in entries]),
        arrays.literal([entry.wallet_id for entry in entries]),
        arrays.words([entry.kind for entry in entries]),
        arrays.literal([entry.points for entry in entries]),
        arrays.literal([entry.points_after for entry in entries]),
        arrays.literal([entry.lifetime_points for entry in entries]),
        arrays.numbers([entry.asked_points for entry in entries]),
        arrays.nested([entry.lot_ids for entry in entries]),
        arrays.nested([entry.lot_points for entry in entries]),
        arrays.numbers([entry.redemption_id for entry in entries]),
        arrays.numbers([entry.earning_id for entry in entries]),
        arrays.texts([entry.note for entry in entries]),
        arrays.literal([entry.pending_points for entry in entries]),
        arrays.literal([entry.owed_points for entry in entries]),
    )
