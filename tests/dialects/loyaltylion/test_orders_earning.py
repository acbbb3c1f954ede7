"""What orders earn, give back and use; and what guests are."""

import itertools
from collections.abc import Awaitable, Callable

import pytest

from guerdon.domain.command import ChangeMember, Redeem
from guerdon.domain.ids import RewardId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from tests.builders.ledgers import redemption_of
from tests.builders.lion import ServedLion
from tests.builders.lion_orders import (
    Body,
    Clock,
    figures,
    listed,
    member_id,
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
async def counter(serve_shop: ServeLion) -> ServedLion:
    """A shop whose member C-1 has 500 points; its reward may be used again after a return."""
    reward = make_reward(1, reenable_on_refund=True)
    served = await serve_shop(make_shop(rewards=(reward,)), now=Clock())
    await served.enrol(points=500)
    return served


async def test_codes_and_ids_mark_rewards_used(counter: ServedLion) -> None:
    claimed = [await claim(counter) for _ in range(4)]
    codes = [str(each.code) for each in claimed]
    await tell(
        counter,
        payment_status="not_paid",
        discount_codes=[{"code": codes[0].lower(), "amount": "10.00"}, {"code": "OTHER"}],
        claimed_reward_ids=[claimed[1].id, 4],
        date="2026-02-28T10:00:00Z",
    )
    assert await statuses(counter) == ["used", "used", "approved", "approved"]
    used_at = await pool_of(counter).fetchval("SELECT max(used_at) FROM redemptions")
    assert used_at.isoformat() == "2026-02-28T10:00:00+00:00"
    await tell(counter, merchant_id="1002", discount_codes={"code": codes[2]})
    assert await statuses(counter) == ["used", "used", "used", "approved"]


async def test_returned_order_gives_its_rewards_back_once(counter: ServedLion) -> None:
    redemption = await claim(counter)
    await tell(counter, discount_codes={"code": redemption.code})
    await update(counter, cancellation_status="cancelled")
    assert await statuses(counter) == ["approved"]
    await tell(counter, merchant_id="1002", claimed_reward_ids=[redemption.id])
    assert await statuses(counter) == ["used"]
    # Telling of the first order again is no news of the second.
    await update(counter, cancellation_status="cancelled", refund_status="refunded")
    await tell(counter, discount_codes={"code": redemption.code})
    assert await statuses(counter) == ["used"]


async def test_reward_of_another_program_is_not_used(counter: ServedLion) -> None:
    redemption = await claim(counter)
    await pool_of(counter).execute("UPDATE redemptions SET program_id = 99")
    await tell(
        counter, discount_codes={"code": redemption.code}, claimed_reward_ids=[redemption.id]
    )
    assert await statuses(counter) == ["approved"]
