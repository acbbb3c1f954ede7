"""Orders told, listed, shown and refused, and what the clients of the vendor send."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_orders import (
    NOON_TEXT,
    Body,
    clock_of,
    figures,
    listed,
    member_id,
    order_body,
    pool_of,
    purchase,
    standing,
    tell,
    update,
)
from tests.builders.shop import make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]


# -- shown -----------------------------------------------------------------------------------


async def test_list_shows_all_that_was_told(till: ServedLion) -> None:
    await tell(
        till,
        merchant_number="#1001",
        total_tax="8.18",
        discount_codes=[{"code": "SPRING", "amount": "5.00"}],
        metadata={"shopify_source_name": "web"},
        date="2026-02-28T18:30:00+01:00",
    )
    response = await till.client.get("/v2/orders")
    (order,) = response.json()["orders"]
    order_id = order.pop("id")
    assert isinstance(order_id, int)
    assert order == {
        "merchant_id": "1001",
        "merchant_number": "#1001",
        "total": "100.00",
        "total_tax": "8.18",
        "total_shipping": "10.00",
        "total_discounts": "5.00",
        "total_paid": "100.00",
        "total_refunded": "0.00",
        "payment_status": "paid",
        "fulfillment_status": "not_fulfilled",
        "refund_status": "not_refunded",
        "cancellation_status": "not_cancelled",
        "metadata": {"shopify_source_name": "web"},
        "created_at": NOON_TEXT,
        "updated_at": NOON_TEXT,
        "customer": {
            "id": await member_id(till),
            "merchant_id": "C-1",
            "email": "ana@shop.example",
            "points_pending": 0,
            "points_approved": 81,
            "points_spent": 0,
        },
    }
    assert response.json()["cursor"] == {"prev": None, "next": None}


async def test_one_order_is_shown_in_another_shape(till: ServedLion) -> None:
    await tell(till, payment_status="not_paid", date="2026-02-28T18:30:00+01:00")
    clock = clock_of(till)
    clock.now += timedelta(minutes=1)
    await update(till, payment_status="partially_paid", total_paid="30.00")
    clock.now += timedelta(minutes=1)
    await update(till, payment_status="paid")
    clock.now += timedelta(minutes=1)
    await update(till, refund_status="partially_refunded", total_refunded="12.5")
    response = await till.client.get("/v2/orders/1001")
    assert response.status_code == 200
    assert response.json() == {
        "cancellation_status": "not_cancelled",
        "merchant_id": "1001",
        "payment_status": "paid",
        "refund_status": "partially_refunded",
        "total_paid": "100.00",
        "total_shipping": "10.00",
        "total": "100.00",
        "merchant_created_at": "2026-02-28T17:30:00.000Z",
        "merchant_updated_at": "2026-03-01T12:03:00.250Z",
        "payments": [
            {"amount": "30.00", "created_at": "2026-03-01T12:01:00.250Z", "gateway": None},
            {"amount": "70.00", "created_at": "2026-03-01T12:02:00.250Z", "gateway": None},
        ],
        "refunds": [{"amount": "12.50", "created_at": "2026-03-01T12:03:00.250Z"}],
    }


async def test_list_shows_the_least_that_can_be_told(till: ServedLion) -> None:
    body = order_body(payment_status="not_paid", customer_id=55)
    del body["customer_email"]
    assert (await till.client.post("/v2/orders", json=body)).status_code == 201
    (order,) = await listed(till)
    assert order["merchant_number"] is None
    assert (order["total_paid"], order["total_tax"], order["total_discounts"]) == ("0.00",) * 3
    assert order["metadata"] == {}
    assert order["customer"]["merchant_id"] == "55"
    assert order["customer"]["email"] is None


async def test_pages_and_filters(till: ServedLion) -> None:
    clock = clock_of(till)
    for number in range(5):
        await tell(till, merchant_id=f"10{number}")
        clock.now += timedelta(hours=1)
    await update(till, "101", cancellation_status="cancelled")

    async def names(**query: Any) -> list[str]:
        response = await till.client.get("/v2/orders", params=query)
        assert response.status_code == 200, response.text
        return [each["merchant_id"] for each in response.json()["orders"]]

    assert await names() == ["104", "103", "102", "101", "100"]
    assert await names(since_id=0, limit=2) == ["100", "101"]
    assert await names(page=2, limit=2) == ["102", "101"]
    assert await names(created_at_min="2026-03-01T14:00:00.250Z") == ["104", "103", "102"]
    # Both ends belong to a span.
    assert await names(created_at_max="2026-03-01T14:00:00.250Z") == ["102", "101", "100"]
    assert await names(updated_at_min="2026-03-01T16:30:00Z") == ["101"]
    assert await names(updated_at_max="2026-03-01T12:30:00Z") == ["100"]
    seen, query = [], {"limit": "2", "created_at_max": "2026-03-01T15:30:00Z"}
    while query:
        response = await till.client.get("/v2/orders", params=query)
        seen += [each["merchant_id"] for each in response.json()["orders"]]
        following = response.json()["cursor"]["next"]
        query = {"limit": "2", "cursor": following} if following else {}
    assert seen == ["103", "102", "101", "100"]
    first = (await till.client.get("/v2/orders", params={"since_id": 0, "limit": 1})).json()
    rest = await names(since_id=first["orders"][0]["id"])
    assert rest == ["101", "102", "103", "104"]
    wrong = await till.client.get("/v2/orders", params={"updated_at_min": "yesterday"})
    assert details_of(wrong) == {"updated_at_min": "expected ISO 8601 date and time"}


async def test_poller_misses_nothing_while_orders_come(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(purchase(),)))
    is_over = asyncio.Event()
    seen: list[str] = []

    async def poll() -> None:
        last = 0
        while True:
            ends = is_over.is_set()
            response = await served.client.get("/v2/orders", params={"since_id": last, "limit": 7})
            rows = response.json()["orders"]
            seen.extend(row["merchant_id"] for row in rows)
            last = rows[-1]["id"] if rows else last
            if ends and not rows:
                return

    async def write(writer: int) -> None:
        for number in range(8):
            await tell(served, merchant_id=f"{writer}-{number}", customer_id=f"C-{writer}")

    polling = asyncio.create_task(poll())
    await asyncio.gather(*(write(writer) for writer in range(6)))
    is_over.set()
    await polling
    told = [f"{writer}-{number}" for writer in range(6) for number in range(8)]
    assert sorted(seen) == sorted(told)


async def test_unknown_order_is_not_found(till: ServedLion) -> None:
    missing = (404, "not_found", "Order '9' not found")
    assert error_of(await till.client.get("/v2/orders/9")) == missing
    assert error_of(await till.client.put("/v2/orders/9", json=standing())) == missing
    assert await pool_of(till).fetchval("SELECT count(*) FROM orders") == 0


async def test_order_of_another_program_is_not_found(till: ServedLion) -> None:
    await tell(till)
    await pool_of(till).execute("UPDATE orders SET program_id = 99")
    assert (await till.client.get("/v2/orders/1001")).status_code == 404
    assert await listed(till) == []


async def test_order_ids_may_hold_anything(till: ServedLion) -> None:
    await tell(till, merchant_id="gid://shop/Order/7 ?#ä")
    path = "/v2/orders/gid%3A%2F%2Fshop%2FOrder%2F7%20%3F%23%C3%A4"
    assert (await till.client.get(path)).json()["merchant_id"] == "gid://shop/Order/7 ?#ä"
    await tell(till, merchant_id=77)
    assert (await till.client.get("/v2/orders/77")).json()["merchant_id"] == "77"


# -- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"total": None}, {"total": "expected integer or number or string, received null"}),
        (
            {"total": "1,000.00"},
            {"total": 'expected decimal string such as "48.20", not below zero'},
        ),
        ({"total": "-1"}, {"total": 'expected decimal string such as "48.20", not below zero'}),
        ({"total": 1e300}, {"total": 'expected decimal string such as "48.20", not below zero'}),
        (
            {"payment_status": "partially_paid"},
            {"total_paid": "required when payment_status is partially_paid"},
        ),
        ({"date": "soon"}, {"date": "expected ISO 8601 date and time"}),
        ({"customer_email": "ana"}, {"customer_email": "expected e-mail address"}),
        ({"metadata": {"a": "x" * 17_000}}, {"metadata": "must be at most 16384 bytes of JSON"}),
        (
            {"discount_codes": [{"code": "A", "amount": "-2"}]},
            {"discount_codes[0].amount": 'expected decimal string such as "48.20", not below zero'},
        ),
    ],
)
async def test_wrong_field_is_named(
    till: ServedLion, changes: Body, details: dict[str, str]
) -> None:
    response = await till.client.post("/v2/orders", json=order_body(**changes))
    assert details_of(response) == details
    assert await pool_of(till).fetchval("SELECT count(*) FROM orders") == 0
    assert await pool_of(till).fetchval("SELECT count(*) FROM members") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_status": "free"},
        {"merchant_id": ""},
        {"merchant_id": "x" * 256},
        {"customer_id": ""},
        {"customer_id": True},
        {"claimed_reward_ids": ["7"]},
        {"claimed_reward_ids": [0]},
        {"claimed_reward_ids": list(range(1, 102))},
        {"discount_codes": "SPRING"},
        {"discount_codes": {}},
        {"metadata": []},
        {"guest": "no"},
    ],
)
async def test_wrong_shape_names_its_field(till: ServedLion, changes: Body) -> None:
    response = await till.client.post("/v2/orders", json=order_body(**changes))
    assert [name.split(".")[0].split("[")[0] for name in details_of(response)] == list(changes)
    assert await pool_of(till).fetchval("SELECT count(*) FROM orders") == 0


async def test_missing_fields_are_all_named(till: ServedLion) -> None:
    response = await till.client.post("/v2/orders", json={})
    missing = ("merchant_id", "customer_id", "total", "total_shipping", "payment_status")
    assert details_of(response) == dict.fromkeys(missing, "required")
    await tell(till)
    response = await till.client.put("/v2/orders/1001", json={})
    statuses_told = ("payment_status", "refund_status", "cancellation_status")
    assert details_of(response) == dict.fromkeys(statuses_told, "required")


async def test_update_names_the_sum_it_needs(till: ServedLion) -> None:
    await tell(till)
    before = await listed(till)
    response = await till.client.put(
        "/v2/orders/1001", json=standing(refund_status="partially_refunded")
    )
    assert details_of(response) == {
        "total_refunded": "required when refund_status is partially_refunded"
    }
    response = await till.client.put(
        "/v2/orders/1001", json=standing(payment_status="partially_paid")
    )
    assert details_of(response) == {"total_paid": "required when payment_status is partially_paid"}
    assert await listed(till) == before


async def test_scopes(till: ServedLion) -> None:
    reader = await till.add_key("read_orders", "write_customers")
    response = await till.client.post("/v2/orders", json=order_body(), headers=reader)
    assert response.status_code == 403
    assert (await till.client.get("/v2/orders", headers=reader)).status_code == 200
    writer = await till.add_key("write_orders", token=f"pat_{'c3' * 16}")
    response = await till.client.post("/v2/orders", json=order_body(), headers=writer)
    assert response.status_code == 201


# -- what clients send -----------------------------------------------------------------------


async def test_magento_sends_one_code_and_four_places(till: ServedLion) -> None:
    body = {
        "merchant_id": "100000123",
        "number": "100000123",
        "customer_id": "17",
        "customer_email": "Maja@Shop.example",
        "total": "54.5000",
        "total_shipping": "4.9950",
        "payment_status": "not_paid",
        "guest": False,
        "discount_codes": {"code": "SPRING", "amount": "2.5000"},
        "metadata": {"$magento_version": "2.4.7", "$magento_module_version": "1.5.0"},
        "ip_address": "192.0.2.4",
        "user_agent": "Browser",
        "tracking_id": None,
        "referral_id": None,
    }
    response = await till.client.post("/v2/orders", json=body, headers=basic())
    assert (response.status_code, response.content) == (201, b'""')
    (order,) = await listed(till)
    assert order["merchant_number"] == "100000123"
    assert (order["total"], order["total_shipping"]) == ("54.50", "5.00")
    assert order["total_discounts"] == "2.50"
    assert order["metadata"] == body["metadata"]
    assert order["customer"]["email"] == "maja@shop.example"
    update_body = standing(total_paid="54.5000", total_refunded=0)
    response = await till.client.put("/v2/orders/100000123", json=update_body, headers=basic())
    assert response.status_code == 204
    assert await figures(till, "17") == (49, 0, 49)


async def test_ruby_and_php_send_numbers_and_lists(till: ServedLion) -> None:
    body = order_body(
        merchant_id=1001,
        customer_id=17,
        total=48.2,
        total_shipping=3,
        discount_codes=[],
        claimed_reward_ids=[],
        date="2026-03-01T10:00:00Z",
    )
    response = await till.client.post("/v2/orders", json=body, headers=basic())
    assert (response.status_code, response.content) == (201, b'""')
    (order,) = await listed(till)
    assert (order["total"], order["total_shipping"]) == ("48.20", "3.00")
    assert await figures(till, "17") == (45, 0, 45)


async def test_currency_without_cents(serve_shop: ServeLion) -> None:
    shop = make_shop(rules=(purchase(),))
    served = await serve_shop(shop)
    await pool_of(served).execute("UPDATE merchants SET currency = 'JPY'")
    await pool_of(served).execute("UPDATE sequences SET catalogue_version = catalogue_version + 1")
    await served.ledger.catalogues.refresh(shop.id)
    await tell(served, total="5400", total_shipping="400")
    (order,) = await listed(served)
    assert (order["total"], order["total_paid"]) == ("5400", "5400")
    assert await figures(served) == (5000, 0, 5000)
