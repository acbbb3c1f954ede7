"""Rewards claimed for a customer: made, refunded, listed, shown."""

import re

from guerdon.dialects.loyaltylion.call import Call
from guerdon.dialects.loyaltylion.errors import Fault, Named, not_found, refusal_answer
from guerdon.dialects.loyaltylion.paging import Place, cut, page_of
from guerdon.dialects.loyaltylion.rewards import find_customer, scene_of
from guerdon.dialects.loyaltylion.translate_kinds import is_multiplied, shape_of
from guerdon.dialects.loyaltylion.translate_rewards import claimed_reward_to_wire
from guerdon.dialects.loyaltylion.wire_rewards import (
    ClaimBody,
    ClaimedRewardDocument,
    ClaimedRewards,
    RefundDocument,
)
from guerdon.domain.command import Done, Redeem, Redeemed, Refund, Refused
from guerdon.domain.ids import MemberId, RedemptionId, RewardId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import NO_CONTEXT, Context, Redemption, Session
from guerdon.engine.redeeming import redeem
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import offers, redemption_views, redemptions
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

_NOTHING = (None, None, None, None)
_VARIANT_GID = re.compile(r"gid://shopify/ProductVariant/([0-9]+)")


async def claim_reward(call: Call) -> Answer:
    """Spend a customer's points on a reward.

    The checks are the ledger's, in one transaction with what they allow. Where a platform hands
    the reward over, that is waited for: a claim is approved, or nothing was taken."""
    body = call.decode(ClaimBody)
    named = Named(customer=call.path[0], reward=str(body.reward_id))
    key, fingerprint = call.idempotency()
    catalogue = await call.ledger.catalogues.get(call.merchant_id)
    reward = catalogue.rewards.get(RewardId(body.reward_id))
    if reward is None and body.multiplier not in (None, 1):
        # It may be new; what units there are of it must not be guessed.
        catalogue = await call.ledger.catalogues.refresh(call.merchant_id)
        reward = catalogue.rewards.get(RewardId(body.reward_id))
    command = Redeem(
        program_id=call.program_id,
        member=MemberRef(external_id=call.path[0]),
        reward_id=RewardId(body.reward_id),
        units=1 if body.multiplier is None else body.multiplier,
        units_max=None if reward is None or is_multiplied(reward) else 1,
        context=_context_of(body),
    )
    outcome = await redeem(call.ledger, call.merchant_id, command, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, named)
    assert isinstance(outcome.result, Redeemed)
    redemption = outcome.result.redemption
    # Shown as on that day, so that a repetition gets the very same answer.
    scene = scene_of(call, catalogue.merchant, redemption.created_at)
    claimed = claimed_reward_to_wire(
        redemption, await call.reward_version(redemption), scene, is_first=True
    )
    return answer(201, ClaimedRewardDocument(claimed), is_replay=outcome.is_replay)


def _context_of(body: ClaimBody) -> Context:
    """What the caller chose. A variant may be a number, a text of digits, or a Shopify GID."""
    given = (body.variant_id, body.session, body.attribution, body.shopify_action_id)
    if given == _NOTHING:
        return NO_CONTEXT
    variant_id = body.variant_id
    if variant_id is not None:
        gid = _VARIANT_GID.fullmatch(str(variant_id))
        variant_id = gid[1] if gid else str(variant_id)
    session = body.session
    return Context(
        session=None if session is None else Session(session.kind, session.token),
        variant_id=variant_id,
        attribution=body.attribution,
        platform_action_id=body.shopify_action_id,
    )


async def refund_claimed_reward(call: Call) -> Answer:
    """Take an unused reward back and give the customer all points of it."""
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        known = await _find(call, view, member_id)
        catalogue = await call.catalogue(view)
    command = Refund(redemption_id=known.id, is_unused_only=True)
    outcome = await call.submit(command, Named(customer=call.path[0], claimed_reward=call.path[1]))
    if not isinstance(outcome, Done):
        return outcome
    assert isinstance(outcome.result, Redeemed)
    redemption = outcome.result.redemption
    reward = await call.reward_version(redemption)
    scene = scene_of(call, catalogue.merchant, redemption.updated_at)
    document = RefundDocument(
        claimed_reward=claimed_reward_to_wire(redemption, reward, scene),
        # The code ends with the points' return: ours at once, a platform's by the event of it.
        remote_resource_deleted=shape_of(reward) != "fulfilment" and redemption.code is not None,
    )
    return answer(200, document, is_replay=outcome.is_replay)


async def list_claimed_rewards(call: Call) -> Answer:
    """List all that a customer claimed, the newest first. Not among the vendor's operations."""
    page = page_of(call, has_numbers=False)
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        found = await redemption_views.list_member_redemptions(
            view,
            call.merchant_id,
            member_id,
            beyond=None if page.beyond is None else page.beyond.id,
            is_rising=page.is_rising,
            limit=page.limit + 1,
        )
        wanted = list({each.reward_version_id for each in found})
        versions = await offers.list_reward_versions(view, call.merchant_id, wanted)
        catalogue = await call.catalogue(view)
    scene = scene_of(call, catalogue.merchant)
    shown = cut(call, page, found, lambda each: Place(each.id))
    claimed = [
        claimed_reward_to_wire(each, versions[each.reward_version_id], scene) for each in shown.rows
    ]
    return answer(200, ClaimedRewards(claimed, shown.cursor), headers=shown.headers)


async def get_claimed_reward(call: Call) -> Answer:
    """Show one claimed reward. Not among the vendor's operations."""
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        redemption = await _find(call, view, member_id)
        catalogue = await call.catalogue(view)
    reward = await call.reward_version(redemption)
    claimed = claimed_reward_to_wire(redemption, reward, scene_of(call, catalogue.merchant))
    return answer(200, ClaimedRewardDocument(claimed))


async def _find(call: Call, view: Connection, member_id: MemberId) -> Redemption:
    """Find the claimed reward that a path names, of this customer only."""
    number = RedemptionId(call.number(1))
    found = await redemptions.list_redemptions(view, call.merchant_id, [number])
    if not found or found[0].member_id != member_id:
        raise _unknown(call.path[1])
    return found[0]


def _unknown(name: str) -> Fault:
    return not_found(f"Claimed reward '{name}'")
