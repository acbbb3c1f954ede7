"""What Shopify's webhooks say, in Shopify's words; only what is read is named."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct


class Money(Struct):
    amount: Decimal
    currency_code: str


class MoneySet(Struct):
    """The same sum in the shop's currency and in the one the shopper saw."""

    shop_money: Money | None = None
    presentment_money: Money | None = None


class TaxLine(Struct):
    price: Decimal | None = None
    price_set: MoneySet | None = None


class DiscountAllocation(Struct):
    amount: Decimal | None = None
    amount_set: MoneySet | None = None


class LineItem(Struct):
    id: int | None = None
    quantity: int = 0
    price: Decimal | None = None
    price_set: MoneySet | None = None
    gift_card: bool = False
    total_discount: Decimal | None = None
    total_discount_set: MoneySet | None = None
    discount_allocations: list[DiscountAllocation] = []
    tax_lines: list[TaxLine] = []


class ShippingLine(Struct):
    price: Decimal | None = None
    price_set: MoneySet | None = None
    discount_allocations: list[DiscountAllocation] = []
    tax_lines: list[TaxLine] = []


class RefundLineItem(Struct):
    line_item_id: int | None = None
    subtotal: Decimal | None = None
    subtotal_set: MoneySet | None = None
    total_tax: Decimal | None = None
    total_tax_set: MoneySet | None = None
    line_item: LineItem | None = None


class OrderAdjustment(Struct):
    """A `shipping_refund` below zero was given back. A `refund_discrepancy` is what was not given
    back of the lines, or below zero what was given back beyond them."""

    kind: str | None = None
    amount: Decimal | None = None
    amount_set: MoneySet | None = None
    tax_amount: Decimal | None = None
    tax_amount_set: MoneySet | None = None


class RefundShippingLine(Struct):
    subtotal_amount_set: MoneySet | None = None
    tax_amount_set: MoneySet | None = None


class RefundTransaction(Struct):
    currency: str | None = None


class Refund(Struct):
    id: int
    order_id: int
    refund_line_items: list[RefundLineItem] = []
    order_adjustments: list[OrderAdjustment] = []
    refund_shipping_lines: list[RefundShippingLine] = []
    transactions: list[RefundTransaction] = []


class OrderCustomer(Struct):
    id: int | None = None
    email: str | None = None


class DiscountCode(Struct):
    code: str | None = None


class DiscountApplication(Struct):
    type: str | None = None
    code: str | None = None


class Order(Struct):
    id: int
    updated_at: datetime
    currency: str
    name: str | None = None
    email: str | None = None
    customer: OrderCustomer | None = None
    presentment_currency: str | None = None
    financial_status: str | None = None
    test: bool = False
    taxes_included: bool = False
    cancelled_at: datetime | None = None
    created_at: datetime | None = None
    processed_at: datetime | None = None
    line_items: list[LineItem] = []
    shipping_lines: list[ShippingLine] = []
    discount_codes: list[DiscountCode] = []
    discount_applications: list[DiscountApplication] = []
    refunds: list[Refund] = []


class Customer(Struct):
    id: int
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    updated_at: datetime | None = None


class PrivacyCustomer(Struct):
    id: int
    email: str | None = None


class DataRequest(Struct):
    id: int


class PrivacyRequest(Struct):
    """`customers/data_request` and `customers/redact`."""

    customer: PrivacyCustomer
    data_request: DataRequest | None = None


class ShopNamed(Struct):
    """What of a message names the shop it is about."""

    shop_domain: str | None = None
    myshopify_domain: str | None = None
