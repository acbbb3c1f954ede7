"""What handing redemptions over has come to, for people to look at."""

from guerdon.domain.errors import NotFound
from guerdon.domain.fulfilment import Fulfilment
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption, RedemptionStatus
from guerdon.engine.repairing import stuck_before
from guerdon.engine.runtime import Runtime
from guerdon.store import fulfilments, redemptions
from guerdon.store.snapshot import snapshot

Inspected = tuple[Redemption, Fulfilment | None]


async def list_redemptions_with_fulfilments(
    runtime: Runtime,
    merchant_id: MerchantId,
    *,
    status: RedemptionStatus | None,
    is_stuck: bool,
    limit: int,
) -> list[Inspected]:
    """List redemptions, the newest first. Stuck: tried and not done, or pending for too long."""
    async with snapshot(runtime.pool) as view:
        ids = await fulfilments.page_redemptions(
            view,
            merchant_id,
            status=status,
            is_stuck=is_stuck,
            pending_before=stuck_before(runtime.now(), runtime.fulfil_seconds),
            limit=limit,
        )
        found = await redemptions.list_redemptions(view, merchant_id, ids)
        kept = await fulfilments.list_fulfilments(view, merchant_id, ids)
    found.sort(key=lambda redemption: -redemption.id)
    return [(redemption, kept.get(redemption.id)) for redemption in found]


async def get_redemption_with_fulfilment(
    runtime: Runtime, merchant_id: MerchantId, redemption_id: RedemptionId
) -> Inspected:
    """Get one redemption, with what handing it over has come to. Raises NotFound."""
    async with snapshot(runtime.pool) as view:
        found = await redemptions.list_redemptions(view, merchant_id, [redemption_id])
        kept = await fulfilments.list_fulfilments(view, merchant_id, [redemption_id])
    if not found:
        raise NotFound(f"there is no redemption {redemption_id}")
    return found[0], kept.get(redemption_id)
