"""Rewards that a customer can have, their switches, and the keys of the first document alone."""

import asyncio
from typing import Any

import httpx
import pytest

from guerdon.domain.catalogue import Discount, TargetProduct, TierTerms
from guerdon.domain.ids import TierId
from guerdon.engine.keying import Keyring
from guerdon.web import create_app
from tests.builders.http import Clock
from tests.builders.lion import TOKEN, ServedLion, basic, bearer, details_of, error_of
from tests.builders.lion_claims import (
    CLAIMED_KEYS,
    REWARD_KEYS,
    ask,
    check_reward,
    claim,
    claims_of,
    points,
    rows,
)
from tests.builders.shop import FOUNDED, make_reward, make_shop, make_tier
from tests.dialects.loyaltylion.conftest import ServeLion

_TIERS = (make_tier(1, 0), make_tier(2, 1000), make_tier(3, 5000))
_LOW, _HIGH = TierId(3001), TierId(3002)


async def _available(
    served: ServedLion, customer: str = "C-1", **query: str | int
) -> list[dict[str, Any]]:
    response = await served.client.get(f"/v2/customers/{customer}/available_rewards", params=query)
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["rewards"]
    rewards: list[dict[str, Any]] = response.json()["rewards"]
    for reward in rewards:
        check_reward(reward)
    return rewards


async def _switch(
    served: ServedLion, act: str, number: int | str = 1001, **headers: str
) -> httpx.Response:
    return await served.client.post(f"/v2/rewards/{number}/{act}", headers=headers)


async def test_rewards_are_in_the_order_of_the_program(serve_shop: ServeLion) -> None:
    rewards = tuple(make_reward(n, position=place) for n, place in ((1, 3), (2, 1), (3, 2)))
    served = await serve_shop(make_shop(rewards=rewards))
    await served.enrol()
    listed = await _available(served)
    assert [(each["id"], each["sort_key"]) for each in listed] == [(1002, 1), (1003, 2), (1001, 3)]


async def test_what_cannot_be_afforded_or_had_just_now_is_listed(serve_shop: ServeLion) -> None:
    rewards = (make_reward(1, points_cost=9999), make_reward(2, stock=0, position=2))
    served = await serve_shop(make_shop(rewards=rewards))
    await served.enrol()
    assert [each["id"] for each in await _available(served)] == [1001, 1002]


_HIDDEN: list[dict[str, Any]] = [
    {"status": "inactive"},
    {"status": "draft"},
    {"archived_at": FOUNDED},
    {"ends_at": FOUNDED},
    {"tier_id": _HIGH},
    {"tier_terms": (TierTerms(tier_id=_LOW, is_enabled=False),)},
]


@pytest.mark.parametrize("facts", _HIDDEN)
async def test_what_cannot_be_claimed_is_not_listed(
    serve_shop: ServeLion, facts: dict[str, Any]
) -> None:
    shop = make_shop(rewards=(make_reward(1), make_reward(2, **facts)), tiers=_TIERS)
    served = await serve_shop(shop)
    await served.enrol(points=500)
    assert [each["id"] for each in await _available(served)] == [1001]
    assert (await ask(served, shop.rewards[1])).status_code in (404, 422)


async def test_a_tier_sees_its_own_rewards_and_prices(serve_shop: ServeLion) -> None:
    terms = (
        TierTerms(tier_id=_LOW, points_cost=80),
        TierTerms(tier_id=_HIGH, points_cost=0),
    )
    rewards = (
        make_reward(1, tier_terms=terms),
        make_reward(2, tier_id=_HIGH, position=2),
        make_reward(3, tier_terms=(TierTerms(tier_id=_HIGH, is_enabled=False),), position=3),
    )
    served = await serve_shop(make_shop(rewards=rewards, tiers=_TIERS))
    await served.enrol(points=999)
    await served.enrol("C-2", "bo@shop.example", points=1000)
    await served.enrol("C-3", "cy@shop.example", points=5000)

    async def seen(customer: str) -> list[tuple[int, int]]:
        return [(each["id"], each["point_cost"]) for each in await _available(served, customer)]

    assert await seen("C-1") == [(1001, 80), (1003, 100)]
    assert await seen("C-2") == [(1001, 0), (1002, 100)]
    assert await seen("C-3") == [(1001, 100), (1003, 100)]
    assert (await claim(served, rewards[0], customer="C-2"))["point_cost"] == 0


