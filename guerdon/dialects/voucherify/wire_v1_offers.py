"""Campaigns, rewards and what of these belongs to a campaign, in the words of the older API."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_offers import Instant
from guerdon.dialects.voucherify.wire_v1 import POINTS_END, NoRules
from guerdon.dialects.voucherify.wire_v1_redemptions import RewardParameters, RewardType

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
Metadata = dict[str, Json]
Points = Annotated[int, Meta(ge=1, le=POINTS_END)]
Units = Annotated[int, Meta(ge=0, le=2**31 - 1)]


RoundingType = Literal[
    "END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR", "PARTICULAR_MONTH"
]


class CampaignOf(Body, frozen=True, kw_only=True):
    """`balance` is what a gift card is worth, in minor units, or how many points; `type` is the
    campaign's own and says nothing new."""

    id: str
    balance: Annotated[int, Meta(ge=0, le=POINTS_END)] | None = None
    type: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"] | None = None


class ProductOf(Body, frozen=True, kw_only=True):
    id: str
    sku_id: str | None = None


class ParametersBody(Body, frozen=True, kw_only=True):
    """One of these. Rewards that pay for orders, by `coin`, are refused."""

    campaign: CampaignOf | None = None
    product: ProductOf | None = None
    coin: dict[str, Json] | None = None


class AttributesBody(Body, frozen=True, kw_only=True):
    image_url: Text | None = None
    description: Text | None = None


class RewardBody(Body, frozen=True, kw_only=True):
    """A reward. `stock` is how many are left in the one campaign that has it."""

    name: Name
    parameters: ParametersBody
    stock: Units | None = None
    attributes: AttributesBody | None = None
    metadata: Metadata | None = None


class RewardChange(Body, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    parameters: ParametersBody | None | UnsetType = UNSET
    stock: Units | None | UnsetType = UNSET
    attributes: AttributesBody | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET


class Attributes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    image_url: str | None = None
    description: str | None = None


class Reward(Struct, frozen=True, kw_only=True):
    """`stock` is what there was from the beginning, `redeemed` what was taken of it."""

    id: str
    name: str
    stock: int | None
    redeemed: int | None
    attributes: Attributes
    metadata: Metadata
    type: RewardType
    parameters: RewardParameters
    created_at: str
    updated_at: str | None
    object: Literal["reward"] = "reward"


class LoyaltyTerms(Body, frozen=True, kw_only=True):
    """What a reward costs. `auto_redeem` would have it taken by itself, which nothing does here."""

    points: Points
    auto_redeem: bool | None = None


class AssignmentTerms(Body, frozen=True, kw_only=True):
    loyalty: LoyaltyTerms


class AssignmentBody(Body, frozen=True, kw_only=True):
    reward: str
    parameters: AssignmentTerms
    validation_rules: list[str] | None = None


class AssignmentChange(Body, frozen=True, kw_only=True):
    parameters: AssignmentTerms


class Loyalty(Struct, frozen=True, kw_only=True):
    points: int
    auto_redeem: bool = False


class AssignmentParameters(Struct, frozen=True, kw_only=True):
    loyalty: Loyalty


class Assignment(Struct, frozen=True, kw_only=True):
    """A reward as a campaign offers it."""

    id: str
    reward_id: str
    related_object_id: str
    related_object_type: Literal["campaign"] = "campaign"
    parameters: AssignmentParameters
    created_at: str
    updated_at: str | None
    object: Literal["reward_assignment"] = "reward_assignment"


class OfferedReward(Struct, frozen=True, kw_only=True):
    """A reward that a card can be spent on."""

    reward: Reward
    assignment: Assignment
    object: Literal["loyalty_reward"] = "loyalty_reward"


class CodeConfig(Body, frozen=True, kw_only=True):
    """The form of card codes: each # of the pattern is one of the charset."""

    length: Annotated[int, Meta(ge=1, le=64)] | None = None
    charset: Annotated[str, Meta(min_length=2, max_length=256)] | None = None
    prefix: Annotated[str, Meta(max_length=32)] | None = None
    postfix: Annotated[str, Meta(max_length=32)] | None = None
    pattern: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    initial_count: int | None = None


class ExpirationRules(Body, frozen=True, kw_only=True, omit_defaults=True):
    """When points expire: so many months after they were credited, rounded up to the end of a
    period; or on one day of every year."""

    period_type: Literal["MONTH", "FIXED_DAY_OF_YEAR"]
    period_value: Annotated[int, Meta(ge=1, le=120)] | None = None
    rounding_type: RoundingType | None = None
    rounding_value: Annotated[int, Meta(ge=1, le=12)] | None = None
    fixed_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    fixed_day: Annotated[int, Meta(ge=1, le=31)] | None = None


class CardTerms(Body, frozen=True, kw_only=True):
    """`points` would be given to every new card; more than none is refused."""

    points: Annotated[int, Meta(ge=0)] | None = None
    expiration_rules: ExpirationRules | None = None


class Redeemable(Body, frozen=True, kw_only=True):
    quantity: int | None = None


class CardForm(Body, frozen=True, kw_only=True):
    type: Literal["LOYALTY_CARD"]
    loyalty_card: CardTerms
    redemption: Redeemable | None = None
    code_config: CodeConfig | None = None


class CampaignBody(Body, frozen=True, kw_only=True):
    """A loyalty campaign. What is null, false or empty is as if it were not there; of the rest,
    what is not kept to here is refused."""

    name: Name
    campaign_type: Literal["LOYALTY_PROGRAM"] | None = None
    type: Literal["AUTO_UPDATE", "STATIC", "STANDALONE"] | None = None
    voucher: CardForm | None = None
    description: Text | None = None
    join_once: bool | None = None
    auto_join: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    vouchers_count: int | None = None
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    validity_timeframe: dict[str, Json] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Json] | None = None
    activity_duration_after_publishing: str | None = None
    category: str | None = None
    category_id: str | None = None
    access_settings: dict[str, Json] | None = None
    metadata: Metadata | None = None
    loyalty_tiers_expiration: dict[str, Json] | None = None


