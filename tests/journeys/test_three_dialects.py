"""One shopper, three dialects, one ledger: enrolled by Voucherify's calls, earning by an order told
in LoyaltyLion's words, spending through all three, given back through another than bought."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.dialects.voucherify.ids import write_id
from guerdon.engine.queueing import process_queued
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.http import SECRET, add_key
from tests.builders.lion import serve_lion
from tests.builders.shop import make_reward, make_rule, make_shop, save_shop
from tests.builders.vouch import PROGRAM_ID, ServedVouch, serve_vouch

_TEN_OFF = make_reward(1, name="Ten off", points_cost=80, stock=3)
_PURCHASE = make_rule(1, trigger="order_paid", is_per_unit=True, points=10)
_REWARD = write_id("reward", _TEN_OFF.id)
_V1_REWARD = write_id("v1_reward", _TEN_OFF.id)
_LION = "/v2/customers/7001"
_MAGE = "/v1/customers/7001"


@dataclass
class ThreeDoors:
    """One database, and what the shopper sees through each dialect."""

    served: ServedVouch
    vouch: httpx.AsyncClient
    lion: httpx.AsyncClient
    mage: httpx.AsyncClient
    member: str = ""
    card: str = ""

    @property
    def path(self) -> str:
        return f"/v2/loyalties/programs/{PROGRAM_ID}/members/{self.member}"

    async def balance(self) -> int:
        """Give what the shopper has, on which all dialects agree."""
        lion = (await self.lion.get(_LION)).json()["customer"]
        mage = (await self.mage.get(_MAGE)).json()["data"]["attributes"]
        (held,) = (await self.vouch.get(self.path)).json()["cards"]
        v1 = (await self.vouch.get(f"/v1/loyalties/members/{self.card}")).json()
        points: int = held["card"]["balance"]["points"]
        assert lion["points_approved"] == mage["current_points"] == points
        assert v1["loyalty_card"]["balance"] == points
        return points

    async def process(self) -> None:
        await process_queued(self.served.ledger, self.served.shop.id, 100)

    async def purchases(self) -> list[tuple[str, str]]:
        """List what was bought, the latest first, with the code where one was handed over."""
        listed = (await self.vouch.get(f"{self.path}/rewards/purchases")).json()["data"]
        return [(each["id"], each["status"]) for each in listed]


@pytest.fixture
async def doors(pool: asyncpg.Pool) -> AsyncIterator[ThreeDoors]:
    shop = await save_shop(pool, make_shop(rewards=(_TEN_OFF,), rules=(_PURCHASE,)))
    ledger = Ledger(Runtime(pool=pool))
    served = await serve_vouch(ledger, shop)
    lion = await serve_lion(ledger, shop)
    await add_key(ledger, shop)
    mage = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=served.app),
        base_url="http://guerdon.test/mage",
        headers={"Authorization": SECRET},
    )
    async with AsyncExitStack() as stack:
        for client in (served.client, lion.client, mage):
            await stack.enter_async_context(client)
        stack.push_async_callback(ledger.close)
        yield ThreeDoors(served, served.client, lion.client, mage)


async def post(client: httpx.AsyncClient, path: str, status: int, body: Any = None) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def join(doors: ThreeDoors) -> None:
    """Enrol the shopper over Voucherify, and have an order told over LoyaltyLion."""
    customer = await post(doors.vouch, "/v1/customers", 200, {"source_id": "7001"})
    identified = {"type": "customer_id", "customer_id": customer["id"]}
    body = {"customer_identification": identified}
    enrolled = await post(doors.vouch, f"/v2/loyalties/programs/{PROGRAM_ID}/members", 200, body)
    doors.member = enrolled["id"]
    (held,) = (await doors.vouch.get(doors.path)).json()["cards"]
    doors.card = held["card"]["code"]
    assert await doors.balance() == 0
    order = {
        "merchant_id": "O-1",
        "customer_id": "7001",
        "customer_email": "ana@shop.example",
        "total": "40.00",
        "total_shipping": "0.00",
        "payment_status": "paid",
    }
    await post(doors.lion, "/v2/orders", 201, order)
    assert await doors.balance() == 400


async def test_one_shopper_spends_through_all_and_gives_back_through_another(
    pool: asyncpg.Pool, doors: ThreeDoors
) -> None:
    await join(doors)

    # Bought through Voucherify: the points are gone at once, the code comes with the approval.
    bought = await post(doors.vouch, f"{doors.path}/rewards/purchases", 202, {"reward_id": _REWARD})
    bought_id = bought["transaction"]["reward_transaction_id"]
    assert await doors.balance() == 320
    (pending,) = (await doors.lion.get(f"{_LION}/claimed_rewards")).json()["claimed_rewards"]
    assert (pending["state"], pending["redeemable"]["code"]) == ("pending", "")
    await doors.process()
    assert await doors.purchases() == [(bought_id, "APPROVED")]
    (claimed,) = (await doors.lion.get(f"{_LION}/claimed_rewards")).json()["claimed_rewards"]
    code = claimed["redeemable"]["code"]
    assert claimed["state"] == "approved"
    history = (await doors.mage.get(f"{_MAGE}/reward-history")).json()["data"]
    assert [each["attributes"]["discount_code"] for each in history] == [code]

    # Bought through Mage and through the older API: all of it is one list.
    await post(
        doors.mage,
        f"/v1/rewards/{dress('reward', _TEN_OFF.id)}/purchase",
        201,
        {"customer_identifier": "7001"},
    )
    redeemed = await post(
        doors.vouch,
        f"/v1/loyalties/members/{doors.card}/redemption",
        200,
        {"reward": {"id": _V1_REWARD}},
    )
    assert (redeemed["result"], redeemed["loyalty_card"]["points"]) == ("SUCCESS", 80)
    assert await doors.balance() == 160
    assert [status for _, status in await doors.purchases()] == ["APPROVED"] * 3

    # Nothing is left of it, which each says in its own words.
    sold_out = await post(
        doors.vouch, f"{doors.path}/rewards/purchases", 423, {"reward_id": _REWARD}
    )
    assert sold_out["key"] == "reward_out_of_stock"
    refused = await post(doors.lion, f"{_LION}/claimed_rewards", 422, {"reward_id": _TEN_OFF.id})
    assert refused["error"]["code"] == "reward_out_of_stock"

    # The first is given back through LoyaltyLion, the last through the older API.
    refund = f"{_LION}/claimed_rewards/{claimed['id']}/refund"
    assert (await post(doors.lion, refund, 200))["claimed_reward"]["state"] == "void"
    assert (await doors.purchases())[-1] == (bought_id, "REFUNDED")
    assert await doors.balance() == 240
    rolled = await post(doors.vouch, f"/v1/redemptions/{redeemed['id']}/rollback", 200, {})
    assert rolled["result"] == "SUCCESS"
    assert await doors.balance() == 320
    again = await post(
        doors.vouch,
        f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases/{bought_id}/refund",
        423,
        {"policies": {"refund": "ALLOW"}},
    )
    assert again["key"] == "non_approved_reward_transaction"
    assert (await verify(pool)).drifts == []


async def test_what_was_bought_here_is_used_and_given_back_by_orders_told_there(
    pool: asyncpg.Pool, doors: ThreeDoors
) -> None:
    await join(doors)
    await post(doors.vouch, f"{doors.path}/rewards/purchases", 202, {"reward_id": _REWARD})
    await doors.process()
    (claimed,) = (await doors.lion.get(f"{_LION}/claimed_rewards")).json()["claimed_rewards"]
    order = {
        "merchant_id": "O-2",
        "customer_id": "7001",
        "customer_email": "ana@shop.example",
        "total": "30.00",
        "total_shipping": "0.00",
        "payment_status": "not_paid",
        "discount_codes": [{"code": claimed["redeemable"]["code"], "amount": "10.00"}],
    }
    await post(doors.lion, "/v2/orders", 201, order)
    history = (await doors.mage.get(f"{_MAGE}/reward-history")).json()["data"]
    assert [each["attributes"]["status"] for each in history] == ["used"]

    # An order stated over v1 earns by the same rule, and what it earned shows on the card.
    await post(
        doors.vouch,
        "/v1/orders",
        200,
        {
            "source_id": "O-3",
            "amount": 1000,
            "status": "PAID",
            "customer": {"source_id": "7001"},
        },
    )
    assert await doors.balance() == 420
    (held,) = (await doors.vouch.get(doors.path)).json()["cards"]
    lifetime = held["card"]["lifetime_bucket"]["points"]
    assert (lifetime["earned"], lifetime["spent"]) == (500, 80)
    told = await doors.vouch.get(f"{doors.path}/cards/{held['card']['id']}/transactions")
    assert [each["type"] for each in told.json()["data"]] == [
        "POINTS_EARNED",
        "POINTS_SPENT_ON_REWARD",
        "POINTS_EARNED",
    ]
    assert (await verify(pool)).drifts == []
