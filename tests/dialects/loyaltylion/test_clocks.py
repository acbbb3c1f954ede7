"""Two clocks of a claim, to the millisecond, with no worker anywhere: it goes back by itself, or it
expires."""

from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.engine.expiring import auto_refund_due, expire_redemptions_due
from guerdon.engine.portions import Portion
from guerdon.engine.verifying import verify
from tests.builders.http import SECRET, Clock, add_key
from tests.builders.lion import ServedLion, error_of
from tests.builders.shop import make_reward, make_shop
from tests.dialects.loyaltylion.conftest import ServeLion

_DAY = 86_400
_CUSTOMER = "/v2/customers/C-1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _serve(serve_shop: ServeLion, clock: Clock, **reward: Any) -> ServedLion:
    served = await serve_shop(make_shop(rewards=(make_reward(1, **reward),)), now=clock)
    await served.enrol(points=100)
    await add_key(served.ledger, served.shop)
    return served


async def _claim(served: ServedLion) -> httpx.Response:
    body = {"reward_id": served.shop.rewards[0].id}
    return await served.client.post(f"{_CUSTOMER}/claimed_rewards", json=body)


async def _lion(served: ServedLion, claimed_id: int) -> tuple[str, int, int]:
    """Give the claim's state, and what the customer has and spent."""
    path = f"{_CUSTOMER}/claimed_rewards"
    shown = (await served.client.get(f"{path}/{claimed_id}")).json()["claimed_reward"]
    (listed,) = (await served.client.get(path)).json()["claimed_rewards"]
    assert listed == shown
    customer = (await served.client.get(_CUSTOMER)).json()["customer"]
    return shown["state"], customer["points_approved"], customer["points_spent"]


async def _mage(served: ServedLion) -> tuple[str, bool, int]:
    """The same as it is told in the other dialect."""
    transport = httpx.ASGITransport(app=served.app)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://guerdon.test/mage/v1",
        headers={"Authorization": SECRET},
    ) as client:
        history = (await client.get("/customers/C-1/reward-history")).json()["data"]
        customer = (await client.get("/customers/C-1")).json()["data"]["attributes"]
    (entry,) = (each["attributes"] for each in history)
    return entry["status"], entry["is_refunded"], customer["current_points"]


async def test_an_unused_claim_goes_back_at_the_very_moment(
    pool: asyncpg.Pool, serve_shop: ServeLion, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, auto_refund_seconds=7200)
    claimed = (await _claim(served)).json()["claimed_reward"]
    clock.advance(seconds=7200)
    due_at = stamp(clock.now)
    assert claimed["auto_refund_at"] == claimed["expires_at"] == due_at
    clock.advance(milliseconds=-1)
    assert await _lion(served, claimed["id"]) == ("approved", 0, 100)
    assert await _mage(served) == ("active", False, 0)
    clock.advance(milliseconds=1)
    assert await _lion(served, claimed["id"]) == ("void", 100, 0)
    assert await _mage(served) == ("expired", True, 100)
    refused = await served.client.post(f"{_CUSTOMER}/claimed_rewards/{claimed['id']}/refund")
    assert error_of(refused)[:2] == (422, "reward_already_refunded")
    transactions = (await served.client.get(f"{_CUSTOMER}/transactions")).json()["transactions"]
    assert [each["points_approved"] for each in transactions] == [100, -100, 100]
    nothing = Portion(0, has_more=False)
    assert await auto_refund_due(served.ledger, served.shop.id, 10) == nothing
    assert (await verify(pool)).drifts == []


async def test_mage_alone_brings_it_back_too(serve_shop: ServeLion, clock: Clock) -> None:
    served = await _serve(serve_shop, clock, auto_refund_seconds=60)
    assert (await _claim(served)).status_code == 201
    clock.advance(seconds=60)
    assert await _mage(served) == ("expired", True, 100)


async def test_its_points_can_be_spent_again_in_the_same_breath(
    serve_shop: ServeLion, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, auto_refund_seconds=60)
    assert (await _claim(served)).status_code == 201
    clock.advance(seconds=60, milliseconds=-1)
    assert error_of(await _claim(served))[:2] == (422, "insufficient_points")
    clock.advance(milliseconds=1)
    assert (await _claim(served)).status_code == 201


async def test_an_unused_claim_expires_at_the_very_moment_and_its_points_stay_spent(
    pool: asyncpg.Pool, serve_shop: ServeLion, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, expiry_days=1)
    claimed = (await _claim(served)).json()["claimed_reward"]
    assert claimed["auto_refund_at"] is claimed["expires_at"] is None
    clock.advance(seconds=_DAY)
    assert claimed["redeemable"]["expires_on"] == stamp(clock.now)
    clock.advance(milliseconds=-1)
    assert await _lion(served, claimed["id"]) == ("approved", 0, 100)
    clock.advance(milliseconds=1)
    for _ in range(2):
        # As it is before a worker comes by, so it is after.
        assert await _lion(served, claimed["id"]) == ("expired", 0, 100)
        assert await _mage(served) == ("expired", False, 0)
        refused = await served.client.post(f"{_CUSTOMER}/claimed_rewards/{claimed['id']}/refund")
        assert error_of(refused)[0] == 422
        await expire_redemptions_due(served.ledger, served.shop.id, 10)
    assert (await verify(pool)).drifts == []


async def test_a_used_claim_does_neither(serve_shop: ServeLion, clock: Clock) -> None:
    served = await _serve(serve_shop, clock, expiry_days=1, auto_refund_seconds=60)
    claimed = (await _claim(served)).json()["claimed_reward"]
    order = {
        "merchant_id": "O-1",
        "customer_id": "C-1",
        "customer_email": "ana@shop.example",
        "total": "50.00",
        "total_shipping": "0.00",
        "payment_status": "not_paid",
        "discount_codes": [{"code": claimed["redeemable"]["code"], "amount": "10.00"}],
    }
    response = await served.client.post("/v2/orders", json=order)
    assert response.status_code == 201, response.text
    clock.advance(seconds=2 * _DAY)
    assert await _lion(served, claimed["id"]) == ("approved", 0, 100)
    path = f"{_CUSTOMER}/claimed_rewards/{claimed['id']}"
    shown = (await served.client.get(path)).json()["claimed_reward"]["redeemable"]
    assert (shown["usage_count"], shown["used_at"] is None) == (1, False)
