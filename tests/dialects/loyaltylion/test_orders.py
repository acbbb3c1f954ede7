"""Orders: told, told again, listed and shown; and what the ledger makes of them."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from guerdon.domain.command import ChangeMember, Redeem
from guerdon.domain.ids import RewardId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from guerdon.engine.booking import finish_orders
from guerdon.engine.erasing import erase_customer
from tests.builders.ledgers import ledgers, redemption_of
from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_orders import (
    NOON_TEXT,
    Body,
    Clock,
    figures,
    listed,
    order_body,
    pool_of,
    purchase,
    standing,
    states,
    tell,
    update,
)
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop

ServeLion = Callable[..., Awaitable[ServedLion]]
POINTS = 90


@pytest.fixture
async def till(serve_shop: ServeLion) -> ServedLion:
    """A shop that gives a point for each pound of goods at once; time stands still."""
    return await serve_shop(make_shop(rules=(purchase(),)), now=Clock())


def clock_of(served: ServedLion) -> Clock:
    clock = served.ledger.runtime.now
    assert isinstance(clock, Clock)
    return clock


async def member_id(served: ServedLion, customer: str = "C-1") -> int:
    found: int = await pool_of(served).fetchval(
        "SELECT id FROM members WHERE external_id = $1", customer
    )
    return found


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


# -- earned and given back -------------------------------------------------------------------


async def test_unpaid_order_makes_a_member_and_earns_nothing(serve_shop: ServeLion) -> None:
    signup = make_rule(2, trigger="signup", category="signup", action_key=None, points=25)
    served = await serve_shop(make_shop(rules=(purchase(), signup)))
    for status in ("not_paid", "partially_paid"):
        await tell(served, payment_status=status, total_paid="40.00")
        assert await figures(served) == (25, 0, 25)
    await update(served)
    assert await figures(served) == (25 + POINTS, 0, 25 + POINTS)


async def test_order_of_long_ago_earns_when_it_is_told(till: ServedLion) -> None:
    await tell(till, date="2025-12-24T18:00:00Z")
    assert await figures(till) == (POINTS, 0, POINTS)


async def test_shipping_and_tax_count_where_the_rule_counts_them(serve_shop: ServeLion) -> None:
    rules = (
        purchase(1, counts_tax=True),
        purchase(2, points=1000, counts_tax=True, counts_shipping=True),
        purchase(3, points=1_000_000),
        purchase(4, points=7_000_000_000, is_per_unit=False),
    )
    served = await serve_shop(make_shop(rules=rules))
    await tell(served, total_tax="15.00")
    points = 7_000_000_000 + 75_000_000 + 100_000 + 90
    assert await figures(served) == (points, 0, points)


async def test_approval_days_keep_points_pending(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(purchase(approval_days=14),)), now=Clock())
    await tell(served)
    assert await figures(served) == (0, POINTS, 0)
    assert await states(served) == [("pending", POINTS)]
    await update(served, refund_status="partially_refunded", total_refunded="30.00")
    assert await figures(served) == (0, 63, 0)
    await update(served, refund_status="refunded")
    assert await figures(served) == (0, 0, 0)
    assert [state for state, _ in await states(served)] == ["declined"]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"refund_status": "partially_refunded", "total_refunded": "25.00"}, 67),
        ({"refund_status": "partially_refunded", "total_refunded": 100}, 0),
        ({"refund_status": "partially_refunded", "total_refunded": "250.00"}, 0),
        ({"refund_status": "refunded"}, 0),
        ({"refund_status": "refunded", "total_refunded": "90.00"}, 0),
        ({"cancellation_status": "cancelled"}, 0),
        ({"refund_status": "not_refunded", "total_refunded": "25.00"}, POINTS),
        ({"payment_status": "not_paid"}, POINTS),
    ],
)
async def test_what_is_given_back_is_taken_back(till: ServedLion, changes: Body, left: int) -> None:
    await tell(till)
    await update(till, **changes)
    assert await figures(till) == (left, 0, left)
    await update(till, **changes)
    assert await figures(till) == (left, 0, left)
    (order,) = await listed(till)
    for name in ("refund_status", "cancellation_status", "payment_status"):
        assert order[name] == standing(**changes)[name]
    # A status is believed before a sum.
    if changes.get("refund_status") == "not_refunded":
        assert order["total_refunded"] == "0.00"
    state = "void" if left == 0 else "approved"
    assert await states(till) == [(state, POINTS)]


@pytest.mark.parametrize("approval_days", [0, 3])
async def test_updates_in_any_order_end_alike(serve_shop: ServeLion, approval_days: int) -> None:
    last = {"refund_status": "partially_refunded", "total_refunded": "60.00"}
    told: list[Body] = [
        {"payment_status": "not_paid"},
        {"payment_status": "partially_paid", "total_paid": "40.00"},
        {},
        {"refund_status": "partially_refunded", "total_refunded": "20.00"},
    ]
    served = await serve_shop(make_shop(rules=(purchase(approval_days=approval_days),)))
    for number, order in enumerate(itertools.permutations(told)):
        await tell(
            served, merchant_id=str(number), customer_id=str(number), payment_status="not_paid"
        )
        for each in (*order, last):
            await update(served, str(number), **each)
    rows = await pool_of(served).fetch("SELECT points_available, points_pending FROM wallets")
    assert {tuple(row) for row in rows} == {(0, 36) if approval_days else (36, 0)}
    orders = (await served.client.get("/v2/orders", params={"limit": 500})).json()["orders"]
    assert len(orders) == 24
    assert {(each["total_paid"], each["total_refunded"]) for each in orders} == {
        ("100.00", "60.00")
    }
    await figures(served, "0")


async def test_what_was_taken_back_stays_taken_back(till: ServedLion) -> None:
    await tell(till)
    await update(till, refund_status="partially_refunded", total_refunded="50.00")
    await update(till)
    (order,) = await listed(till)
    assert (order["refund_status"], order["total_refunded"]) == ("not_refunded", "0.00")
    detail = (await till.client.get("/v2/orders/1001")).json()
    assert detail["refunds"] == []
    assert await figures(till) == (45, 0, 45)
    await update(till, refund_status="partially_refunded", total_refunded="60.00")
    assert await figures(till) == (36, 0, 36)


async def test_order_told_cancelled_first_earns_once_it_stands(till: ServedLion) -> None:
    await tell(till, payment_status="not_paid")
    await update(till, cancellation_status="cancelled")
    assert await figures(till) == (0, 0, 0)
    await update(till)
    assert await figures(till) == (POINTS, 0, POINTS)


async def test_spent_points_cannot_be_taken_back(till: ServedLion) -> None:
    await tell(till, total="210.00")
    redeem = Redeem(
        program_id=PROGRAM, member=MemberRef(external_id="C-1"), reward_id=RewardId(1001)
    )
    redemption_of(await till.ledger.submit(till.shop.id, redeem))
    await update(till, refund_status="refunded")
    assert await figures(till) == (0, 0, 0)
    owed = await pool_of(till).fetchval(
        "SELECT points - asked_points FROM entries WHERE kind = 'reversed'"
    )
    assert owed == 100


async def test_blocked_customer_earns_nothing(till: ServedLion) -> None:
    ref = await till.enrol()
    await till.ledger.submit(
        till.shop.id, ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    )
    await tell(till)
    assert await figures(till) == (0, 0, 0)
    assert len(await listed(till)) == 1


async def test_program_that_is_off_keeps_the_order(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(purchase(),), status="inactive"))
    await tell(served)
    (order,) = await listed(served)
    assert order["customer"] == {
        "id": None,
        "merchant_id": "C-1",
        "email": "ana@shop.example",
        "points_pending": 0,
        "points_approved": 0,
        "points_spent": 0,
    }
    assert await pool_of(served).fetchval("SELECT count(*) FROM members") == 0
    assert await pool_of(served).fetchval("SELECT bool_or(is_open) FROM orders") is False


# -- guests ----------------------------------------------------------------------------------


async def test_guest_is_kept_and_becomes_no_member(till: ServedLion) -> None:
    await tell(till, guest=True)
    (order,) = await listed(till)
    assert order["customer"]["id"] is None
    assert await pool_of(till).fetchval("SELECT count(*) FROM members") == 0
    # The same shopper with an account, told by the same order.
    await tell(till, guest=False)
    assert await figures(till) == (POINTS, 0, POINTS)
    (order,) = await listed(till)
    assert order["customer"]["id"] == await member_id(till)


async def test_guest_with_a_members_address_is_that_member(till: ServedLion) -> None:
    await till.enrol("C-7", "ana@shop.example")
    await tell(till, guest=True, customer_email="ANA@shop.example", customer_id="guest-1")
    assert await figures(till, "C-7") == (POINTS, 0, POINTS)
    (order,) = await listed(till)
    assert order["customer"]["merchant_id"] == "C-7"


async def test_address_alone_makes_nobody_else_of_a_customer(till: ServedLion) -> None:
    await till.enrol("C-7", "ana@shop.example")
    await tell(till)
    assert await figures(till, "C-7") == (0, 0, 0)
    assert await figures(till, "C-1") == (POINTS, 0, POINTS)


# -- used rewards ----------------------------------------------------------------------------


async def claim(served: ServedLion) -> Redemption:
    ref = MemberRef(external_id="C-1")
    redeem = Redeem(program_id=PROGRAM, member=ref, reward_id=RewardId(1001))
    return redemption_of(await served.ledger.submit(served.shop.id, redeem))


async def statuses(served: ServedLion) -> list[str]:
    rows = await pool_of(served).fetch("SELECT status FROM redemptions ORDER BY id")
    return [row[0] for row in rows]


@pytest.fixture
async def desk(serve_shop: ServeLion) -> ServedLion:
    """A shop whose member C-1 has 500 points; its reward may be used again after a return."""
    reward = make_reward(1, reenable_on_refund=True)
    served = await serve_shop(make_shop(rewards=(reward,)), now=Clock())
    await served.enrol(points=500)
    return served


async def test_codes_and_ids_mark_rewards_used(desk: ServedLion) -> None:
    claimed = [await claim(desk) for _ in range(4)]
    codes = [str(each.code) for each in claimed]
    await tell(
        desk,
        payment_status="not_paid",
        discount_codes=[{"code": codes[0].lower(), "amount": "10.00"}, {"code": "OTHER"}],
        claimed_reward_ids=[claimed[1].id, 4],
        date="2026-02-28T10:00:00Z",
    )
    assert await statuses(desk) == ["used", "used", "approved", "approved"]
    used_at = await pool_of(desk).fetchval("SELECT max(used_at) FROM redemptions")
    assert used_at.isoformat() == "2026-02-28T10:00:00+00:00"
    await tell(desk, merchant_id="1002", discount_codes={"code": codes[2]})
    assert await statuses(desk) == ["used", "used", "used", "approved"]


async def test_returned_order_gives_its_rewards_back_once(desk: ServedLion) -> None:
    redemption = await claim(desk)
    await tell(desk, discount_codes={"code": redemption.code})
    await update(desk, cancellation_status="cancelled")
    assert await statuses(desk) == ["approved"]
    await tell(desk, merchant_id="1002", claimed_reward_ids=[redemption.id])
    assert await statuses(desk) == ["used"]
    # Telling of the first order again is no news of the second.
    await update(desk, cancellation_status="cancelled", refund_status="refunded")
    await tell(desk, discount_codes={"code": redemption.code})
    assert await statuses(desk) == ["used"]


async def test_reward_of_another_program_is_not_used(desk: ServedLion) -> None:
    redemption = await claim(desk)
    await pool_of(desk).execute("UPDATE redemptions SET program_id = 99")
    await tell(desk, discount_codes={"code": redemption.code}, claimed_reward_ids=[redemption.id])
    assert await statuses(desk) == ["approved"]


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
