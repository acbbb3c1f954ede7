"""What a merchant offers: programs, tiers, rewards and the rules by which points are earned."""

import re
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field

from guerdon.domain.clock import Interval
from guerdon.domain.ids import (
    MerchantId,
    PointTypeId,
    ProgramId,
    RewardId,
    RewardVersionId,
    RuleId,
    TemplateId,
    TierId,
)
from guerdon.domain.point_terms import CodeForm, Delay, Expiry, SpendLimits
from guerdon.domain.redemption import SessionKind
from guerdon.domain.terms import Cost, OpenHours, Period

DrawOrder = Literal["fifo", "soonest_expiry"]
ProgramStatus = Literal["draft", "active", "inactive"]
RewardStatus = Literal["draft", "active", "inactive"]
PointTypeStatus = Literal["draft", "active", "archived"]
TierMatch = Literal["exact", "at_least"]
# What happens to points to be taken back that are not there: written down, or owed.
NegativeBalance = Literal["record", "allow"]
DiscountType = Literal["fixed_amount", "percentage", "free_shipping", "free_product"]
FulfilBy = Literal[
    "code",
    "pool",
    "manual",
    "shopify",
    "shopify_pool",
    "webhook",
    "gift_card",
    "store_credit",
    "points",
]
RewardKind = Literal[
    "active_subscription_discount",
    "active_subscription_product",
    "cart_discount",
    "cart_variable_discount",
    "checkout_redemption",
    "collection_discount",
    "custom",
    "free_shipping",
    "gift_card",
    "product_cart",
    "product_discount",
]
Trigger = Literal["order_paid", "signup", "custom", "birthday", "anniversary", "referral", "manual"]
# Who keeps an offer: the program file, or calls.
Origin = Literal["file", "api"]
Category = Literal[
    "purchase", "social", "engagement", "birthday", "anniversary", "signup", "referral"
]

# 32 characters, none of which is easily taken for another: 5 bits each.
SAFE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

_VARIANT = re.compile(r"[0-9]{1,18}", re.ASCII)


class Merchant(Struct, frozen=True, kw_only=True):
    id: MerchantId
    slug: str
    name: str
    timezone: str
    currency: str
    storefront_url: str | None = None


class Program(Struct, frozen=True, kw_only=True):
    """`restore_days`: how long points live that a refund gives back to a lot already expired;
    None forfeits them. `points_expiry_days` None: points never expire by age.

    With `inactive_days_max`, the points of a member who has not ordered for so long expire. The
    days are counted from the last order, from when the points were credited, and from
    `inactivity_counts_from`, when this was first wanted: whichever is the latest. Without `hours`
    it is open at any time. `metadata` is the shop's own JSON. A
    draft that has no points of any type yet has a `point_type_id` of 0."""

    id: ProgramId
    slug: str
    name: str
    status: ProgramStatus = "active"
    timezone: str = "UTC"
    point_type_id: PointTypeId = PointTypeId(0)
    draw_order: DrawOrder = "fifo"
    points_expiry_days: int | None = None
    inactive_days_max: int | None = None
    inactivity_counts_from: datetime | None = None
    restore_days: int | None = 30
    code_prefix: str = ""
    code_length: int = 10
    code_alphabet: str = SAFE_ALPHABET
    vip_tier_match: TierMatch = "exact"
    enrol_new_customers: bool = False
    negative_balance: NegativeBalance = "record"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    hours: tuple[OpenHours, ...] = ()
    further_point_type_ids: tuple[PointTypeId, ...] = ()
    origin: Origin = "file"
    metadata: str | None = None
    description: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    archived_at: datetime | None = None

    @property
    def point_type_ids(self) -> tuple[PointTypeId, ...]:
        """List the point types of which every member has a wallet, the default one first."""
        return (self.point_type_id, *self.further_point_type_ids)

    def idle_since(self, now: datetime) -> datetime | None:
        """Give since when at the latest a member must have been without an order for points to
        expire now; None where none can."""
        if self.inactive_days_max is None or self.inactivity_counts_from is None:
            return None
        since = now - timedelta(days=self.inactive_days_max)
        return since if self.inactivity_counts_from <= since else None


class PointType(Struct, frozen=True, kw_only=True):
    """`expiry` None leaves it to each program's `points_expiry_days`; `delay` None credits earned
    points at once, where the rule has no delay of its own. `exchange_ratio` is the decimal number
    of the currency's units that one point pays of an order; None: it pays none. A `code` None gives
    cards codes in our own form. `metadata` and `document` are JSON: the shop's own, and what a
    dialect keeps beside."""

    id: PointTypeId
    slug: str
    name: str
    status: PointTypeStatus = "active"
    expiry: Expiry | None = None
    delay: Delay | None = None
    spend_limits: SpendLimits = SpendLimits()
    exchange_ratio: str | None = None
    code: CodeForm | None = None
    origin: Origin = "file"
    metadata: str | None = None
    document: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Tier(Struct, frozen=True, kw_only=True):
    """`points_required` are lifetime points. A `multiplier_permille` of 1500 earns 1.5 times."""

    id: TierId
    program_id: ProgramId
    slug: str
    name: str
    points_required: int
    multiplier_permille: int = 1000
    description: str | None = None
    badge_image_url: str | None = None
    badge_color: str | None = None
    created_at: datetime
    updated_at: datetime


