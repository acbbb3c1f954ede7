"""Orders, between the vendor's words and ours."""

import re
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from guerdon.dialects.loyaltylion import wire_orders
from guerdon.dialects.loyaltylion.errors import invalid
from guerdon.dialects.loyaltylion.translate_activities import customer_part
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_orders import Sum
from guerdon.domain.ids import RedemptionId
from guerdon.domain.money import minor_exponent
from guerdon.domain.stated_order import Placed, Standing
from guerdon.store.member_views import MemberView
from guerdon.store.orders import OrderRecord

_SUM = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


def minor_of(value: Sum, name: str, currency: str) -> int:
    """Read a sum in major units. What is finer than the currency is rounded, half up: shop systems
    write four places."""
    text = value.strip() if isinstance(value, str) else f"{Decimal(str(value)):f}"
    if not _SUM.fullmatch(text):
        raise invalid(name, 'expected decimal string such as "48.20", not below zero')
    scaled = Decimal(text).scaleb(minor_exponent(currency))
    return int(scaled.quantize(Decimal(1), ROUND_HALF_UP))


def minor_or_none(value: Sum | None, name: str, currency: str) -> int | None:
    return None if value is None else minor_of(value, name, currency)


def sum_to_wire(amount_minor: int, currency: str) -> str:
    """Write a sum in major units, with all places of its currency."""
    exponent = minor_exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"


def order_from_wire(body: wire_orders.OrderBody, currency: str) -> Placed:
    """Read what was ordered; `ordered_at` is left to who reads dates."""
    if body.payment_status == "partially_paid" and body.total_paid is None:
        raise invalid("total_paid", "required when payment_status is partially_paid")
    codes = body.discount_codes
    told = [codes] if isinstance(codes, wire_orders.DiscountCode) else codes or []
    amounts = [
        minor_of(each.amount, f"discount_codes[{index}].amount", currency)
        for index, each in enumerate(told)
        if each.amount is not None
    ]
    discounts = minor_or_none(body.total_discounts, "total_discounts", currency)
    number = body.number if body.merchant_number is None else body.merchant_number
    return Placed(
        number=None if number is None else str(number),
        currency=currency,
        total_minor=minor_of(body.total, "total", currency),
        shipping_minor=minor_of(body.total_shipping, "total_shipping", currency),
        tax_minor=minor_or_none(body.total_tax, "total_tax", currency) or 0,
        discounts_minor=sum(amounts) if discounts is None else discounts,
        codes=tuple(each.code for each in told),
        redemption_ids=tuple(RedemptionId(each) for each in body.claimed_reward_ids or ()),
        standing=Standing(
            payment=body.payment_status,
            paid_minor=minor_or_none(body.total_paid, "total_paid", currency),
        ),
    )


def standing_from_wire(body: wire_orders.OrderUpdateBody, currency: str) -> Standing:
    """Read how an order stands; where only a part was paid or refunded, the part must be said."""
    if body.payment_status == "partially_paid" and body.total_paid is None:
        raise invalid("total_paid", "required when payment_status is partially_paid")
    if body.refund_status == "partially_refunded" and body.total_refunded is None:
        raise invalid("total_refunded", "required when refund_status is partially_refunded")
    return Standing(
        payment=body.payment_status,
        paid_minor=minor_or_none(body.total_paid, "total_paid", currency),
        refund=body.refund_status,
        refunded_minor=minor_or_none(body.total_refunded, "total_refunded", currency),
        is_cancelled=body.cancellation_status == "cancelled",
    )


def order_to_wire(order: OrderRecord, customer: MemberView | None) -> wire_orders.Order:
    """Show an order in a list. `customer` is its member as they stand now; None for a guest.

    What of it was fulfilled is nowhere told."""
    stated, currency = order.stated, order.stated.currency
    return wire_orders.Order(
        id=order.id,
        merchant_id=order.order_key,
        merchant_number=stated.number,
        total=sum_to_wire(stated.total_minor, currency),
        total_tax=sum_to_wire(stated.tax_minor, currency),
        total_shipping=sum_to_wire(stated.shipping_minor, currency),
        total_discounts=sum_to_wire(stated.discounts_minor, currency),
        total_paid=sum_to_wire(stated.paid_minor, currency),
        total_refunded=sum_to_wire(stated.refunded_minor, currency),
        payment_status=stated.payment,
        fulfillment_status="not_fulfilled",
        refund_status=stated.refund,
        cancellation_status="cancelled" if stated.is_cancelled else "not_cancelled",
        metadata={} if order.metadata is None else msgspec.json.decode(order.metadata),
        created_at=stamp(order.created_at),
        updated_at=stamp(order.updated_at),
        customer=_customer(order, customer),
    )


def _customer(order: OrderRecord, customer: MemberView | None) -> wire_orders.OrderCustomer:
    if customer is None:
        return wire_orders.OrderCustomer(None, order.external_id, order.email, 0, 0, 0)
    return wire_orders.OrderCustomer(*msgspec.structs.astuple(customer_part(customer)))


def order_detail_to_wire(order: OrderRecord) -> wire_orders.OrderDetail:
    """Show an order by itself. Who took a payment is not told."""
    stated, currency = order.stated, order.stated.currency
    return wire_orders.OrderDetail(
        cancellation_status="cancelled" if stated.is_cancelled else "not_cancelled",
        merchant_id=order.order_key,
        payment_status=stated.payment,
        refund_status=stated.refund,
        total_paid=sum_to_wire(stated.paid_minor, currency),
        total_shipping=sum_to_wire(stated.shipping_minor, currency),
        total=sum_to_wire(stated.total_minor, currency),
        merchant_created_at=stamp(stated.ordered_at),
        merchant_updated_at=stamp(order.updated_at),
        payments=[
            wire_orders.Payment(sum_to_wire(each.amount_minor, currency), stamp(each.at), None)
            for each in stated.payments
        ],
        refunds=[
            wire_orders.OrderRefund(sum_to_wire(each.amount_minor, currency), stamp(each.at))
            for each in stated.refunds
        ],
    )
