"""Orders told twice, at once, or left half done; and whose shopper is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from guerdon.engine.booking import finish_orders
from guerdon.engine.erasing import erase_customer
from tests.builders.ledgers import ledgers
from tests.builders.lion import ServedLion, error_of
from tests.builders.lion_orders import (
    NOON_TEXT,
    Body,
    clock_of,
    figures,
    listed,
    order_body,
    pool_of,
    purchase,
    standing,
    tell,
    update,
)
from tests.builders.shop import make_reward, make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]
POINTS = 90


# -- told twice ------------------------------------------------------------------------------


async def test_second_telling_is_an_update(till: ServedLion) -> None:
    await tell(till, payment_status="not_paid", metadata={"source": "web"})
    clock_of(till).now += timedelta(hours=1)
    await tell(till, total="110.00", merchant_number="#7", customer_id="C-1")
    (order,) = await listed(till)
    assert (order["total"], order["merchant_number"]) == ("110.00", "#7")
    assert order["metadata"] == {"source": "web"}
    assert (order["created_at"], order["updated_at"]) == (NOON_TEXT, "2026-03-01T13:00:00.250Z")
    assert await figures(till) == (100, 0, 100)
    clock_of(till).now += timedelta(hours=1)
    await tell(till, total="110.00", merchant_number="#7")
    # Nothing new was told.
    assert await listed(till) == [order]
    # What was earned is decided once, and an order does not change hands.
    await tell(till, total="900.00", customer_id="C-2")
    assert await figures(till) == (100, 0, 100)
    (order,) = await listed(till)
    assert order["customer"]["merchant_id"] == "C-1"


async def test_update_that_says_nothing_new_changes_nothing(till: ServedLion) -> None:
    await tell(till)
    (before,) = await listed(till)
    clock_of(till).now += timedelta(hours=1)
    await update(till)
    assert await listed(till) == [before]


async def test_key_makes_a_repetition_the_same(till: ServedLion) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = await till.client.post("/v2/orders", json=order_body(), headers=headers)
    assert "idempotent-replayed" not in first.headers
    again = await till.client.post("/v2/orders", json=order_body(), headers=headers)
    assert (again.status_code, again.content) == (201, b'""')
    assert again.headers["idempotent-replayed"] == "true"
    other = await till.client.post(
        "/v2/orders",
        json=order_body(merchant_id="1002", customer_id="C-2"),
        headers=headers,
    )
    assert error_of(other)[:2] == (409, "idempotency_key_conflict")
    assert await pool_of(till).fetchval("SELECT count(*) FROM members") == 1
    assert len(await listed(till)) == 1
    key = {"Idempotency-Key": "update-1"}
    body = standing(cancellation_status="cancelled")
    assert (await till.client.put("/v2/orders/1001", json=body, headers=key)).status_code == 204
    again = await till.client.put("/v2/orders/1001", json=body, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (204, "true")
    assert await figures(till) == (0, 0, 0)


async def test_many_tellings_at_once_are_one_order(
    serve_shop: ServeLion, database_url: str
) -> None:
    served = await serve_shop(make_shop(rules=(purchase(), purchase(2, points=1000))))
    bodies = [order_body(), order_body(payment_status="not_paid")] * 6

    async def send(body: Body) -> int:
        return (await served.client.post("/v2/orders", json=body)).status_code

    async def put(number: int) -> int:
        body = standing(refund_status="partially_refunded", total_refunded=f"{number}.00")
        return (await served.client.put("/v2/orders/1001", json=body)).status_code

    assert await asyncio.gather(*map(send, bodies)) == [201] * 12
    await update(served)
    assert await figures(served) == (90_090, 0, 90_090)
    assert await asyncio.gather(*(put(number) for number in (10, 20, 30, 20, 10))) == [204] * 5
    assert await figures(served) == (63_063, 0, 63_063)
    assert await pool_of(served).fetchval("SELECT count(*) FROM orders") == 1
    assert await pool_of(served).fetchval("SELECT count(*) FROM members") == 1
    assert await pool_of(served).fetchval("SELECT count(*) FROM earnings") == 2
    assert await pool_of(served).fetchval("SELECT bool_or(is_open) FROM orders") is False
    async with ledgers(database_url, 1) as (other,):
        assert (await finish_orders(other, served.shop.id, 10)).done == 0


# -- left undone -----------------------------------------------------------------------------


async def test_what_was_left_undone_is_finished_by_the_worker(
    till: ServedLion, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("guerdon.engine.booking._finish", die)
        with pytest.raises(KeyboardInterrupt):
            await till.client.post("/v2/orders", json=order_body())
    assert await pool_of(till).fetchval("SELECT count(*) FROM members") == 0
    # Whoever wrote it down is given a while.
    assert (await finish_orders(till.ledger, till.shop.id, 10)).done == 0
    clock_of(till).now += timedelta(seconds=31)
    assert (await finish_orders(till.ledger, till.shop.id, 10)).done == 1
    assert await figures(till) == (POINTS, 0, POINTS)
    assert (await finish_orders(till.ledger, till.shop.id, 10)).done == 0
    (order,) = await listed(till)
    assert order["updated_at"] == NOON_TEXT


async def test_whom_is_forgotten_takes_their_orders_along(till: ServedLion) -> None:
    await tell(till)
    await tell(till, merchant_id="1002", customer_id="C-2")
    await tell(till, merchant_id="1003", guest=True, customer_id="g-1")
    await erase_customer(
        till.ledger, till.shop.id, "shopify", external_id="C-1", email="ana@shop.example"
    )
    assert [each["merchant_id"] for each in await listed(till)] == ["1002"]
    # What they earned stays in the books.
    assert await pool_of(till).fetchval("SELECT sum(points) FROM entries") == 3 * POINTS


async def test_a_code_for_two_orders_is_used_up_by_the_second(
    serve_shop: ServeLion,
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1, uses_max=2),)))
    await served.enrol("7001", points=500)
    body = {"reward_id": 1001}
    made = await served.client.post("/v2/customers/7001/claimed_rewards", json=body)
    claimed = made.json()["claimed_reward"]
    assert claimed["reward"]["usage_limit"] == 2
    code = claimed["redeemable"]["code"]

    async def told() -> tuple[str, int, int, bool]:
        path = f"/v2/customers/7001/claimed_rewards/{claimed['id']}"
        shown = (await served.client.get(path)).json()["claimed_reward"]
        held = shown["redeemable"]
        is_used = held["used_at"] is not None
        return shown["state"], held["usage_count"], held["usage_limit"], is_used

    assert await told() == ("approved", 0, 2, False)
    for number, times in ((1, 1), (1, 1), (2, 2), (3, 2)):
        order = order_body(
            merchant_id=f"U-{number}",
            customer_id="7001",
            discount_codes=[{"code": code, "amount": "10.00"}],
        )
        assert (await served.client.post("/v2/orders", json=order)).status_code == 201
        assert await told() == ("approved", times, 2, True)
