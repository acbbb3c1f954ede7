"""The older calls of the vendor's own clients about orders, one for each thing that happened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_orders import Body, Clock, figures, listed, order_body, purchase, tell
from tests.builders.shop import make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]


@pytest.fixture
async def till(serve_shop: ServeLion) -> ServedLion:
    """A shop with order 1001 over 100.00, not paid; it gives ten points for each pound."""
    rule = purchase(points=10, counts_shipping=True)
    served = await serve_shop(make_shop(rules=(rule,)), now=Clock())
    await tell(served, payment_status="not_paid")
    return served


async def stands(served: ServedLion) -> tuple[str, str, str, str, str]:
    (order,) = await listed(served)
    return (
        order["payment_status"],
        order["total_paid"],
        order["refund_status"],
        order["total_refunded"],
        order["cancellation_status"],
    )


async def put(served: ServedLion, what: str, **more: Any) -> None:
    response = await served.client.put(f"/v2/orders/1001/{what}", headers=basic(), **more)
    assert (response.status_code, response.content) == (204, b"")


async def post(served: ServedLion, what: str, amount: object) -> None:
    response = await served.client.post(
        f"/v2/orders/1001/{what}", json={"amount": amount}, headers=basic()
    )
    assert (response.status_code, response.content) == (201, b'""')


async def test_paid_then_refunded(till: ServedLion) -> None:
    await put(till, "paid")
    assert await stands(till) == ("paid", "100.00", "not_refunded", "0.00", "not_cancelled")
    assert await figures(till) == (1000, 0, 1000)
    await put(till, "refunded")
    assert await stands(till) == ("paid", "100.00", "refunded", "100.00", "not_cancelled")
    assert await figures(till) == (0, 0, 0)


async def test_paid_then_cancelled(till: ServedLion) -> None:
    await put(till, "paid")
    await put(till, "cancelled")
    assert await stands(till) == ("paid", "100.00", "not_refunded", "0.00", "cancelled")
    assert await figures(till) == (0, 0, 0)


@pytest.mark.parametrize("what", ["cancelled", "paid", "refunded"])
async def test_twice_is_once(till: ServedLion, what: str) -> None:
    await put(till, "paid")
    await put(till, what)
    before = await stands(till), await figures(till)
    await put(till, what)
    assert (await stands(till), await figures(till)) == before


async def test_whatever_body_comes_along_says_nothing(till: ServedLion) -> None:
    await put(till, "paid", content=b"[]")
    await put(till, "cancelled", content=b"null")
    await put(till, "refunded", json={"amount": "3.00"})
    assert await stands(till) == ("paid", "100.00", "refunded", "100.00", "cancelled")


async def test_payments_add_up(till: ServedLion) -> None:
    await post(till, "payments", "40.00")
    assert await stands(till) == (
        "partially_paid",
        "40.00",
        "not_refunded",
        "0.00",
        "not_cancelled",
    )
    assert await figures(till) == (0, 0, 0)
    await post(till, "payments", 60)
    assert (await stands(till))[:2] == ("paid", "100.00")
    assert await figures(till) == (1000, 0, 1000)
    detail = (await till.client.get("/v2/orders/1001")).json()
    assert [each["amount"] for each in detail["payments"]] == ["40.00", "60.00"]


async def test_refunds_add_up(till: ServedLion) -> None:
    await put(till, "paid")
    await post(till, "refunds", "25.0000")
    assert (await stands(till))[2:4] == ("partially_refunded", "25.00")
    assert await figures(till) == (750, 0, 750)
    await post(till, "refunds", "25.00")
    assert await figures(till) == (500, 0, 500)
    await post(till, "refunds", "50.00")
    assert (await stands(till))[2:4] == ("refunded", "100.00")
    assert await figures(till) == (0, 0, 0)
    detail = (await till.client.get("/v2/orders/1001")).json()
    assert [each["amount"] for each in detail["refunds"]] == ["25.00", "25.00", "50.00"]


async def test_refunds_at_once_all_count(till: ServedLion) -> None:
    await put(till, "paid")
    await asyncio.gather(*(post(till, "refunds", "7.00") for _ in range(8)))
    assert (await stands(till))[2:4] == ("partially_refunded", "56.00")
    assert await figures(till) == (440, 0, 440)


async def test_key_keeps_a_refund_from_counting_twice(till: ServedLion) -> None:
    await put(till, "paid")
    headers = {"Idempotency-Key": "refund-1"}
    for replays in (False, True, True):
        response = await till.client.post(
            "/v2/orders/1001/refunds", json={"amount": "25.00"}, headers=headers
        )
        assert (response.status_code, response.content) == (201, b'""')
        assert ("idempotent-replayed" in response.headers) is replays
    assert await figures(till) == (750, 0, 750)
    for changed in ({"amount": "26.00"}, {"amount": "25.00", "x": 1}):
        response = await till.client.post("/v2/orders/1001/refunds", json=changed, headers=headers)
        assert error_of(response)[:2] == (409, "idempotency_key_conflict")
    response = await till.client.post(
        "/v2/orders/1001/payments", json={"amount": "25.00"}, headers=headers
    )
    assert error_of(response)[:2] == (409, "idempotency_key_conflict")
    assert await figures(till) == (750, 0, 750)


@pytest.mark.parametrize("what", ["cancelled", "paid", "refunded"])
async def test_unknown_order(till: ServedLion, what: str) -> None:
    response = await till.client.put(f"/v2/orders/9/{what}")
    assert error_of(response) == (404, "not_found", "Order '9' not found")


@pytest.mark.parametrize("what", ["payments", "refunds"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "required"),
        ({"amount": "0.00"}, "must be more than zero"),
        ({"amount": "-5"}, 'expected decimal string such as "48.20", not below zero'),
        ({"amount": "all"}, 'expected decimal string such as "48.20", not below zero'),
        ({"amount": []}, "expected integer or number or string, received array"),
    ],
)
async def test_amount_is_needed(till: ServedLion, what: str, body: Body, said: str) -> None:
    await put(till, "paid")
    response = await till.client.post(f"/v2/orders/1001/{what}", json=body)
    assert details_of(response) == {"amount": said}
    assert (await stands(till))[1:4] == ("100.00", "not_refunded", "0.00")
    missing = await till.client.post("/v2/orders/9/refunds", json={"amount": "1.00"})
    assert error_of(missing) == (404, "not_found", "Order '9' not found")


async def test_only_who_may_write_orders(till: ServedLion) -> None:
    headers = await till.add_key("read_orders", "write_customers")
    for what in ("cancelled", "paid", "refunded"):
        response = await till.client.put(f"/v2/orders/1001/{what}", headers=headers)
        assert response.status_code == 403
    for what in ("payments", "refunds"):
        response = await till.client.post(
            f"/v2/orders/1001/{what}", json=order_body(), headers=headers
        )
        assert response.status_code == 403
    assert await stands(till) == ("not_paid", "0.00", "not_refunded", "0.00", "not_cancelled")
