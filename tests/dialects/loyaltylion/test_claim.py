"""Claims: their answers, their shape, what may be chosen with them, and many at once."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import FulfilBy, SessionLimit, TargetProduct, TierTerms
from guerdon.domain.ids import TierId
from tests.builders.http import Clock, everything
from tests.builders.integration import connect_platform
from tests.builders.lion import ServedLion, basic, details_of, error_of
from tests.builders.lion_claims import PLANT, ask, claim, claims_of, points, rows
from tests.builders.platform import MemoryPlatform, Mood
from tests.builders.shop import make_reward, make_shop, make_tier
from tests.dialects.loyaltylion.conftest import ServeLion

NOW = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC)


JUG = make_reward(
    2,
    name="A jug",
    kind="product_cart",
    points_cost=450,
    discount=None,
    auto_refund_seconds=7200,
    session_limit=SessionLimit(kind="cart", count=1),
    products=(TargetProduct(product_id="5501", variant_ids=("55012", "55013"), sku="J-1"),),
)


async def test_the_whole_answer_of_a_custom_reward(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rewards=(PLANT,)), now=lambda: NOW)
    await served.enrol("C-20417", points=700)
    response = await ask(served, customer="C-20417", multiplier=2)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    number = response.json()["claimed_reward"]["id"]
    assert response.json() == {
        "claimed_reward": {
            "id": number,
            "claimed_at": "2026-03-14T09:26:53.589Z",
            "point_cost": 600,
            "redeemable": {
                "redeemable_type": "fulfilment",
                "fulfilled": False,
                "fulfilled_at": None,
                "expires_on": None,
            },
            "reward": {
                "id": PLANT.id,
                "title": "Plant a hedge",
                "description": None,
                "sort_key": 4,
                "content": {},
                "point_cost": 300,
                "method": "store_fulfilment",
                "discount_type": "custom",
                "discount_amount": None,
                "minimum_spend": None,
                "usage_limit": 1,
                "min_redemption_amount": 1,
                "max_redemption_amount": 10,
                "max_free_shipping": None,
                "site_id": 1,
                "target_site": {
                    "id": 1,
                    "name": "Shop 1",
                    "url": "https://shop-1.myshopify.com",
                },
                "order_type": "all",
                "target_type": "custom",
                "target_collections": [],
                "target_products": [],
                "session_options": None,
                "auto_refund_seconds": None,
                "expiry_options": {"kind": "does_not_expire", "seconds": None},
                "redeemable_expiry_options": None,
                "supported_channels": ["web"],
                "kind": "custom",
            },
            "state": "approved",
            "session": None,
            "auto_refund_at": None,
            "expires_at": None,
        }
    }
    assert await points(served, "C-20417") == (100, 600)


async def test_the_whole_answer_of_a_product_for_the_cart(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rewards=(JUG,)), now=lambda: NOW)
    await served.enrol(points=500)
    session = {"kind": "cart", "token": "ct_9f2"}
    claimed = await claim(served, variant_id="55012", session=session)
    secret = claimed["redeemable"].pop("shopify_cart_line_item_context")
    version, payload, signature = secret.split(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (version, told) == ("v1", {"id": claimed["id"], "variant_id": "55012"})
    assert len(signature) == 43
    assert claimed["redeemable"] == {
        "redeemable_type": "product",
        "product": {"id": 5501, "variant_id": 55012},
        "used_at": None,
        "expires_on": None,
    }
    assert claimed["session"] == session
    assert claimed["auto_refund_at"] == "2026-03-14T11:26:53.589Z"
    reward = claimed["reward"]
    assert reward["auto_refund_seconds"] == 7200
    assert reward["expiry_options"] == {"kind": "expires_after", "seconds": 7200}
    assert reward["session_options"] == {"kind": "cart", "session_limit": 1}
    assert reward["target_products"] == [
        {
            "id": 5501,
            "variant_id": variant_id,
            "sku": "J-1",
            "url": None,
            "image_url": None,
            "sort_key": place,
            "title": "A jug",
            "inventory_count": None,
            "handle": None,
        }
        for place, variant_id in ((1, 55012), (2, 55013))
    ]


async def test_afterwards_the_ledger_has_one_entry_and_the_shop_hears_once(
    served: ServedLion,
) -> None:
    await served.enrol(points=250)
    claimed = await claim(served)
    assert await points(served) == (150, 100)
    found = await rows(served, "SELECT kind, points FROM entries WHERE redemption_id IS NOT NULL")
    assert found == [("redeemed", -100)]
    found = await rows(
        served, "SELECT kind, redemption_id FROM events WHERE kind LIKE 'redemption.%'"
    )
    assert found == [("redemption.approved", claimed["id"])]


async def test_a_pair_gets_the_answer_that_a_key_gets(serve_shop: ServeLion) -> None:
    served = await serve_shop(now=lambda: NOW)
    await served.enrol(points=250)
    by_key, by_pair = await ask(served), await ask(served, headers=basic())
    answers = [response.json()["claimed_reward"] for response in (by_key, by_pair)]
    assert [response.status_code for response in (by_key, by_pair)] == [201, 201]
    for each in answers:
        each.pop("id")
        each["redeemable"].pop("code")
    assert answers[0] == answers[1]


async def test_a_key_that_may_only_read_claims_nothing(served: ServedLion) -> None:
    await served.enrol(points=250)
    headers = await served.add_key("read_customers", "write_orders")
    before = await everything(served.pool)
    assert error_of(await ask(served, headers=headers))[:2] == (403, "forbidden")
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    "customer", ["gid:%2F%2Fshopify%2FCustomer%2F7", "a%20b", "%C3%BC%2F%3F%23", "0", "x" * 300]
)
async def test_a_customer_is_called_what_the_shop_calls_them(
    served: ServedLion, customer: str
) -> None:
    plain = (
        customer.replace("%2F", "/")
        .replace("%20", " ")
        .replace("%C3%BC", "ü")
        .replace("%3F", "?")
        .replace("%23", "#")
    )
    await served.enrol(plain, points=100)
    assert (await ask(served, customer=customer)).status_code == 201


# -- what is wrong with the request itself ------------------------------------------------------

_WRONG: list[tuple[Any, dict[str, str]]] = [
    ({}, {"reward_id": "required"}),
    ({"reward_id": "1001"}, {"reward_id": "expected integer, received string"}),
    ({"reward_id": True}, {"reward_id": "expected integer, received boolean"}),
    ({"reward_id": 1.0}, {"reward_id": "expected integer, received number"}),
    ({"reward_id": None}, {"reward_id": "expected integer, received null"}),
    (
        {"reward_id": 1001, "multiplier": "2"},
        {"multiplier": "expected integer or null, received string"},
    ),
    (
        {"reward_id": 1001, "multiplier": 1.5},
        {"multiplier": "expected integer or null, received number"},
    ),
    (
        {"reward_id": 1001, "variant_id": {}},
        {"variant_id": "expected integer or string or null, received object"},
    ),
    (
        {"reward_id": 1001, "session": "ct"},
        {"session": "expected object or null, received string"},
    ),
    ({"reward_id": 1001, "session": {"kind": "cart"}}, {"session.token": "required"}),
    (
        {"reward_id": 1001, "session": {"kind": "bag", "token": "t"}},
        {"session.kind": "invalid enum value 'bag'"},
    ),
    (
        {"reward_id": 1001, "session": {"kind": "cart", "token": ""}},
        {"session.token": "expected str of length >= 1"},
    ),
    ({"reward_id": 1001, "attribution": "banner"}, {"attribution": "invalid enum value 'banner'"}),
    (
        {"reward_id": "x", "multiplier": "y"},
        {
            "reward_id": "expected integer, received string",
            "multiplier": "expected integer or null, received string",
        },
    ),
]


@pytest.mark.parametrize(("body", "details"), _WRONG)
async def test_a_wrong_shape_names_its_fields(
    served: ServedLion, body: Any, details: dict[str, str]
) -> None:
    await served.enrol(points=500)
    before = await everything(served.pool)
    response = await served.client.post(claims_of(), json=body)
    assert details_of(response) == details
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b"\xff",
        b'{"reward_id": NaN}',
        b'{"reward_id": 1001, "reward_id": 1001}',
        b'{"reward_id": 1e999}',
        b'{"reward_id": 99999999999999999999}',
        b'{"reward_id": 1001, "session": {"kind": "cart", "token": "\\u0000"}}',
        b'{"reward_id": 1001, "shopify_action_id": "\\ud800"}',
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
async def test_what_is_no_object_of_json_is_refused(served: ServedLion, body: bytes) -> None:
    await served.enrol(points=500)
    before = await everything(served.pool)
    response = await served.client.post(claims_of(), content=body)
    assert response.status_code == 400
    assert error_of(response)[1] == "invalid_request"
    assert await everything(served.pool) == before


async def test_what_is_not_known_in_a_body_is_ignored(served: ServedLion) -> None:
    await served.enrol(points=100)
    await claim(served, colour="red", redemption_id=None, session=None, multiplier=None)


# -- what a well-formed claim may be refused for -----------------------------------------------

_TIERS = (make_tier(1, 0), make_tier(2, 100_000))


# -- choosing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["55013", 55013, "gid://shopify/ProductVariant/55013"])
async def test_a_variant_may_be_written_in_three_ways(
    serve_shop: ServeLion, variant: str | int
) -> None:
    served = await serve_shop(make_shop(rewards=(JUG,)))
    await served.enrol(points=450)
    claimed = await claim(served, variant_id=variant)
    assert claimed["redeemable"]["product"] == {"id": 5501, "variant_id": 55013}


async def test_a_session_is_kept_without_any_effect_where_it_has_no_limit(
    served: ServedLion,
) -> None:
    await served.enrol(points=300)
    session = {"kind": "checkout", "token": "ck-1"}
    body: dict[str, Any] = {
        "session": session,
        "attribution": "redemption_notification",
        "shopify_action_id": "act-1",
    }
    claimed = await claim(served, **body)
    assert claimed["session"] == session
    await claim(served, **body)
    kept = await rows(served, "SELECT context FROM redemptions")
    assert [json.loads(row[0]) for row in kept] == 2 * [
        {
            "session": session,
            "attribution": "redemption_notification",
            "platform_action_id": "act-1",
        }
    ]


async def test_a_full_session_tells_its_limit(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rewards=(JUG,)))
    await served.enrol(points=2000)
    asked: dict[str, Any] = {
        "variant_id": "55012",
        "session": {"kind": "cart", "token": "ct"},
    }
    await claim(served, **asked)
    before = await everything(served.pool)
    response = await ask(served, **asked)
    assert response.status_code == 422
    assert response.json() == {
        "error": {
            "name": "MaxCartRedemptionsReachedError",
            "code": "max_cart_redemptions_reached",
            "message": "This reward may be claimed 1 times in one session",
            "limit": 1,
        }
    }
    assert await everything(served.pool) == before


async def test_a_tier_pays_its_own_price(serve_shop: ServeLion) -> None:
    dear = make_reward(
        1,
        kind="custom",
        discount=None,
        fulfil_by="manual",
        units_max=4,
        tier_terms=(TierTerms(tier_id=TierId(3001), points_cost=70),),
    )
    served = await serve_shop(make_shop(rewards=(dear,), tiers=_TIERS))
    await served.enrol(points=500)
    claimed = await claim(served, multiplier=3)
    assert (claimed["point_cost"], claimed["reward"]["point_cost"]) == (210, 70)
    assert await points(served) == (290, 210)


# -- again, and at once ------------------------------------------------------------------------


async def test_the_same_key_gets_the_same_answer(serve_shop: ServeLion) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(rewards=(make_reward(kind="gift_card"),)), now=clock)
    await served.enrol(points=500)
    headers = {"Idempotency-Key": "once"}
    first = await ask(served, headers=headers)
    clock.advance(days=1)
    second = await ask(served, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await points(served) == (400, 100)
    other = await served.client.post(
        claims_of(), json={"reward_id": 1001, "attribution": None, "x": 1}, headers=headers
    )
    assert error_of(other)[:2] == (409, "idempotency_key_conflict")


async def test_without_a_key_twice_is_twice(served: ServedLion) -> None:
    await served.enrol(points=500)
    first, second = await claim(served), await claim(served)
    assert first["id"] != second["id"]
    assert await points(served) == (300, 200)


async def test_claims_at_once_never_overspend(served: ServedLion) -> None:
    await served.enrol(points=700)
    answers = await asyncio.gather(*(ask(served) for _ in range(20)))
    assert sorted(each.status_code for each in answers) == [201] * 7 + [422] * 13
    assert {error_of(each)[1] for each in answers if each.status_code == 422} == {
        "insufficient_points"
    }
    assert await points(served) == (0, 700)


@pytest.mark.parametrize("customers", [1, 5])
async def test_fifty_claims_at_once_in_one_cart_keep_to_its_limit(
    serve_shop: ServeLion, customers: int
) -> None:
    jug = replace(JUG, session_limit=SessionLimit(kind="cart", count=3))
    served = await serve_shop(make_shop(rewards=(jug,)))
    names = [f"C-{number}" for number in range(customers)]
    for name in names:
        await served.enrol(name, email=None, points=450 * 50)
    asked: dict[str, Any] = {"variant_id": "55012", "session": {"kind": "cart", "token": "ct"}}
    answers = await asyncio.gather(
        *(ask(served, customer=names[number % customers], **asked) for number in range(50))
    )
    assert sorted(each.status_code for each in answers) == [201] * 3 + [422] * 47
    spent = [(await points(served, name))[1] for name in names]
    assert sum(spent) == 3 * 450


# -- what a platform hands over -------------------------------------------------------------------


async def test_what_a_platform_makes_is_waited_for(serve_shop: ServeLion) -> None:
    platform = MemoryPlatform()
    fulfillers: dict[FulfilBy, Any] = {"shopify": platform}
    shop = make_shop(rewards=(make_reward(fulfil_by="shopify"),))
    served = await serve_shop(shop, fulfillers=fulfillers)
    await connect_platform(served.ledger.runtime, served.shop.id)
    await served.enrol(points=100)
    claimed = await claim(served)
    assert claimed["state"] == "approved"
    assert platform.live == [claimed["redeemable"]["code"]]


@pytest.mark.parametrize("mood", ["refuses", "refuses for good", "hangs", "is out of reach"])
async def test_where_a_platform_fails_nothing_was_taken(serve_shop: ServeLion, mood: Mood) -> None:
    platform = MemoryPlatform(*([mood] * 9))
    fulfillers: dict[FulfilBy, Any] = {"shopify": platform}
    shop = make_shop(rewards=(make_reward(fulfil_by="shopify"),))
    served = await serve_shop(shop, fulfillers=fulfillers, fulfil_seconds=0.4)
    await connect_platform(served.ledger.runtime, served.shop.id)
    await served.enrol(points=100)
    assert error_of(await ask(served)) == (
        503,
        "fulfilment_unavailable",
        "The reward could not be handed over just now; nothing was taken",
    )
    assert await points(served) == (100, 0)
    (listed,) = (await served.client.get(claims_of())).json()["claimed_rewards"]
    assert listed["state"] == "declined"
    assert listed["redeemable"]["code"] == ""
