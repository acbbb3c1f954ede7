"""A member's earnings as callers read them, in pages."""

from typing import Literal

from guerdon.domain.earning import Earning, EarningStatus
from guerdon.domain.ids import MemberId, MerchantId
from guerdon.store.connection import Connection
from guerdon.store.earnings import earning_of
from guerdon.store.statements import statements

_SQL = statements("earning_views")

Order = Literal["created_at", "-created_at", "points", "-points", "given_at", "-given_at"]


async def count_earning_views(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, status: EarningStatus | None
) -> int:
    """Count a member's earnings, all or of one status."""
    count: int = await view.fetchval(_SQL["count_earning_views"], merchant_id, member_id, status)
    return count


async def list_earning_views(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    status: EarningStatus | None,
    *,
    order: Order,
    limit: int,
    offset: int,
) -> list[Earning]:
    """List a page of a member's earnings; equal ones by id."""
    rows = await view.fetch(
        _SQL["list_earning_views"], merchant_id, member_id, status, order, limit, offset
    )
    return [earning_of(row) for row in rows]
