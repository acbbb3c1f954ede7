"""Deliveries: events on their way to destinations."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.delivery import DeliveryStatus
from guerdon.domain.event import EventKind
from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId, ProgramId
from guerdon.store import arrays
from guerdon.store.connection import Connection
from guerdon.store.outbox_cursors import Cursor
from guerdon.store.statements import statements

_SQL = statements("deliveries")


class Wanted(Struct, frozen=True):
    """A destination wants events of a kind, of one program or of all."""

    destination: str
    program_id: ProgramId | None
    kind: EventKind


class Due(Struct, frozen=True):
    """A delivery that is due. `is_abandoned`: somebody had it in hand and never said what became of
    it."""

    id: DeliveryId
    event_id: EventId
    member_id: MemberId
    attempts: int
    next_at: datetime
    is_abandoned: bool


class Queued(Struct, frozen=True):
    """An open delivery among its member's."""

    id: DeliveryId
    member_id: MemberId
    next_at: datetime
    leased_until: datetime | None


class Ruling(Struct, frozen=True, kw_only=True):
    """How a delivery in hand shall stand. `attempt` is the one it was taken in hand for,
    `attempts_after` how many are kept. `next_at` None leaves it as it was."""

    id: DeliveryId
    attempt: int
    status: DeliveryStatus
    attempts_after: int
    next_at: datetime | None = None
    error: str | None = None


async def insert_deliveries(
    tx: Connection,
    merchant_id: MerchantId,
    cursor: Cursor,
    last_event_id: EventId,
    now: datetime,
    wanted: Sequence[Wanted],
) -> int:
    """Add a delivery for every wanted event from a locked cursor to an id; give how many.

    Their ids run on from the cursor's, in the order of events."""
    status = await tx.execute(
        _SQL["insert_deliveries"],
        merchant_id,
        cursor.next_delivery_id,
        cursor.last_event_id,
        last_event_id,
        now,
        [each.destination for each in wanted],
        [each.program_id for each in wanted],
        [each.kind for each in wanted],
    )
    return _count(status)


async def lock_due(
    tx: Connection, merchant_id: MerchantId, destination: str, now: datetime, limit: int
) -> list[Due]:
    """Lock at most so many deliveries that are due and in nobody's hand, the longest due first.

    Does not wait: what a rival has locked is passed over."""
    rows = await tx.fetch(_SQL["lock_due"], merchant_id, destination, now, limit)
    return [Due(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


async def list_queued(
    tx: Connection,
    merchant_id: MerchantId,
    destination: str,
    last_ids: Mapping[MemberId, DeliveryId],
    limit: int,
) -> list[Queued]:
    """List each member's first open deliveries at a destination, at most so many, up to an id.

    A member's come in order."""
    rows = await tx.fetch(
        _SQL["list_queued"],
        merchant_id,
        destination,
        arrays.literal(list(last_ids)),
        arrays.literal(list(last_ids.values())),
        limit,
    )
    return [Queued(row[0], row[1], row[2], row[3]) for row in rows]


async def lease_deliveries(
    tx: Connection, merchant_id: MerchantId, ids: Sequence[DeliveryId], leased_until: datetime
) -> None:
    """Take locked deliveries in hand, and count the attempt."""
    await tx.execute(_SQL["lease_deliveries"], merchant_id, arrays.literal(ids), leased_until)


async def put_off_deliveries(
    tx: Connection, merchant_id: MerchantId, until: Mapping[DeliveryId, datetime]
) -> None:
    """Put locked deliveries off, each until its time."""
    await tx.execute(
        _SQL["put_off_deliveries"],
        merchant_id,
        arrays.literal(list(until)),
        arrays.instants(list(until.values())),
    )


async def close_delivered(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    leased_until: datetime,
    ids: Sequence[DeliveryId],
) -> int:
    """Write that deliveries claimed under this lease were taken; give how many still were.

    No other claim of the same delivery ends at the same instant, so that the lease names it."""
    return _count(
        await tx.execute(
            _SQL["close_delivered"], merchant_id, now, leased_until, arrays.literal(ids)
        )
    )


async def write_verdicts(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    leased_until: datetime,
    rulings: Sequence[Ruling],
) -> int:
    """Write what became of deliveries claimed under this lease; give how many still were.

    One that somebody else has claimed since is left alone, or was written already."""
    status = await tx.execute(
        _SQL["write_verdicts"],
        merchant_id,
        now,
        leased_until,
        arrays.literal([each.id for each in rulings]),
        arrays.words([each.status for each in rulings]),
        arrays.literal([each.attempt for each in rulings]),
        arrays.literal([each.attempts_after for each in rulings]),
        arrays.instants([each.next_at for each in rulings]),
        arrays.texts([each.error for each in rulings]),
    )
    return _count(status)


async def wake_members(
    tx: Connection,
    merchant_id: MerchantId,
    destination: str,
    member_ids: Sequence[MemberId],
    now: datetime,
    limit: int,
) -> None:
    """Make due what was put off behind deliveries of these members, the first so many of each."""
    await tx.execute(
        _SQL["wake_members"], merchant_id, destination, arrays.literal(member_ids), now, limit
    )


async def close_waiting(
    tx: Connection,
    merchant_id: MerchantId,
    destination: str,
    status: DeliveryStatus,
    reason: str,
    now: datetime,
    limit: int,
) -> int:
    """Close at most so many deliveries that wait, and that nobody has in hand; give how many."""
    return _count(
        await tx.execute(
            _SQL["close_waiting"], merchant_id, destination, status, reason, now, limit
        )
    )


async def find_waiting(tx: Connection, merchant_id: MerchantId, destination: str) -> bool:
    """Say whether anything waits for a destination or is on its way."""
    return bool(await tx.fetchval(_SQL["find_waiting"], merchant_id, destination))


async def delete_deliveries_over(
    tx: Connection, merchant_id: MerchantId, before: datetime, limit: int
) -> int:
    """Forget at most so many that were delivered or skipped before an instant; give how many."""
    return _count(await tx.execute(_SQL["delete_deliveries_over"], merchant_id, before, limit))


async def reopen_deliveries(
    tx: Connection, merchant_id: MerchantId, ids: Sequence[DeliveryId], now: datetime
) -> list[tuple[DeliveryId, str]]:
    """Make closed deliveries wait again, whatever became of them; give them with where they go."""
    rows = await tx.fetch(_SQL["reopen_deliveries"], merchant_id, list(ids), now)
    return [(row[0], row[1]) for row in rows]


async def reopen_failed(
    tx: Connection,
    merchant_id: MerchantId,
    status: DeliveryStatus,
    destination: str | None,
    now: datetime,
    *,
    before: datetime,
    limit: int,
) -> list[tuple[DeliveryId, str]]:
    """Make deliveries wait again that were dead or uncertain before an instant, the oldest first,
    as `reopen_deliveries`."""
    rows = await tx.fetch(
        _SQL["reopen_failed"], merchant_id, status, destination, now, limit, before
    )
    return [(row[0], row[1]) for row in rows]


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
