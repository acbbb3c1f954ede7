"""A member's redemptions as callers read them, in pages."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.ids import MemberId, MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption, RedemptionStatus, status_at
from guerdon.store.connection import Connection
from guerdon.store.redemptions import redemption_of
from guerdon.store.statements import statements

_SQL = statements("redemption_views")

SeenStatus = Literal["active", "used", "expired"]
Order = Literal["created_at", "-created_at", "points_cost", "-points_cost"]


def status_seen(redemption: Redemption, now: datetime) -> SeenStatus:
    """Give a redemption's status as a caller sees it: past its time it has expired, though no
    worker has come by yet; given back, it can no longer be used either."""
    status = status_at(redemption, now)
    if status == "used":
        return "used"
    return "active" if status == "approved" else "expired"


async def count_redemption_views(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    status: SeenStatus | None,
    now: datetime,
) -> int:
    """Count a member's redemptions, all or of one status as `status_seen` gives it."""
    count: int = await view.fetchval(
        _SQL["count_redemption_views"], merchant_id, member_id, status, now
    )
    return count


async def list_redemption_views(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    status: SeenStatus | None,
    now: datetime,
    *,
    order: Order,
    limit: int,
    offset: int,
) -> list[Redemption]:
    """List a page of a member's redemptions; equal ones by id."""
    rows = await view.fetch(
        _SQL["list_redemption_views"], merchant_id, member_id, status, now, order, limit, offset
    )
    return [redemption_of(row) for row in rows]


async def list_member_redemptions(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    *,
    beyond: int | None,
    is_rising: bool,
    limit: int,
) -> list[Redemption]:
    """List a page of all that a member took, whatever came of it, beyond an id."""
    rows = await view.fetch(
        _SQL["list_member_redemptions"], merchant_id, member_id, beyond, is_rising, limit
    )
    return [redemption_of(row) for row in rows]


class PlatformRedemption(Struct, frozen=True, kw_only=True):
    """A redemption, and the code by which its platform knows what was made for it."""

    id: RedemptionId
    status: RedemptionStatus
    code: str | None
    expires_at: datetime | None
    fulfil_by: FulfilBy


async def list_platform_redemptions(
    view: Connection, merchant_id: MerchantId, after: RedemptionId, limit: int
) -> list[PlatformRedemption]:
    """List a page of redemptions that a platform holds something of, after an id."""
    rows = await view.fetch(_SQL["list_platform_redemptions"], merchant_id, after, limit)
    return [
        PlatformRedemption(
            id=row["id"],
            status=row["status"],
            code=row["code"],
            expires_at=row["expires_at"],
            fulfil_by=row["fulfil_by"],
        )
        for row in rows
    ]
