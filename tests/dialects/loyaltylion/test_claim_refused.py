"""Claims that are refused: one reason at a time, and of several the first."""

from typing import Any

import pytest

from guerdon.domain.catalogue import MemberLimit, TargetProduct, TierTerms
from guerdon.domain.command import ChangeMember, Done
from guerdon.domain.ids import TierId
from tests.builders.http import everything
from tests.builders.lion import ServedLion, error_of
from tests.builders.lion_claims import PLANT, ask, claims_of, rows
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, make_tier
from tests.dialects.loyaltylion.conftest import ServeLion

# -- what a well-formed claim may be refused for -----------------------------------------------

_TIERS = (make_tier(1, 0), make_tier(2, 100_000))
_REFUSED: list[tuple[dict[str, Any], dict[str, Any], tuple[int, str, str]]] = [
    ({}, {"reward_id": 999}, (404, "not_found", "NotFoundError")),
    ({}, {"reward_id": -1}, (404, "not_found", "NotFoundError")),
    ({}, {"reward_id": 2**62}, (404, "not_found", "NotFoundError")),
    (
        {"status": "inactive"},
        {},
        (422, "reward_not_enabled_for_customer", "RewardNotEnabledError"),
    ),
    (
        {"ends_at": FOUNDED},
        {},
        (422, "reward_not_enabled_for_customer", "RewardNotEnabledError"),
    ),
    (
        {"tier_id": TierId(3002)},
        {},
        (422, "reward_not_enabled_for_customer", "RewardNotEnabledError"),
    ),
    (
        {"tier_terms": (TierTerms(tier_id=TierId(3001), is_enabled=False),)},
        {},
        (422, "reward_not_enabled_for_customer", "RewardNotEnabledError"),
    ),
    (
        {"limit_per_member": MemberLimit(count=0, interval="ever")},
        {},
        (422, "reward_limit_reached", "RewardLimitReachedError"),
    ),
    ({"stock": 0}, {}, (422, "reward_out_of_stock", "RewardOutOfStockError")),
    ({"max_redemptions": 0}, {}, (422, "reward_out_of_stock", "RewardOutOfStockError")),
    ({"fulfil_by": "pool"}, {}, (422, "reward_out_of_stock", "RewardOutOfStockError")),
    ({}, {"multiplier": 2}, (422, "invalid_multiplier", "InvalidMultiplierError")),
    # Only what is custom can be multiplied.
    ({"units_max": 5}, {"multiplier": 2}, (422, "invalid_multiplier", "InvalidMultiplierError")),
    ({}, {"multiplier": 0}, (422, "invalid_multiplier", "InvalidMultiplierError")),
    ({}, {"multiplier": -3}, (422, "invalid_multiplier", "InvalidMultiplierError")),
    ({}, {"multiplier": 2**62}, (422, "invalid_multiplier", "InvalidMultiplierError")),
    ({"kind": "product_cart"}, {}, (422, "invalid_variant_id", "VariantRequiredError")),
    (
        {"kind": "product_cart", "products": (TargetProduct(product_id="1", variant_ids=("2",)),)},
        {"variant_id": "3"},
        (422, "invalid_variant_id", "ShopifyVariantNotFoundError"),
    ),
    (
        {"kind": "product_cart"},
        {"variant_id": "large"},
        (422, "invalid_variant_id", "ShopifyVariantNotFoundError"),
    ),
    ({"points_cost": 501}, {}, (422, "insufficient_points", "InsufficientPointsError")),
]


@pytest.mark.parametrize(("reward", "body", "error"), _REFUSED)
async def test_a_refused_claim_changes_nothing(
    serve_shop: ServeLion,
    reward: dict[str, Any],
    body: dict[str, Any],
    error: tuple[int, str, str],
) -> None:
    made = make_reward(**reward)
    served = await serve_shop(make_shop(rewards=(made,), tiers=_TIERS))
    await served.enrol(points=500)
    before = await everything(served.pool)
    response = await served.client.post(claims_of(), json={"reward_id": made.id, **body})
    told = response.json()["error"]
    assert (response.status_code, told["code"], told["name"]) == error
    assert await everything(served.pool) == before


async def test_too_few_points_are_told_in_figures(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rewards=(PLANT,)))
    await served.enrol(points=310)
    assert error_of(await ask(served, multiplier=2)) == (
        422,
        "insufficient_points",
        "Customer has 310 points, 600 required",
    )


async def test_an_unknown_customer_is_not_made(served: ServedLion) -> None:
    response = await ask(served, customer="nobody")
    assert error_of(response) == (404, "not_found", "Customer 'nobody' not found")
    assert await rows(served, "SELECT id FROM members") == []


async def test_a_blocked_customer_claims_nothing(served: ServedLion) -> None:
    ref = await served.enrol(points=500)
    block = ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    assert isinstance(await served.ledger.submit(served.shop.id, block), Done)
    assert error_of(await ask(served))[:2] == (422, "customer_blocked")


async def test_the_reward_of_another_program_is_not_there(serve_shop: ServeLion) -> None:
    served = await serve_shop()
    await served.enrol(points=500)
    await rows(
        served, "UPDATE rewards SET definition = jsonb_set(definition::jsonb, '{program_id}', '99')"
    )
    await rows(served, "UPDATE sequences SET catalogue_version = catalogue_version + 1")
    assert error_of(await ask(served))[:2] == (404, "not_found")


_CHECKS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"reward_id": 999}, "not_found"),
    ({"status": "inactive"}, {}, "reward_not_enabled_for_customer"),
    ({"limit_per_member": MemberLimit(count=0, interval="ever")}, {}, "reward_limit_reached"),
    ({"stock": 0}, {}, "reward_out_of_stock"),
    ({}, {"multiplier": 9}, "invalid_multiplier"),
    ({"kind": "product_cart"}, {}, "invalid_variant_id"),
    ({"points_cost": 9999}, {}, "insufficient_points"),
]


@pytest.mark.parametrize("first", range(len(_CHECKS)))
async def test_of_several_reasons_the_vendors_first_is_told(
    serve_shop: ServeLion, first: int
) -> None:
    """All that is wrong from the first on is wrong at once."""
    facts: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for reward, asked, _ in reversed(_CHECKS[first:]):
        facts |= reward
        body |= asked
    made = make_reward(**facts)
    served = await serve_shop(make_shop(rewards=(made,)))
    await served.enrol(points=500)
    response = await served.client.post(claims_of(), json={"reward_id": made.id, **body})
    assert error_of(response)[1] == _CHECKS[first][2]


async def test_a_customer_who_is_not_there_is_told_before_a_reward(served: ServedLion) -> None:
    response = await served.client.post(claims_of("nobody"), json={"reward_id": 999})
    assert error_of(response)[2] == "Customer 'nobody' not found"
