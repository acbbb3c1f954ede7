"""What a program file says of whom and what a reward is for."""

from typing import Any

import asyncpg
import pytest

from guerdon.cli.program_file import BadProgramFile
from guerdon.cli.showing import facts_of
from guerdon.domain.blueprint import WantedReward, WantedTerms
from guerdon.domain.catalogue import (
    Catalogue,
    SessionLimit,
    TargetCollection,
    TargetProduct,
    TierTerms,
)
from guerdon.engine import applying
from guerdon.engine.runtime import Runtime
from guerdon.store import catalogues, offers
from guerdon.store.snapshot import snapshot
from tests.builders.program_file import make_blueprint, make_file


def _file(*rewards: dict[str, Any]) -> dict[str, Any]:
    file = make_file()
    file["programs"][0]["rewards"] = [
        {"slug": f"r{number}", "name": "R", "points_cost": 5, **reward}
        for number, reward in enumerate(rewards)
    ]
    return file


def _wanted(**reward: Any) -> WantedReward:
    (program,) = make_blueprint(_file(reward)).programs
    return program.rewards[0]


def test_a_reward_names_its_products() -> None:
    jug = {
        "id": "gid://shopify/Product/70",
        "variant_ids": [701, "gid://shopify/ProductVariant/702"],
        "title": "A jug",
        "sku": "JUG",
        "handle": "jug",
        "url": "https://shop.example/jug",
        "image_url": "https://shop.example/jug.png",
    }
    assert _wanted(kind="product_cart", products=[jug, {"id": 80}]).reward.products == (
        TargetProduct(
            product_id="70",
            variant_ids=("701", "702"),
            title="A jug",
            sku="JUG",
            handle="jug",
            url="https://shop.example/jug",
            image_url="https://shop.example/jug.png",
        ),
        TargetProduct(product_id="80"),
    )


def test_a_reward_names_its_collections() -> None:
    glass = {"id": 9, "url": "https://shop.example/glass", "restriction_text": "On glass alone"}
    assert _wanted(collections=[glass]).reward.collections == (
        TargetCollection(
            collection_id="9",
            url="https://shop.example/glass",
            restriction_text="On glass alone",
        ),
    )


def test_what_a_discount_is_for_need_not_be_said_twice() -> None:
    half = {"type": "percentage", "amount": 50}
    named = _wanted(discount={**half, "product_ids": ["gid://shopify/Product/70", "80"]}).reward
    assert [each.product_id for each in named.products] == ["70", "80"]
    named = _wanted(discount={**half, "collection_ids": ["9"]}).reward
    assert [each.collection_id for each in named.collections] == ["9"]
    products = [{"id": 70, "variant_ids": [701]}, {"id": 80}]
    discount = _wanted(discount=half, products=products, fulfil={"by": "shopify"}).reward.discount
    assert discount is not None
    assert (discount.product_ids, discount.variant_ids) == (("80",), ("701",))
    kind = {"kind": "collection_discount", "fulfil": {"by": "shopify"}}
    discount = _wanted(discount=half, collections=[{"id": 9}], **kind).reward.discount
    assert discount is not None
    assert discount.collection_ids == ("9",)
    # What the discount says for itself stays.
    own = {**half, "variant_ids": ["5"]}
    discount = _wanted(discount=own, products=products).reward.discount
    assert discount is not None
    assert (discount.product_ids, discount.variant_ids) == ((), ("5",))


def test_a_reward_has_its_place_in_the_list() -> None:
    (program,) = make_blueprint(_file({}, {}, {})).programs
    assert [each.reward.position for each in program.rewards] == [1, 2, 3]


def test_a_reward_has_limits_terms_and_countries() -> None:
    wanted = _wanted(
        session_limit={"kind": "cart", "count": 2},
        tier_terms={"flow": {"points_cost": 3}, "ebb": {"is_enabled": False}},
        countries=["GB", "NO"],
    )
    assert wanted.reward.session_limit == SessionLimit(kind="cart", count=2)
    assert wanted.reward.countries == ("GB", "NO")
    assert wanted.terms == (
        WantedTerms(tier="ebb", is_enabled=False),
        WantedTerms(tier="flow", points_cost=3),
    )


