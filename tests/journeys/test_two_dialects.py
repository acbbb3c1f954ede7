"""One shopper, two dialects, one ledger: earned by an order told in LoyaltyLion's words, spent
through Mage, given back through LoyaltyLion."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.domain.command import Adjust, Redeem
from guerdon.engine.approving import approve_due
from guerdon.engine.queueing import process_queued
from guerdon.engine.redeeming import redeem
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.http import SECRET, Clock, add_key
from tests.builders.ledgers import redemption_of, ref
from tests.builders.lion import ServedLion, error_of, serve_lion
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, save_shop

_CUSTOMER = "/v2/customers/7001"
_TEN_OFF = make_reward(1, name="Ten off", points_cost=80, stock=1)
_PURCHASE = make_rule(1, trigger="order_paid", is_per_unit=True, points=2, approval_days=14)


@dataclass(frozen=True)
class TwoDoors:
    """The same application, by each of its dialects."""

    shop: ServedLion
    lion: httpx.AsyncClient
    mage: httpx.AsyncClient

    async def figures(self) -> tuple[int, int, int]:
        """Give what the shopper has, waits for and has spent, on which both dialects agree."""
        told = (await self.lion.get(_CUSTOMER)).json()["customer"]
        listed = (await self.lion.get("/v2/customers", params={"email": "ana"})).json()
        assert listed["customers"] == [told]
        mage = (await self.mage.get("/v1/customers/7001")).json()["data"]["attributes"]
        assert mage["current_points"] == told["points_approved"]
        assert mage["redeemed_points"] == told["points_spent"]
        return told["points_approved"], told["points_pending"], told["points_spent"]

    async def movements(self) -> list[tuple[str, int, int]]:
        """Give the ledger as it is told, the oldest first."""
        path = f"{_CUSTOMER}/transactions"
        found = (await self.lion.get(path, params={"since_id": 0})).json()["transactions"]
        return [
            (each["resource"], each["points_approved"], each["points_pending"]) for each in found
        ]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def doors(pool: asyncpg.Pool, clock: Clock) -> AsyncIterator[TwoDoors]:
    shop = await save_shop(pool, make_shop(rewards=(_TEN_OFF,), rules=(_PURCHASE,)))
    ledger = Ledger(Runtime(pool=pool, now=clock))
    served = await serve_lion(ledger, shop)
    await add_key(ledger, shop)
    mage = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=served.app),
        base_url="http://guerdon.test/mage",
        headers={"Authorization": SECRET},
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served.client)
        await stack.enter_async_context(mage)
        stack.push_async_callback(ledger.close)
        await served.enrol("7001")
        yield TwoDoors(served, served.client, mage)


def _order(**facts: Any) -> dict[str, Any]:
    return {
        "merchant_id": "O-1",
        "customer_id": "7001",
        "customer_email": "ana@shop.example",
        "total": "61.90",
        "total_shipping": "11.90",
        "payment_status": "paid",
    } | facts


async def test_points_of_one_dialect_are_spent_in_the_other_and_given_back_in_the_first(
    pool: asyncpg.Pool, doors: TwoDoors, clock: Clock
) -> None:
    assert await doors.figures() == (0, 0, 0)
    placed = await doors.lion.post("/v2/orders", json=_order())
    assert (placed.status_code, placed.text) == (201, '""')
    assert await doors.figures() == (0, 100, 0)
    clock.advance(days=14)
    await approve_due(doors.shop.ledger, doors.shop.shop.id, 10)
    assert await doors.figures() == (100, 0, 0)

    bought = await doors.mage.post(
        f"/v1/rewards/{dress('reward', _TEN_OFF.id)}/purchase", json={"customer_identifier": "7001"}
    )
    assert bought.status_code == 201, bought.text
    code = bought.json()["data"]["attributes"]["discount_code"]
    assert await doors.figures() == (20, 0, 80)
    sold_out = await doors.lion.post(
        f"{_CUSTOMER}/claimed_rewards", json={"reward_id": _TEN_OFF.id}
    )
    assert error_of(sold_out)[:2] == (422, "reward_out_of_stock")

    (claimed,) = (await doors.lion.get(f"{_CUSTOMER}/claimed_rewards")).json()["claimed_rewards"]
    assert (claimed["state"], claimed["redeemable"]["code"]) == ("approved", code)
    refund = f"{_CUSTOMER}/claimed_rewards/{claimed['id']}/refund"
    refunded = await doors.lion.post(refund)
    assert (refunded.status_code, refunded.json()["claimed_reward"]["state"]) == (200, "void")
    assert await doors.figures() == (100, 0, 0)
    assert error_of(await doors.lion.post(refund))[:2] == (422, "reward_already_refunded")

    history = (await doors.mage.get("/v1/customers/7001/reward-history")).json()["data"]
    (entry,) = (each["attributes"] for each in history)
    assert (entry["status"], entry["is_refunded"]) == ("expired", True)
    assert await doors.movements() == [
        ("activity", 0, 100),
        ("activity", 100, -100),
        ("claimed_reward", -80, 0),
        ("claimed_reward", 80, 0),
    ]
    assert (await verify(pool)).drifts == []


async def test_an_order_told_in_one_dialect_uses_what_was_bought_in_the_other(
    pool: asyncpg.Pool, doors: TwoDoors, clock: Clock
) -> None:
    assert (await doors.lion.post("/v2/orders", json=_order())).status_code == 201
    clock.advance(days=14)
    await approve_due(doors.shop.ledger, doors.shop.shop.id, 10)
    bought = await doors.mage.post(
        f"/v1/rewards/{dress('reward', _TEN_OFF.id)}/purchase", json={"customer_identifier": "7001"}
    )
    code = bought.json()["data"]["attributes"]["discount_code"]
    second = _order(
        merchant_id="O-2",
        payment_status="not_paid",
        discount_codes=[{"code": code, "amount": "10.00"}],
    )
    assert (await doors.lion.post("/v2/orders", json=second)).status_code == 201
    history = (await doors.mage.get("/v1/customers/7001/reward-history")).json()["data"]
    assert [each["attributes"]["status"] for each in history] == ["used"]
    (claimed,) = (await doors.lion.get(f"{_CUSTOMER}/claimed_rewards")).json()["claimed_rewards"]
    assert (claimed["state"], claimed["redeemable"]["usage_count"]) == ("approved", 1)
    refused = await doors.lion.post(f"{_CUSTOMER}/claimed_rewards/{claimed['id']}/refund")
    assert error_of(refused)[:2] == (422, "reward_already_used")

    # The first order goes back: what it earned is spent, so what is there is taken.
    whole = {
        "payment_status": "paid",
        "refund_status": "refunded",
        "cancellation_status": "cancelled",
        "total_paid": "61.90",
        "total_refunded": "61.90",
    }
    assert (await doors.lion.put("/v2/orders/O-1", json=whole)).status_code == 204
    assert await doors.figures() == (0, 0, 80)
    assert (await doors.movements())[-1] == ("activity", -20, 0)
    assert (await verify(pool)).drifts == []


async def test_what_is_queued_is_pending_in_one_and_not_yet_told_in_the_other(
    pool: asyncpg.Pool, doors: TwoDoors, clock: Clock
) -> None:
    ledger, shop = doors.shop.ledger, doors.shop.shop
    gift = Adjust(program_id=PROGRAM, member=ref("7001"), points=100)
    await ledger.submit(shop.id, gift)
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_TEN_OFF.id, is_queued=True)
    bought = redemption_of(await redeem(ledger, shop.id, command))
    assert await doors.figures() == (20, 0, 80)

    async def shown() -> tuple[str, str, list[str]]:
        claims = (await doors.lion.get(f"{_CUSTOMER}/claimed_rewards")).json()["claimed_rewards"]
        told = (await doors.mage.get("/v1/customers/7001/reward-history")).json()["data"]
        codes = [each["attributes"]["discount_code"] for each in told]
        (claim,) = claims
        return claim["state"], claim["redeemable"]["code"], codes

    assert await shown() == ("pending", "", [])
    refused = await doors.lion.post(f"{_CUSTOMER}/claimed_rewards/{bought.id}/refund")
    assert refused.status_code == 422
    await process_queued(ledger, shop.id, 10)
    assert await shown() == ("approved", bought.code, [bought.code])
    assert (await verify(pool)).drifts == []
