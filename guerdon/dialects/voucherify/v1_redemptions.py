"""Rewards taken with a loyalty card over the older API, at once; shown, and given back."""

import msgspec

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.ids import read_id, write_customer_id
from guerdon.dialects.voucherify.offer_ids import find_reward
from guerdon.dialects.voucherify.problems import not_found, refuse, unsupported
from guerdon.dialects.voucherify.translate_kinds import credited_point_type
from guerdon.dialects.voucherify.translate_v1_redemptions import (
    Scene,
    redemption_to_wire,
    rollback_to_wire,
)
from guerdon.dialects.voucherify.v1_holders import Holder, find_by_id, find_holder
from guerdon.dialects.voucherify.wire_customers import CustomerBody
from guerdon.dialects.voucherify.wire_v1_redemptions import (
    RedemptionBody,
    RollbackBody,
)
from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Done, Redeem, Redeemed, Refund, Refused
from guerdon.domain.errors import NoMatchingCost
from guerdon.domain.ids import EntryId, ProgramId, RedemptionId
from guerdon.domain.redemption import Redemption
from guerdon.engine.examining import examine
from guerdon.engine.redeeming import redeem
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.card_transactions import find_spendable, list_cards_of
from guerdon.store.connection import Connection
from guerdon.store.idempotency_records import list_key_records
from guerdon.store.members import list_members
from guerdon.store.offers import list_reward_versions
from guerdon.store.purchases import find_last_refund, find_refund
from guerdon.store.redemptions import list_redemptions
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import find_template

ROLLBACK_QUERY = (
    Parameter("reason", "string", "Why it is given back, where the body does not say"),
    Parameter("tracking_id", "string", "Taken, and not needed"),
)


async def redeem_reward(call: Call) -> Answer:
    """Take a reward with a card, by its code alone."""
    return await _redeem(call, card=0)


async def redeem_campaign_reward(call: Call) -> Answer:
    """Take a reward with a card of a campaign."""
    return await _redeem(call, card=1, campaign=0)


async def _redeem(call: Call, *, card: int, campaign: int | None = None) -> Answer:
    """Spend a card's points on a reward and wait until it is handed over, or nothing was taken."""
    body = call.decode(RedemptionBody)
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=card, campaign=campaign)
    if body.reward is None:
        raise refuse(
            400,
            "missing_reward",
            "Missing reward",
            "A reward is required when redeeming a LOYALTY_CARD",
        )
    reward = _reward_of(holder, body.reward.id)
    if reward is None:
        raise not_found("reward", body.reward.id)
    # A reward that pays for an order is none of ours.
    if body.reward.points is not None:
        raise unsupported(".reward.points")
    if body.order is not None:
        raise unsupported(".order")
    key, fingerprint = call.idempotency()
    command = Redeem(
        program_id=holder.program.id,
        member=holder.ref,
        reward_id=reward.id,
        metadata=msgspec.json.encode(body.metadata).decode() if body.metadata else None,
    )
    named = Named(action="redeem reward", card=call.path[card], reward=body.reward.id, is_v1=True)
    if await _is_paid_otherwise(call, command, reward, holder):
        return refusal_answer((NoMatchingCost(),), named)
    outcome = await redeem(call.ledger, call.merchant_id, command, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, named)
    assert isinstance(outcome.result, Redeemed), "a reward was asked for"
    redemption = outcome.result.redemption
    async with snapshot(call.pool) as view:
        scene = await _scene(call, view, redemption)
    return answer(200, redemption_to_wire(redemption, scene), is_replay=outcome.is_replay)


def _reward_of(holder: Holder, named: str) -> Reward | None:
    """Find the reward that is meant, among those of the program that are paid with this card."""
    number = read_id("v1_reward", named)
    if number is None:
        return None
    reward = find_reward(holder.catalogue, ProgramId(holder.program.id), number)
    return reward if reward is not None and is_paid_with(reward, holder) else None


def is_paid_with(reward: Reward, holder: Holder) -> bool:
    """Say whether a reward is, for anybody, paid with points of the card's type."""
    paying = {cost.point_type_id for cost in reward.costs} or {
        reward.point_type_id or holder.program.point_type_id
    }
    return holder.card.point_type_id in paying


async def _is_paid_otherwise(call: Call, command: Redeem, reward: Reward, holder: Holder) -> bool:
    """Say whether the member would pay with another card than the one that was named. Only a reward
    with prices in points of several types has to be asked."""
    if len({cost.point_type_id for cost in reward.costs}) < 2:
        return False
    (outcome,) = await examine(call.ledger, call.merchant_id, [command])
    return (
        isinstance(outcome, Done)
        and isinstance(outcome.result, Redeemed)
        and outcome.result.redemption.wallet_id != holder.card.id
    )


