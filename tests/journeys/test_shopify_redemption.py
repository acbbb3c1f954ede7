"""From a purchase to a discount as Shopify sees it, with every fault between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from guerdon.cli.outside import reach_out
from guerdon.dialects.mage.translate import undress
from guerdon.domain.catalogue import Discount, Reward
from guerdon.domain.command import Redeem
from guerdon.domain.ids import RedemptionId
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine import redeeming
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due, void
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.http import Served, error_of, serve
from tests.builders.integration import connect_platform
from tests.builders.ledgers import drifts, redemption_of, ref
from tests.builders.sandbox import SHOP as DOMAIN
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

_CREATE = "discountCodeBasicCreate"
_LOOK = "codeDiscountNodeByCode"
# So long a request waits here for the platform; faults that are to outlast it are longer.
_SECONDS = 3.0
_LONGER = 60.0


class _Ahead:
    """The real time, and as much more as a test wants to have passed."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        now = datetime.now(UTC) + self.by
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, kw_only=True)
class Journey:
    """A shop served in the dialect, connected to the sandbox by the product's own adapters."""

    served: Served
    sandbox: RunningSandbox
    pool: asyncpg.Pool
    ahead: _Ahead

    @property
    def ledger(self) -> Ledger:
        return self.served.ledger

    async def fail(self, kind: str, match: str = _CREATE, **more: Any) -> None:
        fault = {"service": "shopify", "kind": kind, "match": match, **more}
        await self.sandbox.faults(fault)

    async def go_down(self) -> None:
        """Let nothing through any more."""
        await self.sandbox.faults(
            {"service": "shopify", "kind": "cut_before", "match": None, "nth": None, "times": 1000}
        )

    async def work(self, *seconds: float) -> None:
        """Let a worker see to everything, now and after each wait."""
        for each in (0.0, *seconds):
            self.ahead.by += timedelta(seconds=each)
            await fulfil_due(self.ledger, self.served.shop.id, 50)

    async def discounts(self) -> list[dict[str, Any]]:
        return list((await self.sandbox.shop(DOMAIN))["discounts"])

    async def live(self) -> list[str]:
        return sorted(each["code"] for each in await self.discounts() if each["status"] == "ACTIVE")

    async def points(self) -> int:
        return int((await self.served.customer())["current_points"])

    async def assert_equal(self) -> None:
        """Exactly one live discount for each approved redemption and none for any other."""
        rows = await self.pool.fetch("SELECT code, status FROM redemptions")
        approved = sorted(row["code"] for row in rows if row["status"] == "approved")
        assert await self.live() == approved
        assert {row["status"] for row in rows} <= {"approved", "declined", "void"}
        assert await drifts(self.pool) == []


@pytest.fixture
def reward() -> Reward:
    return make_reward(fulfil_by="shopify", expiry_days=30)


@pytest.fixture
async def journey(pool: asyncpg.Pool, reward: Reward) -> AsyncIterator[Journey]:
    ahead = _Ahead()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox())
        outside = await stack.enter_async_context(
            reach_out(UrlRules(allows_http=True, allows_private=True), ahead)
        )
        runtime = Runtime(
            pool=pool,
            now=ahead,
            fulfillers=outside.fulfillers,
            seal=Seal(b"a sealing key of thirty-two bytes or more"),
            fulfil_seconds=_SECONDS,
        )
        ledger = Ledger(runtime)
        shop = await save_shop(pool, make_shop(rewards=(reward,)))
        await connect_platform(runtime, shop.id, shop=DOMAIN, base_url=sandbox.shopify)
        served = await serve(ledger, shop)
        await stack.enter_async_context(served.client)
        await served.enrol(points=250)
        stack.push_async_callback(ledger.close)
        yield Journey(served=served, sandbox=sandbox, pool=pool, ahead=ahead)


async def test_purchase_is_a_discount_for_that_customer_alone(journey: Journey) -> None:
    bought = await journey.served.purchase()
    assert bought.status_code == 201
    (discount,) = await journey.discounts()
    number = undress("cr", bought.json()["data"]["id"])
    code = bought.json()["data"]["attributes"]["discount_code"]
    assert (discount["code"], discount["status"], discount["title"]) == (code, "ACTIVE", "Reward 1")
    assert f"guerdon-shop-1-{number}" in discount["tags"]
    assert [str(each).rpartition("/")[2] for each in discount["customers"]] == ["7001"]
    assert await journey.points() == 150
    await journey.assert_equal()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("late", {"seconds": 0.3}),
        ("late", {"seconds": _LONGER}),
        ("never", {}),
        ("cut_before", {}),
        ("cut_after", {}),
        ("status", {"status": 503}),
        ("status", {"status": 502}),
        ("throttled", {}),
        ("wrong_version", {}),
    ],
)
async def test_one_fault_is_got_over_within_the_time(
    journey: Journey, kind: str, more: dict[str, Any]
) -> None:
    await journey.fail(kind, **more)
    bought = await journey.served.purchase()
    assert bought.status_code == 201, bought.text
    assert await journey.live() == [bought.json()["data"]["attributes"]["discount_code"]]
    assert await journey.points() == 150
    await journey.assert_equal()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("user_error", {"code": "INVALID", "field": ["basicCodeDiscount", "context"]}),
        ("top_error", {"code": "ACCESS_DENIED"}),
        ("status", {"status": 404}),
    ],
)
async def test_refusal_changes_nothing_and_leaves_nothing(
    journey: Journey, kind: str, more: dict[str, Any]
) -> None:
    await journey.fail(kind, **more)
    assert (await journey.served.purchase()).status_code == 503
    assert await journey.points() == 250
    assert await journey.discounts() == []
    await journey.assert_equal()
    assert (await journey.served.purchase()).status_code == 201
    await journey.assert_equal()


