"""Rewards taken with a loyalty card, and given back, in the words of the older API."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_customers import CustomerBody
from guerdon.dialects.voucherify.wire_v1 import POINTS_END, SimpleCustomer, Voucher

RewardType = Literal["CAMPAIGN", "COIN", "MATERIAL"]


class WantedReward(Body, frozen=True, kw_only=True):
    """`points` is for rewards that pay for orders, which there are none of here."""

    id: str
    points: Annotated[int, Meta(ge=1, le=POINTS_END)] | None = None


class RedemptionBody(Body, frozen=True, kw_only=True):
    """`order` is for rewards that pay for orders, which there are none of here."""

    reward: WantedReward | None = None
    order: dict[str, Json] | None = None
    metadata: dict[str, Json] | None = None


class Channel(Struct, frozen=True, kw_only=True):
    channel_id: str | None = None
    channel_type: Literal["API"] = "API"


class CampaignParameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`balance` is what a gift card is worth, in minor units, or how many points."""

    id: str
    balance: int | None = None
    type: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"]


class ProductParameters(Struct, frozen=True, kw_only=True):
    id: str
    sku_id: str | None = None


class RewardParameters(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a reward gives: a voucher of a campaign, or a product."""

    campaign: CampaignParameters | None = None
    product: ProductParameters | None = None


class Product(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str
    name: str | None
    object: Literal["product"] = "product"


class Sku(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str
    product_id: str
    sku: str | None
    object: Literal["sku"] = "sku"


class RewardResult(Struct, frozen=True, kw_only=True):
    """What was given. A coupon or a gift card is the `voucher`."""

    id: str
    name: str
    object: Literal["reward"] = "reward"
    type: RewardType
    assignment_id: str
    customer: SimpleCustomer | None
    voucher: Voucher | None
    product: Product | None
    sku: Sku | None
    loyalty_tier_id: str | None = None
    parameters: RewardParameters
    metadata: dict[str, Json]
    created_at: str
    updated_at: str | None


class CardPoints(Struct, frozen=True):
    points: int


class RollbackRef(Struct, frozen=True):
    id: str
    date: str


class Related(Struct, frozen=True):
    """What belongs to a redemption: what gave it back."""

    rollbacks: list[RollbackRef]


class Redemption(Struct, frozen=True, kw_only=True):
    """A reward taken. The last two keys of a failure are there of one alone."""

    id: str
    object: Literal["redemption"] = "redemption"
    date: str
    customer_id: str | None
    tracking_id: str | None
    metadata: dict[str, Json] | None
    amount: int
    redemption: str | None = None
    result: Literal["SUCCESS", "FAILURE"]
    status: Literal["SUCCEEDED", "FAILED", "ROLLED_BACK"]
    related_redemptions: Related | UnsetType = UNSET
    failure_code: str | UnsetType = UNSET
    failure_message: str | UnsetType = UNSET
    order: None = None
    channel: Channel = Channel()
    customer: SimpleCustomer | None
    related_object_type: Literal["voucher"] = "voucher"
    related_object_id: str
    reward: RewardResult
    loyalty_card: CardPoints
    voucher: Voucher


class Rollback(Struct, frozen=True, kw_only=True):
    """A reward given back: the points are those that came back, with a minus."""

    id: str
    object: Literal["redemption_rollback"] = "redemption_rollback"
    date: str
    customer_id: str | None
    tracking_id: str | None
    metadata: dict[str, Json] | None
    amount: int
    redemption: str
    reason: str | None
    result: Literal["SUCCESS"] = "SUCCESS"
    status: Literal["SUCCEEDED"] = "SUCCEEDED"
    order: None = None
    channel: Channel = Channel()
    customer: SimpleCustomer | None
    related_object_type: Literal["voucher"] = "voucher"
    related_object_id: str
    reward: RewardResult
    loyalty_card: CardPoints
    voucher: Voucher


class RollbackBody(Body, frozen=True, kw_only=True):
    """Why a reward is given back. `customer` has to be whose card it is; nothing of them is
    changed."""

    reason: Annotated[str, Meta(max_length=1000)] | None = None
    tracking_id: str | None = None
    customer: CustomerBody | None = None
    order: dict[str, Json] | None = None
    metadata: dict[str, Json] | None = None
