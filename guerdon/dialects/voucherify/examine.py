"""What a customer could buy with the points that are there."""

from collections.abc import Mapping

from msgspec import UNSET, Struct

from guerdon.dialects.voucherify import wire_examine as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.customers import find_customer
from guerdon.dialects.voucherify.ids import source_id_of, write_customer_id, write_id
from guerdon.dialects.voucherify.memberships import member_by_id, members_by
from guerdon.dialects.voucherify.offer_ids import reward_id, rewards_of
from guerdon.dialects.voucherify.problems import invalid_payload, not_found
from guerdon.dialects.voucherify.translate_cards import code_of
from guerdon.dialects.voucherify.translate_kinds import type_of
from guerdon.dialects.voucherify.translate_members import metadata_of, simple_program
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.command import Done, Redeem
from guerdon.domain.condition import Traits
from guerdon.domain.errors import InsufficientPoints, Refusal, WalletUnknown
from guerdon.domain.ids import MemberId, TemplateId
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.template import Template
from guerdon.domain.terms import Cost
from guerdon.engine.examining import Considered, consider
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.cards import Card, list_cards
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import list_templates
from guerdon.store.traits import list_traits


class Examined(Struct, frozen=True, kw_only=True):
    """A customer with all that they are a member of at present, and how they stand there."""

    customer: w.ExaminedCustomer
    members: list[Member]
    cards: Mapping[MemberId, list[Card]]
    catalogue: Catalogue
    traits: Mapping[MemberId, Traits]


async def examine_rewards(call: Call) -> Answer:
    """Say of every reward whether the customer could buy it now, with which card and at what cost.

    What is off, sold out, not meant for them or not to be had by any card is left out."""
    body = call.decode(w.RewardsBody)
    async with snapshot(call.pool) as view:
        found = await look_up(call, view, body.customer_identification)
        templates = await list_templates(view, call.merchant_id)
    supposed = {
        member.id: _supposed(found.traits[member.id], body, is_member=_by_member(body))
        for member in found.members
    }
    wanted = [
        (member, reward)
        for member in found.members
        for reward in rewards_of(found.catalogue, member.program_id)
    ]
    commands = [
        Redeem(program_id=member.program_id, member=MemberRef(id=member.id), reward_id=reward.id)
        for member, reward in wanted
    ]
    considered = await consider(call.ledger, call.merchant_id, commands, supposed)
    shown: dict[str, w.ExaminedReward] = {}
    memberships = []
    for member in found.members:
        estimations: dict[int, list[w.RewardEstimation]] = {
            card.id: [] for card in found.cards[member.id]
        }
        for (holder, reward), each in zip(wanted, considered, strict=True):
            if holder.id != member.id:
                continue
            estimation = _estimate(reward, each)
            if estimation is not None and each.wallet_id in estimations:
                estimations[each.wallet_id].append(estimation)
                shown[reward_id(reward)] = _reward(reward, templates)
        cards = [
            w.CardEstimation(card=card_of(card, found.catalogue), rewards=estimations[card.id])
            for card in found.cards[member.id]
        ]
        memberships.append(
            w.MemberRewards(
                member=w.Ref(id=write_id("member", member.id), object="member"),
                program=simple_program(found.catalogue.programs[member.program_id]),
                cards=cards,
            )
        )
    result = w.RewardsResult(
        customer=found.customer, rewards=list(shown.values()), memberships=memberships
    )
    return answer(200, result)


async def look_up(call: Call, view: Connection, asked: w.Identification) -> Examined:
    """Find the customer who is asked about, with their active memberships."""
    catalogue = await call.catalogue(view)
    external_id, members = await _who(call, view, catalogue, asked)
    customer = await find_customer(call, view, catalogue, write_customer_id(external_id))
    now = call.ledger.runtime.now()
    member_ids = [member.id for member in members]
    cards = await list_cards(view, call.merchant_id, member_ids, catalogue, now) if members else {}
    active = [
        member
        for member in members
        if catalogue.programs[member.program_id].status == "active"
        and not cards[member.id][0].is_frozen
    ]
    known = await list_traits(view, call.merchant_id, member_ids) if members else {}
    return Examined(
        customer=w.ExaminedCustomer(
            id=write_customer_id(external_id),
            source_id=source_id_of(external_id),
            metadata={} if customer is None else metadata_of(customer.metadata),
        ),
        members=active,
        cards=cards,
        catalogue=catalogue,
        traits={member_id: known.get(member_id, Traits()) for member_id in member_ids},
    )


async def _who(
    call: Call, view: Connection, catalogue: Catalogue, asked: w.Identification
) -> tuple[str, list[Member]]:
    named = getattr(asked, asked.type)
    if named is None:
        raise invalid_payload(
            f"Property .customer_identification must have required property '{asked.type}'"
        )
    if asked.type == "member_id":
        member = await member_by_id(call, view, named)
        if member is None:
            raise not_found("member", named)
        return member.external_id, [member]
    wanted = named if asked.type == "customer_id" else write_customer_id(named)
    customer = await find_customer(call, view, catalogue, wanted)
    if customer is None or write_customer_id(customer.external_id) != wanted:
        raise not_found("customer", named)
    return customer.external_id, await members_by(call, view, catalogue, customer.external_id)


def _by_member(body: w.RewardsBody) -> bool:
    return body.customer_identification.type == "member_id"


def _supposed(known: Traits, body: w.RewardsBody, *, is_member: bool) -> Traits:
    """Believe what the caller says over what is known; of a member only where one was named."""
    member, customer = dict(known.member), dict(known.customer)
    if is_member and body.member is not None:
        member |= body.member.metadata or {}
    if body.customer is not None:
        customer |= body.customer.metadata or {}
    return Traits(member=member, customer=customer)


def _estimate(reward: Reward, considered: Considered) -> w.RewardEstimation | None:
    cost, outcome = considered.cost, considered.outcome
    if cost is None or considered.wallet_id is None:
        return None
    reasons: list[w.UnavailabilityReason] = []
    if not isinstance(outcome, Done):
        for refusal in outcome.refusals:
            reason = _reason(refusal, cost)
            if reason is None:
                return None
            reasons.append(reason)
    return w.RewardEstimation(
        reward=w.Ref(id=reward_id(reward), object="reward"),
        status="UNAVAILABLE" if reasons else "AVAILABLE",
        cost=w.RewardCost(points=cost.points),
        unavailability_reasons=reasons or UNSET,
    )


def _reason(refusal: Refusal, cost: Cost) -> w.UnavailabilityReason | None:
    if isinstance(refusal, InsufficientPoints):
        available = max(refusal.available, 0)
        missing = w.Lacking(
            required=cost.points, available=available, missing=cost.points - available
        )
        return w.UnavailabilityReason(reason="insufficient_balance", details=missing)
    if isinstance(refusal, WalletUnknown):
        lacking = w.Lacking(card_definition_id=write_id("card_definition", refusal.point_type_id))
        return w.UnavailabilityReason(reason="no_target_card", details=lacking)
    return None


def _reward(reward: Reward, templates: Mapping[TemplateId, Template]) -> w.ExaminedReward:
    template = None if reward.template_id is None else templates.get(reward.template_id)
    return w.ExaminedReward(
        id=reward_id(reward),
        name=reward.name,
        type=type_of(reward),
        metadata={} if template is None else metadata_of(template.metadata),
    )


def card_of(card: Card, catalogue: Catalogue) -> w.ExaminedCard:
    """Show which card is spoken of, without what is on it."""
    return w.ExaminedCard(
        id=write_id("card", card.id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        code=code_of(card, catalogue),
    )