async def test_a_higher_tier_may_have_what_is_for_a_lower_one(serve_shop: ServeLion) -> None:
    shop = make_shop(rewards=(make_reward(tier_id=_HIGH),), tiers=_TIERS, vip_tier_match="at_least")
    served = await serve_shop(shop)
    await served.enrol(points=5000)
    assert len(await _available(served)) == 1
    await claim(served)


async def test_a_country_sees_what_is_for_it(serve_shop: ServeLion) -> None:
    rewards = (make_reward(1, countries=("GB", "IE")), make_reward(2, position=2))
    served = await serve_shop(make_shop(rewards=rewards))
    await served.enrol()
    assert len(await _available(served)) == 2
    assert [each["id"] for each in await _available(served, country="ie")] == [1001, 1002]
    assert [each["id"] for each in await _available(served, country="FR")] == [1002]


async def test_a_site_sees_its_own(served: ServedLion) -> None:
    await served.enrol()
    assert len(await _available(served, site_id=served.shop.id)) == 1
    assert await _available(served, site_id=served.shop.id + 1) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("country=GBR", "country"),
        ("country=", "country"),
        ("country=%C3%9F", "country"),
        ("site_id=0", "site_id"),
        ("site_id=x", "site_id"),
        ("country=%00", "country"),
    ],
)
async def test_a_wrong_filter_is_named(served: ServedLion, query: str, field: str) -> None:
    await served.enrol()
    response = await served.client.get(f"/v2/customers/C-1/available_rewards?{query}")
    assert list(details_of(response)) == [field]


async def test_nobody_has_no_rewards(served: ServedLion) -> None:
    response = await served.client.get("/v2/customers/nobody/available_rewards")
    assert error_of(response)[0] == 404


# -- switches -----------------------------------------------------------------------------------


async def test_a_reward_is_switched_off_and_on(served: ServedLion) -> None:
    await served.enrol(points=500)
    claimed = await claim(served)

    async def switch(act: str) -> Any:
        response = await _switch(served, act)
        assert response.status_code == 200
        return response.json()

    assert await switch("enable") == {"updated": False, "reward": {"id": 1001}}
    assert await switch("disable") == {"updated": True, "reward": {"id": 1001}}
    assert await switch("disable") == {"updated": False, "reward": {"id": 1001}}
    assert await _available(served) == []
    assert error_of(await ask(served))[:2] == (422, "reward_not_enabled_for_customer")
    # What was claimed before stays good.
    shown = (await served.client.get(f"{claims_of()}/{claimed['id']}")).json()["claimed_reward"]
    assert shown["state"] == "approved"
    assert await switch("enable") == {"updated": True, "reward": {"id": 1001}}
    assert len(await _available(served)) == 1
    await claim(served)
    versions = await rows(served, "SELECT count(*) FROM reward_versions")
    assert versions == [(3,)]


async def test_switching_needs_its_scope_and_a_key(served: ServedLion) -> None:
    headers = await served.add_key("write_customers", "write_orders")
    assert error_of(await _switch(served, "disable", **headers))[:2] == (403, "forbidden")
    assert error_of(await _switch(served, "disable", **basic()))[:2] == (403, "forbidden")
    headers = await served.add_key("write_configuration", token=f"pat_{'c3' * 16}")
    assert (await _switch(served, "disable", **headers)).status_code == 200


@pytest.mark.parametrize("number", [999, 2**53 - 1])
@pytest.mark.parametrize("act", ["enable", "disable"])
async def test_an_unknown_reward_cannot_be_switched(
    served: ServedLion, act: str, number: int
) -> None:
    assert error_of(await _switch(served, act, number))[0] == 404


@pytest.mark.parametrize("number", ["0", "x", "-1", "1.0"])
async def test_what_is_no_number_is_refused(served: ServedLion, number: str) -> None:
    response = await _switch(served, "disable", number)
    assert details_of(response) == {"reward_id": "expected integer from 1 up"}


@pytest.mark.parametrize("facts", [{"status": "draft"}, {"archived_at": FOUNDED}])
async def test_what_is_not_offered_cannot_be_switched(
    serve_shop: ServeLion, facts: dict[str, Any]
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(**facts),)))
    assert error_of(await _switch(served, "enable"))[0] == 404


async def test_the_same_key_switches_once(served: ServedLion) -> None:
    headers = {"Idempotency-Key": "off"}
    first, second = [await _switch(served, "disable", **headers) for _ in range(2)]
    assert first.json() == second.json() == {"updated": True, "reward": {"id": 1001}}
    assert second.headers["idempotent-replayed"] == "true"
    again = await _switch(served, "enable", **headers)
    assert error_of(again)[:2] == (409, "idempotency_key_conflict")


