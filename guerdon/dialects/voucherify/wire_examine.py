"""What a customer could buy, or would earn: questions and answers."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_members import Name, SimpleProgram
from guerdon.dialects.voucherify.wire_rewards import RewardType

Metadata = dict[str, Json]
Amount = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
EventName = Literal["customer.order.paid", "customer.custom_event", "customer.segment.entered"]


class Identification(Body, frozen=True, kw_only=True):
    """Who is meant: by this API's own id, by the shop's, or as a member."""

    type: Literal["customer_id", "customer_source_id", "member_id"]
    customer_id: Name | None = None
    customer_source_id: Name | None = None
    member_id: Name | None = None


class Supposed(Body, frozen=True, kw_only=True):
    """Metadata to be believed over what is known."""

    metadata: Metadata | None = None


class RewardsBody(Body, frozen=True, kw_only=True):
    customer_identification: Identification
    customer: Supposed | None = None
    member: Supposed | None = None


class Item(Body, frozen=True, kw_only=True):
    product_id: str | None = None
    sku_id: str | None = None
    source_id: str | None = None
    quantity: Quantity = 1
    price: Amount | None = None
    amount: Amount | None = None


class SupposedOrder(Body, frozen=True, kw_only=True):
    """An order that would be paid, in minor units of the currency; without an `amount` its items
    are added up."""

    amount: Amount | None = None
    discount_amount: Amount = 0
    items: list[Item] | None = None
    metadata: Metadata | None = None


class OrderPaid(Body, frozen=True, kw_only=True):
    customer: Supposed | None = None
    member: Supposed | None = None
    order: SupposedOrder | None = None


class CustomEventRef(Body, frozen=True, kw_only=True):
    schema_id: Name
    metadata: Metadata | None = None


class CustomEventOf(Body, frozen=True, kw_only=True):
    custom_event: CustomEventRef


class CustomEvent(Body, frozen=True, kw_only=True):
    type: Literal["ALL", "SPECIFIC"]
    all: CustomEventOf | None = None
    specific: CustomEventOf | None = None


class SegmentEntered(Body, frozen=True, kw_only=True):
    customer: Supposed | None = None
    member: Supposed | None = None


class SpecificTrigger(Body, frozen=True, kw_only=True):
    event: EventName


class Trigger(Body, frozen=True, kw_only=True):
    type: Literal["ALL", "SPECIFIC"]
    specific: SpecificTrigger | None = None


class EarningBody(Body, frozen=True, kw_only=True):
    trigger: Trigger
    customer_identification: Identification
    customer_order_paid: OrderPaid | None = None
    customer_custom_event: CustomEvent | None = None
    customer_segment_entered: SegmentEntered | None = None


class ExaminedCustomer(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str | None
    metadata: Metadata
    object: Literal["customer"] = "customer"


class ExaminedReward(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    type: RewardType
    metadata: Metadata
    object: Literal["reward"] = "reward"


class Ref(Struct, frozen=True, kw_only=True):
    id: str
    object: str


class ExaminedCard(Struct, frozen=True, kw_only=True):
    id: str
    card_definition_id: str
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    code: str | None
    object: Literal["card"] = "card"


class RewardCost(Struct, frozen=True, kw_only=True):
    points: int
    object: Literal["reward_cost"] = "reward_cost"


class Lacking(Struct, frozen=True, kw_only=True):
    """Points, or else the card of a definition."""

    required: int | UnsetType = UNSET
    available: int | UnsetType = UNSET
    missing: int | UnsetType = UNSET
    card_definition_id: str | UnsetType = UNSET


class UnavailabilityReason(Struct, frozen=True, kw_only=True):
    reason: Literal["insufficient_balance", "no_target_card"]
    details: Lacking
    object: Literal["reward_unavailability_reason"] = "reward_unavailability_reason"


class RewardEstimation(Struct, frozen=True, kw_only=True):
    reward: Ref
    status: Literal["AVAILABLE", "UNAVAILABLE"]
    cost: RewardCost
    unavailability_reasons: list[UnavailabilityReason] | UnsetType = UNSET
    object: Literal["reward_estimation"] = "reward_estimation"


class CardEstimation(Struct, frozen=True, kw_only=True):
    card: ExaminedCard
    rewards: list[RewardEstimation]
    object: Literal["card_estimation"] = "card_estimation"


class MemberRewards(Struct, frozen=True, kw_only=True):
    member: Ref
    program: SimpleProgram
    cards: list[CardEstimation]
    object: Literal["member_rewards_opportunity"] = "member_rewards_opportunity"


class RewardsResult(Struct, frozen=True, kw_only=True):
    customer: ExaminedCustomer
    rewards: list[ExaminedReward]
    memberships: list[MemberRewards]
    object: Literal["rewards_examine_result"] = "rewards_examine_result"


class ExaminedRule(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    event: EventName
    object: Literal["earning_rule"] = "earning_rule"


class RuleEstimation(Struct, frozen=True, kw_only=True):
    """`points` is null where it depends on an order that was not given."""

    id: str
    points_estimation: int | None
    object: Literal["earning_rule_estimation"] = "earning_rule_estimation"


class CardEarnings(Struct, frozen=True, kw_only=True):
    card: ExaminedCard
    points_estimation: int
    earning_rules: list[RuleEstimation]
    object: Literal["card_estimation"] = "card_estimation"


class MemberEarnings(Struct, frozen=True, kw_only=True):
    member: Ref
    program: SimpleProgram
    cards: list[CardEarnings]
    benefits: list[Ref] = []
    object: Literal["member_earnings_opportunity"] = "member_earnings_opportunity"


class EarningsResult(Struct, frozen=True, kw_only=True):
    event: EventName | None
    customer: ExaminedCustomer
    earning_rules: list[ExaminedRule]
    memberships: list[MemberEarnings]
    object: Literal["earnings_examine_result"] = "earnings_examine_result"
