"""Claiming: which of the due deliveries may go now, so that each member's keep their order."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId
from guerdon.store import deliveries
from guerdon.store.connection import Connection
from guerdon.store.deliveries import Due, Queued

# A delivery behind one that is in hand is looked at again after so long, should nobody wake it.
_BLOCKED_SECONDS = 5.0


class Claimed(Struct, frozen=True):
    """A delivery in hand. `attempt` counts this one. `is_abandoned`: somebody had it in hand before
    and never said what became of it."""

    id: DeliveryId
    event_id: EventId
    member_id: MemberId
    attempt: int
    is_abandoned: bool


async def claim(
    tx: Connection,
    merchant_id: MerchantId,
    destination: str,
    now: datetime,
    *,
    limit: int,
    leased_until: datetime,
) -> tuple[list[Claimed], int]:
    """Take at most so many due deliveries in hand; give them in order, and how many were looked at.

    Of a member, none is taken before all that are open and older, so that two workers never have
    one member in hand. One that is blocked is put off until what blocks it is due again; where
    that is in somebody's hand, who will wake it, for some seconds at most. So what is looked at is
    taken or gone from the front, and a long backlog behind one letter hides nobody."""
    due = await deliveries.lock_due(tx, merchant_id, destination, now, limit)
    if not due:
        return [], 0
    last_ids: dict[MemberId, DeliveryId] = {}
    for each in due:
        last_ids[each.member_id] = max(each.id, last_ids.get(each.member_id, each.id))
    queued = await deliveries.list_queued(tx, merchant_id, destination, last_ids, limit)
    ready, blocked = sort_out(due, queued, now)
    if blocked:
        await deliveries.put_off_deliveries(tx, merchant_id, blocked)
    if ready:
        await deliveries.lease_deliveries(tx, merchant_id, [e.id for e in ready], leased_until)
    return [
        Claimed(each.id, each.event_id, each.member_id, each.attempts + 1, each.is_abandoned)
        for each in ready
    ], len(due)


def sort_out(
    due: Sequence[Due], queued: Iterable[Queued], now: datetime
) -> tuple[list[Due], dict[DeliveryId, datetime]]:
    """Tell what may go, in order, from what is blocked, with the time until which it is put off.

    `queued` are the members' first open deliveries, each member's in order. What is blocked comes
    after its blocker from then on, also where that is due itself but was not reached. A blocker
    that was reached and not locked is a rival's at this moment: what it blocks is in neither."""
    locked = {each.id for each in due}
    blockers: dict[MemberId, datetime] = {}
    may_go: set[DeliveryId] = set()
    soon = now + timedelta(seconds=_BLOCKED_SECONDS)
    for each in queued:
        if each.id not in locked:
            until = each.next_at
            if each.leased_until is not None:
                until = max(until, min(each.leased_until, soon))
            blockers[each.member_id] = max(until, blockers.get(each.member_id, until))
        elif each.member_id not in blockers:
            may_go.add(each.id)
    ready = sorted((each for each in due if each.id in may_go), key=_id_of)
    blocked = {
        each.id: blockers[each.member_id]
        for each in due
        if each.id not in may_go and blockers.get(each.member_id, each.next_at) > each.next_at
    }
    return ready, blocked


def _id_of(due: Due) -> DeliveryId:
    return due.id
