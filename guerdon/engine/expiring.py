"""What has a term: lots, redemptions, refunds that come by themselves, idempotency keys."""

from datetime import datetime, timedelta

from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.command import (
    Done,
    Expired,
    ExpireInactive,
    ExpireLots,
    ExpireRedemption,
    Refund,
)
from guerdon.domain.errors import Unavailable
from guerdon.domain.expiry import kept_by, slid_out_before
from guerdon.domain.ids import MemberId, MerchantId, RedemptionId
from guerdon.domain.member import MemberRef
from guerdon.engine.portions import Portion, submit_all
from guerdon.engine.submitting import Ledger
from guerdon.store import idempotency_records, lots, redemptions
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

# A day is promised. The hour more is for a caller that repeats at the last moment.
KEYS_KEPT = timedelta(hours=25)
# What a caller waits for at most.
GIVEN_BACK_MAX = 100


async def expire_lots_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Take the points of at most so many expired lots out, by member, the longest expired first.

    Points past their time are never spent, however late this comes; it only keeps the books."""
    async with snapshot(ledger.runtime.pool) as view:
        due = await lots.list_members_with_due_lots(view, merchant_id, ledger.runtime.now(), limit)
    commands = [
        ExpireLots(program_id=program_id, member=MemberRef(id=member_id))
        for program_id, member_id in due
    ]
    outcomes = await submit_all(ledger, merchant_id, commands)
    done = sum(
        isinstance(outcome, Done)
        and isinstance(outcome.result, Expired)
        and outcome.result.points > 0
        for outcome in outcomes
    )
    # One member may hold all the lots of a portion, so only an empty one is known to be the last.
    return Portion(done, has_more=done > 0)


async def expire_inactive_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Take out the points of at most so many members of each program who have not ordered for as
    long as it says, and of as many wallets of each of its point types for which nothing was done
    for as long as that one says."""
    catalogue = await ledger.catalogues.newest(merchant_id)
    now = ledger.runtime.now()
    expired = 0
    for program in catalogue.programs.values():
        idle = await _list_idle(ledger, merchant_id, catalogue, program, now, limit)
        commands = [
            ExpireInactive(program_id=program.id, member=MemberRef(id=member_id))
            for member_id in idle
        ]
        for outcome in await submit_all(ledger, merchant_id, commands):
            if isinstance(outcome, Done) and isinstance(outcome.result, Expired):
                expired += outcome.result.points > 0
    # One who ordered meanwhile keeps theirs, so only an empty portion is known to be the last.
    return Portion(expired, has_more=expired > 0)


async def _list_idle(
    ledger: Ledger,
    merchant_id: MerchantId,
    catalogue: Catalogue,
    program: Program,
    now: datetime,
    limit: int,
) -> list[MemberId]:
    since = program.idle_since(now)
    sliding = [
        (each, expiry)
        for each in map(catalogue.point_types.get, program.point_type_ids)
        if each is not None and (expiry := each.expiry) is not None and expiry.kind == "sliding"
    ]
    if since is None and not sliding:
        return []
    found: set[MemberId] = set()
    async with snapshot(ledger.runtime.pool) as view:
        if since is not None:
            found.update(await lots.list_idle_members(view, merchant_id, program.id, since, limit))
        for point_type, expiry in sliding:
            found.update(
                await lots.list_slid_out_members(
                    view,
                    merchant_id,
                    program.id,
                    point_type.id,
                    before=slid_out_before(expiry, now, program.timezone),
                    kept_by=kept_by(expiry),
                    limit=limit,
                )
            )
    return sorted(found)


async def expire_redemptions_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Expire at most so many approved redemptions whose time is over; their points stay spent."""
    async with snapshot(ledger.runtime.pool) as view:
        due = await redemptions.list_due_redemptions(view, merchant_id, ledger.runtime.now(), limit)
    commands = [ExpireRedemption(redemption_id=redemption_id) for redemption_id in due]
    outcomes = await submit_all(ledger, merchant_id, commands)
    done = sum(isinstance(outcome, Done) for outcome in outcomes)
    return Portion(done, has_more=done > 0 and len(due) == limit)


async def auto_refund_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Refund at most so many approved redemptions that were to go back by themselves.

    One used or refunded meanwhile is left as it is."""
    async with snapshot(ledger.runtime.pool) as view:
        due = await redemptions.list_due_auto_refunds(
            view, merchant_id, ledger.runtime.now(), limit
        )
    outcomes = await submit_all(ledger, merchant_id, [_auto_refund(each) for each in due])
    done = sum(isinstance(outcome, Done) for outcome in outcomes)
    return Portion(done, has_more=done > 0 and len(due) == limit)


async def give_back_due(ledger: Ledger, merchant_id: MerchantId) -> bool:
    """Refund what has to go back by itself by now, before points are shown or refused; say whether
    anything was. Asks the database only where some reward does so.

    It is bounded: a backlog longer than that is left to the worker, and so is what cannot be
    written just now."""
    catalogue = await ledger.catalogues.get(merchant_id)
    if all(reward.auto_refund_seconds is None for reward in catalogue.rewards.values()):
        return False
    try:
        return (await auto_refund_due(ledger, merchant_id, GIVEN_BACK_MAX)).done > 0
    except Unavailable:
        return False


def _auto_refund(redemption_id: RedemptionId) -> Refund:
    return Refund(redemption_id=redemption_id, is_auto=True, reason="auto_refund")


async def purge_keys(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Forget at most so many answers kept under idempotency keys for longer than promised."""
    before = ledger.runtime.now() - KEYS_KEPT
    async with transaction(ledger.runtime.pool) as tx:
        done = await idempotency_records.delete_old_key_records(tx, merchant_id, before, limit)
    return Portion(done, has_more=done == limit)