async def _scene(call: Call, view: Connection, redemption: Redemption) -> Scene:
    catalogue = await call.catalogue(view)
    holder = await find_by_id(call, view, catalogue, redemption.wallet_id)
    reward = catalogue.rewards.get(redemption.reward_id)
    version_id = redemption.reward_version_id
    if reward is None or reward.version_id != version_id:
        versions = await list_reward_versions(view, call.merchant_id, [version_id])
        reward = versions[version_id]
    template = None
    if reward.template_id is not None:
        template = await find_template(view, call.merchant_id, reward.template_id)
    done = None
    if redemption.refunded_at is not None:
        done = await find_last_refund(view, call.merchant_id, redemption)
    return Scene(
        holder=holder,
        reward=reward,
        template=template,
        refund=done,
        now=call.ledger.runtime.now(),
    )


async def get_redemption(call: Call) -> Answer:
    """Show a reward taken, or one given back. What is still to be handed over is not there yet."""
    named = call.path[0]
    async with snapshot(call.pool) as view:
        number = read_id("redemption", named)
        is_rollback = number is None
        if is_rollback:
            number = await _find_rolled_back(call, view, named)
        found = []
        if number is not None:
            found = await list_redemptions(view, call.merchant_id, [RedemptionId(number)])
        if not found or found[0].status == "pending" or found[0].is_grant:
            raise not_found("redemption", named)
        if is_rollback and found[0].status != "void":
            raise not_found("redemption", named)
        scene = await _scene(call, view, found[0])
    if is_rollback:
        shown = rollback_to_wire(found[0], scene)
        if shown.id != named:
            raise not_found("redemption", named)
        return answer(200, shown)
    return answer(200, redemption_to_wire(found[0], scene))


async def _find_rolled_back(call: Call, view: Connection, named: str) -> int | None:
    """Give the number of the redemption that a rollback's id is of."""
    number = read_id("rollback", named)
    if number is None:
        return None
    known = await find_refund(view, call.merchant_id, EntryId(number))
    # One that had cost nothing has no entry, and its rollback the redemption's own number.
    return number if known is None else known.redemption_id


async def roll_back(call: Call) -> Answer:
    """Give a reward back: points to where they came from, stock and limits too."""
    body = call.decode(RollbackBody) if call.body.strip() else RollbackBody()
    for name in ("order", "metadata"):
        if getattr(body, name) is not None:
            raise unsupported(f".{name}")
    number = read_id("redemption", call.path[0])
    key, _ = call.idempotency()
    async with snapshot(call.pool) as view:
        found = []
        if number is not None:
            found = await list_redemptions(view, call.merchant_id, [RedemptionId(number)])
        if not found or found[0].status == "pending" or found[0].is_grant:
            raise not_found("redemption", call.path[0])
        redemption = found[0]
        if body.customer is not None:
            await _check_customer(call, view, redemption, body.customer)
        # Who has left has no card any more for points to go back to.
        await find_by_id(call, view, await call.catalogue(view), redemption.wallet_id)
        known = {} if key is None else await list_key_records(view, call.merchant_id, [key])
        if not known:
            await _check_points(call, view, redemption)
    command = Refund(
        redemption_id=redemption.id,
        reason=body.reason or call.query.get("reason") or None,
        insists=True,
    )
    outcome = await call.carry_out(command)
    if isinstance(outcome, Refused):
        named = Named(action="roll back redemption", transaction=call.path[0], is_v1=True)
        return refusal_answer(outcome.refusals, named)
    assert isinstance(outcome.result, Redeemed), "a refund gives what was redeemed"
    async with snapshot(call.pool) as view:
        scene = await _scene(call, view, outcome.result.redemption)
    shown = rollback_to_wire(outcome.result.redemption, scene)
    return answer(200, shown, is_replay=outcome.is_replay)


async def _check_customer(
    call: Call, view: Connection, redemption: Redemption, named: CustomerBody
) -> None:
    """See that it is the holder who is named, by either id."""
    (member,) = await list_members(view, call.merchant_id, [redemption.member_id])
    if named.id is not None and named.id != write_customer_id(member.external_id):
        raise not_found("customer", named.id)
    if named.source_id is not None and named.source_id != member.external_id:
        raise not_found("customer", named.source_id)


async def _check_points(call: Call, view: Connection, redemption: Redemption) -> None:
    """See that points that were the reward are still there to be taken off again."""
    catalogue = await call.catalogue(view)
    reward = catalogue.rewards.get(redemption.reward_id)
    if reward is None or reward.fulfil_by != "points" or redemption.status != "approved":
        return
    point_type_id = credited_point_type(catalogue, reward)
    for card in await list_cards_of(view, call.merchant_id, [redemption.member_id]):
        if card.point_type_id == point_type_id:
            now = call.ledger.runtime.now()
            balance = await find_spendable(view, call.merchant_id, card.id, now)
            if balance < (reward.credit_points or 0) * redemption.units:
                raise refuse(
                    400,
                    "loyalty_card_points_exceeded",
                    "loyalty card points exceeded",
                    "The points that were the reward have been spent",
                )
