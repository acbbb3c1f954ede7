"""What a worker does about redemptions: it finishes those that were begun, and takes back what a
platform may hold of those that were released."""

import asyncio
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from guerdon.domain.command import (
    CompleteFulfilment,
    Done,
    Outcome,
    Refund,
    Refused,
    Release,
)
from guerdon.domain.errors import Conflict, Invalid, NotFound
from guerdon.domain.fulfilment import Fulfilment
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption, is_queued
from guerdon.engine import crediting, queueing
from guerdon.engine.fulfilling import (
    MARGIN,
    PutOff,
    find_way,
    fulfil,
    get_matter,
    leave_to_worker,
    said_of,
)
from guerdon.engine.portions import Portion
from guerdon.engine.ports import FulfilmentFailed
from guerdon.engine.submitting import Ledger
from guerdon.store import fulfilments, redemptions
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

# A worker's attempt ends within its budget; after so much more, another may take over.
LEASE_MARGIN = timedelta(seconds=30)
# How long after a release a platform is looked at once more: a call that was given up may still
# take effect there.
TAKE_BACK_AFTER = (
    timedelta(seconds=15),
    timedelta(minutes=2),
    timedelta(minutes=15),
)
# What cannot be taken back, or what the shop's endpoint does not take, is left to people after so
# long.
GIVE_UP_AFTER = timedelta(days=7)
# How often then an endpoint is asked that is never given up.
_SELDOM_SECONDS = 86_400.0
_BACKOFF_SECONDS = (2, 5, 15, 30, 60, 120, 300, 600, 1200, 3600)

_log = structlog.get_logger(__name__)


class LeftToPeople(Struct, frozen=True):
    """Given up; somebody has to look at it."""

    reason: str


_Next = PutOff | LeftToPeople | None


async def fulfil_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """See to at most so many redemptions: those whose time has come, and those that the process
    which began them has left. Several workers share them by lease."""
    runtime = ledger.runtime
    now = runtime.now()
    budget = timedelta(seconds=runtime.fulfil_seconds)
    # A worker writes too seldom to hear by itself of rewards that are new.
    catalogue = await ledger.catalogues.newest(merchant_id)
    told = [each.id for each in catalogue.rewards.values() if each.fulfil_by == "webhook"]
    async with transaction(runtime.pool) as tx:
        await fulfilments.adopt_pending(tx, merchant_id, now - budget - MARGIN, now, limit)
        if told:
            await fulfilments.adopt_handing_over(tx, merchant_id, told, now, limit)
        leased_until = now + budget + LEASE_MARGIN
        claimed = await fulfilments.claim_fulfilments(tx, merchant_id, now, leased_until, limit)
    if not claimed:
        return Portion(0, has_more=False)
    async with snapshot(runtime.pool) as view:
        found = await redemptions.list_redemptions(
            view, merchant_id, [each.redemption_id for each in claimed]
        )
    by_id = {each.id: each for each in found}
    results = await asyncio.gather(
        *(_see_to(ledger, merchant_id, by_id[each.redemption_id], each) for each in claimed)
    )
    return Portion(sum(results), has_more=len(claimed) == limit)


async def retry(ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId) -> None:
    """See to one redemption now. Raises NotFound, Conflict where a worker has it in hand."""
    runtime = ledger.runtime
    redemption = await _get(ledger, merchant_id, redemption_id)
    if is_queued(redemption):
        await queueing.process(ledger, merchant_id, redemption)
        redemption = await _get(ledger, merchant_id, redemption_id)
        if redemption.status != "pending":
            return
    now = runtime.now()
    until = now + timedelta(seconds=runtime.fulfil_seconds) + LEASE_MARGIN
    await leave_to_worker(ledger, merchant_id, redemption)
    async with transaction(runtime.pool) as tx:
        claimed = await fulfilments.claim_fulfilment(tx, merchant_id, redemption_id, now, until)
    if claimed is None:
        raise Conflict(f"a worker has redemption {redemption_id} in hand")
    await _see_to(ledger, merchant_id, redemption, claimed)


async def void(
    ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId, reason: str
) -> Outcome:
    """Give a redemption's points back: release a pending one, refund an approved one whole.

    What a platform may hold of a pending one is taken back by the worker."""
    redemption = await _get(ledger, merchant_id, redemption_id)
    if redemption.status == "pending":
        matter = await get_matter(ledger, merchant_id, redemption)
        # Points may have been credited, or be about to be, by a worker that has yet to say so.
        if not is_queued(redemption) or matter.reward.fulfil_by == "points":
            await leave_to_worker(ledger, merchant_id, redemption)
        release = Release(redemption_id=redemption_id, reason=reason)
        released = await ledger.submit(merchant_id, release)
        if isinstance(released, Done):
            return released
        # Somebody brought it to its end meanwhile; what of it is to be taken back depends on that.
        redemption = await _get(ledger, merchant_id, redemption_id)
    return await ledger.submit(
        merchant_id,
        Refund(redemption_id=redemption_id, reason=reason, insists=True, takes_what_is_left=True),
    )


async def complete(ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId) -> Outcome:
    """Note that staff handed over what was open. Raises Invalid where a platform has to."""
    redemption = await _get(ledger, merchant_id, redemption_id)
    if is_queued(redemption):
        raise Invalid(f"redemption {redemption_id} is queued: it waits for a worker; retry or void")
    if redemption.status == "pending":
        raise Invalid(
            f"redemption {redemption_id} is still being handed over by its platform: retry or void"
        )
    return await ledger.submit(merchant_id, CompleteFulfilment(redemption_id=redemption_id))


