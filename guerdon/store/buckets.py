"""Points of one wallet that wait for the same day, or expire with it."""

from datetime import date, datetime, timedelta

from msgspec import Struct

from guerdon.domain.clock import local_day
from guerdon.domain.earning import EarningStatus
from guerdon.domain.expiry import kept_by, slid_out_on
from guerdon.domain.ids import EarningId, LotId, MemberId, MerchantId, WalletId
from guerdon.domain.ledger import EntryKind
from guerdon.domain.lot import Lot
from guerdon.domain.point_terms import Expiry
from guerdon.store import lots
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("buckets")

_TICK = timedelta(milliseconds=1)


class Bucket(Struct, frozen=True, kw_only=True):
    """`day` is when the points are credited, or the last one on which they can be spent; these are
    in lots."""

    day: date
    points: int
    lot_ids: tuple[LotId, ...] = ()
    created_at: datetime
    updated_at: datetime | None


async def list_pending_buckets(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    wallet_id: WalletId,
    timezone: str,
) -> list[Bucket]:
    """List what waits to be credited, the soonest first."""
    rows = await view.fetch(
        _SQL["list_pending_buckets"], merchant_id, member_id, wallet_id, timezone
    )
    return [_bucket_of(row) for row in rows]


async def list_earnings_due(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    wallet_id: WalletId,
    since: datetime,
    until: datetime,
) -> list[tuple[EarningId, EarningStatus]]:
    """List all earnings that were to be credited within a span, whatever became of them."""
    rows = await view.fetch(
        _SQL["list_earnings_due"], merchant_id, member_id, wallet_id, since, until
    )
    return [(row[0], row[1]) for row in rows]


async def list_points_buckets(
    view: Connection,
    merchant_id: MerchantId,
    wallet_id: WalletId,
    timezone: str,
    expiry: Expiry | None,
) -> list[Bucket]:
    """List what expires, the soonest first. Points of a wallet whose `expiry` is sliding do so
    unless something is done: their day is the one that comes if nothing is."""
    is_sliding = expiry is not None and expiry.kind == "sliding"
    last_act_at = None
    if expiry is not None and is_sliding:
        last_act_at = await find_last_act(view, merchant_id, wallet_id, kept_by(expiry))
    found: dict[date, list[Lot]] = {}
    open_lots = await lots.list_open_lots(view, merchant_id, [wallet_id])
    for lot in open_lots.get(wallet_id, []):
        if lot.expires_at is not None:
            day = local_day(lot.expires_at - _TICK, timezone)
        elif expiry is not None and is_sliding:
            credited_on = local_day(lot.effective_at, timezone)
            day = slid_out_on(expiry, credited_on, last_act_at, timezone)
        else:
            continue
        found.setdefault(day, []).append(lot)
    return [_bucket_of_lots(day, found[day]) for day in sorted(found)]


def _bucket_of_lots(day: date, members: list[Lot]) -> Bucket:
    created_at = min(lot.effective_at for lot in members)
    updated_at = max(lot.effective_at for lot in members)
    return Bucket(
        day=day,
        points=sum(lot.points_remaining for lot in members),
        lot_ids=tuple(lot.id for lot in members),
        created_at=created_at,
        updated_at=None if updated_at == created_at else updated_at,
    )


async def find_last_act(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, kinds: list[EntryKind]
) -> datetime | None:
    """Find when the last entry of certain kinds was made in a wallet."""
    last_at: datetime | None = await view.fetchval(
        _SQL["find_last_act"], merchant_id, wallet_id, kinds
    )
    return last_at


async def had_lots(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, since: datetime, until: datetime
) -> bool:
    """Say whether there ever was something that expires within a span."""
    found: bool = await view.fetchval(_SQL["had_lots"], merchant_id, wallet_id, since, until)
    return found


def _bucket_of(row: Record) -> Bucket:
    created_at, updated_at = row["created_at"], row["updated_at"]
    return Bucket(
        day=row["day"],
        points=row["points"],
        created_at=created_at,
        updated_at=None if updated_at == created_at else updated_at,
    )