async def test_backend_down_is_503_without_change_and_up_again_is_201(journey: Journey) -> None:
    before = await journey.served.customer()
    await journey.go_down()
    refused = await journey.served.purchase(Idempotency_Key="k-1")
    assert error_of(refused) == (503, "Service Unavailable", "Unable to connect to Shopify")
    after = await journey.served.customer()
    assert after | {"updated_at": ""} == before | {"updated_at": ""}
    history = await journey.served.client.get("/v1/customers/7001/reward-history")
    assert history.json()["meta"]["total"] == 0
    await journey.sandbox.clear_faults()
    bought = await journey.served.purchase(Idempotency_Key="k-1")
    assert bought.status_code == 201
    await journey.work(5, 20, 150, 1000)
    await journey.assert_equal()
    assert await journey.points() == 150


@pytest.mark.parametrize("kind", ["cut_after", "late", "never", "cut_before", "status"])
async def test_what_is_unknown_to_the_end_is_taken_back(journey: Journey, kind: str) -> None:
    await journey.fail(kind, seconds=_LONGER)
    await journey.sandbox.faults(
        {"service": "shopify", "kind": "never", "match": _LOOK, "nth": None, "times": 1000}
    )
    assert (await journey.served.purchase()).status_code == 503
    assert await journey.points() == 250
    await journey.sandbox.clear_faults()
    await journey.work(5)
    await journey.assert_equal()


async def test_shop_that_acts_after_the_release_is_found_out(journey: Journey) -> None:
    await journey.fail("late", seconds=_SECONDS + 2, acts_late=True)
    await journey.sandbox.faults(
        {"service": "shopify", "kind": "never", "match": _LOOK, "nth": None, "times": 1000}
    )
    assert (await journey.served.purchase()).status_code == 503
    await journey.sandbox.clear_faults()
    await journey.work(3)
    async with asyncio.timeout(20):
        while not await journey.live():
            await asyncio.sleep(0.1)
    await journey.work(30, 200, 1000)
    await journey.assert_equal()
    assert await journey.points() == 250


@pytest.mark.parametrize("has_acted", [False, True])
async def test_worker_finishes_what_a_dead_process_began(
    journey: Journey, *, has_acted: bool
) -> None:
    command = Redeem(
        program_id=PROGRAM, member=ref("7001"), reward_id=journey.served.shop.rewards[0].id
    )
    if has_acted:
        await journey.fail("cut_after")
        await journey.sandbox.faults(
            {"service": "shopify", "kind": "never", "match": _LOOK, "nth": None, "times": 1000}
        )
        call = asyncio.create_task(redeem(journey.ledger, journey.served.shop.id, command))
        async with asyncio.timeout(20):
            while not await journey.live():
                await asyncio.sleep(0.02)
        call.cancel()
        # The process dies: whatever it still had in hand ends with it.
        for task in list(redeeming._under_way):
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await journey.sandbox.clear_faults()
    else:
        redemption_of(await journey.ledger.submit(journey.served.shop.id, command))
    await journey.work(60)
    await journey.assert_equal()
    assert len(await journey.live()) == 1
    assert await journey.points() == 150


async def test_code_of_a_stranger_is_left_alone(journey: Journey) -> None:
    await journey.fail("user_error", code="TAKEN", field=["basicCodeDiscount", "code"])
    bought = await journey.served.purchase()
    assert bought.status_code == 201
    assert await journey.live() == [bought.json()["data"]["attributes"]["discount_code"]]
    await journey.work(60)
    await journey.assert_equal()


async def test_voided_while_pending_leaves_nothing(journey: Journey) -> None:
    command = Redeem(
        program_id=PROGRAM, member=ref("7001"), reward_id=journey.served.shop.rewards[0].id
    )
    shop_id = journey.served.shop.id
    redemption = redemption_of(await journey.ledger.submit(shop_id, command))
    await void(journey.ledger, shop_id, RedemptionId(redemption.id), "by staff")
    await journey.work()
    assert await journey.points() == 250
    await journey.assert_equal()


class TestGiftCard:
    """A reward whose product is a gift card."""

    @pytest.fixture
    def reward(self) -> Reward:
        return make_reward(
            fulfil_by="gift_card",
            kind="gift_card",
            discount=Discount(type="fixed_amount", amount_minor=1500),
        )

    @pytest.mark.parametrize("kind", [None, "cut_after", "never"])
    async def test_purchase_is_one_gift_card(self, journey: Journey, kind: str | None) -> None:
        if kind is not None:
            await journey.fail(kind, "giftCardCreate")
        bought = await journey.served.purchase()
        assert bought.status_code == 201, bought.text
        (card,) = (await journey.sandbox.shop(DOMAIN))["gift_cards"]
        code = bought.json()["data"]["attributes"]["discount_code"]
        assert card["code"] == code
        row = await journey.pool.fetchrow("SELECT reference, is_open FROM fulfilments")
        assert row["reference"] == card["id"]
        await journey.work(60)
        assert not await journey.pool.fetchval("SELECT is_open FROM fulfilments")
        assert await drifts(journey.pool) == []
