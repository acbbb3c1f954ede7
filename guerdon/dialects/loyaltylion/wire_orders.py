"""Orders as shops tell of them, and as they are shown."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from guerdon.dialects.loyaltylion.wire import Cursor
from guerdon.dialects.loyaltylion.wire_activities import CustomerId, Text

# The vendor writes sums as decimal text; clients send numbers too.
Sum = str | int | float
PaymentStatus = Literal["not_paid", "partially_paid", "paid"]
RefundStatus = Literal["not_refunded", "partially_refunded", "refunded"]
CancellationStatus = Literal["cancelled", "not_cancelled"]
FulfillmentStatus = Literal["fulfilled", "partially_fulfilled", "not_fulfilled"]
PARTS_MAX = 100
Id = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class DiscountCode(Struct, frozen=True):
    code: Text
    amount: Sum | None = None


class OrderBody(Struct, frozen=True, kw_only=True):
    """`number` is another name of `merchant_number`. A single object is as good as a list of one
    in `discount_codes`. `ip_address`, `user_agent`, `referral_id` and `tracking_id` only serve to
    trace referrals: they are not kept."""

    merchant_id: Text | Annotated[int, Meta(ge=0)]
    customer_id: CustomerId
    total: Sum
    total_shipping: Sum
    payment_status: PaymentStatus
    customer_email: str | None = None
    total_paid: Sum | None = None
    total_tax: Sum | None = None
    total_discounts: Sum | None = None
    merchant_number: Text | int | None = None
    number: Text | int | None = None
    discount_codes: (
        Annotated[list[DiscountCode], Meta(max_length=PARTS_MAX)] | DiscountCode | None
    ) = None
    claimed_reward_ids: Annotated[list[Id], Meta(max_length=PARTS_MAX)] | None = None
    date: str | None = None
    guest: bool | None = None
    metadata: dict[str, Any] | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    referral_id: str | None = None
    tracking_id: str | None = None


class OrderUpdateBody(Struct, frozen=True, kw_only=True):
    """How the order stands. A sum must be said where only a part was paid or refunded."""

    payment_status: PaymentStatus
    refund_status: RefundStatus
    cancellation_status: CancellationStatus
    total_paid: Sum | None = None
    total_refunded: Sum | None = None


class AmountBody(Struct, frozen=True):
    amount: Sum


class OrderCustomer(Struct, frozen=True):
    """Whoever ordered. One who is no member has no id here."""

    id: int | None
    merchant_id: str
    email: str | None
    points_pending: int
    points_approved: int
    points_spent: int


class Order(Struct, frozen=True, kw_only=True):
    """An order in a list."""

    id: int
    merchant_id: str
    merchant_number: str | None
    total: str
    total_tax: str
    total_shipping: str
    total_discounts: str
    total_paid: str
    total_refunded: str
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    refund_status: RefundStatus
    cancellation_status: CancellationStatus
    metadata: dict[str, Any]
    created_at: str
    updated_at: str
    customer: OrderCustomer


class Payment(Struct, frozen=True):
    amount: str
    created_at: str
    gateway: str | None


class OrderRefund(Struct, frozen=True):
    amount: str
    created_at: str


class OrderDetail(Struct, frozen=True, kw_only=True):
    """An order by itself: without an id, as the vendor shows it."""

    cancellation_status: CancellationStatus
    merchant_id: str
    payment_status: PaymentStatus
    refund_status: RefundStatus
    total_paid: str
    total_shipping: str
    total: str
    merchant_created_at: str
    merchant_updated_at: str
    payments: list[Payment]
    refunds: list[OrderRefund]


class Orders(Struct, frozen=True):
    orders: list[Order]
    cursor: Cursor
