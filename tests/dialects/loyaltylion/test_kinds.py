"""Each of the ten kinds of reward: what it is shown as, claimed, used, refunded, expired."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from guerdon.domain.catalogue import (
    Discount,
    FulfilBy,
    Reward,
    SessionLimit,
    TargetCollection,
    TargetProduct,
)
from guerdon.domain.command import Command, CompleteFulfilment, Done, ExpireRedemption, MarkUsed
from guerdon.domain.ids import RedemptionId
from guerdon.store.offers import insert_pool_codes
from guerdon.store.transaction import transaction
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.lion import ServedLion, error_of
from tests.builders.lion_claims import claim, look, points, refund
from tests.builders.platform import MemoryPlatform
from tests.builders.shop import make_reward, make_shop
from tests.dialects.loyaltylion.conftest import ServeLion

_FREE = Discount(type="free_product")
_FIVE = Discount(type="fixed_amount", amount_minor=500)
_HALF = Discount(type="percentage", percent_hundredths=5000)
JUG = TargetProduct(
    product_id="70",
    variant_ids=("701",),
    title="A jug",
    sku="JUG",
    handle="jug",
    url="https://shop.example/jug",
    image_url="https://shop.example/jug.png",
)
CUP = TargetProduct(product_id="80")
GLASS = TargetCollection(
    collection_id="9", url="https://shop.example/glass", restriction_text="On glass alone"
)


def _discount(**facts: Any) -> Discount:
    return Discount(type="fixed_amount", amount_minor=800, **facts)


# What each kind is made as, what the vendor shows of it beyond what is neutral, and what a customer
# then holds.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "active_subscription_discount_voucher": (
        {
            "kind": "active_subscription_discount",
            "discount": Discount(
                type="percentage", percent_hundredths=1250, recurring_cycles_max=3
            ),
        },
        {
            "discount_type": "percentage",
            "discount_amount": 12.5,
            "order_type": "subscription",
            "recurring_cycle_limit": 3,
        },
        {"redeemable_type": "voucher"},
    ),
    "cart_discount_voucher": (
        {"kind": "cart_discount", "discount": _discount(minimum_spend_minor=4000)},
        {
            "discount_type": "flat",
            "discount_amount": 8,
            "minimum_spend": 40,
            "order_type": "one_time",
        },
        {"redeemable_type": "voucher"},
    ),
    "collection_discount_voucher": (
        {"kind": "collection_discount", "discount": _HALF, "collections": (GLASS,)},
        {
            "discount_type": "percentage",
            "discount_amount": 50,
            "target_type": "collection",
            "target_collections": [
                {
                    "id": 9,
                    "url": "https://shop.example/glass",
                    "restriction_text": "On glass alone",
                }
            ],
        },
        {"redeemable_type": "voucher"},
    ),
    "product_discount_voucher": (
        {"kind": "product_discount", "discount": _HALF, "products": (CUP,)},
        {
            "discount_type": "percentage",
            "discount_amount": 50,
            "target_type": "product",
            "target_products": [
                {
                    "id": 80,
                    "variant_id": None,
                    "sku": None,
                    "url": None,
                    "image_url": None,
                    "sort_key": 1,
                    "title": "Reward 1",
                    "inventory_count": None,
                    "handle": None,
                }
            ],
        },
        {"redeemable_type": "voucher"},
    ),
    "free_shipping_voucher": (
        {
            "kind": "free_shipping",
            "discount": Discount(type="free_shipping", shipping_max_minor=750),
        },
        {
            "discount_type": "percentage",
            "discount_amount": 100,
            "target_type": "shipping",
            "max_free_shipping": 7.5,
        },
        {"redeemable_type": "voucher"},
    ),
    "gift_card": (
        {"kind": "gift_card", "discount": _discount()},
        {"method": "gift_card", "discount_type": "flat", "discount_amount": 8},
        {"redeemable_type": "gift_card", "currency": "gbp", "initial_value": 8, "balance": 8},
    ),
    "product_cart": (
        {
            "kind": "product_cart",
            "discount": _FREE,
            "products": (JUG,),
            "session_limit": SessionLimit(kind="cart", count=2),
        },
        {
            "discount_type": "percentage",
            "discount_amount": 100,
            "target_type": "product",
            "session_options": {"kind": "cart", "session_limit": 2},
            "target_products": [
                {
                    "id": 70,
                    "variant_id": 701,
                    "sku": "JUG",
                    "url": "https://shop.example/jug",
                    "image_url": "https://shop.example/jug.png",
                    "sort_key": 1,
                    "title": "A jug",
                    "inventory_count": None,
                    "handle": "jug",
                }
            ],
        },
        {"redeemable_type": "product", "product": {"id": 70, "variant_id": 701}},
    ),
    "checkout_redemption": (
        {
            "kind": "checkout_redemption",
            "discount": Discount(type="fixed_amount", amount_minor=100),
            "units_max": 50,
            "session_limit": SessionLimit(kind="checkout", count=1),
        },
        {
            "discount_type": "flat",
            "discount_amount": 1,
            "max_redemption_amount": 50,
            "session_options": {"kind": "checkout", "session_limit": 1},
        },
        {"redeemable_type": "voucher"},
    ),
    "subscription_buy_with_points": (
        {"kind": "active_subscription_product", "discount": _FREE, "products": (CUP,)},
        {
            "discount_type": "percentage",
            "discount_amount": 100,
            "order_type": "subscription",
            "target_type": "product",
            "target_products": [
                {
                    "id": 80,
                    "variant_id": None,
                    "sku": None,
                    "url": None,
                    "image_url": None,
                    "sort_key": 1,
                    "title": "Reward 1",
                    "inventory_count": None,
                    "handle": None,
                }
            ],
        },
        {
            "redeemable_type": "product",
            "product": {"id": 80, "variant_id": 801},
            "subscription_details": None,
        },
    ),
    "custom": (
        {"kind": "custom", "discount": None, "fulfil_by": "manual", "units_max": 4},
        {
            "method": "store_fulfilment",
            "discount_type": "custom",
            "target_type": "custom",
            "max_redemption_amount": 4,
        },
        {"redeemable_type": "fulfilment", "fulfilled": False, "fulfilled_at": None},
    ),
}
_NEUTRAL: dict[str, Any] = {
    "id": 1001,
    "title": "Reward 1",
    "description": None,
    "sort_key": 1,
    "content": {},
    "point_cost": 100,
    "method": "voucher",
    "discount_amount": None,
    "minimum_spend": None,
    "usage_limit": 1,
    "min_redemption_amount": 1,
    "max_redemption_amount": 1,
    "max_free_shipping": None,
    "site_id": 1,
    "target_site": {"id": 1, "name": "Shop 1", "url": "https://shop-1.myshopify.com"},
    "order_type": "all",
    "target_type": "all",
    "target_collections": [],
    "target_products": [],
    "session_options": None,
    "auto_refund_seconds": None,
    "expiry_options": {"kind": "does_not_expire", "seconds": None},
    "redeemable_expiry_options": None,
    "supported_channels": ["web"],
}
_VARIANTS = {"product_cart": "701", "subscription_buy_with_points": "801"}
_EVERY_KIND = pytest.mark.parametrize("kind", list(KINDS))


async def _claimed(
    serve_shop: ServeLion, kind: str, clock: Callable[[], datetime], **facts: Any
) -> tuple[ServedLion, dict[str, Any]]:
    served = await serve_shop(
        make_shop(rewards=(make_reward(**{**KINDS[kind][0], **facts}),)), now=clock
    )
    await served.enrol(points=500)
    variant: dict[str, Any] = {"variant_id": _VARIANTS[kind]} if kind in _VARIANTS else {}
    return served, await claim(served, **variant)


async def _do(served: ServedLion, command: Command) -> None:
    assert isinstance(await served.ledger.submit(served.shop.id, command), Done)


@_EVERY_KIND
async def test_a_reward_is_shown_whole(serve_shop: ServeLion, kind: str) -> None:
    served, claimed = await _claimed(serve_shop, kind, Clock())
    shown = _NEUTRAL | {"kind": kind} | KINDS[kind][1]
    assert claimed["reward"] == shown
    response = await served.client.get("/v2/customers/C-1/available_rewards")
    assert response.json() == {"rewards": [shown]}


@_EVERY_KIND
async def test_a_claim_gives_what_its_kind_holds(serve_shop: ServeLion, kind: str) -> None:
    served, claimed = await _claimed(serve_shop, kind, Clock())
    held = claimed["redeemable"]
    assert held["expires_on"] is None
    assert {name: held[name] for name in KINDS[kind][2]} == KINDS[kind][2]
    if held["redeemable_type"] == "voucher":
        assert held["code"].startswith("MAGE-")
        assert list(held) == [
            "redeemable_type",
            "code",
            "discount_amount",
            "usage_count",
            "usage_limit",
            "used_at",
            "expires_on",
        ]
    # A gift card's code is told once.
    again = await look(served, claimed)
    if kind == "gift_card":
        code = held.pop("code")
        assert held["last_characters"] == code[-4:]
    assert again == claimed


@_EVERY_KIND
async def test_what_was_used_says_so_and_stays(serve_shop: ServeLion, kind: str) -> None:
    clock = Clock()
    served, claimed = await _claimed(serve_shop, kind, clock)
    clock.advance(minutes=1)
    number = RedemptionId(claimed["id"])
    if kind == "custom":
        await _do(served, CompleteFulfilment(redemption_id=number))
    else:
        await _do(served, MarkUsed(redemption_id=number))
    used = await look(served, claimed)
    at = "2026-03-14T09:27:53.589Z"
    assert used["state"] == "approved"
    said: dict[str, dict[str, Any]] = {
        "voucher": {"usage_count": 1, "used_at": at},
        "product": {"used_at": at},
        "gift_card": {"balance": 0},
        "fulfilment": {"fulfilled": True, "fulfilled_at": at},
    }
    wanted = said[used["redeemable"]["redeemable_type"]]
    assert {name: used["redeemable"][name] for name in wanted} == wanted
    assert error_of(await refund(served, claimed))[:2] == (422, "reward_already_used")
    assert await points(served) == (400, 100)


@_EVERY_KIND
async def test_a_refund_voids_and_returns_the_points(serve_shop: ServeLion, kind: str) -> None:
    served, claimed = await _claimed(serve_shop, kind, Clock())
    response = await refund(served, claimed)
    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["claimed_reward", "remote_resource_deleted"]
    assert body["remote_resource_deleted"] is (kind != "custom")
    void = body["claimed_reward"]
    assert void["state"] == "void"
    assert void["reward"] == claimed["reward"]
    assert await points(served) == (500, 0)
    assert await look(served, claimed) == void
    assert error_of(await refund(served, claimed))[:2] == (422, "reward_already_refunded")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "custom"])
async def test_what_has_expired_keeps_its_points_spent(serve_shop: ServeLion, kind: str) -> None:
    clock = Clock()
    served, claimed = await _claimed(serve_shop, kind, clock, expiry_days=2)
    assert claimed["redeemable"]["expires_on"] == "2026-03-16T09:26:53.589Z"
    lives = {"kind": "expires_after", "seconds": 172_800}
    assert claimed["reward"]["redeemable_expiry_options"] == lives
    clock.advance(days=2, seconds=-1)
    assert (await look(served, claimed))["state"] == "approved"
    clock.advance(seconds=1)
    assert (await look(served, claimed))["state"] == "expired"
    assert error_of(await refund(served, claimed))[:2] == (422, "reward_not_refundable")
    await _do(served, ExpireRedemption(redemption_id=RedemptionId(claimed["id"])))
    assert (await look(served, claimed))["state"] == "expired"
    assert await points(served) == (400, 100)


async def test_what_people_hand_over_does_not_expire(serve_shop: ServeLion) -> None:
    clock = Clock()
    served, claimed = await _claimed(serve_shop, "custom", clock, expiry_days=2)
    assert claimed["redeemable"]["expires_on"] is None
    assert claimed["reward"]["redeemable_expiry_options"] is None
    clock.advance(days=3)
    assert (await look(served, claimed))["state"] == "approved"
    assert (await refund(served, claimed)).status_code == 200


@_EVERY_KIND
async def test_an_automatic_refund_is_told_ahead(serve_shop: ServeLion, kind: str) -> None:
    clock = Clock()
    _, claimed = await _claimed(serve_shop, kind, clock, auto_refund_seconds=90)
    assert claimed["auto_refund_at"] == "2026-03-14T09:28:23.589Z"
    assert claimed["reward"]["auto_refund_seconds"] == 90
    assert claimed["reward"]["expiry_options"] == {"kind": "expires_after", "seconds": 90}


async def test_money_taken_off_at_checkout_is_as_much_as_was_asked(serve_shop: ServeLion) -> None:
    reward = make_reward(**KINDS["checkout_redemption"][0] | {"points_cost": 10})
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=500)
    claimed = await claim(served, multiplier=25)
    assert claimed["point_cost"] == 250
    assert claimed["reward"]["point_cost"] == 10
    assert claimed["redeemable"]["discount_amount"] == 25
    assert (await claim(served, multiplier=1))["redeemable"]["discount_amount"] is None


async def test_a_fraction_multiplied_is_exact(serve_shop: ServeLion) -> None:
    reward = make_reward(
        kind="checkout_redemption",
        discount=Discount(type="fixed_amount", amount_minor=710),
        units_max=9,
        points_cost=1,
    )
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=9)
    assert (await claim(served, multiplier=3))["redeemable"]["discount_amount"] == 21.3


async def test_a_custom_reward_out_of_a_pool_is_a_code(serve_shop: ServeLion) -> None:
    reward = make_reward(kind="custom", discount=None, fulfil_by="pool")
    served = await serve_shop(make_shop(rewards=(reward,)))
    await served.enrol(points=300)
    async with transaction(served.pool) as tx:
        await insert_pool_codes(
            tx, served.shop.id, reward.id, [(1, "TREE-1")], datetime(2026, 3, 1, tzinfo=UTC)
        )
    claimed = await claim(served)
    assert claimed["reward"]["method"] == "voucher"
    assert claimed["redeemable"]["redeemable_type"] == "voucher"
    assert claimed["redeemable"]["code"] == "TREE-1"


_ORDERS: list[tuple[bool, bool, str]] = [
    (True, False, "one_time"),
    (True, True, "all"),
    (False, True, "subscription"),
]


@pytest.mark.parametrize(("once", "always", "shown"), _ORDERS)
async def test_a_discount_says_which_orders_it_is_for(
    serve_shop: ServeLion, once: bool, always: bool, shown: str
) -> None:
    discount = _discount(
        applies_on_one_time=once, applies_on_subscription=always, recurring_cycles_max=2
    )
    served = await serve_shop(make_shop(rewards=(make_reward(discount=discount),)))
    await served.enrol(points=300)
    reward = (await claim(served))["reward"]
    assert reward["order_type"] == shown
    assert reward.get("recurring_cycle_limit") == (2 if always else None)


async def test_a_gift_card_of_a_platform_shows_its_own_code(serve_shop: ServeLion) -> None:
    platform = MemoryPlatform()
    fulfillers: dict[FulfilBy, Any] = {"gift_card": platform}
    reward: Reward = make_reward(kind="gift_card", discount=_FIVE, fulfil_by="gift_card")
    served = await serve_shop(make_shop(rewards=(reward,)), fulfillers=fulfillers)
    await connect_platform(served.ledger.runtime, served.shop.id)
    await served.enrol(points=300)
    claimed = await claim(served)
    assert claimed["redeemable"]["code"] == platform.live[0]
    assert claimed["redeemable"]["initial_value"] == 5
