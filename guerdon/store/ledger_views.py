"""A member's ledger, for reading."""

from guerdon.domain.ids import MemberId, MerchantId
from guerdon.domain.ledger import Entry
from guerdon.domain.lot import Lot
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("ledger_views")


async def list_entries_of_member(
    tx: Connection, merchant_id: MerchantId, member_id: MemberId, *, limit: int = 1000
) -> list[Entry]:
    """List a member's ledger entries over all wallets, oldest first."""
    rows = await tx.fetch(_SQL["list_entries_of_member"], merchant_id, member_id, limit)
    return [
        Entry(
            id=row["id"],
            wallet_id=row["wallet_id"],
            kind=row["kind"],
            points=row["points"],
            points_after=row["points_after"],
            lot_ids=tuple(row["lot_ids"]),
            lot_points=tuple(row["lot_points"]),
            created_at=row["created_at"],
            lifetime_points=row["lifetime_points"],
            asked_points=row["asked_points"],
            redemption_id=row["redemption_id"],
            earning_id=row["earning_id"],
            note=row["note"],
            pending_points=row["pending_points"],
            owed_points=row["owed_points"],
        )
        for row in rows
    ]


async def list_lots_of_member(
    tx: Connection, merchant_id: MerchantId, member_id: MemberId
) -> list[Lot]:
    """List a member's lots that still hold points, oldest first."""
    rows = await tx.fetch(_SQL["list_lots_of_member"], merchant_id, member_id)
    return [
        Lot(
            id=row["id"],
            points_remaining=row["points_remaining"],
            effective_at=row["effective_at"],
            expires_at=row["expires_at"],
        )
        for row in rows
    ]