async def test_of_many_switches_at_once_one_changes_it(served: ServedLion) -> None:
    answers = await asyncio.gather(*(_switch(served, "disable") for _ in range(10)))
    assert sorted(each.json()["updated"] for each in answers) == [False] * 9 + [True]


async def test_nothing_is_claimed_after_a_switch_was_answered(served: ServedLion) -> None:
    """Claims are under way while the reward is switched off; each that begins after is refused."""
    await served.enrol(points=100_000)
    off = asyncio.Event()
    late: list[int] = []

    async def keep_claiming() -> None:
        for _ in range(25):
            began_after = off.is_set()
            response = await ask(served)
            assert response.status_code in (201, 422)
            if began_after:
                late.append(response.status_code)

    async def switch_off() -> None:
        await asyncio.sleep(0.05)
        assert (await _switch(served, "disable")).json()["updated"] is True
        off.set()

    await asyncio.gather(switch_off(), *(keep_claiming() for _ in range(8)))
    assert late
    assert set(late) == {422}
    taken = await rows(served, "SELECT count(*) FROM redemptions")
    assert await points(served) == (100_000 - taken[0][0] * 100, taken[0][0] * 100)


# -- the keys of the first document --------------------------------------------------------------


def _strict(served: ServedLion) -> httpx.AsyncClient:
    app = create_app(served.ledger, keyring=Keyring(served.pool), loyaltylion_strict_seed_keys=True)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://guerdon.test/loyaltylion",
        headers=bearer(TOKEN),
    )


_HELD: list[tuple[dict[str, Any], list[str]]] = [
    (
        {},
        ["redeemable_type", "code", "discount_amount", "usage_count", "usage_limit", "expires_on"],
    ),
    (
        {"kind": "gift_card"},
        ["redeemable_type", "balance", "expires_on"],
    ),
    (
        {"kind": "product_cart"},
        [
            "redeemable_type",
            "product",
            "used_at",
            "shopify_cart_line_item_context",
            "expires_on",
        ],
    ),
    (
        {"kind": "active_subscription_product"},
        ["redeemable_type", "product", "used_at", "expires_on"],
    ),
    (
        {"kind": "custom", "fulfil_by": "manual"},
        ["redeemable_type", "fulfilled", "fulfilled_at", "expires_on"],
    ),
]


@pytest.mark.parametrize(("facts", "keys"), _HELD)
async def test_strictly_only_the_first_documents_keys_are_shown(
    serve_shop: ServeLion, facts: dict[str, Any], keys: list[str]
) -> None:
    jug = TargetProduct(product_id="1", variant_ids=("2",), handle="jug")
    made = make_reward(
        products=(jug,),
        **{
            "discount": Discount(
                type="fixed_amount", amount_minor=100, applies_on_subscription=True
            ),
            **facts,
        },
    )
    served = await serve_shop(make_shop(rewards=(made,)), now=Clock())
    await served.enrol(points=300)
    async with _strict(served) as client:
        response = await client.post(claims_of(), json={"reward_id": made.id, "variant_id": "2"})
        claimed = response.json()["claimed_reward"]
        assert list(claimed) == CLAIMED_KEYS
        assert list(claimed["reward"]) == REWARD_KEYS
        assert list(claimed["redeemable"]) == keys
        assert list(claimed["reward"]["target_products"][0]) == [
            "id",
            "variant_id",
            "sku",
            "url",
            "image_url",
            "sort_key",
            "title",
        ]
        listed = (await client.get("/v2/customers/C-1/available_rewards")).json()["rewards"]
        assert [list(each) for each in listed] == [REWARD_KEYS]


async def test_strictly_a_subscriptions_discount_keeps_its_limit_of_cycles(
    serve_shop: ServeLion,
) -> None:
    made = make_reward(kind="active_subscription_discount")
    served = await serve_shop(make_shop(rewards=(made,)))
    await served.enrol(points=300)
    async with _strict(served) as client:
        listed = (await client.get("/v2/customers/C-1/available_rewards")).json()["rewards"]
    assert [list(each) for each in listed] == [[*REWARD_KEYS, "recurring_cycle_limit"]]


async def test_a_product_that_is_no_number_is_none_of_the_shops(serve_shop: ServeLion) -> None:
    made = make_reward(
        kind="custom",
        fulfil_by="manual",
        products=(TargetProduct(product_id="prod_0a1b2c"), TargetProduct(product_id="77")),
    )
    served = await serve_shop(make_shop(rewards=(made,)))
    await served.enrol(points=300)
    (listed,) = await _available(served)
    assert [each["id"] for each in listed["target_products"]] == [77]
