"""Clearing away: deliveries whose destination is not there any more, and those long over."""

from datetime import timedelta

from msgspec.structs import replace

from guerdon.domain.catalogue import Merchant
from guerdon.domain.delivery import DeliveryStatus
from guerdon.domain.ids import MerchantId
from guerdon.engine.addressing import WEBHOOK, courier_of, list_addresses
from guerdon.engine.portions import Portion
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import deliveries, integrations, outbox_cursors, webhook_subscriptions
from guerdon.store.connection import Connection
from guerdon.store.transaction import transaction

DELIVERIES_KEPT = timedelta(days=7)

# What a delivery becomes, and why.
Fate = tuple[DeliveryStatus, str]


async def clear_destinations(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Close at most so many deliveries that wait for a destination which is not there any more.

    What was removed is skipped. What is only switched off, or has disconnected itself, leaves
    dead ones, which can be replayed once it is back. Waits for nobody: a cursor that a rival has is
    left for the next time."""
    runtime = ledger.runtime
    merchant = (await ledger.catalogues.get(merchant_id)).merchant
    done = 0
    async with transaction(runtime.pool) as tx:
        cursor = await outbox_cursors.lock_cursor(tx, merchant_id)
        if cursor is None or not cursor.destinations:
            return Portion(0, has_more=False)
        fates = await _fates(tx, runtime, merchant, cursor.destinations)
        empty = set()
        for name, (status, reason) in fates.items():
            done += await deliveries.close_waiting(
                tx, merchant_id, name, status, reason, runtime.now(), limit - done
            )
            if done >= limit:
                break
            if not await deliveries.find_waiting(tx, merchant_id, name):
                empty.add(name)
        if empty:
            left = tuple(name for name in cursor.destinations if name not in empty)
            moved = replace(cursor, destinations=left)
            await outbox_cursors.update_cursor(tx, merchant_id, moved)
    return Portion(done, has_more=done >= limit)


async def purge_deliveries(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Forget at most so many deliveries that were delivered or skipped a week ago."""
    before = ledger.runtime.now() - DELIVERIES_KEPT
    async with transaction(ledger.runtime.pool) as tx:
        done = await deliveries.delete_deliveries_over(tx, merchant_id, before, limit)
    return Portion(done, has_more=done == limit)


async def _fates(
    tx: Connection, runtime: Runtime, merchant: Merchant, names: tuple[str, ...]
) -> dict[str, Fate]:
    """Say what becomes of deliveries to those destinations that letters cannot go to."""
    there = {each.destination.name for each in await list_addresses(tx, runtime, merchant)}
    # Who carries to a destination may be known to another process only; it is not for us to judge.
    missing = [name for name in names if name not in there and courier_of(runtime, name)]
    if not missing:
        return {}
    webhooks = await webhook_subscriptions.list_all_subscriptions(tx, merchant.id)
    off = {f"{WEBHOOK}:{each.id}" for each in webhooks}
    off |= {each.kind for each, _ in await integrations.list_integrations(tx, merchant.id)}
    return {
        name: ("dead", "the destination is switched off")
        if name in off
        else ("skipped", "the destination was removed")
        for name in missing
    }
