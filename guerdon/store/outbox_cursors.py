"""How far each merchant's events have been handed on to its destinations."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import DeliveryId, EventId, MerchantId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("outbox_cursors")


class Cursor(Struct, frozen=True, kw_only=True):
    """`destinations` are those that may have deliveries open."""

    last_event_id: EventId
    next_delivery_id: DeliveryId
    destinations: tuple[str, ...]


class Reach(Struct, frozen=True, kw_only=True):
    """`last_event_id` is so many events on; `newest_id` the last id given out."""

    last_event_id: EventId
    newest_id: EventId


async def list_merchants_behind(view: Connection) -> list[MerchantId]:
    """List the merchants that gave out ids since their events were last handed on."""
    return [row[0] for row in await view.fetch(_SQL["list_merchants_behind"])]


async def list_due_destinations(view: Connection, now: datetime) -> list[tuple[MerchantId, str]]:
    """List the destinations that have something due which nobody has in hand."""
    rows = await view.fetch(_SQL["list_due_destinations"], now)
    return [(row[0], row[1]) for row in rows]


async def insert_cursor(tx: Connection, merchant_id: MerchantId) -> bool:
    """Begin a merchant's cursor before its first event; False where it has one already."""
    status = await tx.execute(_SQL["insert_cursor"], merchant_id)
    return status.endswith(" 1")


async def lock_cursor(tx: Connection, merchant_id: MerchantId) -> Cursor | None:
    """Lock the cursor until commit; None where there is none, or a rival has it."""
    return _cursor_of(await tx.fetchrow(_SQL["lock_cursor"], merchant_id))


async def await_cursor(tx: Connection, merchant_id: MerchantId) -> Cursor | None:
    """Lock the cursor until commit, after whoever has it; None where there is none."""
    return _cursor_of(await tx.fetchrow(_SQL["await_cursor"], merchant_id))


async def get_reach(tx: Connection, merchant_id: MerchantId, after: EventId, limit: int) -> Reach:
    """Give how far a cursor may be moved, past at most so many events or past all of them.

    Every event up to there can be seen: ids become visible in their order."""
    row = await tx.fetchrow(_SQL["get_reach"], merchant_id, after, limit)
    assert row is not None, "every merchant has a sequence"
    return Reach(last_event_id=row["last_event_id"], newest_id=row["newest_id"])


async def update_cursor(tx: Connection, merchant_id: MerchantId, cursor: Cursor) -> None:
    """Write a locked cursor as it shall stand."""
    await tx.execute(
        _SQL["update_cursor"],
        merchant_id,
        cursor.last_event_id,
        cursor.next_delivery_id,
        list(cursor.destinations),
    )


def _cursor_of(row: Record | None) -> Cursor | None:
    if row is None:
        return None
    return Cursor(
        last_event_id=row["last_event_id"],
        next_delivery_id=row["next_delivery_id"],
        destinations=tuple(row["destinations"]),
    )