@pytest.mark.parametrize(
    ("reward", "problem"),
    [
        ({"products": [{"id": "jug"}]}, "products[0].id: 'jug' is no Shopify id"),
        (
            {"products": [{"id": 1, "variant_ids": [2, "x"]}]},
            "products[0].variant_ids[1]: 'x' is no Shopify id",
        ),
        ({"products": [{"id": 1}, {"id": "1"}]}, "products[1].id: '1' is there twice"),
        ({"products": [{"id": 1, "url": "ftp://x"}]}, "products[0].url: "),
        ({"products": [{"id": 1, "image_url": "x"}]}, "products[0].image_url: "),
        ({"products": [{"name": "x", "id": 1}]}, "products[0].name: unknown key"),
        ({"collections": [{"id": -3}]}, "collections[0].id: -3 is no Shopify id"),
        ({"collections": [{"id": 3, "url": "x"}]}, "collections[0].url: "),
        (
            {"products": [{"id": 1}], "collections": [{"id": 3}]},
            "collections: products are there too; give either",
        ),
        ({"tier_terms": {"jade": {}}}, "tier_terms.jade: no tier 'jade'"),
        ({"tier_terms": {"ebb": {"points_cost": -1}}}, "tier_terms[...].points_cost: "),
        ({"session_limit": {"kind": "bag", "count": 1}}, "session_limit.kind: "),
        ({"session_limit": {"kind": "cart", "count": 0}}, "session_limit.count: "),
        ({"countries": ["gb"]}, "countries[0]: "),
        ({"countries": ["GBR"]}, "countries[0]: "),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(reward: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(_file(reward))
    (said,) = refused.value.problems
    assert said.startswith(f"programs[0].rewards[0].{problem}"), said


async def test_terms_are_applied_shown_and_changed(pool: asyncpg.Pool) -> None:
    runtime = Runtime(pool=pool)

    async def catalogue() -> Catalogue:
        async with snapshot(pool) as view:
            merchant_id = await offers.find_merchant_by_slug(view, "tidewater")
            assert merchant_id is not None
            merchant = await catalogues.find_merchant(view, merchant_id)
            assert merchant is not None
            return await catalogues.list_offers(view, merchant)

    file = _file({"tier_terms": {"flow": {"points_cost": 3}, "ebb": {"is_enabled": False}}})
    await applying.apply(runtime, make_blueprint(file))
    assert await applying.apply(runtime, make_blueprint(file)) == []
    found = await catalogue()
    (reward,) = found.rewards.values()
    ((ebb, flow),) = found.tiers.values()
    assert reward.tier_terms == (
        TierTerms(tier_id=ebb.id, is_enabled=False),
        TierTerms(tier_id=flow.id, points_cost=3),
    )
    shown: Any = facts_of(found, [], [], with_archived=False)
    assert shown["programs"][0]["rewards"][0]["tier_terms"] == {
        "ebb": {"is_enabled": False, "points_cost": 5},
        "flow": {"is_enabled": True, "points_cost": 3},
    }
    (change,) = await applying.apply(runtime, make_blueprint(_file({"tier_terms": {}})))
    assert change.path == "programs.main.rewards.r0"
    assert change.changes["tier_terms"][1] == "none"


async def test_the_file_undoes_a_switch(pool: asyncpg.Pool) -> None:
    """A reward switched off through an API is as the file says after the next apply."""
    runtime = Runtime(pool=pool)
    await applying.apply(runtime, make_blueprint(_file({})))
    await pool.execute(
        "UPDATE rewards SET definition = jsonb_set(definition::jsonb, '{status}', '\"inactive\"')"
    )
    (planned,) = await applying.plan(runtime, make_blueprint(_file({})))
    assert planned.changes == {"status": ("inactive", "active")}
    (done,) = await applying.apply(runtime, make_blueprint(_file({})))
    assert done.changes == planned.changes
