"""Deliveries: events on their way to destinations."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.delivery import DeliveryStatus
from guerdon.domain.event import EventKind
from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId, ProgramId
from guerdon.store import arrays
from guerdon.store.connection import Connection, Record
from guerdon.store.outbox_cursors import Cursor
from guerdon.store.statements import statements

_SQL = statements("deliveries")


class Wanted(Struct, frozen=True):
    """A destination wants events of a kind, of one program or of all."""

    destination: str
    program_id: ProgramId | None
    kind: EventKind


class Claimed(Struct, frozen=True):
    """A delivery in hand. `attempt` counts this one. `is_abandoned`: somebody had it in hand before
    and never said what became of it."""

    id: DeliveryId
    event_id: EventId
    member_id: MemberId
    attempt: int
    is_abandoned: bool


class Ruling(Struct, frozen=True, kw_only=True):
    """How a delivery in hand shall stand. `attempt` is that of the claim, `attempts_after` what is
    kept of it. `next_at` None leaves it as it was."""

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


async def claim_deliveries(
    tx: Connection,
    merchant_id: MerchantId,
    destination: str,
    now: datetime,
    *,
    limit: int,
    leased_until: datetime,
    blocked_until: datetime,
) -> tuple[list[Claimed], int]:
    """Take at most so many due deliveries in hand; give them in order, and how many were touched.

    Locks what is due and nobody has locked. Of a member, none is taken before all that are open and
    older; one that is blocked is put off until its blocker is due, but where that is in somebody's
    hand, until `blocked_until` at most."""
    rows = await tx.fetch(
        _SQL["claim_deliveries"],
        merchant_id,
        destination,
        now,
        limit,
        leased_until,
        blocked_until,
    )
    return [_claimed_of(row) for row in rows if row["is_ready"]], len(rows)


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
    limit: int,
) -> list[tuple[DeliveryId, str]]:
    """Make dead or uncertain deliveries wait again, the oldest first, as `reopen_deliveries`."""
    rows = await tx.fetch(_SQL["reopen_failed"], merchant_id, status, destination, now, limit)
    return [(row[0], row[1]) for row in rows]


def _claimed_of(row: Record) -> Claimed:
    return Claimed(
        row["id"], row["event_id"], row["member_id"], row["attempts"], row["is_abandoned"]
    )


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