async def _get(ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId) -> Redemption:
    async with snapshot(ledger.runtime.pool) as view:
        found = await redemptions.list_redemptions(view, merchant_id, [redemption_id])
    if not found:
        raise NotFound(f"there is no redemption {redemption_id}")
    return found[0]


async def _see_to(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, claimed: Fulfilment
) -> bool:
    """Do what is left to do of one; say whether that is all."""
    try:
        end = await _act(ledger, merchant_id, redemption, claimed)
    except Exception as error:  # noqa: BLE001 -- the others of the portion have their turn
        _log.warning("fulfilment_unknown", redemption_id=redemption.id, error=said_of(error))
        end = PutOff(said_of(error))
    try:
        await _record(ledger, merchant_id, claimed, end)
    except (*DRIVER_ERRORS, CommitUnknown) as error:
        # It is done, or not, and will be looked at again once the lease is over.
        _log.warning("fulfilment_unrecorded", redemption_id=redemption.id, error=repr(error))
        return False
    return end is None


async def _record(ledger: Ledger, merchant_id: MerchantId, claimed: Fulfilment, end: _Next) -> None:
    now = ledger.runtime.now()
    async with transaction(ledger.runtime.pool) as tx:
        if isinstance(end, PutOff):
            await fulfilments.put_off_fulfilment(
                tx,
                merchant_id,
                claimed.redemption_id,
                now,
                next_at=now + _pause_of(claimed.attempts, end),
                error=end.reason or None,
            )
        else:
            error = None if end is None else end.reason
            await fulfilments.close_fulfilment(
                tx,
                merchant_id,
                claimed.redemption_id,
                now,
                claimed_for=claimed.next_at,
                error=error,
            )


async def _act(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, claimed: Fulfilment
) -> _Next:
    """Do the next step; None where nothing is left to do."""
    if redemption.status == "pending":
        outcome = await fulfil(ledger, merchant_id, redemption, known=claimed)
        if isinstance(outcome, PutOff):
            return outcome
        # One that was released goes on: what may be there is taken back.
        return PutOff("", 0) if isinstance(outcome, Refused) else None
    if redemption.status in ("declined", "void"):
        return await _take_back(ledger, merchant_id, redemption, claimed)
    if redemption.status == "approved" and redemption.fulfilment == "open":
        return await _tell_endpoint(ledger, merchant_id, redemption, claimed)
    return None


async def _take_back(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, claimed: Fulfilment
) -> _Next:
    """Make sure that nothing is live of what was released or refunded, now and for a while."""
    matter = await get_matter(ledger, merchant_id, redemption)
    age = ledger.runtime.now() - redemption.updated_at
    by = matter.reward.fulfil_by
    is_on_platform = by in ledger.runtime.fulfillers and by != "webhook"
    if redemption.status == "void" and by != "points" and not is_on_platform:
        # Nothing was made; a shop's own endpoint hears of a refund as of any other event.
        return None
    if by == "points":
        if age >= crediting.KNOWN_FOR:
            return None
        await crediting.take_back(ledger, merchant_id, matter.reward, redemption)
    else:
        way = await find_way(ledger, matter, claimed)
        if isinstance(way, str):
            return _unless_old(age, way)
        fulfiller, handover = way
        try:
            async with asyncio.timeout(ledger.runtime.fulfil_seconds):
                await fulfiller.take_back(handover)
        except FulfilmentFailed as failure:
            return _unless_old(age, failure.reason, failure.after_seconds)
        except Exception as error:  # noqa: BLE001 -- taking back twice is taking back once
            return _unless_old(age, said_of(error))
    for after in TAKE_BACK_AFTER:
        if age < after:
            return PutOff("", (after - age).total_seconds())
    return None


async def _tell_endpoint(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, claimed: Fulfilment
) -> _Next:
    """Have the shop's own endpoint hand over what was approved; its yes completes it."""
    matter = await get_matter(ledger, merchant_id, redemption)
    if matter.reward.fulfil_by != "webhook":
        return None
    age = ledger.runtime.now() - redemption.created_at
    way = await find_way(ledger, matter, claimed)
    if isinstance(way, str):
        return _unless_old(age, way)
    fulfiller, handover = way
    try:
        async with asyncio.timeout(ledger.runtime.fulfil_seconds):
            await fulfiller.fulfil(handover)
    except FulfilmentFailed as failure:
        if failure.is_never_over and age >= GIVE_UP_AFTER:
            return PutOff(failure.reason, _SELDOM_SECONDS)
        return _unless_old(age, failure.reason, failure.after_seconds)
    except Exception as error:  # noqa: BLE001 -- asked again, under the same id
        return _unless_old(age, said_of(error))
    completed = await ledger.submit(merchant_id, CompleteFulfilment(redemption_id=redemption.id))
    if isinstance(completed, Refused):
        _log.warning("fulfilled_after_refund", redemption_id=redemption.id)
    return None


def _unless_old(age: timedelta, reason: str, after_seconds: float | None = None) -> _Next:
    if age < GIVE_UP_AFTER:
        return PutOff(reason, after_seconds)
    _log.error("fulfilment_left_to_people", reason=reason)
    return LeftToPeople(reason)


def _pause_of(attempts: int, put_off: PutOff) -> timedelta:
    """Give the wait before the next attempt; what was asked for is never cut short."""
    wait = put_off.after_seconds or 0.0
    if put_off.reason:
        wait = max(wait, _BACKOFF_SECONDS[min(attempts, len(_BACKOFF_SECONDS)) - 1])
    return timedelta(seconds=wait)


def stuck_before(now: datetime, fulfil_seconds: float) -> datetime:
    """Give the time since when a pending redemption should have been seen to."""
    return now - timedelta(seconds=fulfil_seconds) - 2 * MARGIN
