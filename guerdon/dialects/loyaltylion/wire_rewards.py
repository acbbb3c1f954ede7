"""Rewards, what is claimed of them, and what the customer then holds.

What only newer documents of the vendor show is UNSET where just the first one's keys are wanted."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.loyaltylion.wire import Cursor

Money = int | float
State = Literal["approved", "declined", "expired", "pending", "void"]
SessionKind = Literal["custom", "cart", "checkout"]


class SessionPart(Struct, frozen=True):
    """The storefront's session that a claim belongs to."""

    kind: SessionKind
    token: Annotated[str, Meta(min_length=1, max_length=255)]


class ClaimBody(Struct, frozen=True, kw_only=True):
    """What to claim. `multiplier` is how many units at once; `variant_id` is needed for a product
    that is put into the cart."""

    reward_id: int
    multiplier: int | None = None
    variant_id: Annotated[str, Meta(max_length=255)] | int | None = None
    session: SessionPart | None = None
    attribution: Literal["redemption_notification"] | None = None
    shopify_action_id: Annotated[str, Meta(max_length=255)] | None = None


class TargetSite(Struct, frozen=True):
    id: int
    name: str
    url: str


class TargetCollection(Struct, frozen=True):
    id: int
    url: str | None
    restriction_text: str | None


class TargetProduct(Struct, frozen=True, kw_only=True):
    """`variant_id` null is any variant of the product."""

    id: int
    variant_id: int | None
    sku: str | None
    url: str | None
    image_url: str | None
    sort_key: int
    title: str
    inventory_count: None | UnsetType = UNSET
    handle: str | None | UnsetType = UNSET


class SessionOptions(Struct, frozen=True):
    kind: SessionKind
    session_limit: int


class ExpiryOptions(Struct, frozen=True):
    kind: Literal["does_not_expire", "expires_after"]
    seconds: int | None


class Reward(Struct, frozen=True, kw_only=True):
    """A reward of any kind. `point_cost` is for one unit. `recurring_cycle_limit` is there for
    kinds that a subscription can have."""

    id: int
    title: str
    description: str | None
    sort_key: int
    content: dict[str, str]
    point_cost: int
    method: Literal["voucher", "store_fulfilment", "gift_card"]
    discount_type: Literal["flat", "percentage", "custom"]
    discount_amount: Money | None
    minimum_spend: Money | None
    usage_limit: int
    min_redemption_amount: int
    max_redemption_amount: int
    max_free_shipping: Money | None
    site_id: int
    target_site: TargetSite
    order_type: Literal["all", "one_time", "subscription"]
    target_type: Literal["all", "collection", "custom", "product", "shipping"]
    target_collections: list[TargetCollection]
    target_products: list[TargetProduct]
    session_options: SessionOptions | None
    auto_refund_seconds: int | None
    expiry_options: ExpiryOptions
    redeemable_expiry_options: ExpiryOptions | None
    supported_channels: list[str] | UnsetType = UNSET
    kind: str
    recurring_cycle_limit: int | None | UnsetType = UNSET


class Fulfilment(Struct, frozen=True, kw_only=True, tag_field="redeemable_type", tag="fulfilment"):
    """What the shop itself hands over; it does not expire."""

    fulfilled: bool
    fulfilled_at: str | None
    expires_on: None = None


class Voucher(Struct, frozen=True, kw_only=True, tag_field="redeemable_type", tag="voucher"):
    """A code. `discount_amount` only where it is another one than the reward's."""

    code: str
    discount_amount: Money | None
    usage_count: int
    usage_limit: int
    used_at: str | None | UnsetType = UNSET
    expires_on: str | None


class ProductPart(Struct, frozen=True):
    id: int | None
    variant_id: int | None


class Product(Struct, frozen=True, kw_only=True, tag_field="redeemable_type", tag="product"):
    """A product in the cart; the context, a secret, is what makes its line free."""

    product: ProductPart
    used_at: str | None
    shopify_cart_line_item_context: str | UnsetType = UNSET
    subscription_details: None | UnsetType = UNSET
    expires_on: str | None


class GiftCard(Struct, frozen=True, kw_only=True, tag_field="redeemable_type", tag="gift_card"):
    """`code` is told once, in the answer to the claim."""

    code: str | UnsetType = UNSET
    last_characters: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    initial_value: Money | UnsetType = UNSET
    balance: Money
    expires_on: str | None


Redeemable = Fulfilment | Voucher | Product | GiftCard


class ClaimedReward(Struct, frozen=True, kw_only=True):
    """`point_cost` is what was charged for all units. `expires_at` is an older name of
    `auto_refund_at`."""

    id: int
    claimed_at: str
    point_cost: int
    redeemable: Redeemable
    reward: Reward
    state: State
    session: SessionPart | None
    auto_refund_at: str | None
    expires_at: str | None


class ClaimedRewardDocument(Struct, frozen=True):
    claimed_reward: ClaimedReward


class ClaimedRewards(Struct, frozen=True):
    claimed_rewards: list[ClaimedReward]
    cursor: Cursor


class RefundDocument(Struct, frozen=True):
    """`remote_resource_deleted`: the code that was handed out is good no longer."""

    claimed_reward: ClaimedReward
    remote_resource_deleted: bool


class AvailableRewards(Struct, frozen=True):
    rewards: list[Reward]


class SwitchedPart(Struct, frozen=True):
    id: int


class Switched(Struct, frozen=True):
    """`updated` is false where the reward was so already."""

    updated: bool
    reward: SwitchedPart