class Discount(Struct, frozen=True, kw_only=True):
    """`percent_hundredths` 1250 is 12.5 %. Amounts are minor units of the merchant's currency.

    `amount_minor` is also what a gift card or store credit is worth, and the price up to which a
    free product is free. `collection_ids`, `product_ids` and `variant_ids` are what is discounted;
    `buys_…` what must be bought for it. `recurring_cycles_max` bounds the orders of a subscription
    that are discounted; None is all of them."""

    type: DiscountType
    amount_minor: int | None = None
    percent_hundredths: int | None = None
    minimum_spend_minor: int | None = None
    shipping_max_minor: int | None = None
    collection_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    variant_ids: tuple[str, ...] = ()
    buys_collection_ids: tuple[str, ...] = ()
    buys_product_ids: tuple[str, ...] = ()
    buys_quantity: int = 1
    combines_with: tuple[str, ...] = ()
    applies_on_one_time: bool = True
    applies_on_subscription: bool = False
    recurring_cycles_max: int | None = None


class MemberLimit(Struct, frozen=True, kw_only=True):
    count: int
    interval: Interval


class SessionLimit(Struct, frozen=True, kw_only=True):
    """How often a reward may be taken in one session; `kind` is where that session is."""

    kind: SessionKind
    count: int


class TargetProduct(Struct, frozen=True, kw_only=True):
    """A product that a reward is for. Without `variant_ids` it is for all of its variants. Ids are
    numbers as text, as shop platforms have them."""

    product_id: str
    variant_ids: tuple[str, ...] = ()
    title: str | None = None
    sku: str | None = None
    handle: str | None = None
    url: str | None = None
    image_url: str | None = None


class TargetCollection(Struct, frozen=True, kw_only=True):
    """A collection that a reward is for; `restriction_text` tells the shopper so."""

    collection_id: str
    url: str | None = None
    restriction_text: str | None = None


class TierTerms(Struct, frozen=True, kw_only=True):
    """What is different about a reward for the members of one tier."""

    tier_id: TierId
    is_enabled: bool = True
    points_cost: int | None = None


class Reward(Struct, frozen=True, kw_only=True):
    """`stock` and `max_redemptions` count from the beginning, not what is left; the ledger keeps
    what was taken. `grant_on_entry` gives it once, for nothing, to a member entering `tier_id`.
    What it gives may be used in `uses_max` orders.
    A pool that is minted ahead gets `pool_refill` more codes once it is below `pool_low_water`.
    What is fulfilled by points credits `credit_points` for each unit to the member's wallet of the
    point type with the slug `credit_point_type`; None is the program's own. `position` counts from
    1 in the program's list. Without `countries`, two capitals each, it is for all of them.

    `costs` are tried in order, and the first whose condition the member meets is the price; without
    any it is `points_cost` of `point_type_id`, which else repeat the first. `cooldown` is how long
    one member waits for the next. `codes_from` is the reward whose pool gives the codes. What is
    not `is_refundable` is given back only by who insists. `template_id` is what it was made of."""

    id: RewardId
    version_id: RewardVersionId
    program_id: ProgramId
    slug: str
    name: str
    description: str | None = None
    kind: RewardKind = "cart_discount"
    points_cost: int
    point_type_id: PointTypeId = PointTypeId(0)
    discount: Discount | None = None
    expiry_days: int | None = None
    stock: int | None = None
    max_redemptions: int | None = None
    limit_per_member: MemberLimit | None = None
    tier_id: TierId | None = None
    grant_on_entry: bool = False
    units_min: int = 1
    units_max: int = 1
    auto_refund_seconds: int | None = None
    reenable_on_refund: bool = False
    uses_max: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: RewardStatus = "active"
    fulfil_by: FulfilBy = "code"
    pool_low_water: int = 50
    pool_refill: int = 250
    credit_points: int | None = None
    credit_point_type: str | None = None
    position: int = 1
    session_limit: SessionLimit | None = None
    products: tuple[TargetProduct, ...] = ()
    collections: tuple[TargetCollection, ...] = ()
    tier_terms: tuple[TierTerms, ...] = ()
    countries: tuple[str, ...] = ()
    content: dict[str, str] = field(default_factory=dict)
    costs: tuple[Cost, ...] = ()
    cooldown: Period | None = None
    hours: tuple[OpenHours, ...] = ()
    codes_from: RewardId | None = None
    is_refundable: bool = True
    template_id: TemplateId | None = None
    origin: Origin = "file"
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None

    @property
    def is_counted(self) -> bool:
        """Whether a redemption must lock the reward's counter before it may be granted."""
        return (
            self.stock is not None
            or self.max_redemptions is not None
            or self.session_limit is not None
            or self.is_pooled
        )

    @property
    def is_pooled(self) -> bool:
        return self.fulfil_by in ("pool", "shopify_pool")

    @property
    def pool_id(self) -> RewardId:
        """The reward whose pool gives the codes, and whose counter guards it."""
        return self.codes_from or self.id

    @property
    def needs_platform(self) -> bool:
        """Whether somebody outside makes it, before it is the member's."""
        return self.fulfil_by in ("shopify", "gift_card", "store_credit")

    @property
    def is_handed_over_later(self) -> bool:
        """Whether it is the member's at once, and people or the shop's endpoint hand it over."""
        return self.fulfil_by in ("manual", "webhook")

    def terms_for(self, tier_id: TierId | None) -> TierTerms | None:
        """Find what is different for members of a tier, if anything is."""
        for terms in self.tier_terms:
            if terms.tier_id == tier_id:
                return terms
        return None

    def points_cost_for(self, tier_id: TierId | None) -> int:
        """Give what one unit costs a member of a tier."""
        terms = self.terms_for(tier_id) if self.tier_terms else None
        return self.points_cost if terms is None or terms.points_cost is None else terms.points_cost

    def product_of(self, variant_id: str) -> TargetProduct | None:
        """Find the product that a variant is of, as far as the reward says: the one that names it,
        else one that is given with all its variants."""
        for product in self.products:
            if variant_id in product.variant_ids:
                return product
        return next((each for each in self.products if not each.variant_ids), None)

    def takes_variant(self, variant_id: str) -> bool:
        """Say whether the reward is for a variant. One that names no products is for any."""
        if not _VARIANT.fullmatch(variant_id):
            return False
        if self.products:
            return self.product_of(variant_id) is not None
        named = () if self.discount is None else self.discount.variant_ids
        return not named or variant_id in {each.rpartition("/")[2] for each in named}


