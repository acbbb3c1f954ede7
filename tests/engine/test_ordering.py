"""Orders: what they earn and give back, in whatever order Shopify's messages come."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from random import Random
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guerdon.adapters.shopify.translate_webhooks import ShopifyReader
from guerdon.domain.command import Adjust, Command, Enrol, MarkUsed, Outcome, Redeem
from guerdon.domain.ids import MerchantId, RewardId
from guerdon.domain.member import MemberRef
from guerdon.domain.order import OrderSeen, RefundSeen
from guerdon.engine.ordering import follow_order
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.ledgers import connect, drifts, redemption_of
from tests.builders.orders import PLACED, Body, make_line, make_order, make_refund, money
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, make_tier, save_shop

ANNA = MemberRef(external_id="9001")
Message = tuple[str, Body]
_merchants = itertools.count(1)


def purchase(number: int = 1, **changes: Any) -> Any:
    facts = {"trigger": "order_paid", "category": "purchase", "points": 1, "is_per_unit": True}
    return make_rule(number, action_key=None, **{**facts, **changes})


class Till:
    """A merchant whose customer 9001 is a member, and what Shopify tells of their order."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.now = PLACED
        self.ledger = Ledger(Runtime(pool=pool, now=lambda: self.now))
        self.merchant_id = make_shop(next(_merchants)).id

    async def open(
        self, *rules: Any, rewards: Sequence[Any] = (), tiers: Sequence[Any] = ()
    ) -> None:
        shop = make_shop(
            self.merchant_id,
            rules=rules or (purchase(),),
            rewards=tuple(rewards),
            tiers=tuple(tiers),
        )
        await save_shop(self.pool, shop)
        enrol = Enrol(program_id=PROGRAM, external_id="9001", email="anna@shop.example")
        await self.ledger.submit(self.merchant_id, enrol)

    async def tell(self, *messages: Message) -> None:
        for topic, body in messages:
            for news in ShopifyReader().read(topic, json.dumps(body).encode(), self.now):
                assert isinstance(news, OrderSeen | RefundSeen)
                await follow_order(self.ledger, self.merchant_id, "shopify", news)

    async def figures(self) -> dict[str, int]:
        row = await self.pool.fetchrow(
            """
            SELECT points_available AS available, points_pending AS pending,
                points_lifetime AS lifetime, coalesce((SELECT sum(points - asked_points)
                    FROM entries e WHERE e.merchant_id = $1 AND asked_points IS NOT NULL), 0)
                    AS owed
            FROM wallets WHERE merchant_id = $1
            """,
            self.merchant_id,
        )
        assert await drifts(self.pool) == []
        return {name: int(value) for name, value in row.items()}

    async def spend(self, points: int) -> None:
        take = Adjust(program_id=PROGRAM, member=ANNA, points=-points, moves_lifetime=False)
        await self.ledger.submit(self.merchant_id, take)


@pytest.fixture
async def till(pool: asyncpg.Pool) -> Till:
    return Till(pool)


def paid(minute: int = 1, **changes: Any) -> Message:
    return "orders/paid", make_order(minute, financial_status="paid", **changes)


def balance(points: int, **others: int) -> dict[str, int]:
    return {"available": points, "pending": 0, "lifetime": points, "owed": 0, **others}


async def test_order_earns_once_it_is_paid(till: Till) -> None:
    await till.open()
    await till.tell(("orders/create", make_order()))
    assert await till.figures() == balance(0)
    await till.tell(paid(), ("orders/updated", make_order(2, financial_status="paid")), paid())
    assert await till.figures() == balance(100)


async def test_points_are_for_goods_alone_without_discounts_and_gift_cards(till: Till) -> None:
    await till.open(
        purchase(1),
        purchase(2, counts_shipping=True, points=0, rates={"GBP": 1_000}),
        purchase(3, counts_tax=True, points=0, rates={"GBP": 1_000_000}),
    )
    lines = [
        make_line(1, "50.00", 2, discount_allocations=[{"amount": "10.00"}]),
        make_line(2, "25.00", gift_card=True),
        make_line(3, "9.99", tax_lines=[{"price": "2.00"}], total_discount="0.49"),
    ]
    shipping = [{"price": "5.00", "tax_lines": [{"price": "1.00"}]}]
    await till.tell(paid(line_items=lines, shipping_lines=shipping))
    # 99.50 of goods, 5.00 of shipping, 2.00 of tax: one, a thousand and a million for each pound.
    assert await till.figures() == balance(99 + 104_500 + 101_500_000)


async def test_tax_that_is_in_the_prices_is_taken_out(till: Till) -> None:
    await till.open(purchase(1), purchase(2, points=1000, counts_tax=True))
    lines = [make_line(1, "60.00", tax_lines=[{"price": "10.00"}])]
    await till.tell(paid(line_items=lines, taxes_included=True))
    assert await till.figures() == balance(50 + 60_000)
    back = {**make_refund(1, "30.00")}
    back["refund_line_items"][0]["total_tax"] = "5.00"
    await till.tell(("refunds/create", back))
    assert await till.figures() == balance(25 + 30_000)


