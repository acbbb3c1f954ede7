"""From Shopify's webhooks to what they tell us."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

import msgspec

from guerdon.adapters.shopify import wire_webhooks as wire
from guerdon.domain.incoming import (
    CustomerSeen,
    DisclosureAsked,
    ErasureAsked,
    Incoming,
    PlatformLeft,
    ShopErasureAsked,
)
from guerdon.domain.money import minor_exponent
from guerdon.domain.order import Amounts, OrderRefund, OrderSeen, RefundSeen
from guerdon.engine.ports import Unreadable

_PAID = ("paid", "partially_refunded", "refunded")
_NOTHING = Decimal(0)

_T = TypeVar("_T")
# Picks one currency's figure out of a plain one, which is the shop's, and a set.
_Pick = Callable[[Decimal | None, wire.MoneySet | None], Decimal]


class ShopifyReader:
    """Reads Shopify's messages."""

    def read(self, topic: str, body: bytes, received_at: datetime) -> Sequence[Incoming]:
        """Give what a message tells; topics that concern nobody here tell nothing."""
        read = _TOPICS.get(topic)
        if read is None:
            return ()
        try:
            return read(topic, body, received_at)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # The decoder's words name the place, never what stands there.
            raise Unreadable(str(error)) from error


def _decode(body: bytes, shape: type[_T]) -> _T:
    return msgspec.json.decode(body, type=shape, strict=False)


def _order(topic: str, body: bytes, received_at: datetime) -> Sequence[Incoming]:
    order = _decode(body, wire.Order)
    gift_line_ids = {line.id for line in order.line_items if line.gift_card}
    cancelled_at = order.cancelled_at
    if topic == "orders/cancelled" and cancelled_at is None:
        cancelled_at = received_at
    codes = [each.code for each in order.discount_codes]
    codes += [each.code for each in order.discount_applications if each.type == "discount_code"]
    customer = order.customer or wire.OrderCustomer()
    return (
        OrderSeen(
            order_key=str(order.id),
            number=order.name,
            external_id=str(customer.id) if customer.id is not None else None,
            email=order.email or customer.email,
            currency=order.currency,
            paid_currency=order.presentment_currency or order.currency,
            amounts=_by_currency(
                lambda pick: _ordered(order, pick), order.currency, order.presentment_currency
            ),
            is_paid=topic == "orders/paid" or order.financial_status in _PAID,
            is_refunded=order.financial_status == "refunded",
            is_test=order.test,
            is_tax_included=order.taxes_included,
            cancelled_at=_utc(cancelled_at) if cancelled_at else None,
            codes=tuple(sorted({code for code in codes if code})),
            refunds=tuple(
                _refunded(refund, gift_line_ids, order.currency, order.presentment_currency)
                for refund in order.refunds
            ),
            ordered_at=_utc(order.processed_at or order.created_at or order.updated_at),
            updated_at=_utc(order.updated_at),
        ),
    )


def _refund(_: str, body: bytes, __: datetime) -> Sequence[Incoming]:
    refund = _decode(body, wire.Refund)
    shop, shown = _currencies(refund)
    return (
        RefundSeen(order_key=str(refund.order_id), refund=_refunded(refund, set(), shop, shown)),
    )


def _currencies(refund: wire.Refund) -> tuple[str | None, str | None]:
    """Find the currencies of a refund, which only its sums name."""
    sets = [line.subtotal_set for line in refund.refund_line_items]
    sets += [each.amount_set for each in refund.order_adjustments]
    sets += [each.subtotal_amount_set for each in refund.refund_shipping_lines]
    for each in sets:
        if each is not None and each.shop_money is not None:
            shown = each.presentment_money
            return each.shop_money.currency_code, shown.currency_code if shown else None
    for transaction in refund.transactions:
        if transaction.currency is not None:
            return transaction.currency, None
    if refund.refund_line_items or refund.order_adjustments or refund.refund_shipping_lines:
        raise Unreadable("a refund names no currency")
    return None, None


def _refunded(
    refund: wire.Refund, gift_line_ids: set[int | None], shop: str | None, shown: str | None
) -> OrderRefund:
    amounts = (
        {}
        if shop is None
        else _by_currency(lambda pick: _given_back(refund, gift_line_ids, pick), shop, shown)
    )
    return OrderRefund(key=str(refund.id), amounts=amounts)


class _NotTold(Exception):
    """A sum is not told in the currency asked for."""


def _by_currency(
    add_up: Callable[[_Pick], tuple[Decimal, Decimal, Decimal, Decimal]],
    shop: str,
    shown: str | None,
) -> dict[str, Amounts]:
    """Add up in the shop's currency and, where every sum tells it, in the one shown."""
    found = {shop: _amounts(add_up(_shop_money), shop)}
    if shown is not None and shown != shop:
        with suppress(_NotTold):
            found[shown] = _amounts(add_up(_presentment_money), shown)
    return found


