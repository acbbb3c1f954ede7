"""What the vendor's clients send and expect back, in the vendor's words."""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

A = TypeVar("A")
T = TypeVar("T")


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
Text = Annotated[str, Meta(min_length=1)]


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
