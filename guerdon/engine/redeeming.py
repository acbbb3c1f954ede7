"""Redeeming a reward: spend the points, then have it handed over or left to a worker."""

import asyncio
from contextlib import suppress

from guerdon.domain.command import Done, Outcome, Redeem, Redeemed, Refused
from guerdon.domain.errors import (
    CooldownRunning,
    FulfilmentUnavailable,
    InsufficientPoints,
    MemberLimitReached,
    OutcomeUnknown,
    OutOfStock,
    RedemptionLimitReached,
    SessionLimitReached,
    SpendLimitReached,
)
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption
from guerdon.engine.expiring import give_back_due
from guerdon.engine.fulfilling import PutOff, fulfil, leave_to_worker
from guerdon.engine.submitting import Ledger
from guerdon.store import redemptions
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown

# A key whose redemption was released may be tried again, so often.
ATTEMPTS_MAX = 64
_POLL_SECONDS = 0.05
# What may no longer stand in the way once the redemptions that are due have gone back.
_LIFTED_BY_REFUNDS = (
    CooldownRunning,
    InsufficientPoints,
    MemberLimitReached,
    OutOfStock,
    RedemptionLimitReached,
    SessionLimitReached,
    SpendLimitReached,
)

_under_way: set["asyncio.Task[Outcome | PutOff]"] = set()


async def redeem(
    ledger: Ledger,
    merchant_id: MerchantId,
    command: Redeem,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
    waits: bool = True,
) -> Outcome:
    """Redeem a reward and, where a platform must hand it over, wait for that.

    A platform that fails, is not connected, or does not answer within `runtime.fulfil_seconds`, is
    Refused(FulfilmentUnavailable) with everything given back. Where the database goes away
    meanwhile, OutcomeUnknown is raised, and the redemption stays pending with its points held
    until a worker has seen to it.

    A `key` used before gets the answer of its redemption: once that is settled, that; while it is
    pending, its end is waited for. One that was released is run again, under the key's next
    attempt, which two callers cannot both begin: so no released code is ever shown, and points
    are never taken twice.

    What goes back by itself, and is due to, is given back before points, stock or a limit are
    found wanting: nobody has to wait for a worker to come by.

    With `waits` false the answer comes as soon as the points are held, the redemption being
    pending then, and a worker hands over; a key used before gets its first answer. So it is for
    what is queued, and that costs no second transaction."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        attempted = _key_of(key, attempt)
        outcome = await ledger.submit(merchant_id, command, key=attempted, fingerprint=fingerprint)
        if (
            isinstance(outcome, Refused)
            and any(isinstance(each, _LIFTED_BY_REFUNDS) for each in outcome.refusals)
            and await give_back_due(ledger, merchant_id)
        ):
            outcome = await ledger.submit(
                merchant_id, command, key=attempted, fingerprint=fingerprint
            )
        if isinstance(outcome, Refused):
            return outcome
        assert isinstance(outcome.result, Redeemed)
        redemption = outcome.result.redemption
        if redemption.status != "pending":
            return outcome
        if not waits or command.is_queued:
            if not (outcome.is_replay or command.is_queued):
                await _have_it_done(ledger, merchant_id, redemption)
            return outcome
        if not outcome.is_replay:
            return await _in_own_task(ledger, merchant_id, redemption)
        ended = await _await_end(ledger, merchant_id, redemption.id)
        if ended.status == "pending":
            raise OutcomeUnknown("the reward is still being handed over")
        if ended.status != "declined":
            return Done(Redeemed(ended, outcome.result.points_after), is_replay=True)
    return Refused((FulfilmentUnavailable(f"{ATTEMPTS_MAX} attempts under this key failed"),))


async def finish_under_way() -> None:
    """Wait for what is being handed over in this process, so that it does not fall to a worker."""
    while _under_way:
        await asyncio.wait(_under_way)


def _key_of(key: str | None, attempt: int) -> str | None:
    # No caller's key holds a space, so an attempt's cannot be taken for one.
    return key if key is None or attempt == 1 else f"{key} {attempt}"


async def _in_own_task(ledger: Ledger, merchant_id: MerchantId, redemption: Redemption) -> Outcome:
    """Hand over to the end, even where the caller goes away meanwhile."""
    task = asyncio.create_task(fulfil(ledger, merchant_id, redemption))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    outcome = await asyncio.shield(task)
    assert not isinstance(outcome, PutOff), "only a worker can wait"
    return outcome


async def _have_it_done(ledger: Ledger, merchant_id: MerchantId, redemption: Redemption) -> None:
    """Ask a worker for it now. If that fails, one comes by later of itself."""
    with suppress(*DRIVER_ERRORS, CommitUnknown):
        await leave_to_worker(ledger, merchant_id, redemption, attempts=0)


async def _await_end(
    ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId
) -> Redemption:
    """Give the redemption once it is no longer pending, or as it stands when the time is up.

    Whoever began it may be another process, so the database is asked, ever more rarely."""
    waited, pause = 0.0, _POLL_SECONDS
    while True:
        async with snapshot(ledger.runtime.pool) as view:
            (found,) = await redemptions.list_redemptions(view, merchant_id, [redemption_id])
        if found.status != "pending" or waited >= ledger.runtime.fulfil_seconds:
            return found
        await asyncio.sleep(pause)
        waited += pause
        pause *= 1.5
