"""What a program file says of the platforms that hand rewards over."""

from typing import Any

import pytest

from guerdon.cli.program_file import BadProgramFile
from guerdon.domain.blueprint import Blueprint
from guerdon.domain.catalogue import Reward
from tests.builders.program_file import SECRETS, make_blueprint, make_file

_ENVIRONMENT = SECRETS | {"CLIENT": "app-1", "SIGNING": "whsec_" + "A" * 32}
_TOKEN = {"shop": "Tide-1.myshopify.com", "token_env": "TOKEN"}
_TEN = {"type": "fixed_amount", "amount": 10}


def _read(
    reward: dict[str, Any] | None = None, code_length: int = 10, **integrations: Any
) -> Blueprint:
    file = make_file(integrations=integrations)
    file["programs"][0]["code_length"] = code_length
    if reward is not None:
        file["programs"][0]["rewards"] = [
            {"slug": "it", "name": "It", "points_cost": 1, "discount": _TEN, **reward}
        ]
    return make_blueprint(file, _ENVIRONMENT)


def _problems(**what: Any) -> list[str]:
    with pytest.raises(BadProgramFile) as caught:
        _read(**what)
    return caught.value.problems


def _reward(**reward: Any) -> Reward:
    blueprint = _read(reward, shopify=_TOKEN)
    return blueprint.programs[0].rewards[0].reward


def test_shop_is_reached_by_token() -> None:
    (shopify,) = _read(shopify={**_TOKEN, "webhook_secret_env": "HOOK"}).integrations
    assert shopify.definition == {
        "shop": "tide-1.myshopify.com",
        "api_version": "2026-10",
        "base_url": None,
        "store_credit": None,
    }
    assert shopify.secrets == {"token": SECRETS["TOKEN"], "webhook_secret": SECRETS["HOOK"]}


def test_shop_is_reached_by_client_credentials() -> None:
    client = {"client_id_env": "CLIENT", "client_secret_env": "TOKEN", "store_credit": True}
    (shopify,) = _read(shopify={"shop": "tide-1.myshopify.com", **client}).integrations
    assert shopify.secrets == {"client_id": "app-1", "client_secret": SECRETS["TOKEN"]}
    assert shopify.definition["store_credit"] == "true"


@pytest.mark.parametrize(
    ("part", "problems"),
    [
        (
            {**_TOKEN, "client_id_env": "CLIENT"},
            ["token_env: a client id is there too; give one way of access"],
        ),
        (
            {"shop": "a.myshopify.com"},
            [
                "client_id_env: missing; give a token, or a client id and its secret",
                "client_secret_env: missing; give a token, or a client id and its secret",
            ],
        ),
        (
            {"shop": "a.myshopify.com", "client_id_env": "CLIENT"},
            ["client_secret_env: missing; give a token, or a client id and its secret"],
        ),
        (
            {**_TOKEN, "webhook_secret_env": "NOWHERE"},
            ["webhook_secret_env: the environment variable NOWHERE is not set"],
        ),
    ],
)
def test_shop_has_one_way_of_access(part: dict[str, str], problems: list[str]) -> None:
    assert _problems(shopify=part) == [f"integrations.shopify.{each}" for each in problems]


@pytest.mark.parametrize("shop", ["https://a.myshopify.com", "a.myshopify.com/admin", "a b", ""])
def test_shop_is_a_host_name(shop: str) -> None:
    (problem,) = _problems(shopify={**_TOKEN, "shop": shop})
    assert problem.startswith("integrations.shopify.shop: ")


def test_endpoint_is_an_address_and_a_secret() -> None:
    endpoint = {"url": "https://tide.example/handover", "secret_env": "SIGNING"}
    (wanted,) = _read(endpoint=endpoint).integrations
    assert (wanted.kind, wanted.definition) == ("endpoint", {"url": endpoint["url"]})
    assert wanted.secrets == {"secret": _ENVIRONMENT["SIGNING"]}


def test_endpoint_may_be_asked_in_another_form_with_its_kind_of_secret() -> None:
    endpoint = {"url": "https://tide.example/lion", "secret_env": "TOKEN", "form": "loyaltylion"}
    (wanted,) = _read(endpoint=endpoint).integrations
    assert wanted.definition == {"url": endpoint["url"], "form": "loyaltylion"}
    assert wanted.secrets == {"secret": _ENVIRONMENT["TOKEN"]}
    (problem,) = _problems(endpoint=endpoint | {"form": "mage"})
    assert problem.startswith("integrations.endpoint.form: ")


