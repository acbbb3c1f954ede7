"""What a customer would earn by something that has not happened."""

from collections.abc import Callable

from guerdon.dialects.voucherify import wire_examine as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.examine import Examined, card_of, look_up
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.offer_ids import rule_id, rules_of
from guerdon.dialects.voucherify.problems import invalid_payload
from guerdon.dialects.voucherify.translate_members import simple_program
from guerdon.dialects.voucherify.translate_rules import read_schema_id
from guerdon.domain.catalogue import Catalogue, EarningRule
from guerdon.domain.ids import PointTypeId, TierId
from guerdon.domain.member import Member
from guerdon.domain.money import multiply_points
from guerdon.domain.order import Amounts, OrderSeen, plan_awards
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.cards import Card
from guerdon.store.snapshot import snapshot

# Gives the points before multipliers; None where that depends on what was not told.
_Base = Callable[[Member, EarningRule], int | None]


async def examine_earning(call: Call) -> Answer:
    """Say what each rule would give the customer; nothing is written.

    Asked of every event, or of an order without an amount, what a rule gives by the amount is not
    known, and counts for nothing in the sums."""
    body = call.decode(w.EarningBody)
    event = _event(body)
    async with snapshot(call.pool) as view:
        found = await look_up(call, view, body.customer_identification)
    base = _base(call, body, found.catalogue)
    wanted = _wanted(body, event)
    rules: dict[str, w.ExaminedRule] = {}
    memberships = []
    for member in found.members:
        program = found.catalogue.programs[member.program_id]
        default_tier = found.cards[member.id][0].tier_id
        told: dict[PointTypeId, dict[str, int | None]] = {}
        for rule in rules_of(found.catalogue, program.id):
            if not rule.is_active or not wanted(rule):
                continue
            rules[rule_id(rule)] = w.ExaminedRule(
                id=rule_id(rule), name=rule.name, event=_event_of(rule)
            )
            points = _multiplied(found.catalogue, member, default_tier, base(member, rule))
            told_here = told.setdefault(rule.point_type_id or program.point_type_id, {})
            known = told_here.get(rule_id(rule), 0)
            told_here[rule_id(rule)] = None if points is None or known is None else known + points
        memberships.append(_membership(found, member, told))
    result = w.EarningsResult(
        event=event,
        customer=found.customer,
        earning_rules=list(rules.values()),
        memberships=memberships,
    )
    return answer(200, result)


def _membership(
    found: Examined, member: Member, told: dict[PointTypeId, dict[str, int | None]]
) -> w.MemberEarnings:
    return w.MemberEarnings(
        member=w.Ref(id=write_id("member", member.id), object="member"),
        program=simple_program(found.catalogue.programs[member.program_id]),
        cards=[
            _card(card, found.catalogue, told.get(card.point_type_id, {}))
            for card in found.cards[member.id]
        ],
    )


def _card(card: Card, catalogue: Catalogue, told: dict[str, int | None]) -> w.CardEarnings:
    return w.CardEarnings(
        card=card_of(card, catalogue),
        points_estimation=sum(points or 0 for points in told.values()),
        earning_rules=[
            w.RuleEstimation(id=name, points_estimation=points) for name, points in told.items()
        ],
    )


def _event(body: w.EarningBody) -> w.EventName | None:
    """Give the event that is asked about; None for all of them. What describes an event comes with
    that event alone."""
    if body.trigger.type == "ALL":
        if body.trigger.specific is not None:
            raise invalid_payload("Property .trigger.specific is of no use with type ALL")
        return None
    if body.trigger.specific is None:
        raise invalid_payload("Property .trigger must have required property 'specific'")
    event = body.trigger.specific.event
    contexts = {
        "customer.order.paid": ("customer_order_paid", body.customer_order_paid),
        "customer.custom_event": ("customer_custom_event", body.customer_custom_event),
        "customer.segment.entered": ("customer_segment_entered", body.customer_segment_entered),
    }
    for name, (field, given) in contexts.items():
        if name == event and given is None:
            raise invalid_payload(f"Payload must have required property '{field}'")
        if name != event and given is not None:
            raise invalid_payload(f"Property .{field} is of no use with the event {event}")
    return event


def _event_of(rule: EarningRule) -> w.EventName:
    return "customer.order.paid" if rule.trigger == "order_paid" else "customer.custom_event"


def _wanted(body: w.EarningBody, event: w.EventName | None) -> Callable[[EarningRule], bool]:
    """Say which rules an event sets off. Nobody enters a segment here."""
    if event == "customer.order.paid":
        return lambda rule: rule.trigger == "order_paid"
    if event == "customer.segment.entered":
        return lambda _: False
    if event is None:
        return lambda rule: rule.trigger in ("order_paid", "custom")
    asked = body.customer_custom_event
    assert asked is not None, "the event comes with what describes it"
    of = asked.all if asked.type == "ALL" else asked.specific
    if of is None:
        if asked.type == "SPECIFIC":
            raise invalid_payload(
                "Property .customer_custom_event must have required property 'specific'"
            )
        return lambda rule: rule.trigger == "custom"
    path = f".customer_custom_event.{asked.type.lower()}.custom_event.schema_id"
    name = read_schema_id(of.custom_event.schema_id, path)
    return lambda rule: rule.trigger == "custom" and rule.action_key == name


def _base(call: Call, body: w.EarningBody, catalogue: Catalogue) -> _Base:
    order = None if body.customer_order_paid is None else body.customer_order_paid.order
    amount = None if order is None else _amount(order)
    if order is None or amount is None:
        return lambda _, rule: None if rule.is_per_unit else rule.points
    now, currency = call.ledger.runtime.now(), catalogue.merchant.currency
    seen = OrderSeen(
        order_key="",
        currency=currency,
        paid_currency=currency,
        ordered_at=now,
        updated_at=now,
        amounts={currency: Amounts(goods_minor=amount - order.discount_amount)},
    )

    def base(member: Member, rule: EarningRule) -> int | None:
        if rule.trigger != "order_paid":
            return rule.points
        awards = plan_awards(seen, catalogue, {member.program_id: member}, enrolled_within=None)
        return next((each.base_points for each in awards if each.rule_id == rule.id), 0)

    return base


def _amount(order: w.SupposedOrder) -> int | None:
    amount = order.amount
    if amount is None and order.items is not None:
        amount = sum(
            each.amount if each.amount is not None else (each.price or 0) * each.quantity
            for each in order.items
        )
    if amount is not None and order.discount_amount > amount:
        raise invalid_payload(
            "Property .customer_order_paid.order.discount_amount cannot be greater than .amount"
        )
    return amount


def _multiplied(
    catalogue: Catalogue, member: Member, tier_id: TierId | None, points: int | None
) -> int | None:
    tier = catalogue.tier(member.program_id, tier_id)
    if points is None or tier is None:
        return points
    return multiply_points(points, tier.multiplier_permille)
