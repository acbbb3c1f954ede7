"""Redemptions that wait for a worker."""

from datetime import datetime

from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption
from guerdon.store.connection import Connection
from guerdon.store.redemptions import redemption_of
from guerdon.store.statements import statements

_SQL = statements("queued_redemptions")


async def list_merchants_with_queued(view: Connection, before: datetime) -> list[MerchantId]:
    """List the merchants that have redemptions waiting since an instant."""
    return [row[0] for row in await view.fetch(_SQL["list_merchants_with_queued"], before)]


async def list_merchants_with_fulfilments_due(view: Connection, now: datetime) -> list[MerchantId]:
    """List the merchants that have something to be handed over, or taken back, by now."""
    return [row[0] for row in await view.fetch(_SQL["list_merchants_with_fulfilments_due"], now)]


async def list_queued_redemptions(
    view: Connection, merchant_id: MerchantId, before: datetime, limit: int
) -> list[Redemption]:
    """List redemptions that wait since an instant, the longest waiting first."""
    rows = await view.fetch(_SQL["list_queued_redemptions"], merchant_id, before, limit)
    return [redemption_of(row) for row in rows]


async def hand_to_platforms(
    tx: Connection, merchant_id: MerchantId, ids: list[RedemptionId], now: datetime
) -> None:
    """Take redemptions out of the queue and leave each to who asks its platform, as never tried.

    Those that somebody else is busy with stay where they are. Locks the others until commit."""
    await tx.execute(_SQL["hand_to_platforms"], merchant_id, ids, now)
