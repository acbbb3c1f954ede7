"""Rewards, in the vendor's words."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_card_definitions import NoItems, Period, Whole
from guerdon.dialects.voucherify.wire_offers import (
    Id,
    InCurrentPeriod,
    Instant,
    Metadata,
    Name,
    Reference,
    Status,
    StatusAtFirst,
    Stock,
    ValidityHours,
)

RewardType = Literal["MATERIAL", "DIGITAL"]
Rules = dict[str, Json]
Label = Annotated[str, Meta(max_length=200)]


class Sku(Body, frozen=True, kw_only=True):
    id: Reference
    product_id: Reference | None = None


class OfProduct(Body, frozen=True, kw_only=True, tag="PRODUCT"):
    product: Id


class OfSku(Body, frozen=True, kw_only=True, tag="SKU"):
    sku: Sku


Material = OfProduct | OfSku


class Coupons(Body, frozen=True, kw_only=True):
    campaign_id: str


class Gifts(Body, frozen=True, kw_only=True):
    """`balance` is in minor units of the project's currency."""

    campaign_id: str
    balance: Whole


class CardPoints(Body, frozen=True, kw_only=True):
    points: Whole
    card_definition_id: str


class DiscountCoupons(Body, frozen=True, kw_only=True, tag="DISCOUNT_COUPONS"):
    discount_coupons: Coupons


class GiftVouchers(Body, frozen=True, kw_only=True, tag="GIFT_VOUCHERS"):
    gift_vouchers: Gifts


class LoyaltyCardPoints(Body, frozen=True, kw_only=True, tag="LOYALTY_CARD_POINTS"):
    loyalty_card_points: CardPoints


Digital = DiscountCoupons | GiftVouchers | LoyaltyCardPoints


class SpendingBody(Body, frozen=True, kw_only=True):
    """`id` may be repeated from an answer; what is first stays first, whatever it says."""

    id: str | None = None
    name: Label | None = None
    points: Whole
    card_definition_id: str


class CostBody(Body, frozen=True, kw_only=True):
    id: str | None = None
    rules: Rules | None = None
    spending: Annotated[list[SpendingBody], Meta(min_length=1, max_length=1)]


CostBodies = Annotated[list[CostBody], Meta(min_length=1, max_length=10)]


class FixedCooldown(Body, frozen=True, kw_only=True):
    period: Period


class NoCooldown(Body, frozen=True, kw_only=True, tag="NO_COOLDOWN"):
    """The next purchase may follow at once."""


class Cooldown(Body, frozen=True, kw_only=True, tag="FIXED_COOLDOWN"):
    fixed_cooldown: FixedCooldown


class Triggers(Body, frozen=True, kw_only=True):
    max: Annotated[int, Meta(ge=1, le=1_000_000_000)]


class FrequencyLimit(Body, frozen=True, kw_only=True):
    type: Literal["TIME_BASED"]
    period: InCurrentPeriod
    triggers: Triggers


class Unbounded(Body, frozen=True, kw_only=True, tag="NO_LIMIT"):
    limits: NoItems | UnsetType = UNSET


class Frequency(Body, frozen=True, kw_only=True, tag="LIMITED"):
    limits: Annotated[list[FrequencyLimit], Meta(min_length=1, max_length=1)]


class PurchaseLimits(Body, frozen=True, kw_only=True):
    cooldown: NoCooldown | Cooldown | None | UnsetType = UNSET
    frequency: Unbounded | Frequency | None | UnsetType = UNSET


class Refunds(Body, frozen=True, kw_only=True):
    type: Literal["NONE", "REFUNDABLE"]


class RewardTerms(Body, frozen=True, kw_only=True):
    start_date: Instant | None | UnsetType = UNSET
    end_date: Instant | None | UnsetType = UNSET
    validity_hours: ValidityHours | None | UnsetType = UNSET
    material: Material | None | UnsetType = UNSET
    digital: Digital | None | UnsetType = UNSET
    costs: CostBodies | None | UnsetType = UNSET
    purchase_limits: PurchaseLimits | None | UnsetType = UNSET
    refunds: Refunds | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class RewardBody(RewardTerms, frozen=True, kw_only=True):
    name: Name
    type: RewardType
    status: StatusAtFirst = "DRAFT"


class RewardChange(RewardTerms, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    type: RewardType | UnsetType = UNSET


class Spending(Struct, frozen=True, kw_only=True):
    id: str
    name: str | None
    points: int
    card_definition_id: str


class Cost(Struct, frozen=True, kw_only=True):
    id: str
    rules: Rules | UnsetType = UNSET
    spending: list[Spending]


class Reward(Struct, frozen=True, kw_only=True):
    """Of `material` and `digital` the one is there that the type says."""

    id: str
    name: str
    type: RewardType
    status: Status
    start_date: str | None
    end_date: str | None
    validity_hours: ValidityHours
    material: Material | UnsetType = UNSET
    digital: Digital | UnsetType = UNSET
    costs: list[Cost]
    purchase_limits: PurchaseLimits
    refunds: Refunds
    metadata: dict[str, Json]
    created_at: str
    updated_at: str | None
    object: str = "reward"


class ProgramReward(Struct, frozen=True, kw_only=True):
    """`stock` is what is left, `redeemed` what was taken. `costs` are there where a program asks
    for others than the reward does."""

    reward_id: str
    stock: Stock
    redeemed: int
    costs: list[Cost] | UnsetType = UNSET
    created_at: str
    updated_at: str | None
    object: str = "program_reward"
