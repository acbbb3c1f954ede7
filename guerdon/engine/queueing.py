"""Redemptions that wait for a worker: settled many at once, or handed to who asks their platform.

Nobody holds a lease on them. What two workers settle is settled once, and what a worker that died
had not settled is waiting still."""

from collections.abc import Sequence
from datetime import timedelta

from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Command, Done, Release, Settle
from guerdon.domain.enrolment import ERASED
from guerdon.domain.ids import MerchantId, RedemptionId, RewardVersionId
from guerdon.domain.member import Member
from guerdon.domain.redemption import MEMBER_GONE, PROGRAM_GONE, Redemption
from guerdon.engine import crediting
from guerdon.engine.portions import Portion, submit_all
from guerdon.engine.submitting import Ledger
from guerdon.store import members, offers, queued_redemptions
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction


async def list_waiting(ledger: Ledger) -> list[MerchantId]:
    """List the merchants that have redemptions waiting whose time has come."""
    runtime = ledger.runtime
    before = runtime.now() - timedelta(seconds=runtime.queue_delay_seconds)
    async with snapshot(runtime.pool) as view:
        return await queued_redemptions.list_merchants_with_queued(view, before)


async def list_to_be_handed_over(ledger: Ledger) -> list[MerchantId]:
    """List the merchants that have something to ask of a platform by now."""
    async with snapshot(ledger.runtime.pool) as view:
        return await queued_redemptions.list_merchants_with_fulfilments_due(
            view, ledger.runtime.now()
        )


async def process_queued(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Bring at most so many waiting redemptions on their way, the longest waiting first.

    What no platform has to make is settled here. A reward of points is credited before, under a key
    of its own, so that it is credited once. What is nobody's any more is released."""
    runtime = ledger.runtime
    now = runtime.now()
    before = now - timedelta(seconds=runtime.queue_delay_seconds)
    async with snapshot(runtime.pool) as view:
        waiting = await queued_redemptions.list_queued_redemptions(view, merchant_id, before, limit)
    if not waiting:
        return Portion(0, has_more=False)
    done = await process(ledger, merchant_id, waiting)
    return Portion(done, has_more=len(waiting) == limit)


async def process(ledger: Ledger, merchant_id: MerchantId, waiting: Sequence[Redemption]) -> int:
    """Bring redemptions on their way that were queued when they were read; give how many."""
    runtime = ledger.runtime
    by_version = await _rewards_of(ledger, merchant_id, waiting)
    refused = await _whose_is_gone(ledger, merchant_id, waiting)
    rewards = [(by_version[each.reward_version_id], each) for each in waiting]
    left = [each for each in rewards if each[1].id not in refused]
    elsewhere = [redemption.id for reward, redemption in left if reward.needs_platform]
    if elsewhere:
        async with transaction(runtime.pool) as tx:
            await queued_redemptions.hand_to_platforms(tx, merchant_id, elsewhere, runtime.now())
    points = [each for each in left if each[0].fulfil_by == "points"]
    refused |= await crediting.credit_all(ledger, merchant_id, points)
    handed = set(elsewhere)
    ends: list[Command] = [
        Release(redemption_id=redemption.id, reason=refused[redemption.id])
        if redemption.id in refused
        else Settle(redemption_id=redemption.id, is_owed=reward.is_handed_over_later)
        for reward, redemption in rewards
        if redemption.id not in handed
    ]
    outcomes = await submit_all(ledger, merchant_id, ends)
    # Refused is what somebody else has brought to its end meanwhile.
    return len(elsewhere) + sum(isinstance(each, Done) for each in outcomes)


async def _rewards_of(
    ledger: Ledger, merchant_id: MerchantId, waiting: Sequence[Redemption]
) -> dict[RewardVersionId, Reward]:
    """Find the rewards as they were when they were redeemed."""
    # A worker writes too seldom to hear by itself that the offers have changed.
    catalogue = await ledger.catalogues.newest(merchant_id)
    found = {reward.version_id: reward for reward in catalogue.rewards.values()}
    missing = {each.reward_version_id for each in waiting} - found.keys()
    if missing:
        async with snapshot(ledger.runtime.pool) as view:
            found |= await offers.list_reward_versions(view, merchant_id, list(missing))
    return found


async def _whose_is_gone(
    ledger: Ledger, merchant_id: MerchantId, waiting: Sequence[Redemption]
) -> dict[RedemptionId, str]:
    """Find what is nobody's any more, and say why."""
    catalogue = await ledger.catalogues.get(merchant_id)
    async with snapshot(ledger.runtime.pool) as view:
        found = await members.list_members(
            view, merchant_id, list({each.member_id for each in waiting})
        )
    here = {each.id for each in found if not _is_gone(each)}
    return {
        each.id: MEMBER_GONE if each.member_id not in here else PROGRAM_GONE
        for each in waiting
        if each.member_id not in here or catalogue.programs[each.program_id].archived_at
    }


def _is_gone(member: Member) -> bool:
    return member.left_at is not None or member.external_id.startswith(ERASED)