class EarningRule(Struct, frozen=True, kw_only=True):
    """`points` are base points before multipliers: for one completion or, with `is_per_unit`, for
    each whole unit of money spent in the merchant's currency; `rates` says it for others.
    `every_minor` makes such a unit so many minor units instead. The points are of `point_type_id`,
    0 for the program's own.

    Money counts without tax and shipping, unless these are counted too."""

    id: RuleId
    program_id: ProgramId
    slug: str
    name: str
    trigger: Trigger
    category: Category
    action: str
    action_key: str | None = None
    points: int
    is_per_unit: bool = False
    rates: dict[str, int] = field(default_factory=dict)
    counts_shipping: bool = False
    counts_tax: bool = False
    is_once: bool = False
    approval_days: int = 0
    is_active: bool = True
    description: str | None = None
    customer_facing_label: str | None = None
    call_to_action_url: str | None = None
    point_type_id: PointTypeId = PointTypeId(0)
    every_minor: int | None = None
    template_id: TemplateId | None = None
    origin: Origin = "file"
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


class Catalogue(Struct, frozen=True, kw_only=True):
    """All of one merchant's offers at one `version`. Archived rewards and rules stay, for history.

    `tiers` holds each program's tiers in rising order of points."""

    version: int
    merchant: Merchant
    programs: dict[ProgramId, Program]
    point_types: dict[PointTypeId, PointType]
    tiers: dict[ProgramId, tuple[Tier, ...]]
    rewards: dict[RewardId, Reward]
    rules: dict[RuleId, EarningRule]

    def tier(self, program_id: ProgramId, tier_id: TierId | None) -> Tier | None:
        for tier in self.tiers.get(program_id, ()):
            if tier.id == tier_id:
                return tier
        return None

    def tier_for(self, program_id: ProgramId, points_lifetime: int) -> Tier | None:
        """Give the highest tier that these lifetime points reach."""
        reached = None
        for tier in self.tiers.get(program_id, ()):
            if tier.points_required <= points_lifetime:
                reached = tier
        return reached

    def is_open_to(self, reward: Reward, tier_id: TierId | None) -> bool:
        """Say whether a reward's own tier lets members of a tier have it."""
        if reward.tier_id is None or reward.tier_id == tier_id:
            return True
        if self.programs[reward.program_id].vip_tier_match == "exact":
            return False
        required = self.tier(reward.program_id, reward.tier_id)
        current = self.tier(reward.program_id, tier_id)
        return (
            required is not None
            and current is not None
            and current.points_required >= required.points_required
        )

    def grants(self, program_id: ProgramId, tier_id: TierId) -> list[Reward]:
        """List the active rewards that entering the tier gives for nothing."""
        return [
            reward
            for reward in self.rewards.values()
            if reward.grant_on_entry
            and reward.program_id == program_id
            and reward.tier_id == tier_id
            and reward.status == "active"
            and reward.archived_at is None
        ]
