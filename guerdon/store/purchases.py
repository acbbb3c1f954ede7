"""What members bought, in pages; and the refunds of it."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import EntryId, MemberId, MerchantId, RedemptionId, RewardId, WalletId
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Slice
from guerdon.store.connection import Connection, Record
from guerdon.store.redemptions import redemption_of
from guerdon.store.statements import statements

_SQL = statements("purchases")


class Refund(Struct, frozen=True, kw_only=True):
    """The entry of a refund."""

    entry_id: EntryId
    redemption_id: RedemptionId
    points: int
    created_at: datetime


class PurchaseList(Struct, frozen=True, kw_only=True):
    """Which of a member's purchases are wanted; None is any reward, any wallet. `has_ids` and
    `has_times` say that there is such a condition, which counts where one is enough."""

    part: Slice
    has_ids: bool = False
    has_times: bool = False
    reward_ids: list[RewardId] | None = None
    wallet_ids: list[WalletId] | None = None


async def list_purchases(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: PurchaseList
) -> list[Redemption]:
    """List a page of a member's purchases, by id from either end or beyond an id."""
    if wanted.part.is_rising:
        return await list_purchases_rising(view, merchant_id, member_id, wanted)
    return await list_purchases_falling(view, merchant_id, member_id, wanted)


async def list_purchases_rising(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: PurchaseList
) -> list[Redemption]:
    """List a page of a member's purchases, the first first."""
    sql = _SQL["list_purchases_rising"]
    rows = await view.fetch(sql, merchant_id, member_id, *_conditions(wanted))
    return [redemption_of(row) for row in rows]


async def list_purchases_falling(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: PurchaseList
) -> list[Redemption]:
    """List a page of a member's purchases, the latest first."""
    sql = _SQL["list_purchases_falling"]
    rows = await view.fetch(sql, merchant_id, member_id, *_conditions(wanted))
    return [redemption_of(row) for row in rows]


def _conditions(wanted: PurchaseList) -> tuple[object, ...]:
    part = wanted.part
    return (
        *part.bounds,
        part.is_any,
        wanted.has_ids,
        part.any_of,
        part.none_of,
        wanted.has_times,
        *part.span,
        wanted.reward_ids is not None,
        wanted.reward_ids or [],
        wanted.wallet_ids is not None,
        wanted.wallet_ids or [],
        part.limit,
    )


async def find_refund(
    view: Connection, merchant_id: MerchantId, entry_id: EntryId
) -> Refund | None:
    """Find a refund by its entry."""
    return _refund(await view.fetchrow(_SQL["find_refund"], merchant_id, entry_id))


async def find_last_refund(
    view: Connection, merchant_id: MerchantId, redemption: Redemption
) -> Refund | None:
    """Find the last refund of a redemption; none where it cost nothing."""
    row = await view.fetchrow(
        _SQL["find_last_refund"], merchant_id, redemption.wallet_id, redemption.id
    )
    return _refund(row)


def _refund(row: Record | None) -> Refund | None:
    if row is None:
        return None
    return Refund(
        entry_id=row["id"],
        redemption_id=row["redemption_id"],
        points=row["points"],
        created_at=row["created_at"],
    )