class CampaignChange(Body, frozen=True, kw_only=True):
    """What is not there stays; null clears."""

    description: Text | None | UnsetType = UNSET
    start_date: Instant | None | UnsetType = UNSET
    expiration_date: Instant | None | UnsetType = UNSET
    metadata: Metadata | None | UnsetType = UNSET
    unset_metadata_fields: list[str] | None = None
    type: Literal["AUTO_UPDATE", "STATIC"] | None = None
    join_once: bool | None = None
    auto_join: bool | None = None
    validity_timeframe: dict[str, Json] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Json] | None = None
    activity_duration_after_publishing: str | None = None
    category: str | None = None
    category_id: str | None = None
    access_settings: dict[str, Json] | None = None
    loyalty_tiers_expiration: dict[str, Json] | None = None
    options: dict[str, Json] | None = None


class CampaignCard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    points: int = 0
    expiration_rules: ExpirationRules | None = None


class CampaignVoucher(Struct, frozen=True, kw_only=True):
    """What every card of a campaign is."""

    type: Literal["LOYALTY_CARD"] = "LOYALTY_CARD"
    loyalty_card: CampaignCard
    redemption: Redeemable = Redeemable()
    code_config: CodeConfig


class Campaign(Struct, frozen=True, kw_only=True):
    """A program, as a loyalty campaign."""

    id: str
    name: str
    description: str | None
    campaign_type: Literal["LOYALTY_PROGRAM"] = "LOYALTY_PROGRAM"
    type: Literal["AUTO_UPDATE"] = "AUTO_UPDATE"
    voucher: CampaignVoucher
    auto_join: bool = False
    join_once: bool = True
    use_voucher_metadata_schema: bool = False
    validity_timeframe: None = None
    validity_day_of_week: None = None
    validity_hours: None = None
    activity_duration_after_publishing: None = None
    vouchers_count: int
    start_date: str | None
    expiration_date: str | None
    active: bool
    metadata: Metadata
    created_at: str | None
    updated_at: str | None
    category: None = None
    category_id: None = None
    categories: list[Json] = []
    creation_status: Literal["DONE"] = "DONE"
    vouchers_generation_status: Literal["DONE"] = "DONE"
    readonly: bool = False
    protected: bool = False
    object: Literal["campaign"] = "campaign"
    loyalty_tiers_expiration: None = None
    validation_rules_assignments: NoRules = NoRules()


class Campaigns(Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["campaigns"] = "campaigns"
    campaigns: list[Campaign]
    total: int


class CampaignGone(Struct, frozen=True, omit_defaults=True):
    """The answer to a campaign's end. It has come already, so the action is none to wait for."""

    async_action_id: str | None = None
