"""Redemptions that wait for a worker: settled many at once, or handed to who asks their platform.

Nobody holds a lease on them. What two workers settle is settled once, and what a worker that died
had not settled is waiting still."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Command, Done, Release, Settle
from guerdon.domain.enrolment import ERASED
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import Member
from guerdon.domain.redemption import MEMBER_GONE, PROGRAM_GONE, Redemption
from guerdon.engine import crediting
from guerdon.engine.fulfilling import leave_to_worker
from guerdon.engine.portions import Portion, submit_all
from guerdon.engine.submitting import Ledger
from guerdon.store import members, offers, queued_redemptions
from guerdon.store.connection import Connection
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
    before = runtime.now() - timedelta(seconds=runtime.queue_delay_seconds)
    async with snapshot(runtime.pool) as view:
        waiting = await queued_redemptions.list_queued_redemptions(view, merchant_id, before, limit)
        if not waiting:
            return Portion(0, has_more=False)
        matters = await _look_at(ledger, merchant_id, view, waiting)
    done = await _process(ledger, merchant_id, matters)
    # Where there were some, others have come meanwhile: the next portion is whatever that is.
    return Portion(done, has_more=done > 0)


async def process(ledger: Ledger, merchant_id: MerchantId, redemption: Redemption) -> None:
    """Bring one on its way that was queued when it was read, whether or not its time has come."""
    async with snapshot(ledger.runtime.pool) as view:
        matters = await _look_at(ledger, merchant_id, view, [redemption])
    await _process(ledger, merchant_id, matters)


class Matter(Struct, frozen=True):
    """A redemption, its reward as it was when it was redeemed, and why it is nobody's, if it is."""

    redemption: Redemption
    reward: Reward
    is_over: str | None


async def _look_at(
    ledger: Ledger, merchant_id: MerchantId, view: Connection, waiting: Sequence[Redemption]
) -> list[Matter]:
    # A worker writes too seldom to hear by itself that the offers have changed.
    catalogue = await ledger.catalogues.see(view, merchant_id)
    rewards = {reward.version_id: reward for reward in catalogue.rewards.values()}
    missing = {each.reward_version_id for each in waiting} - rewards.keys()
    if missing:
        rewards |= await offers.list_reward_versions(view, merchant_id, list(missing))
    ids = {each.member_id for each in waiting}
    found = await members.list_members(view, merchant_id, list(ids))
    here = {each.id for each in found if not _is_gone(each)}
    ended = {each.id for each in catalogue.programs.values() if each.archived_at is not None}
    return [
        Matter(
            each,
            rewards[each.reward_version_id],
            MEMBER_GONE
            if each.member_id not in here
            else PROGRAM_GONE
            if each.program_id in ended
            else None,
        )
        for each in waiting
    ]


async def _process(ledger: Ledger, merchant_id: MerchantId, matters: Sequence[Matter]) -> int:
    runtime = ledger.runtime
    refused = {each.redemption.id: each.is_over for each in matters if each.is_over is not None}
    left = [each for each in matters if each.is_over is None]
    elsewhere = [each.redemption.id for each in left if each.reward.needs_platform]
    if elsewhere:
        async with transaction(runtime.pool) as tx:
            await queued_redemptions.hand_to_platforms(tx, merchant_id, elsewhere, runtime.now())
    points = [(each.reward, each.redemption) for each in left if each.reward.fulfil_by == "points"]
    refused |= await crediting.credit_all(ledger, merchant_id, points)
    for each in matters:
        # A worker that died, or another one, may have credited what is released now.
        if each.redemption.id in refused and each.reward.fulfil_by == "points":
            await leave_to_worker(ledger, merchant_id, each.redemption)
    handed = set(elsewhere)
    ends: list[Command] = [
        Release(redemption_id=each.redemption.id, reason=refused[each.redemption.id])
        if each.redemption.id in refused
        else Settle(redemption_id=each.redemption.id, is_owed=each.reward.is_handed_over_later)
        for each in matters
        if each.redemption.id not in handed
    ]
    outcomes = await submit_all(ledger, merchant_id, ends)
    # Refused is what somebody else has brought to its end meanwhile.
    return len(elsewhere) + sum(isinstance(each, Done) for each in outcomes)


def _is_gone(member: Member) -> bool:
    return member.left_at is not None or member.external_id.startswith(ERASED)
