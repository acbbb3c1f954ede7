"""Rewards, both ways. What the program file keeps is shown as its own template."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_rewards as wire
from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.dialects.voucherify.offer_ids import reward_id
from guerdon.dialects.voucherify.offering import read_offer_id
from guerdon.dialects.voucherify.problems import invalid_payload, not_found
from guerdon.dialects.voucherify.translate_kinds import credited_point_type, shape_of, type_of
from guerdon.dialects.voucherify.translate_terms import (
    hours_from_wire,
    hours_to_wire,
    instant_from_wire,
    interval_from_wire,
    interval_to_wire,
    json_from_wire,
    metadata_from_wire,
    metadata_to_wire,
    period_from_wire,
    unit_to_wire,
)
from guerdon.dialects.voucherify.wire import stamp, stamp_or_none
from guerdon.dialects.voucherify.wire_card_definitions import Period as WirePeriod
from guerdon.dialects.voucherify.wire_offers import (
    Id,
    Limited,
    PeriodUnit,
    Quantity,
    Status,
    Stock,
    Unlimited,
)
from guerdon.domain.blueprint import UNDATED
from guerdon.domain.catalogue import Catalogue, Discount, MemberLimit, Reward, TargetProduct
from guerdon.domain.condition import check
from guerdon.domain.ids import PointTypeId, ProgramId, RewardId, RewardVersionId, TemplateId
from guerdon.domain.offer import get_point_type
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template, TemplateStatus
from guerdon.domain.terms import Cost, Period

STATUSES: dict[TemplateStatus, Status] = {
    "draft": "DRAFT",
    "active": "ACTIVE",
    "inactive": "INACTIVE",
    "deleted": "DELETED",
}
_COOLDOWNS: dict[PeriodUnit, int] = {"HOUR": 24, "DAY": 90, "WEEK": 52, "MONTH": 12, "YEAR": 10}
# Of a reward's number so many follow that of the costs in it: no two rewards share one.
_COSTS_EACH = 16
_CODES = frozenset({"code", "pool", "shopify", "shopify_pool"})
_GIFTS = frozenset({"code", "pool", "gift_card", "store_credit"})
# What a reward is before it says what it gives: something that people hand over.
_BLANK: dict[str, Any] = {
    "kind": "custom",
    "fulfil_by": "manual",
    "discount": None,
    "expiry_days": None,
    "codes_from": None,
    "products": (),
    "credit_points": None,
    "credit_point_type": None,
}

_NO_LIMITS = wire.PurchaseLimits(cooldown=None, frequency=None)


class Source(Struct, frozen=True):
    """What is kept beside a template: the reward of the program file whose codes it gives."""

    campaign: int | None = None


def new_template(name: str, status: TemplateStatus) -> Template:
    """Begin a template that says nothing yet."""
    reward = Reward(
        id=RewardId(0),
        version_id=RewardVersionId(0),
        program_id=ProgramId(0),
        slug="",
        name=name,
        points_cost=0,
        is_refundable=False,
        origin="api",
        created_at=UNDATED,
        updated_at=UNDATED,
        **_BLANK,
    )
    return Template(id=TemplateId(0), name=name, status=status, reward=reward, created_at=UNDATED)


def template_of(reward: Reward) -> Template:
    """Give what the program file keeps as the template that it is of itself."""
    return Template(
        id=TemplateId(reward.id),
        name=reward.name,
        status="inactive" if reward.archived_at is not None else reward.status,
        reward=reward,
        created_at=reward.created_at,
        updated_at=reward.updated_at if reward.updated_at != reward.created_at else None,
    )


def terms_from_wire(
    shelf: Shelf, known: Template, body: wire.RewardTerms, wanted: wire.RewardType
) -> Template:
    """Give a template with the terms that a body names; null is what holds without them."""
    reward = known.reward
    assert reward is not None, "it is a reward's"
    template = known
    if body.metadata is not UNSET:
        template = replace(template, metadata=metadata_from_wire(body.metadata))
    if body.start_date is not UNSET:
        reward = replace(reward, starts_at=instant_from_wire(body.start_date, ".start_date"))
    if body.end_date is not UNSET:
        reward = replace(reward, ends_at=instant_from_wire(body.end_date, ".end_date"))
    if reward.starts_at and reward.ends_at and reward.starts_at >= reward.ends_at:
        raise invalid_payload("Property .end_date must be after start_date")
    if body.validity_hours is not UNSET:
        reward = replace(reward, hours=hours_from_wire(body.validity_hours))
    if body.costs is not UNSET and body.costs is not None:
        reward = with_costs(reward, costs_from_wire(body.costs))
    if body.purchase_limits is not UNSET:
        reward = _with_limits(reward, body.purchase_limits or _NO_LIMITS)
    if body.refunds is not UNSET:
        is_refundable = body.refunds is not None and body.refunds.type == "REFUNDABLE"
        reward = replace(reward, is_refundable=is_refundable)
    template, reward = _given(shelf, template, reward, body, wanted)
    return replace(template, reward=reward)


def with_costs(reward: Reward, costs: tuple[Cost, ...]) -> Reward:
    return replace(
        reward,
        costs=costs,
        points_cost=costs[0].points,
        point_type_id=costs[0].point_type_id,
    )


def costs_from_wire(given: wire.CostBodies, path: str = ".costs") -> tuple[Cost, ...]:
    """Read the prices of a reward; whether there are such card definitions is not asked here."""
    costs = []
    for place, each in enumerate(given):
        spending = each.spending[0]
        where = f"{path}[{place}].rules"
        condition = json_from_wire(each.rules, where) if each.rules else None
        problem = None if condition is None else check(condition)
        if problem is not None:
            raise invalid_payload(f"Property {where} {problem}")
        costs.append(
            Cost(
                points=spending.points,
                point_type_id=PointTypeId(read_offer_id("point_type", spending.card_definition_id)),
                name=spending.name,
                condition=condition,
            )
        )
    return tuple(costs)


def _with_limits(reward: Reward, given: wire.PurchaseLimits) -> Reward:
    if given.cooldown is not UNSET:
        cooldown = None
        if isinstance(given.cooldown, wire.Cooldown):
            period = given.cooldown.fixed_cooldown.period
            path = ".purchase_limits.cooldown.fixed_cooldown.period"
            cooldown = period_from_wire(period.value, period.unit, _COOLDOWNS, path)
        reward = replace(reward, cooldown=cooldown)
    if given.frequency is not UNSET:
        limit = None
        if isinstance(given.frequency, wire.Frequency):
            one = given.frequency.limits[0]
            limit = MemberLimit(count=one.triggers.max, interval=interval_from_wire(one.period))
        reward = replace(reward, limit_per_member=limit)
    return reward


def _given(
    shelf: Shelf,
    template: Template,
    reward: Reward,
    body: wire.RewardTerms,
    wanted: wire.RewardType,
) -> tuple[Template, Reward]:
    """Read what the member gets: a thing, or something of the digital kinds."""
    material, digital = body.material or None, body.digital or None
    if wanted == "MATERIAL" and digital is not None:
        raise invalid_payload("Property .digital goes with the type DIGITAL")
    if wanted == "DIGITAL" and material is not None:
        raise invalid_payload("Property .material goes with the type MATERIAL")
    if material is not None:
        reward = replace(reward, **{**_BLANK, "products": (_product(material),)})
        return replace(template, document=None), reward
    if digital is not None:
        terms, source = _digital(shelf, digital)
        document = None if source is None else msgspec.json.encode(Source(source)).decode()
        return replace(template, document=document), replace(reward, **{**_BLANK, **terms})
    lacks = template.created_at == UNDATED or type_of(reward) != wanted
    if lacks:
        raise invalid_payload(f"Payload must have required property '{wanted.lower()}'")
    return template, reward


def _product(material: wire.Material) -> TargetProduct:
    if isinstance(material, wire.OfProduct):
        return TargetProduct(product_id=material.product.id)
    return TargetProduct(product_id=material.sku.product_id or "", sku=material.sku.id)


def _digital(shelf: Shelf, given: wire.Digital) -> tuple[dict[str, Any], int | None]:
    """Give what differs from a blank reward, and the reward whose codes it gives."""
    if isinstance(given, wire.LoyaltyCardPoints):
        part = given.loyalty_card_points
        number = read_offer_id("point_type", part.card_definition_id)
        point_type = get_point_type(shelf, number, is_changed=False)
        return {
            "fulfil_by": "points",
            "credit_points": part.points,
            "credit_point_type": point_type.slug,
        }, None
    if isinstance(given, wire.DiscountCoupons):
        source = _campaign(shelf, given.discount_coupons.campaign_id, "DISCOUNT_COUPONS")
        return _copied(source, source.discount), source.id
    source = _campaign(shelf, given.gift_vouchers.campaign_id, "GIFT_VOUCHERS")
    balance = given.gift_vouchers.balance
    worth = source.discount or Discount(type="fixed_amount")
    if source.is_pooled and worth.amount_minor != balance:
        path = ".digital.gift_vouchers.balance"
        raise invalid_payload(
            f"Property {path} must be {worth.amount_minor}, which this campaign's codes are worth"
        )
    return _copied(source, replace(worth, amount_minor=balance)), source.id


def _copied(source: Reward, discount: Discount | None) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "discount": discount,
        "fulfil_by": source.fulfil_by,
        "expiry_days": source.expiry_days,
        "products": source.products,
        "codes_from": source.id if source.is_pooled else None,
    }


def _campaign(shelf: Shelf, named: str, shape: str) -> Reward:
    """Find the reward of the program file that gives such codes."""
    number = read_id("campaign", named)
    reward = None if number is None else shelf.rewards.get(RewardId(number))
    if (
        reward is None
        or reward.template_id is not None
        or reward.archived_at is not None
        or shape_of(reward) != shape
        or reward.fulfil_by not in (_GIFTS if shape == "GIFT_VOUCHERS" else _CODES)
    ):
        raise not_found("campaign", named)
    return reward


def reward_to_wire(template: Template, catalogue: Catalogue) -> wire.Reward:
    reward = template.reward
    assert reward is not None, "it is a reward's"
    kind = type_of(reward)
    return wire.Reward(
        id=write_id("reward", template.id),
        name=template.name,
        type=kind,
        status=STATUSES[template.status],
        start_date=stamp_or_none(reward.starts_at),
        end_date=stamp_or_none(reward.ends_at),
        validity_hours=hours_to_wire(reward.hours),
        material=_material_to_wire(reward) if kind == "MATERIAL" else UNSET,
        digital=_digital_to_wire(template, reward, catalogue) if kind == "DIGITAL" else UNSET,
        costs=costs_to_wire(reward, template.id, catalogue),
        purchase_limits=_limits_to_wire(reward),
        refunds=wire.Refunds(type="REFUNDABLE" if reward.is_refundable else "NONE"),
        metadata=metadata_to_wire(template.metadata),
        created_at=stamp(template.created_at),
        updated_at=stamp_or_none(template.updated_at),
    )


def _material_to_wire(reward: Reward) -> wire.Material:
    """A reward that names no product is one of its own."""
    if not reward.products:
        return wire.OfProduct(product=Id(id=reward.slug))
    product = reward.products[0]
    if product.sku is not None:
        sku = wire.Sku(id=product.sku, product_id=product.product_id or None)
        return wire.OfSku(sku=sku)
    return wire.OfProduct(product=Id(id=product.product_id))


def _digital_to_wire(template: Template, reward: Reward, catalogue: Catalogue) -> wire.Digital:
    shape = shape_of(reward)
    if shape == "LOYALTY_CARD_POINTS":
        credited = credited_point_type(catalogue, reward) or 0
        return wire.LoyaltyCardPoints(
            loyalty_card_points=wire.CardPoints(
                points=reward.credit_points or 0,
                card_definition_id=write_id("card_definition", credited),
            )
        )
    source = None
    if template.document is not None:
        source = msgspec.json.decode(template.document, type=Source).campaign
    campaign_id = write_id("campaign", source or template.id)
    if shape == "GIFT_VOUCHERS":
        worth = 0 if reward.discount is None else reward.discount.amount_minor or 0
        gifts = wire.Gifts(campaign_id=campaign_id, balance=worth)
        return wire.GiftVouchers(gift_vouchers=gifts)
    return wire.DiscountCoupons(discount_coupons=wire.Coupons(campaign_id=campaign_id))


def costs_to_wire(reward: Reward, number: int, catalogue: Catalogue) -> list[wire.Cost]:
    """Show what a reward costs; `number` is that of its id."""
    costs: tuple[Cost, ...] = reward.costs
    if not costs and reward.origin == "file":
        program = catalogue.programs.get(reward.program_id)
        own = PointTypeId(0) if program is None else program.point_type_id
        costs = (Cost(points=reward.points_cost, point_type_id=reward.point_type_id or own),)
    return [
        wire.Cost(
            id=write_id("reward_cost", number * _COSTS_EACH + place),
            rules=UNSET if cost.condition is None else msgspec.json.decode(cost.condition),
            spending=[
                wire.Spending(
                    id=write_id("spending", number * _COSTS_EACH + place),
                    name=cost.name,
                    points=cost.points,
                    card_definition_id=write_id("card_definition", cost.point_type_id),
                )
            ],
        )
        for place, cost in enumerate(costs, start=1)
    ]


def _limits_to_wire(reward: Reward) -> wire.PurchaseLimits:
    cooldown: wire.NoCooldown | wire.Cooldown = wire.NoCooldown()
    if reward.cooldown is not None:
        cooldown = wire.Cooldown(
            fixed_cooldown=wire.FixedCooldown(period=_period_to_wire(reward.cooldown))
        )
    frequency: wire.Unbounded | wire.Frequency = wire.Unbounded()
    limit = reward.limit_per_member
    if limit is not None:
        one = wire.FrequencyLimit(
            type="TIME_BASED",
            period=interval_to_wire(limit.interval),
            triggers=wire.Triggers(max=max(limit.count, 1)),
        )
        frequency = wire.Frequency(limits=[one])
    return wire.PurchaseLimits(cooldown=cooldown, frequency=frequency)


def _period_to_wire(period: Period) -> WirePeriod:
    return WirePeriod(value=period.value, unit=unit_to_wire(period))


def stock_to_wire(reward: Reward, units_taken: int) -> Stock:
    """Show what is left, which is never less than nothing."""
    if reward.stock is None:
        return Unlimited()
    return Limited(limited=Quantity(quantity=max(reward.stock - units_taken, 0)))


def program_reward_to_wire(
    reward: Reward, units_taken: int, templates: Mapping[TemplateId, Template], catalogue: Catalogue
) -> wire.ProgramReward:
    """Show a reward as a program offers it."""
    template = None if reward.template_id is None else templates.get(reward.template_id)
    usual = None if template is None else template.reward
    differs = usual is not None and usual.costs != reward.costs
    return wire.ProgramReward(
        reward_id=reward_id(reward),
        stock=stock_to_wire(reward, units_taken),
        redeemed=units_taken,
        costs=costs_to_wire(reward, reward.template_id or reward.id, catalogue)
        if differs
        else UNSET,
        created_at=stamp(reward.created_at),
        updated_at=stamp_or_none(
            reward.updated_at if reward.updated_at != reward.created_at else None
        ),
    )
