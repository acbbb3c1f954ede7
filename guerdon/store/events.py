"""Outbox events."""

from datetime import datetime

import msgspec

from guerdon.domain.event import Event
from guerdon.domain.ids import EventId, MerchantId
from guerdon.store import arrays
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("events")
_encode = msgspec.json.Encoder().encode


async def insert_events(
    tx: Connection, merchant_id: MerchantId, now: datetime, batch: int, events: list[Event]
) -> None:
    """Add outbox events under the random mark of their transaction."""
    await tx.execute(
        _SQL["insert_events"],
        merchant_id,
        batch,
        now,
        arrays.literal([event.id for event in events]),
        arrays.joined([event.kind for event in events]),
        arrays.literal([event.program_id for event in events]),
        arrays.literal([event.member_id for event in events]),
        arrays.numbers([event.redemption_id for event in events]),
        arrays.numbers([event.earning_id for event in events]),
        arrays.joined([_encode(event.facts).decode() for event in events]),
    )


async def find_first_of_batch(
    tx: Connection, merchant_id: MerchantId, floor: int, batch: int
) -> EventId | None:
    """Find the first event, from an id on, that was written by the transaction of this mark."""
    found: EventId | None = await tx.fetchval(
        _SQL["find_first_of_batch"], merchant_id, floor, batch
    )
    return found


async def find_event_of_batch(
    tx: Connection, merchant_id: MerchantId, event_id: EventId, batch: int
) -> bool:
    """Say whether an event was written by the transaction of this mark."""
    return bool(await tx.fetchval(_SQL["find_event_of_batch"], merchant_id, event_id, batch))
