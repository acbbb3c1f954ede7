"""Earning rules, both ways. One of the vendor's is several of ours, where it has several effects;
what the program file keeps is shown as its own template."""

import re

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_earning_rules as wire
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.offering import read_offer_id
from guerdon.dialects.voucherify.problems import invalid_payload
from guerdon.dialects.voucherify.translate_rewards import STATUSES
from guerdon.dialects.voucherify.translate_terms import metadata_from_wire, metadata_to_wire
from guerdon.dialects.voucherify.wire import stamp, stamp_or_none
from guerdon.domain.blueprint import UNDATED
from guerdon.domain.catalogue import Catalogue, EarningRule
from guerdon.domain.ids import PointTypeId, ProgramId, RuleId, TemplateId
from guerdon.domain.money import minor_exponent
from guerdon.domain.template import Template, TemplateStatus

_SCHEMA = "ms_"
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


def write_schema_id(event: str) -> str:
    """Write the name of a custom event as an id of the vendor's form."""
    return f"{_SCHEMA}{event.encode('utf-8', 'surrogatepass').hex()}"


def read_schema_id(text: str, path: str) -> str:
    """Read the name of a custom event, written as an id or as it is."""
    if not text.startswith(_SCHEMA):
        return text
    digits = text.removeprefix(_SCHEMA)
    if _HEX.fullmatch(digits):
        try:
            name = bytes.fromhex(digits).decode()
        except ValueError:
            name = ""
        if name.isprintable() and name:
            return name
    raise invalid_payload(
        f"Property {path} must be {_SCHEMA} and the event's name in hexadecimal digits, or the name"
    )


def new_template(name: str, status: TemplateStatus, trigger: wire.Trigger) -> Template:
    """Begin a template of rules that award nothing yet."""
    template = Template(id=TemplateId(0), name=name, status=status, created_at=UNDATED)
    return replace(template, rules=(_rule(name, trigger),))


def _rule(name: str, trigger: wire.Trigger) -> EarningRule:
    blank = EarningRule(
        id=RuleId(0),
        program_id=ProgramId(0),
        slug="",
        name=name,
        trigger="order_paid",
        category="purchase",
        action="place_order",
        points=0,
        # The vendor's amount of an order is all that was paid for it.
        counts_shipping=True,
        counts_tax=True,
        origin="api",
        created_at=UNDATED,
        updated_at=UNDATED,
    )
    if isinstance(trigger, wire.OnOrderPaid):
        return blank
    path = ".trigger.custom_event.schema_id"
    return replace(
        blank,
        trigger="custom",
        category="engagement",
        action="custom",
        action_key=read_schema_id(trigger.custom_event.schema_id, path),
        counts_shipping=False,
        counts_tax=False,
    )


def with_name(template: Template, name: str) -> Template:
    rules = tuple(replace(rule, name=name) for rule in template.rules)
    return replace(template, name=name, rules=rules)


def with_trigger(template: Template, trigger: wire.Trigger) -> Template:
    """Give the rules another trigger; what they award stays as it is."""
    blank = _rule(template.name, trigger)
    rules = tuple(
        replace(
            blank,
            points=rule.points,
            is_per_unit=rule.is_per_unit,
            every_minor=rule.every_minor,
            point_type_id=rule.point_type_id,
            customer_facing_label=rule.customer_facing_label,
        )
        for rule in template.rules
    )
    return _checked(replace(template, rules=rules))


def with_earnings(template: Template, earnings: wire.EarningBodies) -> Template:
    """Give the rules what they award: one for each effect."""
    blank = replace(
        template.rules[0],
        points=0,
        is_per_unit=False,
        every_minor=None,
        customer_facing_label=earnings[0].name,
    )
    rules = tuple(_awarding(blank, effect) for effect in earnings[0].effects)
    return _checked(replace(template, rules=rules))


def _awarding(blank: EarningRule, effect: wire.Effect) -> EarningRule:
    if isinstance(effect, wire.PointsEffect):
        number = read_offer_id("point_type", effect.points.card_definition_id)
        return replace(blank, points=effect.points.value, point_type_id=PointTypeId(number))
    part = effect.points_proportional
    return replace(
        blank,
        points=part.order.value,
        is_per_unit=True,
        every_minor=part.order.every,
        point_type_id=PointTypeId(read_offer_id("point_type", part.card_definition_id)),
    )


def _checked(template: Template) -> Template:
    for place, rule in enumerate(template.rules):
        if rule.is_per_unit and rule.trigger != "order_paid":
            where = f".earnings[0].effects[{place}].type"
            raise invalid_payload(f"Property {where} goes with the trigger customer.order.paid")
    return template


def terms_from_wire(template: Template, body: wire.EarningRuleTerms) -> Template:
    """Give a template with what else a body may say."""
    if body.metadata is UNSET:
        return template
    return replace(template, metadata=metadata_from_wire(body.metadata))


def template_of(rule: EarningRule) -> Template:
    """Give what the program file keeps as the template that it is of itself."""
    return Template(
        id=TemplateId(rule.id),
        name=rule.name,
        status="active" if rule.is_active and rule.archived_at is None else "inactive",
        rules=(rule,),
        created_at=rule.created_at,
        updated_at=rule.updated_at if rule.updated_at != rule.created_at else None,
    )


def rule_to_wire(template: Template, catalogue: Catalogue) -> wire.EarningRule:
    first = template.rules[0]
    return wire.EarningRule(
        id=write_id("earning_rule", template.id),
        name=template.name,
        status=STATUSES[template.status],
        trigger=trigger_to_wire(first),
        earnings=[
            wire.Earning(
                id=write_id("earning", template.id),
                name=first.customer_facing_label,
                effects=[_effect_to_wire(rule, catalogue) for rule in template.rules],
            )
        ],
        metadata=metadata_to_wire(template.metadata),
        created_at=stamp(template.created_at),
        updated_at=stamp_or_none(template.updated_at),
    )


def trigger_to_wire(rule: EarningRule) -> wire.Trigger:
    """Show a trigger. What the vendor has none for is a custom event of that name."""
    if rule.trigger == "order_paid":
        return wire.OnOrderPaid()
    event = rule.action_key or rule.trigger
    return wire.OnCustomEvent(custom_event=wire.CustomEvent(schema_id=write_schema_id(event)))


def _effect_to_wire(rule: EarningRule, catalogue: Catalogue) -> wire.Effect:
    number = rule.point_type_id
    program = catalogue.programs.get(rule.program_id)
    if not number and program is not None:
        number = program.point_type_id
    card_definition_id = write_id("card_definition", number)
    if not rule.is_per_unit:
        points = wire.FixedPoints(value=rule.points, card_definition_id=card_definition_id)
        return wire.PointsEffect(points=points)
    every = rule.every_minor or 10 ** minor_exponent(catalogue.merchant.currency)
    return wire.ProportionalEffect(
        points_proportional=wire.ProportionalPoints(
            calculation_type="POST_DISCOUNT_ORDER_AMOUNT",
            card_definition_id=card_definition_id,
            order=wire.ForAmount(every=every, value=rule.points),
        ),
    )
