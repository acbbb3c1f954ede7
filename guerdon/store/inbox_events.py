"""The inbox: messages received, stored raw before they are acted on."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import InboxId, MerchantId
from guerdon.domain.incoming import InboxEvent, InboxStatus, Received
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("inbox_events")


class Settled(Struct, frozen=True):
    """What came of a message; `next_at` is when a waiting one is tried again."""

    id: InboxId
    status: InboxStatus
    next_at: datetime
    last_error: str | None = None


async def insert_inbox_event(
    tx: Connection, merchant_id: MerchantId, event: Received, now: datetime
) -> bool:
    """Keep a message; say False, and do nothing, where it was received before."""
    inserted = await tx.fetchval(
        _SQL["insert_inbox_event"],
        merchant_id,
        event.source,
        event.topic,
        event.delivery_key,
        event.event_key,
        event.body,
        event.triggered_at,
        now,
    )
    return inserted is not None


async def claim_inbox_events(
    tx: Connection, merchant_id: MerchantId, now: datetime, limit: int, until: datetime
) -> list[InboxEvent]:
    """Take at most so many messages in hand, in the order they came, and count the attempt.

    Rows are locked in that order and past those that are locked; they are free at commit, when the
    lease keeps others away."""
    rows = await tx.fetch(_SQL["claim_inbox_events"], merchant_id, now, limit, until)
    return sorted((_event_of(row) for row in rows), key=lambda event: event.id)


async def settle_inbox_events(
    tx: Connection, merchant_id: MerchantId, now: datetime, settled: list[Settled]
) -> None:
    """Record what came of messages in hand, and give them back."""
    await tx.execute(
        _SQL["settle_inbox_events"],
        merchant_id,
        now,
        [each.id for each in settled],
        [each.status for each in settled],
        [each.next_at for each in settled],
        [each.last_error for each in settled],
    )


async def list_inbox_events(
    view: Connection,
    merchant_id: MerchantId,
    status: InboxStatus | None,
    *,
    before: InboxId,
    limit: int,
) -> list[InboxEvent]:
    """List messages, the newest first; what they say stays where it is."""
    rows = await view.fetch(_SQL["list_inbox_events"], merchant_id, status, before, limit)
    return [_event_of(row) for row in rows]


async def reopen_inbox_events(
    tx: Connection, merchant_id: MerchantId, now: datetime, ids: list[InboxId] | None
) -> int:
    """Let dead messages wait again, all or those named; say how many there were."""
    return len(await tx.fetch(_SQL["reopen_inbox_events"], merchant_id, now, ids))


async def delete_old_inbox_events(
    tx: Connection, merchant_id: MerchantId, before: datetime, limit: int
) -> int:
    """Forget messages dealt with before an instant; say how many there were."""
    return len(await tx.fetch(_SQL["delete_old_inbox_events"], merchant_id, before, limit))


async def blank_inbox_events(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    source: str,
    parts: list[bytes],
    *,
    but: InboxId | None,
) -> int:
    """Empty every message in which one of these texts occurs, but for one; waiting ones are then
    ignored. Reads all of the merchant's messages."""
    rows = await tx.fetch(
        _SQL["blank_inbox_events"], merchant_id, now, source, parts, but if but is not None else 0
    )
    return len(rows)


async def blank_inbox_event(tx: Connection, merchant_id: MerchantId, inbox_id: InboxId) -> None:
    """Empty one message."""
    await tx.execute(_SQL["blank_inbox_event"], merchant_id, inbox_id)


def _event_of(row: Record) -> InboxEvent:
    return InboxEvent(
        id=row["id"],
        source=row["source"],
        topic=row["topic"],
        body=row["body"],
        triggered_at=row["triggered_at"],
        received_at=row["received_at"],
        status=row["status"],
        attempts=row["attempts"],
        next_at=row["next_at"],
        last_error=row["last_error"],
    )
