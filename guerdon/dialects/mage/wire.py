"""What the vendor's clients send and expect back, in the vendor's words."""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

A = TypeVar("A")


class ErrorObject(Struct, frozen=True):
    status: str
    title: str
    detail: str


class ErrorDocument(Struct, frozen=True):
    errors: list[ErrorObject]


class Resource(Struct, Generic[A], frozen=True):
    """`id` is always a string."""

    type: str
    id: str
    attributes: A


class Document(Struct, Generic[A], frozen=True):
    data: Resource[A]


class PageMeta(Struct, frozen=True):
    total: int
    page: int
    per_page: int
    total_pages: int


class Collection(Struct, Generic[A], frozen=True):
    data: list[Resource[A]]
    meta: PageMeta


DiscountType = Literal["fixed_amount", "percentage", "free_shipping", "free_product"]


class PurchaseBody(Struct, frozen=True):
    customer_identifier: str


class RewardHistoryEntry(Struct, frozen=True):
    reward_id: str
    reward_name: str
    reward_discount_type: DiscountType
    points_spent: int
    discount_code: str | None
    status: Literal["active", "used", "expired"]
    is_refunded: bool
    discount_code_redeemed_at: str | None
    redeemed_at: str | None
    expires_at: str | None
    created_at: str
    updated_at: str


class Reward(Struct, frozen=True):
    name: str
    description: str | None
    discount_type: DiscountType
    reward_type: Literal["discount", "tier"]
    points_cost: int
    discount_amount: int | float | None
    minimum_spend: int | float | None
    is_active: bool
    max_redemptions: int | None
    expiry_days: int | None
    created_at: str
    updated_at: str


class VipTierPart(Struct, frozen=True):
    """A tier as it stands inside a customer."""

    id: str
    name: str
    points_required: int
    points_multiplier: int | float
    badge_image_url: str | None
    badge_color: str | None


class Customer(Struct, frozen=True):
    shopify_customer_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    current_points: int
    lifetime_points: int
    redeemed_points: int
    loyalty_status: Literal["member", "excluded"]
    date_of_birth: str | None
    referral_url: str
    referral_code: str
    vip_tier: VipTierPart | None
    points_expire_at: str | None
    created_at: str
    updated_at: str


class EnrolBody(Struct, frozen=True):
    """All but the first are ours: the vendor asks Shopify for them."""

    shopify_customer_id: Annotated[
        str, Meta(description="A Shopify customer ID: digits, or its GID")
    ]
    email: Annotated[str, Meta(max_length=254)] | None = None
    first_name: Annotated[str, Meta(max_length=255)] | None = None
    last_name: Annotated[str, Meta(max_length=255)] | None = None


class CustomerChange(Struct, frozen=True):
    date_of_birth: str | None | UnsetType = UNSET
    is_excluded: bool | UnsetType = UNSET
    anniversary_date: str | None | UnsetType = UNSET


class CustomerChangeData(Struct, frozen=True):
    attributes: CustomerChange


class CustomerChangeDocument(Struct, frozen=True):
    """The second of the two shapes that an update may have."""

    data: CustomerChangeData


class AdjustmentBody(Struct, frozen=True):
    adjustment: Annotated[int, Meta(extra_json_schema={"not": {"const": 0}})]
    note: Annotated[str, Meta(max_length=2000)] | None = None
    update_lifetime_points: bool = True
    send_email: bool = True


class PointsAdjustment(Struct, frozen=True):
    shopify_customer_id: str
    adjustment: int
    points_before: int
    points_after: int
    current_points: int
    note: str | None


class EarningHistoryEntry(Struct, frozen=True):
    """The full form, of lists."""

    earning_rule_id: str | None
    action: str
    points: int
    base_points: int
    points_multiplier: int | float
    status: Literal["pending", "approved", "rejected"]
    order_id: str | None
    order_number: str | None
    shopify_date: str | None
    points_due_at: str | None
    points_given_at: str | None
    points_expiry_at: str | None
    manual_intervention: bool
    created_at: str
    updated_at: str
