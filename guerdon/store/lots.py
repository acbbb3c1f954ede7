"""Lots: what is left of points earned together."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from guerdon.domain.ids import LotId, MemberId, MerchantId, PointTypeId, ProgramId, WalletId
from guerdon.domain.ledger import EntryKind
from guerdon.domain.lot import Lot, NewLot
from guerdon.store.arrays import instants, literal
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("lots")


async def list_open_lots(
    tx: Connection, merchant_id: MerchantId, wallet_ids: list[WalletId]
) -> dict[WalletId, list[Lot]]:
    """List the lots that still hold points, by wallet, first in first."""
    lots: dict[WalletId, list[Lot]] = {}
    for row in await tx.fetch(_SQL["list_open_lots"], merchant_id, literal(wallet_ids)):
        lots.setdefault(row[0], []).append(Lot(row[1], row[2], row[3], row[4]))
    return lots


async def list_lot_origins(
    tx: Connection, merchant_id: MerchantId, lot_ids: list[LotId]
) -> dict[int, tuple[datetime, datetime | None]]:
    """Give when each lot took effect and when it expires, used up or not."""
    rows = await tx.fetch(_SQL["list_lot_origins"], merchant_id, lot_ids)
    return {row[0]: (row[1], row[2]) for row in rows}


async def insert_lots(
    tx: Connection, merchant_id: MerchantId, lots: list[NewLot], remaining: Mapping[int, int]
) -> None:
    """Add lots; `remaining` is what the batch left in each."""
    await tx.execute(
        _SQL["insert_lots"],
        merchant_id,
        literal([lot.id for lot in lots]),
        literal([lot.wallet_id for lot in lots]),
        literal([lot.points for lot in lots]),
        literal([remaining[lot.id] for lot in lots]),
        instants([lot.effective_at for lot in lots]),
        instants([lot.expires_at for lot in lots]),
    )


async def list_members_with_due_lots(
    tx: Connection, merchant_id: MerchantId, now: datetime, limit: int
) -> list[tuple[ProgramId, MemberId]]:
    """List members some of whose points have expired but were not taken out yet."""
    rows = await tx.fetch(_SQL["list_members_with_due_lots"], merchant_id, now, limit)
    return [(row[0], row[1]) for row in rows]


async def list_idle_members(
    tx: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    since: datetime,
    limit: int,
) -> list[MemberId]:
    """List members who have points that old and have not ordered since."""
    rows = await tx.fetch(_SQL["list_idle_members"], merchant_id, program_id, since, limit)
    return [row[0] for row in rows]


async def list_slid_out_members(
    tx: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    point_type_id: PointTypeId,
    *,
    before: datetime,
    kept_by: Sequence[EntryKind],
    limit: int,
) -> list[MemberId]:
    """List members with points of a type from before an instant, in whose wallet no entry of these
    kinds was made since."""
    rows = await tx.fetch(
        _SQL["list_slid_out_members"],
        merchant_id,
        program_id,
        point_type_id,
        before,
        list(kept_by),
        limit,
    )
    return [row[0] for row in rows]
