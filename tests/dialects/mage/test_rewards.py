"""Rewards over HTTP: listed and shown."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import Discount
from guerdon.domain.ids import RewardId, RewardVersionId, TierId
from guerdon.engine.keying import create_key
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import Served, error_of
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

_PERCENT = Discount(type="percentage", percent_hundredths=1250)
_SHIPPING = Discount(type="free_shipping", minimum_spend_minor=1999)


async def _serve(serve_shop: Serve) -> Served:
    rewards = (
        make_reward(1, name="Banana", points_cost=300),
        make_reward(2, name="apple", points_cost=100, status="inactive", discount=_PERCENT),
        make_reward(
            3,
            name="Cherry",
            points_cost=200,
            tier_id=TierId(3001),
            discount=_SHIPPING,
            max_redemptions=9,
            stock=7,
            expiry_days=30,
            description="€ in words",
            updated_at=FOUNDED + timedelta(days=1),
        ),
        make_reward(4, name="Date", status="draft"),
        make_reward(5, name="Elder", archived_at=FOUNDED),
    )
    return await serve_shop(make_shop(rewards=rewards, tiers=(make_tier(1, 0),)))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Cherry", "apple", "Banana"]),
        ("sort=created_at", ["Banana", "apple", "Cherry"]),
        ("sort=name", ["apple", "Banana", "Cherry"]),
        ("sort=-name", ["Cherry", "Banana", "apple"]),
        ("sort=points_cost", ["apple", "Cherry", "Banana"]),
        ("filter[is_active]=true", ["Cherry", "Banana"]),
        ("filter%5Bis_active%5D=false", ["apple"]),
        ("page[size]=2&page[number]=2", ["Banana"]),
    ],
)
async def test_rewards_are_listed(serve_shop: Serve, query: str, names: list[str]) -> None:
    served = await _serve(serve_shop)
    response = await served.client.get(f"/v1/rewards?{query}")
    assert response.status_code == 200
    assert [each["attributes"]["name"] for each in response.json()["data"]] == names


async def test_reward_is_shown_whole(serve_shop: Serve) -> None:
    served = await _serve(serve_shop)
    response = await served.client.get(f"/v1/rewards/{dress('reward', 1003)}")
    assert response.status_code == 200
    assert response.json() == {
        "data": {
            "type": "reward",
            "id": dress("reward", 1003),
            "attributes": {
                "name": "Cherry",
                "description": "€ in words",
                "discount_type": "free_shipping",
                "reward_type": "tier",
                "points_cost": 200,
                "discount_amount": None,
                "minimum_spend": 19.99,
                "is_active": True,
                "max_redemptions": 7,
                "expiry_days": 30,
                "created_at": "2026-01-01T00:00:00.000Z",
                "updated_at": "2026-01-02T00:00:00.000Z",
            },
        }
    }


@pytest.mark.parametrize(
    ("currency", "discount", "amount", "minimum"),
    [
        ("GBP", Discount(type="fixed_amount", amount_minor=1000), 10, None),
        (
            "GBP",
            Discount(type="fixed_amount", amount_minor=1050, minimum_spend_minor=4000),
            10.5,
            40,
        ),
        ("JPY", Discount(type="fixed_amount", amount_minor=500), 500, None),
        ("KWD", Discount(type="fixed_amount", amount_minor=1250), 1.25, None),
        ("GBP", Discount(type="percentage", percent_hundredths=1500), 15, None),
        ("GBP", Discount(type="percentage", percent_hundredths=1250), 12.5, None),
        ("GBP", Discount(type="free_product"), None, None),
    ],
)
async def test_money_is_a_json_number(
    serve_shop: Serve,
    currency: str,
    discount: Discount,
    amount: float | None,
    minimum: float | None,
) -> None:
    shop = make_shop(rewards=(make_reward(discount=discount),))
    served = await serve_shop(replace(shop, merchant=changed(shop.merchant, currency=currency)))
    attributes = (await served.client.get("/v1/rewards")).json()["data"][0]["attributes"]
    assert attributes["discount_amount"] == amount
    assert type(attributes["discount_amount"]) is type(amount)
    assert attributes["minimum_spend"] == minimum
    assert attributes["discount_type"] == discount.type


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("free_shipping", "free_shipping"),
        ("product_cart", "free_product"),
        ("active_subscription_product", "free_product"),
        ("custom", "free_product"),
        ("gift_card", "fixed_amount"),
    ],
)
async def test_reward_without_a_discount_gets_the_nearest_word(
    serve_shop: Serve, kind: str, word: str
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(kind=kind, discount=None),)))
    attributes = (await served.client.get("/v1/rewards")).json()["data"][0]["attributes"]
    assert (attributes["discount_type"], attributes["discount_amount"]) == (word, None)


@pytest.mark.parametrize("number", [1004, 1005, 1999])
async def test_reward_not_on_offer_is_not_found(serve_shop: Serve, number: int) -> None:
    served = await _serve(serve_shop)
    shown = dress("reward", number)
    response = await served.client.get(f"/v1/rewards/{shown}")
    assert error_of(response) == (404, "Not Found", f"Reward '{shown}' not found")


@pytest.mark.parametrize("query", ["sort=price", "filter[is_active]=yes"])
async def test_word_that_means_nothing_is_refused(served: Served, query: str) -> None:
    response = await served.client.get(f"/v1/rewards?{query}")
    assert error_of(response)[:2] == (400, "Bad Request")


async def test_new_reward_is_seen_and_sold_at_once(served: Served) -> None:
    """Though this process read the offers before, and nobody told it."""
    await served.enrol(points=100)
    assert (await served.client.get("/v1/rewards")).json()["meta"]["total"] == 1
    new = make_reward(2, id=RewardId(1002), version_id=RewardVersionId(2002))
    async with transaction(served.pool) as tx:
        await offers.put_reward(tx, served.shop.id, new)
        await offers.insert_reward_version(tx, served.shop.id, new, FOUNDED)
        await sequences.bump_catalogue_version(tx, served.shop.id)
    assert (await served.purchase(new)).status_code == 201
    assert (await served.client.get("/v1/rewards")).json()["meta"]["total"] == 2


async def test_program_sees_only_its_own(served: Served) -> None:
    other = changed(served.shop.program, id=99, slug="other")
    async with transaction(served.pool) as tx:
        await offers.put_program(tx, served.shop.id, other, FOUNDED)
    await create_key(
        served.ledger.runtime,
        merchant_id=served.shop.id,
        program_id=other.id,
        dialect="mage",
        name="other",
        secret="a-secret-of-the-other-program",
    )
    await served.enrol(points=100)
    client = served.client
    client.headers["Authorization"] = "a-secret-of-the-other-program"
    assert (await client.get("/v1/rewards")).json()["data"] == []
    assert (await client.get("/v1/customers")).json()["data"] == []
    shown = await client.get(f"/v1/rewards/{dress('reward', 1001)}")
    assert shown.status_code == 404
    assert (await client.get("/v1/customers/7001")).status_code == 404
    assert other.id != PROGRAM


async def test_many_may_look_at_new_offers_at_once(served: Served) -> None:
    """More callers than there are connections: none holds one while it waits for another."""
    async with transaction(served.pool) as tx:
        await sequences.bump_catalogue_version(tx, served.shop.id)
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(served.client.get("/v1/rewards") for _ in range(30)))
    assert {each.status_code for each in answers} == {200}
