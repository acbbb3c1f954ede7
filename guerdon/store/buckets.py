"""Points of one wallet that wait for the same day, or expire with it."""

from datetime import date, datetime

from msgspec import Struct

from guerdon.domain.earning import EarningStatus
from guerdon.domain.expiry import kept_by, slid_out_on
from guerdon.domain.ids import EarningId, MemberId, MerchantId, WalletId
from guerdon.domain.ledger import EntryKind
from guerdon.domain.point_terms import Expiry
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("buckets")


class Bucket(Struct, frozen=True, kw_only=True):
    """`day` is when the points are credited, or the last one on which they can be spent."""

    day: date
    points: int
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
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, timezone: str
) -> list[Bucket]:
    """List what expires on a day of its own, the soonest first."""
    rows = await view.fetch(_SQL["list_points_buckets"], merchant_id, wallet_id, timezone)
    return [_bucket_of(row) for row in rows]


async def list_endless_lots(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, timezone: str
) -> list[Bucket]:
    """List what has no day of its own, by the days on which it was credited."""
    rows = await view.fetch(_SQL["list_endless_lots"], merchant_id, wallet_id, timezone)
    return [_bucket_of(row) for row in rows]


async def find_last_act(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, kinds: list[EntryKind]
) -> datetime | None:
    """Find when the last entry of certain kinds was made in a wallet."""
    last_at: datetime | None = await view.fetchval(
        _SQL["find_last_act"], merchant_id, wallet_id, kinds
    )
    return last_at


async def list_sliding_buckets(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, timezone: str, expiry: Expiry
) -> list[Bucket]:
    """List what expires unless something is done, the soonest first, as if nothing were."""
    last_act_at = await find_last_act(view, merchant_id, wallet_id, kept_by(expiry))
    found: dict[date, Bucket] = {}
    for bucket in await list_endless_lots(view, merchant_id, wallet_id, timezone):
        day = slid_out_on(expiry, bucket.day, last_act_at, timezone)
        known = found.get(day)
        found[day] = Bucket(
            day=day,
            points=bucket.points + (0 if known is None else known.points),
            created_at=bucket.created_at if known is None else known.created_at,
            updated_at=bucket.updated_at or (None if known is None else bucket.created_at),
        )
    return sorted(found.values(), key=lambda each: each.day)


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
