"""Redeeming a reward: spend the points, have it handed over, settle; or release and say so."""

import asyncio

import structlog

from guerdon.domain.command import Done, Outcome, Redeem, Redeemed, Refused, Release, Settle
from guerdon.domain.errors import FulfilmentUnavailable, OutcomeUnknown
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.domain.redemption import Redemption
from guerdon.engine.ports import FulfilmentFailed, Handover
from guerdon.engine.submitting import Ledger
from guerdon.store import members, offers, redemptions
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.snapshot import snapshot

FULFIL_SECONDS_MAX = 8.0
# A key whose redemption was released may be tried again, so often.
ATTEMPTS_MAX = 64
_POLL_SECONDS = 0.05

_log = structlog.get_logger(__name__)
_under_way: set["asyncio.Task[Outcome]"] = set()


async def redeem(
    ledger: Ledger,
    merchant_id: MerchantId,
    command: Redeem,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
    fulfil_seconds_max: float = FULFIL_SECONDS_MAX,
) -> Outcome:
    """Redeem a reward and, where a platform must hand it over, wait for that.

    A platform that fails, or is not connected, is Refused(FulfilmentUnavailable) with everything
    given back. Where it cannot be told whether it handed over, OutcomeUnknown is raised, and the
    redemption stays pending with its points held.

    A `key` used before gets the answer of its redemption: once that is settled, that; while it is
    pending, its end is waited for. One that was released is run again, under the key's next
    attempt, which two callers cannot both begin: so no released code is ever shown, and points
    are never taken twice."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        outcome = await ledger.submit(
            merchant_id, command, key=_key_of(key, attempt), fingerprint=fingerprint
        )
        if isinstance(outcome, Refused):
            return outcome
        assert isinstance(outcome.result, Redeemed)
        redemption = outcome.result.redemption
        if redemption.status != "pending":
            return outcome
        if not outcome.is_replay:
            return await _in_own_task(ledger, merchant_id, redemption, fulfil_seconds_max)
        ended = await _await_end(ledger, merchant_id, redemption.id, fulfil_seconds_max)
        if ended.status == "pending":
            raise OutcomeUnknown("the reward is still being handed over")
        if ended.status != "declined":
            return Done(Redeemed(ended, outcome.result.points_after), is_replay=True)
    return Refused((FulfilmentUnavailable(f"{ATTEMPTS_MAX} attempts under this key failed"),))


def _key_of(key: str | None, attempt: int) -> str | None:
    # No caller's key holds a space, so an attempt's cannot be taken for one.
    return key if key is None or attempt == 1 else f"{key} {attempt}"


async def _in_own_task(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, seconds_max: float
) -> Outcome:
    """Hand over to the end, even where the caller goes away meanwhile."""
    task = asyncio.create_task(_hand_over(ledger, merchant_id, redemption, seconds_max))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


async def _hand_over(
    ledger: Ledger, merchant_id: MerchantId, redemption: Redemption, seconds_max: float
) -> Outcome:
    """Ask the platform, with no transaction open; then settle or release."""
    version_id = redemption.reward_version_id
    try:
        merchant = (await ledger.catalogues.get(merchant_id)).merchant
        async with snapshot(ledger.runtime.pool) as view:
            (member,) = await members.list_members(view, merchant_id, [redemption.member_id])
            versions = await offers.list_reward_versions(view, merchant_id, [version_id])
    except DRIVER_ERRORS as error:
        raise OutcomeUnknown("the points are held; the database went away") from error
    reward = versions[version_id]
    fulfiller = ledger.runtime.fulfillers.get(reward.fulfil_by)
    if fulfiller is None:
        reason = f"no platform is connected that fulfils by {reward.fulfil_by}"
        return await _release(ledger, merchant_id, redemption.id, reason)
    connected = await ledger.connections.find(merchant_id, fulfiller.platform)
    if connected is None:
        reason = f"the merchant is not connected to {fulfiller.platform}"
        return await _release(ledger, merchant_id, redemption.id, reason)
    handover = Handover(
        merchant=merchant,
        member=member,
        reward=reward,
        redemption=redemption,
        connected=connected,
        code=redemption.code,
    )
    try:
        async with asyncio.timeout(seconds_max):
            fulfilled = await fulfiller.fulfil(handover)
    except FulfilmentFailed as failure:
        return await _release(ledger, merchant_id, redemption.id, failure.reason)
    except Exception as error:
        # A time-out, or something nobody foresaw: the platform may have handed over or not.
        _log.warning("fulfilment_unknown", redemption_id=redemption.id, error=repr(error))
        raise OutcomeUnknown("the platform did not say whether it handed over") from error
    settle = Settle(redemption_id=redemption.id, code=fulfilled.code)
    settled = await ledger.submit(merchant_id, settle)
    if isinstance(settled, Refused):
        _log.error("fulfilled_after_release", redemption_id=redemption.id)
        return Refused((FulfilmentUnavailable("the redemption was released meanwhile"),))
    return settled


async def _release(
    ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId, reason: str
) -> Outcome:
    released = await ledger.submit(merchant_id, Release(redemption_id=redemption_id, reason=reason))
    if isinstance(released, Refused):
        return released
    _log.warning("fulfilment_failed", redemption_id=redemption_id, reason=reason)
    return Refused((FulfilmentUnavailable(reason),))


async def _await_end(
    ledger: Ledger, merchant_id: MerchantId, redemption_id: RedemptionId, seconds_max: float
) -> Redemption:
    """Give the redemption once it is no longer pending, or as it stands when the time is up.

    Whoever began it may be another process, so the database is asked, ever more rarely."""
    waited, pause = 0.0, _POLL_SECONDS
    while True:
        async with snapshot(ledger.runtime.pool) as view:
            (found,) = await redemptions.list_redemptions(view, merchant_id, [redemption_id])
        if found.status != "pending" or waited >= seconds_max:
            return found
        await asyncio.sleep(pause)
        waited += pause
        pause *= 1.5
