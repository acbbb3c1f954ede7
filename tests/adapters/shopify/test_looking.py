"""The shop asked who somebody is, and shown what is offered."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from guerdon.domain.catalogue import Discount
from guerdon.domain.errors import Unavailable
from guerdon.domain.integration import Integration
from guerdon.engine.connections import context_of
from guerdon.engine.ports import DirectoryEntry
from guerdon.engine.publishing import publish_offers
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.sandbox.shopify.shop import Customer
from guerdon.store import integrations, sequences
from guerdon.store.transaction import transaction
from tests.adapters.shopify.conftest import MakeSandbox
from tests.adapters.shopify.sandboxed import SHOP, Sandboxed
from tests.builders.http import Served, serve
from tests.builders.shop import (
    FOUNDED,
    Shop,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
    save_shop,
)

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
ASK = "customerByIdentifier"


@pytest.fixture
async def strict(make_sandbox: MakeSandbox) -> Sandboxed:
    """A shop with one customer, and nobody else."""
    sandbox = await make_sandbox(strict_customers=True)
    shop = sandbox.app.world.shop(SHOP)
    shop.customers[7001] = Customer(
        id=7001,
        created_at=shop.second(),
        email="Ines@shop.example",
        first_name="Ines",
        last_name="Ortega",
    )
    return sandbox


async def connected_ledger(pool: asyncpg.Pool, shop: Shop, sandbox: Sandboxed) -> Ledger:
    await save_shop(pool, shop)
    integration = Integration(
        kind="shopify",
        definition={"shop": SHOP, "base_url": sandbox.base_url},
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    sealed = SEAL.seal(b'{"token":"shpat_x"}', context_of(shop.id, "shopify"))
    async with transaction(pool) as tx:
        await integrations.put_integration(tx, shop.id, integration, sealed)
    shopify = sandbox.shopify
    return Ledger(
        Runtime(pool=pool, seal=SEAL, directory=shopify.directory, publisher=shopify.publisher)
    )


@pytest.fixture
async def served(pool: asyncpg.Pool, strict: Sandboxed) -> AsyncIterator[Served]:
    shop = make_shop()
    ledger = await connected_ledger(pool, shop, strict)
    made = await serve(ledger, shop)
    async with made.client:
        yield made
    await ledger.close()


async def enrol(served: Served, customer: str, **more: Any) -> tuple[int, dict[str, Any]]:
    answer = await served.client.post(
        "/v1/customers", json={"shopify_customer_id": customer, **more}
    )
    return answer.status_code, answer.json()


async def test_the_directory_knows_a_customer_and_nobody_else(strict: Sandboxed) -> None:
    directory = strict.shopify.directory
    found = await directory.find_customer(strict.connected(), "7001")
    assert found == DirectoryEntry("7001", "Ines@shop.example", "Ines", "Ortega")
    assert await directory.find_customer(strict.connected(), "7002") is None
    assert await directory.find_customer(strict.connected(), "ines@shop.example") is None


async def test_a_directory_out_of_reach_says_so(strict: Sandboxed) -> None:
    strict.fail("status", ASK, status=403)
    with pytest.raises(Unavailable):
        await strict.shopify.directory.find_customer(strict.connected(), "7001")


async def test_who_is_enrolled_by_an_id_is_known_from_the_shop(
    served: Served, strict: Sandboxed
) -> None:
    status, body = await enrol(served, "7001")
    assert status == 201
    attributes = body["data"]["attributes"]
    assert (attributes["email"], attributes["first_name"]) == ("ines@shop.example", "Ines")
    assert (await enrol(served, "7001"))[0] == 200
    # A member is not asked about.
    assert strict.calls(ASK) == 1


async def test_who_the_shop_does_not_know_is_not_found(served: Served) -> None:
    assert (await enrol(served, "7002"))[0] == 404
    assert (await enrol(served, "7002", email="a@shop.example"))[0] == 404


async def test_a_shop_out_of_reach_is_a_503_and_nobody_is_enrolled(
    served: Served, strict: Sandboxed
) -> None:
    strict.fail("status", ASK, status=500, times=3)
    assert (await enrol(served, "7001"))[0] == 503
    assert (await enrol(served, "7001"))[0] == 201


def shown(sandbox: Sandboxed) -> dict[str, Any]:
    (metafield,) = sandbox.state()["metafields"]
    assert metafield["owner"].startswith("gid://shopify/Shop/")
    value: dict[str, Any] = json.loads(metafield["value"])
    return value


async def test_the_shop_is_shown_the_offers_once_for_each_change(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    percent = Discount(type="percentage", percent_hundredths=1250)
    shop = make_shop(
        rewards=(make_reward(1), make_reward(2, discount=percent, status="inactive")),
        tiers=(make_tier(1, 0, name="Amber"), make_tier(2, 500, multiplier_permille=1500)),
        rules=(make_rule(),),
        points_expiry_days=365,
    )
    ledger = await connected_ledger(pool, shop, sandbox)
    assert (await publish_offers(ledger, shop.id, 1)).done == 1
    assert (await publish_offers(ledger, shop.id, 1)).done == 0
    value = shown(sandbox)
    points = value["points_program"]
    assert (points["enabled"], points["points_expiry_days"]) == (True, 365)
    assert [
        (each["discount_type"], each["discount_amount"], each["minimum_spend"], each["is_active"])
        for each in points["points_rewards"]
    ] == [("fixed", 10, 40, True), ("percentage", 12.5, None, False)]
    assert [each["name"] for each in points["ways_to_earn"]] == ["Rule 1"]
    assert [each["multiplier"] for each in value["vip_program"]["tiers"]] == [1, 1.5]
    async with transaction(pool) as tx:
        await sequences.bump_catalogue_version(tx, shop.id)
    assert (await publish_offers(ledger, shop.id, 1)).done == 1
    assert sandbox.calls("metafieldsSet") == 2


async def test_offers_that_could_not_be_shown_are_shown_at_the_next_turn(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    shop = make_shop()
    ledger = await connected_ledger(pool, shop, sandbox)
    sandbox.fail("cut_before", "metafieldsSet")
    assert (await publish_offers(ledger, shop.id, 1)).done == 0
    assert (await publish_offers(ledger, shop.id, 1)).done == 1
    assert shown(sandbox)["points_program"]["enabled"] is True


async def test_offers_refused_for_good_wait_for_a_change(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    shop = make_shop()
    ledger = await connected_ledger(pool, shop, sandbox)
    sandbox.fail("top_error", "metafieldsSet", code="ACCESS_DENIED")
    await publish_offers(ledger, shop.id, 1)
    assert (await publish_offers(ledger, shop.id, 1)).done == 0
    assert sandbox.calls("metafieldsSet") == 1