async def test_rate_of_the_currency_paid_in_counts_first(till: Till) -> None:
    await till.open(purchase(points=1, rates={"EUR": 3, "JPY": 2}))
    lines = [make_line(1, "50.00", price_set=money("50.00", shown=("60.00", "EUR")))]
    await till.tell(paid(line_items=lines, presentment_currency="EUR"))
    assert await till.figures() == balance(180)
    lines = [make_line(1, "50.00", price_set=money("50.00", shown=("70.00", "USD")))]
    await till.tell(paid(id=7002, line_items=lines, presentment_currency="USD"))
    assert await till.figures() == balance(230)


async def test_fixed_points_for_an_order_of_any_size(till: Till) -> None:
    await till.open(purchase(is_per_unit=False, points=40))
    await till.tell(paid())
    assert await till.figures() == balance(40)
    await till.tell(("refunds/create", make_refund(1, "25.00")))
    assert await till.figures() == balance(30)


@pytest.mark.parametrize(
    "changes",
    [
        {"test": True},
        {"customer": {"id": 4}, "email": "zoe@shop.example"},
        {"customer": None, "email": None},
        {"currency": "USD", "presentment_currency": "USD"},
        {"line_items": [make_line(1, "25.00", gift_card=True)]},
        {"processed_at": "2026-02-01T00:00:00Z"},
        {"cancelled_at": "2026-03-01T11:00:00Z"},
        {"financial_status": "partially_paid"},
        {"financial_status": "refunded"},
    ],
)
async def test_order_that_earns_nothing(till: Till, changes: Body) -> None:
    await till.open()
    await till.tell(("orders/updated", {**paid()[1], **changes}))
    assert await till.figures() == balance(0)


async def test_guest_is_known_by_email(till: Till) -> None:
    await till.open()
    await till.tell(paid(customer=None, email="Anna@Shop.example"))
    assert await till.figures() == balance(100)


async def test_tier_multiplies_and_rounds_half_up(till: Till) -> None:
    await till.open(tiers=[make_tier(1, 0, multiplier_permille=1250)])
    await till.tell(paid(line_items=[make_line(1, "50.99")]))
    # 50 base points times 1.25 is 62.5.
    assert await till.figures() == balance(63)
    await till.tell(("refunds/create", make_refund(1, "17.00")))
    assert await till.figures() == balance(63 - 21)


async def test_pending_points_are_reduced_and_then_rejected(till: Till) -> None:
    await till.open(purchase(approval_days=14))
    await till.tell(paid())
    assert await till.figures() == balance(0, pending=100)
    await till.tell(("refunds/create", make_refund(1, "30.00")))
    assert await till.figures() == balance(0, pending=70)
    await till.tell(("orders/cancelled", make_order(5, cancelled_at="2026-03-02T00:00:00Z")))
    assert await till.figures() == balance(0)
    status = await till.pool.fetchval("SELECT status FROM earnings")
    assert status == "rejected"


async def test_spent_points_are_recorded_as_owed(till: Till) -> None:
    await till.open()
    await till.tell(paid())
    await till.spend(75)
    await till.tell(("refunds/create", make_refund(1, "60.00")))
    assert await till.figures() == {"available": 0, "pending": 0, "lifetime": 40, "owed": 35}
    await till.tell(("refunds/create", make_refund(1, "60.00")))
    assert (await till.figures())["owed"] == 35


async def test_restocking_without_money_takes_nothing_back(till: Till) -> None:
    await till.open()
    adjustment = {"kind": "refund_discrepancy", "amount": "30.00", "tax_amount": "0.00"}
    await till.tell(
        paid(), ("refunds/create", make_refund(1, "30.00", order_adjustments=[adjustment]))
    )
    assert await till.figures() == balance(100)
    only_money = {"kind": "refund_discrepancy", "amount": "-12.00", "tax_amount": "0.00"}
    back = make_refund(
        2,
        "0.00",
        refund_line_items=[],
        order_adjustments=[only_money],
        transactions=[{"currency": "GBP"}],
    )
    await till.tell(("refunds/create", back))
    assert await till.figures() == balance(88)


async def test_refund_of_a_gift_card_takes_nothing_back(till: Till) -> None:
    await till.open()
    back = make_refund(1, "25.00")
    back["refund_line_items"][0]["line_item"]["gift_card"] = True
    await till.tell(paid(), ("refunds/create", back))
    assert await till.figures() == balance(100)


async def test_used_code_marks_the_redemption_used(till: Till) -> None:
    await till.open(rewards=[make_reward(1, points_cost=0)])
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1001))
    redemption = redemption_of(await till.ledger.submit(till.merchant_id, redeem))
    code = (redemption.code or "").lower()
    await till.tell(("orders/create", make_order(discount_codes=[{"code": code}])))
    row = await till.pool.fetchrow("SELECT status, used_at FROM redemptions")
    assert (row["status"], row["used_at"]) == ("used", PLACED)
    refunded = make_order(3, financial_status="refunded", discount_codes=[{"code": code}])
    await till.tell(("orders/updated", refunded))
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "used"


