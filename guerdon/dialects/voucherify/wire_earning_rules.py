"""Earning rules, in the vendor's words."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_card_definitions import NoLimits, Points, Whole
from guerdon.dialects.voucherify.wire_offers import (
    AnyTime,
    Instant,
    Metadata,
    Name,
    Status,
    StatusAtFirst,
    ValidityHours,
)

Label = Annotated[str, Meta(max_length=200)]


class CustomEvent(Body, frozen=True, kw_only=True):
    """`schema_id` is `ms_` and the event's name in hexadecimal digits, or the name itself."""

    schema_id: Annotated[str, Meta(min_length=1, max_length=300)]


class OnOrderPaid(Body, frozen=True, kw_only=True, tag_field="event", tag="customer.order.paid"):
    """An order was paid for."""


class OnCustomEvent(
    Body, frozen=True, kw_only=True, tag_field="event", tag="customer.custom_event"
):
    custom_event: CustomEvent


Trigger = OnOrderPaid | OnCustomEvent


class FixedPoints(Body, frozen=True, kw_only=True):
    value: Points
    card_definition_id: str


class ForAmount(Body, frozen=True, kw_only=True):
    """`value` points for every so many minor units of the project's currency."""

    every: Whole
    value: Points


class ProportionalPoints(Body, frozen=True, kw_only=True):
    calculation_type: Literal["POST_DISCOUNT_ORDER_AMOUNT"]
    card_definition_id: str
    order: ForAmount


class PointsEffect(Body, frozen=True, kw_only=True, tag="POINTS"):
    points: FixedPoints


class ProportionalEffect(Body, frozen=True, kw_only=True, tag="POINTS_PROPORTIONAL"):
    points_proportional: ProportionalPoints


Effect = PointsEffect | ProportionalEffect


class TierRules(Body, frozen=True, kw_only=True):
    type: Literal["NO_REQUIREMENTS"] = "NO_REQUIREMENTS"


class EarningBody(Body, frozen=True, kw_only=True):
    """`id` may be repeated from an answer. Conditions are not kept to here, and refused."""

    id: str | None = None
    name: Label | None = None
    rules: Annotated[dict[str, Json], Meta(max_length=0)] | None = None
    tier_rules: TierRules | None = None
    effects: Annotated[list[Effect], Meta(min_length=1, max_length=10)]


# The first earning that matches counts: without conditions the second one never would.
EarningBodies = Annotated[list[EarningBody], Meta(min_length=1, max_length=1)]


class NoCooldown(Body, frozen=True, kw_only=True):
    type: Literal["NO_COOLDOWN"] = "NO_COOLDOWN"


class TriggerLimits(Body, frozen=True, kw_only=True):
    cooldown: NoCooldown = NoCooldown()
    frequency: NoLimits = NoLimits()


class EarningLimits(Body, frozen=True, kw_only=True, rename={"overall": "global"}):
    overall: NoLimits = NoLimits()


class EarningRuleTerms(Body, frozen=True, kw_only=True):
    """Nothing here limits when and how often a rule awards: only what says so is taken."""

    error: None | UnsetType = UNSET
    validity_hours: AnyTime | None | UnsetType = UNSET
    start_date: None | UnsetType = UNSET
    end_date: None | UnsetType = UNSET
    trigger_limits: TriggerLimits | None | UnsetType = UNSET
    earning_limits: EarningLimits | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class EarningRuleBody(EarningRuleTerms, frozen=True, kw_only=True):
    name: Name
    status: StatusAtFirst = "DRAFT"
    trigger: Trigger
    earnings: EarningBodies


class EarningRuleChange(EarningRuleTerms, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    trigger: Trigger | UnsetType = UNSET
    earnings: EarningBodies | UnsetType = UNSET


class Earning(Struct, frozen=True, kw_only=True):
    id: str
    name: str | None
    tier_rules: TierRules = TierRules()
    effects: list[Effect]


class EarningRule(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: Status
    trigger: Trigger
    earnings: list[Earning]
    validity_hours: ValidityHours = AnyTime()
    start_date: Instant | None = None
    end_date: Instant | None = None
    trigger_limits: TriggerLimits = TriggerLimits()
    earning_limits: EarningLimits = EarningLimits()
    metadata: dict[str, Json]
    created_at: str
    updated_at: str | None
    object: str = "earning_rule"