def test_endpoint_is_guarded_like_a_webhook() -> None:
    problems = _problems(endpoint={"url": "https://10.0.0.1/x", "secret_env": "TOKEN"})
    assert [each.partition(":")[0] for each in problems] == [
        "integrations.endpoint.url",
        "integrations.endpoint.secret_env",
    ]
    assert SECRETS["TOKEN"] not in str(problems)


def test_pool_that_is_minted_says_when_and_how_many() -> None:
    fulfil = {"by": "shopify_pool", "low_water": 5, "refill": 20}
    assert (_reward(fulfil=fulfil).pool_low_water, _reward(fulfil=fulfil).pool_refill) == (5, 20)
    usual = _reward(fulfil={"by": "shopify_pool"})
    assert (usual.pool_low_water, usual.pool_refill) == (50, 250)


def test_points_say_how_many_and_of_what() -> None:
    reward = _reward(fulfil={"by": "points", "points": 40, "point_type": "stars"})
    assert (reward.credit_points, reward.credit_point_type) == (40, "stars")


def test_discount_of_a_subscription() -> None:
    discount = _reward(
        kind="active_subscription_discount",
        fulfil={"by": "shopify"},
        discount={**_TEN, "applies_on_subscription": True, "recurring_cycles_max": 3},
    ).discount
    assert discount is not None
    assert (discount.applies_on_subscription, discount.recurring_cycles_max) == (True, 3)


def test_free_product_with_a_purchase() -> None:
    discount = _reward(
        fulfil={"by": "shopify"},
        discount={
            "type": "free_product",
            "variant_ids": ["41"],
            "buys_product_ids": ["gid://shopify/Product/7"],
            "buys_quantity": 2,
        },
    ).discount
    assert discount is not None
    assert (discount.buys_quantity, discount.variant_ids) == (2, ("41",))


@pytest.mark.parametrize(
    ("reward", "path"),
    [
        ({"fulfil": {"by": "code", "low_water": 5}}, "fulfil.low_water"),
        ({"fulfil": {"by": "pool", "refill": 5}}, "fulfil.refill"),
        ({"fulfil": {"by": "shopify", "points": 5}}, "fulfil.points"),
        ({"fulfil": {"by": "points"}}, "fulfil.points"),
        ({"fulfil": {"by": "shopify_pool", "refill": 1001}}, "fulfil.refill"),
        ({"fulfil": {"by": "shopify"}, "discount": None}, "discount"),
        (
            {"fulfil": {"by": "gift_card"}, "discount": {"type": "percentage", "amount": 5}},
            "discount.type",
        ),
        ({"fulfil": {"by": "shopify"}, "kind": "product_discount"}, "discount.product_ids"),
        ({"fulfil": {"by": "shopify"}, "kind": "collection_discount"}, "discount.collection_ids"),
        (
            {"fulfil": {"by": "shopify"}, "discount": {"type": "free_product"}},
            "discount.product_ids",
        ),
        (
            {"fulfil": {"by": "shopify"}, "discount": {**_TEN, "product_ids": ["1", "mug"]}},
            "discount.product_ids[1]",
        ),
        (
            {"discount": {**_TEN, "product_ids": ["1"], "collection_ids": ["2"]}},
            "discount.collection_ids",
        ),
        ({"discount": {**_TEN, "buys_quantity": 2}}, "discount.buys_quantity"),
        ({"discount": {**_TEN, "recurring_cycles_max": 2}}, "discount.recurring_cycles_max"),
        ({"discount": {**_TEN, "applies_on_one_time": False}}, "discount.applies_on_one_time"),
        ({"discount": {"type": "free_shipping", "amount": 1}}, "discount.amount"),
    ],
)
def test_reward_is_refused_with_the_path(reward: dict[str, Any], path: str) -> None:
    problems = _problems(reward=reward, shopify=_TOKEN)
    assert [each.partition(": ")[0] for each in problems] == [f"programs[0].rewards[0].{path}"]


def test_code_of_a_gift_card_is_long_enough() -> None:
    problems = _problems(reward={"fulfil": {"by": "gift_card"}}, code_length=7, shopify=_TOKEN)
    assert problems == ["programs[0].code_length: a gift card's code has 8 at least"]
