"""VIP tiers are listed whole, the lowest first, with the rewards that are theirs alone."""

from datetime import timedelta

import asyncpg

from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import Discount
from guerdon.domain.ids import ProgramId
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import READ_SECRET
from tests.builders.shop import FOUNDED, make_reward, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

_FOUNDED = "2026-01-01T00:00:00.000Z"
_AMBER = make_tier(1, 0, name="Amber")
_JADE = make_tier(
    2,
    1000,
    name="Jade",
    multiplier_permille=1250,
    description="For regulars",
    badge_image_url="https://cdn.example/jade.png",
    badge_color="#00a86b",
)
_PERCENT = make_reward(
    1,
    name="12.5 % off",
    description="Once",
    tier_id=_JADE.id,
    grant_on_entry=True,
    points_cost=0,
    discount=Discount(type="percentage", percent_hundredths=1250),
    expiry_days=30,
    max_redemptions=500,
    created_at=FOUNDED + timedelta(days=1),
)
_OLDER = make_reward(2, name="Free shipping", kind="free_shipping", tier_id=_JADE.id, discount=None)


async def test_lists_tiers_whole_without_meta(serve_shop: Serve) -> None:
    gone = make_reward(3, tier_id=_JADE.id, archived_at=FOUNDED)
    off = make_reward(4, name="Off", tier_id=_AMBER.id, status="inactive")
    for_all = make_reward(5)
    served = await serve_shop(
        make_shop(tiers=(_JADE, _AMBER), rewards=(_PERCENT, _OLDER, gone, off, for_all))
    )
    response = await served.client.get("/v1/vip-tiers", headers={"Authorization": READ_SECRET})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"data": [_amber(), _jade()]}


def _amber() -> dict[str, object]:
    reward = {
        "id": dress("reward", 1004),
        "name": "Off",
        "description": None,
        "discount_type": "fixed_amount",
        "reward_type": "tier",
        "points_cost": 100,
        "discount_amount": 10,
        "minimum_spend": 40,
        "is_active": False,
        "max_redemptions": None,
        "expiry_days": None,
        "created_at": _FOUNDED,
        "updated_at": _FOUNDED,
    }
    attributes = {
        "name": "Amber",
        "description": None,
        "points_required": 0,
        "points_multiplier": 1,
        "badge_image_url": None,
        "badge_color": None,
        "rewards": [reward],
        "created_at": _FOUNDED,
        "updated_at": _FOUNDED,
    }
    return {"type": "vip_tier", "id": dress("tier", 3001), "attributes": attributes}


def _jade() -> dict[str, object]:
    older = {
        "id": dress("reward", 1002),
        "name": "Free shipping",
        "description": None,
        "discount_type": "free_shipping",
        "reward_type": "tier",
        "points_cost": 100,
        "discount_amount": None,
        "minimum_spend": None,
        "is_active": True,
        "max_redemptions": None,
        "expiry_days": None,
        "created_at": _FOUNDED,
        "updated_at": _FOUNDED,
    }
    percent = older | {
        "id": dress("reward", 1001),
        "name": "12.5 % off",
        "description": "Once",
        "discount_type": "percentage",
        "points_cost": 0,
        "discount_amount": 12.5,
        "max_redemptions": 500,
        "expiry_days": 30,
        "created_at": "2026-01-02T00:00:00.000Z",
    }
    attributes = {
        "name": "Jade",
        "description": "For regulars",
        "points_required": 1000,
        "points_multiplier": 1.25,
        "badge_image_url": "https://cdn.example/jade.png",
        "badge_color": "#00a86b",
        "rewards": [older, percent],
        "created_at": _FOUNDED,
        "updated_at": _FOUNDED,
    }
    return {"type": "vip_tier", "id": dress("tier", 3002), "attributes": attributes}


async def test_a_shop_without_tiers_lists_none(serve_shop: Serve) -> None:
    served = await serve_shop()
    response = await served.client.get("/v1/vip-tiers?page[size]=1")
    assert (response.status_code, response.json()) == (200, {"data": []})


async def test_lists_the_programs_own_tiers_as_they_stand(
    pool: asyncpg.Pool, serve_shop: Serve
) -> None:
    served = await serve_shop(make_shop(tiers=(_AMBER,)))
    other = ProgramId(99)
    assert len((await served.client.get("/v1/vip-tiers")).json()["data"]) == 1
    async with transaction(pool) as tx:
        program = make_shop(id=other, slug="other").program
        await offers.put_program(tx, served.shop.id, program, FOUNDED)
        await offers.put_tier(tx, served.shop.id, make_tier(8, 5, program_id=other, slug="x"))
        await offers.put_tier(tx, served.shop.id, make_tier(9, 9, name="Onyx"))
        await offers.put_tier(tx, served.shop.id, _AMBER, archived_at=FOUNDED)
        await sequences.bump_catalogue_version(tx, served.shop.id)
    body = (await served.client.get("/v1/vip-tiers")).json()
    assert [each["attributes"]["name"] for each in body["data"]] == ["Onyx"]


async def test_other_methods_are_refused(serve_shop: Serve) -> None:
    served = await serve_shop()
    response = await served.client.post("/v1/vip-tiers", json={})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    unknown = await served.client.get("/v1/vip-tiers", headers={"Authorization": "no"})
    error = {"status": "401", "title": "Unauthorized", "detail": "Invalid API key"}
    assert (unknown.status_code, unknown.json()) == (401, {"errors": [error]})
