"""Orders and events as v1 takes and shows them. Amounts are minor units of the currency."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

OrderStatus = Literal["CREATED", "PAID", "CANCELED", "FULFILLED"]

Key = Annotated[str, Meta(min_length=1, max_length=255)]
AMOUNT_MAX = 2**53 - 1
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]


class CustomerRef(Struct, frozen=True, kw_only=True):
    """A customer, by our id or by the shop's."""

    id: Key | None = None
    source_id: Key | None = None
    email: str | None = None
    name: str | None = None
    metadata: dict[str, Any] | None = None


class ItemBody(Struct, frozen=True, kw_only=True):
    """`price` is that of one; `amount` that of all of them."""

    product_id: str | None = None
    sku_id: str | None = None
    source_id: str | None = None
    quantity: Quantity = 1
    price: Amount | None = None
    amount: Amount | None = None


class OrderBody(Struct, frozen=True, kw_only=True):
    """What is not said of `amount` is the sum of the items. What else is given is not kept."""

    source_id: Key | None = None
    status: OrderStatus = "CREATED"
    amount: Amount | None = None
    discount_amount: Amount = 0
    items: list[ItemBody] | None = None
    customer: CustomerRef | None = None
    metadata: dict[str, Any] | None = None


class Customer(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str | None
    object: str = "customer"


class Order(Struct, frozen=True, kw_only=True):
    """An order as it stands. `total_amount` is after discounts."""

    id: str
    source_id: str | None
    status: OrderStatus
    amount: int
    initial_amount: int
    discount_amount: int
    total_discount_amount: int
    total_amount: int
    customer_id: str | None
    customer: Customer | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str | None
    object: str = "order"


class EventBody(Struct, frozen=True, kw_only=True):
    """A custom event: rules that are triggered by its name award their points."""

    event: Key
    customer: CustomerRef
    metadata: dict[str, Any] | None = None


class EventAnswer(Struct, frozen=True, kw_only=True):
    """What was taken on."""

    type: str
    customer: Customer
    object: str = "event"
    referral: None = None
    loyalty: None = None
