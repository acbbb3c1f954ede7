"""Shows in a merchant's shop what its programs offer, whenever that has changed."""

import structlog

from guerdon.domain.ids import MerchantId
from guerdon.engine.portions import Portion
from guerdon.engine.ports import FulfilmentFailed
from guerdon.engine.submitting import Ledger
from guerdon.store import sequences, shop_syncs
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

_log = structlog.get_logger(__name__)


async def publish_offers(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Show the offers where the shop was last shown an older version of them.

    What is refused for good is not tried again until the offers change; what fails otherwise is
    tried again at the next turn."""
    del limit
    runtime = ledger.runtime
    publisher = runtime.publisher
    if publisher is None:
        return Portion(0, has_more=False)
    async with snapshot(runtime.pool) as view:
        version = await sequences.get_catalogue_version(view, merchant_id)
        synced = await shop_syncs.find_synced_version(view, merchant_id)
    if synced is not None and synced >= version:
        return Portion(0, has_more=False)
    connected = await ledger.connections.find(merchant_id, publisher.platform)
    if connected is None:
        return Portion(0, has_more=False)
    catalogue = await ledger.catalogues.refresh(merchant_id)
    try:
        await publisher.publish(connected, catalogue)
    except FulfilmentFailed as failure:
        _log.warning("offers_not_published", merchant_id=merchant_id, reason=failure.reason)
        if not failure.is_permanent:
            return Portion(0, has_more=False)
    async with transaction(runtime.pool) as tx:
        await shop_syncs.put_synced_version(tx, merchant_id, catalogue.version, runtime.now())
    return Portion(1, has_more=False)
