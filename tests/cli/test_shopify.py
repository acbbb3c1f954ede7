"""What an operator learns of the shop, and of the pools that are filled there."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.builders.program_file import SECRETS, make_file
from tests.builders.sandbox import SHOP, RunningSandbox, running_sandbox
from tests.support.commands import Ran, run_here


@dataclass
class Connected:
    """A merchant that is connected to the sandbox's shop."""

    database_url: str
    sandbox: RunningSandbox

    async def run(self, *words: str) -> Ran:
        settings = {
            "GUERDON_DATABASE_URL": self.database_url,
            "GUERDON_SECRET_KEY": "a key of thirty-two bytes or more, for tests",
            **SECRETS,
        }
        return await asyncio.to_thread(run_here, *words, **settings)

    async def set_up(self, **settings: object) -> None:
        await self.sandbox.control(f"shops/{SHOP}", dict(settings))


@pytest.fixture
async def connected(database_url: str, tmp_path: Path) -> AsyncIterator[Connected]:
    async with running_sandbox() as sandbox:
        made = Connected(database_url, sandbox)
        shopify = {"shop": SHOP, "token_env": "TOKEN", "base_url": sandbox.shopify}
        file = make_file(integrations={"shopify": shopify})
        file["programs"][0]["rewards"][0]["fulfil"] = {"by": "shopify_pool"}
        path = tmp_path / "shop.yaml"
        path.write_text(yaml.safe_dump(file))
        ran = await made.run("apply", str(path))
        assert ran.code == 0, ran.err
        yield made


async def test_a_shop_that_is_fit_is_said_to_be(connected: Connected) -> None:
    await connected.set_up(currency="EUR")
    ran = await connected.run("shopify", "check")
    assert ran.code == 0, ran.out + ran.err
    assert "AMISS" not in ran.out
    assert SHOP in ran.out


async def test_what_is_amiss_is_said_and_ends_with_1(connected: Connected) -> None:
    await connected.set_up(currency="GBP")
    ran = await connected.run("shopify", "check")
    assert ran.code == 1
    (line,) = [line for line in ran.out.splitlines() if "AMISS" in line]
    assert "GBP, but the merchant counts in EUR" in line
    assert "1 of" in ran.err
    assert SECRETS["TOKEN"] not in ran.out + ran.err


async def test_subscribing_names_the_address_at_which_messages_are_taken(
    connected: Connected,
) -> None:
    for _ in range(2):
        ran = await connected.run("shopify", "subscribe", "https://points.example/")
        assert ran.code == 0, ran.out + ran.err
    made = (await connected.sandbox.shop(SHOP))["webhook_subscriptions"]
    (address,) = {each["uri"] for each in made}
    assert address.startswith("https://points.example/hooks/shopify/tidewater/")
    assert len(made) == 8
    assert (await connected.run("shopify", "subscribe", "http://points.example")).code == 1


async def test_a_pool_is_listed_with_what_is_left(connected: Connected, tmp_path: Path) -> None:
    listed = await connected.run("pool", "list", "--json")
    (pool,) = json.loads(listed.out)
    assert pool == {
        "reward": "main/ten",
        "by": "shopify_pool",
        "left": 0,
        "low_water": 50,
        "trouble": None,
    }
    codes = tmp_path / "codes.txt"
    codes.write_text("TEN-1\nTEN-2\n")
    await connected.run("pool", "add", str(codes), "--reward", "main/ten")
    (line,) = [
        line for line in (await connected.run("pool", "list")).out.splitlines() if "ten" in line
    ]
    assert line.split() == ["main/ten", "shopify_pool", "2", "50"]


async def test_without_a_shop_there_is_nothing_to_check(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(make_file()))
    settings = {"GUERDON_DATABASE_URL": database_url, "GUERDON_SECRET_KEY": "k" * 40}
    await asyncio.to_thread(run_here, "apply", str(path), **settings)
    ran = await asyncio.to_thread(run_here, "shopify", "check", **settings)
    assert ran.code == 1
    assert "tidewater is not connected to a shop" in ran.err