async def test_full_refund_opens_a_reward_again_once(till: Till) -> None:
    reward = make_reward(1, points_cost=0, reenable_on_refund=True)
    await till.open(rewards=[reward])
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1001))
    code = redemption_of(await till.ledger.submit(till.merchant_id, redeem)).code
    applied = [{"type": "discount_code", "code": code}]
    first = make_order(1, financial_status="paid", discount_applications=applied)
    refunded = make_order(3, financial_status="refunded", discount_applications=applied)
    await till.tell(("orders/updated", refunded), ("orders/create", first))
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "approved"
    await till.tell(paid(id=7002, discount_applications=applied))
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "used"
    # A late copy about the first order is none about the second.
    await till.tell(("orders/updated", refunded), ("orders/create", first))
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "used"


async def test_worker_that_lags_behind_does_not_use_a_reward_opened_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    await till.open(rewards=[make_reward(1, points_cost=0, reenable_on_refund=True)])
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1001))
    code = redemption_of(await till.ledger.submit(till.merchant_id, redeem)).code
    submit = till.ledger.submit
    is_held, may_go_on = asyncio.Event(), asyncio.Event()

    async def hold_first(merchant_id: MerchantId, command: Command, **facts: Any) -> Outcome:
        if isinstance(command, MarkUsed) and not is_held.is_set():
            is_held.set()
            await may_go_on.wait()
        return await submit(merchant_id, command, **facts)

    monkeypatch.setattr(till.ledger, "submit", hold_first)
    applied = [{"type": "discount_code", "code": code}]
    first = make_order(1, financial_status="paid", discount_applications=applied)
    lagging = asyncio.create_task(till.tell(("orders/paid", first)))
    await is_held.wait()
    refunded = make_order(3, financial_status="refunded", discount_applications=applied)
    await till.tell(("orders/updated", refunded))
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "approved"
    may_go_on.set()
    await lagging
    assert await till.pool.fetchval("SELECT status FROM redemptions") == "approved"
    await till.tell(("orders/updated", refunded))
    assert await till.figures() == balance(0)


# -- any order of arrival --------------------------------------------------------------------


def history(*, is_cancelled: bool) -> list[Message]:
    """Give all messages of one order: made, paid, given back twice, then perhaps cancelled."""
    first, second = make_refund(1, "33.33"), make_refund(2, "12.34")
    told = [
        ("orders/create", make_order(0)),
        paid(1),
        ("refunds/create", first),
        ("orders/updated", make_order(2, financial_status="partially_refunded", refunds=[first])),
        ("refunds/create", second),
    ]
    if is_cancelled:
        cancelled = make_order(
            4,
            financial_status="partially_refunded",
            cancelled_at="2026-03-02T00:00:00Z",
            refunds=[first, second],
        )
        told.append(("orders/cancelled", cancelled))
    return told


@pytest.mark.parametrize("approval_days", [0, 3])
async def test_every_order_of_arrival_ends_alike(pool: asyncpg.Pool, approval_days: int) -> None:
    ends = set()
    for told in itertools.permutations(history(is_cancelled=False)):
        till = Till(pool)
        await till.open(purchase(approval_days=approval_days, points=7))
        await till.tell(*told)
        row = await pool.fetchrow(
            "SELECT points_available, points_pending, points_lifetime FROM wallets "
            "WHERE merchant_id = $1",
            till.merchant_id,
        )
        ends.add(tuple(row))
    # 700 points, of which 45.67 per cent go back: 319.69.
    kept = 700 - 320
    assert ends == {(0, kept, 0) if approval_days else (kept, 0, kept)}
    assert await drifts(pool) == []


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    seed=st.integers(0, 2**32), is_cancelled=st.booleans(), approval_days=st.sampled_from([0, 2])
)
def test_messages_may_come_in_any_order_and_at_once(
    database_url: str, seed: int, *, is_cancelled: bool, approval_days: int
) -> None:
    random = Random(seed)  # noqa: S311 -- repeatable

    async def run() -> None:
        pool = await connect(database_url, size=6)
        try:
            till = Till(pool)
            await till.open(purchase(approval_days=approval_days, points=7))
            told = history(is_cancelled=is_cancelled)
            told += random.choices(told, k=random.randint(0, 4))
            random.shuffle(told)
            for _ in range(len(told)):
                some, told = told[:2], told[2:]
                await asyncio.gather(*(till.tell(each) for each in some))
            figures = await till.figures()
        finally:
            pool.terminate()
        kept = 0 if is_cancelled else 380
        wanted = balance(0, pending=kept) if approval_days else balance(kept)
        assert figures == wanted

    asyncio.run(run())
