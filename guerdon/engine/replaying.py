"""Replaying: deliveries that are over are carried once more, because an operator says so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from guerdon.domain.ids import DeliveryId, MerchantId
from guerdon.engine.runtime import Runtime
from guerdon.store import deliveries, outbox_cursors
from guerdon.store.connection import Connection
from guerdon.store.transaction import transaction

Failed = Literal["dead", "uncertain"]


async def replay(
    runtime: Runtime, merchant_id: MerchantId, ids: Sequence[DeliveryId]
) -> list[DeliveryId]:
    """Make deliveries wait again, whatever became of them; give which.

    One that still waits, or is not there, is left out. Each goes before what the same member has
    waiting for the same destination, since it is older. Its attempts count from nothing."""
    async with transaction(runtime.pool) as tx:
        found = await deliveries.reopen_deliveries(tx, merchant_id, ids, runtime.now())
        await _look_there(tx, merchant_id, {destination for _, destination in found})
    return [delivery_id for delivery_id, _ in found]


async def replay_failed(
    runtime: Runtime,
    merchant_id: MerchantId,
    status: Failed,
    *,
    destination: str | None,
    before: datetime,
    limit: int,
) -> list[DeliveryId]:
    """Make at most so many deliveries wait again that were dead or uncertain before an instant, the
    oldest first."""
    async with transaction(runtime.pool) as tx:
        found = await deliveries.reopen_failed(
            tx, merchant_id, status, destination, runtime.now(), before=before, limit=limit
        )
        await _look_there(tx, merchant_id, {name for _, name in found})
    return [delivery_id for delivery_id, _ in found]


async def _look_there(tx: Connection, merchant_id: MerchantId, names: set[str]) -> None:
    """Have the worker look for what waits at these destinations."""
    cursor = await outbox_cursors.await_cursor(tx, merchant_id)
    if cursor is None or names <= set(cursor.destinations):
        return
    together = tuple(sorted(names.union(cursor.destinations)))
    await outbox_cursors.update_cursor(tx, merchant_id, replace(cursor, destinations=together))
