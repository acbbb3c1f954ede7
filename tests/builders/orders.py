"""Orders as Shopify's webhooks tell of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

PLACED = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)

Body = dict[str, Any]


def money(amount: str, currency: str = "GBP", shown: tuple[str, str] | None = None) -> Body:
    """Write a sum as a set: in the shop's currency, and in the one shown."""
    shown_amount, shown_currency = shown or (amount, currency)
    return {
        "shop_money": {"amount": amount, "currency_code": currency},
        "presentment_money": {"amount": shown_amount, "currency_code": shown_currency},
    }


def make_line(number: int, price: str, quantity: int = 1, **changes: Any) -> Body:
    line = {
        "id": 500 + number,
        "quantity": quantity,
        "price": price,
        "price_set": money(price),
        "gift_card": False,
        "total_discount": "0.00",
        "discount_allocations": [],
        "tax_lines": [],
    }
    return {**line, **changes}


def make_order(minute: int = 0, **changes: Any) -> Body:
    """Make order 7001 of customer 9001 over 100.00 of goods, as it stands after so many minutes."""
    order = {
        "id": 7001,
        "name": "#1001",
        "email": "anna@shop.example",
        "customer": {"id": 9001, "email": "anna@shop.example"},
        "currency": "GBP",
        "presentment_currency": "GBP",
        "financial_status": "pending",
        "test": False,
        "taxes_included": False,
        "cancelled_at": None,
        "processed_at": PLACED.isoformat(),
        "created_at": PLACED.isoformat(),
        "updated_at": (PLACED + timedelta(minutes=minute)).isoformat(),
        "line_items": [make_line(1, "60.00"), make_line(2, "20.00", 2)],
        "shipping_lines": [],
        "discount_codes": [],
        "discount_applications": [],
        "refunds": [],
    }
    return {**order, **changes}


def make_refund(number: int, amount: str, **changes: Any) -> Body:
    """Make a refund of order 7001 of so much of its goods."""
    refund = {
        "id": 800 + number,
        "order_id": 7001,
        "refund_line_items": [
            {
                "id": 1,
                "line_item_id": 501,
                "quantity": 1,
                "subtotal": amount,
                "subtotal_set": money(amount),
                "total_tax": "0.00",
                "total_tax_set": money("0.00"),
                "line_item": make_line(1, "60.00"),
            }
        ],
        "order_adjustments": [],
        "transactions": [],
    }
    return {**refund, **changes}
