"""Movements of points as pages: what is spendable, and what waits for approval."""

from datetime import MAXYEAR, MINYEAR, datetime, timedelta

from msgspec import Struct

from guerdon.domain.ids import (
    EarningId,
    EntryId,
    MemberId,
    MerchantId,
    ProgramId,
    RedemptionId,
)
from guerdon.domain.ledger import EntryKind
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("point_movements")

ID_END = 2**53
# How far the clocks of those who write may be apart, and how long a commit may take.
SKEW = timedelta(minutes=10)


class PointMovement(Struct, frozen=True, gc=False):
    """What an entry moved: `points` of those that can be spent, `pending_points` of those that wait
    for approval; both signed, not both zero."""

    id: EntryId
    kind: EntryKind
    points: int
    pending_points: int
    note: str | None
    created_at: datetime
    redemption_id: RedemptionId | None
    earning_id: EarningId | None
    member_id: MemberId


class MovementList(Struct, frozen=True, kw_only=True):
    """What to list of a program: all movements, or a member's; in their default wallets.

    `created_from` counts itself in, `created_until` does not."""

    program_id: ProgramId
    member_id: MemberId | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


async def list_movements_rising(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MovementList,
    *,
    floor: int,
    end: int,
    limit: int,
) -> list[PointMovement]:
    """List a program's movements between two ids, both left out."""
    sql = _SQL["list_movements_rising"]
    args = _conditions(wanted, floor, end)
    return _movements(await view.fetch(sql, merchant_id, *args, limit))


async def list_movements_falling(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MovementList,
    *,
    floor: int,
    end: int,
    limit: int,
) -> list[PointMovement]:
    """List a program's movements between two ids, both left out, the latest first."""
    sql = _SQL["list_movements_falling"]
    args = _conditions(wanted, floor, end)
    return _movements(await view.fetch(sql, merchant_id, *args, limit))


async def list_member_movements_rising(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MovementList,
    *,
    floor: int,
    end: int,
    limit: int,
) -> list[PointMovement]:
    """List a member's movements between two ids, both left out."""
    sql = _SQL["list_member_movements_rising"]
    args = _conditions(wanted, floor, end)
    return _movements(await view.fetch(sql, merchant_id, *args, limit, wanted.member_id))


async def list_member_movements_falling(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MovementList,
    *,
    floor: int,
    end: int,
    limit: int,
) -> list[PointMovement]:
    """List a member's movements between two ids, both left out, the latest first."""
    sql = _SQL["list_member_movements_falling"]
    args = _conditions(wanted, floor, end)
    return _movements(await view.fetch(sql, merchant_id, *args, limit, wanted.member_id))


async def list_movements(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MovementList,
    *,
    is_rising: bool,
    beyond: int | None,
    limit: int,
) -> list[PointMovement]:
    """List a page of movements by id, from either end or beyond an id.

    Ids rise in the order of commits, and a movement is never changed: whoever goes on where they
    stopped sees each exactly once."""
    floor, end = 0, ID_END
    if beyond is not None:
        floor, end = (beyond, end) if is_rising else (floor, beyond)
    if wanted.created_from is not None:
        floor = max(floor, await find_id_floor(view, merchant_id, wanted.created_from))
    if wanted.created_until is not None and wanted.created_until.year < MAXYEAR:
        # An id that no entry has reached which was made before then.
        last = await find_last_id_before(view, merchant_id, wanted.created_until + SKEW)
        end = min(end, last + 1)
    if wanted.member_id is None:
        list_some = list_movements_rising if is_rising else list_movements_falling
    else:
        list_some = list_member_movements_rising if is_rising else list_member_movements_falling
    return await list_some(view, merchant_id, wanted, floor=floor, end=end, limit=limit)


async def find_id_floor(view: Connection, merchant_id: MerchantId, moment: datetime) -> int:
    """Find an id that all has passed which is written from an instant on, of whatever kind: where
    to begin to look, but not exactly where that begins."""
    if moment.year <= MINYEAR:
        return 0
    return await find_last_id_before(view, merchant_id, moment - SKEW)


async def find_last_id_before(view: Connection, merchant_id: MerchantId, moment: datetime) -> int:
    """Find an id after which no entry was made before an instant, as far as clocks agree."""
    last: int = await view.fetchval(_SQL["find_last_id_before"], merchant_id, moment)
    return last


def _conditions(wanted: MovementList, floor: int, end: int) -> tuple[int | datetime | None, ...]:
    return wanted.program_id, floor, end, wanted.created_from, wanted.created_until


def _movements(rows: list[Record]) -> list[PointMovement]:
    return [
        PointMovement(
            id=row[0],
            kind=row[1],
            points=row[2],
            pending_points=row[3],
            note=row[4],
            created_at=row[5],
            redemption_id=row[6],
            earning_id=row[7],
            member_id=row[8],
        )
        for row in rows
    ]