def _shop_money(plain: Decimal | None, both: wire.MoneySet | None) -> Decimal:
    if plain is not None:
        return plain
    return both.shop_money.amount if both is not None and both.shop_money else _NOTHING


def _presentment_money(plain: Decimal | None, both: wire.MoneySet | None) -> Decimal:
    if both is not None and both.presentment_money is not None:
        return both.presentment_money.amount
    if plain or (both is not None and both.shop_money and both.shop_money.amount):
        raise _NotTold
    return _NOTHING


def _amounts(sums: tuple[Decimal, Decimal, Decimal, Decimal], currency: str) -> Amounts:
    exponent = minor_exponent(currency)
    goods, goods_tax, shipping, shipping_tax = (
        int(each.scaleb(exponent).to_integral_value(ROUND_HALF_UP)) for each in sums
    )
    return Amounts(
        goods_minor=goods,
        goods_tax_minor=goods_tax,
        shipping_minor=shipping,
        shipping_tax_minor=shipping_tax,
    )


def _ordered(order: wire.Order, pick: _Pick) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Add up an order: goods, their tax, shipping, its tax."""
    goods = goods_tax = shipping = shipping_tax = _NOTHING
    for line in order.line_items:
        if line.gift_card:
            continue
        # The allocations hold the order's discounts too; without them there is the line's own.
        discount = (
            _allocated(line.discount_allocations, pick)
            if line.discount_allocations
            else pick(line.total_discount, line.total_discount_set)
        )
        goods += pick(line.price, line.price_set) * line.quantity - discount
        goods_tax += _taxed(line.tax_lines, pick)
    for each in order.shipping_lines:
        shipping += pick(each.price, each.price_set) - _allocated(each.discount_allocations, pick)
        shipping_tax += _taxed(each.tax_lines, pick)
    return goods, goods_tax, shipping, shipping_tax


def _allocated(allocations: Iterable[wire.DiscountAllocation], pick: _Pick) -> Decimal:
    return sum((pick(each.amount, each.amount_set) for each in allocations), _NOTHING)


def _taxed(lines: Iterable[wire.TaxLine], pick: _Pick) -> Decimal:
    return sum((pick(each.price, each.price_set) for each in lines), _NOTHING)


def _given_back(
    refund: wire.Refund, gift_line_ids: set[int | None], pick: _Pick
) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Add up a refund: goods, their tax, shipping, its tax."""
    goods = goods_tax = shipping = shipping_tax = _NOTHING
    for line in refund.refund_line_items:
        is_gift_card = line.line_item is not None and line.line_item.gift_card
        if is_gift_card or line.line_item_id in gift_line_ids:
            continue
        goods += pick(line.subtotal, line.subtotal_set)
        goods_tax += pick(line.total_tax, line.total_tax_set)
    has_shipping = False
    for each in refund.order_adjustments:
        amount = pick(each.amount, each.amount_set)
        tax = pick(each.tax_amount, each.tax_amount_set)
        if each.kind == "shipping_refund":
            has_shipping = True
            shipping -= amount
            shipping_tax -= tax
        else:
            goods -= amount
            goods_tax -= tax
    if not has_shipping:
        # Newer versions tell shipping by lines of its own.
        for back in refund.refund_shipping_lines:
            shipping += pick(None, back.subtotal_amount_set)
            shipping_tax += pick(None, back.tax_amount_set)
    return goods, goods_tax, shipping, shipping_tax


def _customer(topic: str, body: bytes, received_at: datetime) -> Sequence[Incoming]:
    customer = _decode(body, wire.Customer)
    return (
        CustomerSeen(
            external_id=str(customer.id),
            email=customer.email,
            first_name=customer.first_name,
            last_name=customer.last_name,
            is_new=topic == "customers/create",
            updated_at=_utc(customer.updated_at or received_at),
        ),
    )


def _data_request(_: str, body: bytes, __: datetime) -> Sequence[Incoming]:
    asked = _decode(body, wire.PrivacyRequest)
    customer_id = str(asked.customer.id)
    key = str(asked.data_request.id) if asked.data_request else f"customer {customer_id}"
    return (DisclosureAsked(external_id=customer_id, email=asked.customer.email, request_key=key),)


def _redact(_: str, body: bytes, __: datetime) -> Sequence[Incoming]:
    customer = _decode(body, wire.PrivacyRequest).customer
    return (ErasureAsked(external_id=str(customer.id), email=customer.email),)


def _uninstalled(_: str, __: bytes, ___: datetime) -> Sequence[Incoming]:
    return (PlatformLeft(),)


def _shop_redact(_: str, __: bytes, ___: datetime) -> Sequence[Incoming]:
    return (ShopErasureAsked(),)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_TOPICS: dict[str, Callable[[str, bytes, datetime], Sequence[Incoming]]] = {
    "orders/create": _order,
    "orders/paid": _order,
    "orders/updated": _order,
    "orders/cancelled": _order,
    "refunds/create": _refund,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/data_request": _data_request,
    "customers/redact": _redact,
    "shop/redact": _shop_redact,
    "app/uninstalled": _uninstalled,
}
