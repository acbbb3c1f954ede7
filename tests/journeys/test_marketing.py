"""From a shopper's acts to what the marketing platforms heard of them, over the real outbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from guerdon.cli.outside import reach_out
from guerdon.domain.command import Adjust, Earn, Redeem
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.member import MemberRef
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.addressing import hand_on
from guerdon.engine.delivering import deliver
from guerdon.engine.ports import Courier
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.integration import connect_platform
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shop import (
    PROGRAM,
    Shop,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
    save_shop,
)

PLATFORMS: tuple[IntegrationKind, ...] = ("klaviyo", "omnisend", "postscript")


@dataclass(frozen=True, kw_only=True)
class World:
    """A shop with a ledger, and the platforms it may be connected to."""

    ledger: Ledger
    pool: asyncpg.Pool
    shop: Shop
    clock: Clock
    sandbox: RunningSandbox

    async def connect(self, *platforms: IntegrationKind, **definition: str | None) -> None:
        for platform in platforms:
            await connect_platform(
                self.ledger.runtime,
                self.shop.id,
                platform,
                secrets={"key": "sk_live_0123456789"},
                base_url=f"{self.sandbox.url}/{platform}",
                **definition,
            )

    async def earn(self, order_number: str | None = None, member: MemberRef = ANA) -> None:
        rule = self.shop.rules[0]
        earn = Earn(program_id=PROGRAM, member=member, rule_id=rule.id, order_number=order_number)
        await do(self.ledger, self.shop, earn)

    async def turn(self, platform: str) -> None:
        """Do what a worker does at one destination, a day after the last time."""
        self.clock.pass_(days=1)
        while (await hand_on(self.ledger, self.shop.id, 100)).has_more:
            pass
        await deliver(self.ledger, self.shop.id, platform)

    async def heard(self, platform: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = (await self.sandbox.state())[platform]
        return events

    async def statuses(self, platform: str) -> list[tuple[str, int]]:
        rows = await self.pool.fetch(
            "SELECT status, attempts FROM deliveries WHERE destination = $1 ORDER BY id", platform
        )
        return [(row["status"], row["attempts"]) for row in rows]


@pytest.fixture
async def world(pool: asyncpg.Pool) -> AsyncIterator[World]:
    clock = Clock()
    shop = make_shop(
        tiers=(make_tier(1, 0), make_tier(2, 120)),
        rewards=(make_reward(name="£10 voucher"),),
        rules=(make_rule(),),
    )
    async with reach_out(UrlRules(), clock) as outside, running_sandbox() as sandbox:
        couriers: dict[str, Courier] = {
            platform: outside.couriers[platform] for platform in PLATFORMS
        }
        ledger = Ledger(Runtime(pool=pool, now=clock, seal=Seal(b"k" * 32), couriers=couriers))
        await save_shop(pool, shop)
        yield World(ledger=ledger, pool=pool, shop=shop, clock=clock, sandbox=sandbox)
        await ledger.close()


async def test_each_platform_hears_what_happened_and_never_the_code(world: World) -> None:
    await world.connect(*PLATFORMS)
    await enrol(world.ledger, world.shop)
    await world.earn("#1042")
    await do(world.ledger, world.shop, Adjust(program_id=PROGRAM, member=ANA, points=100))
    reward = world.shop.rewards[0]
    await do(world.ledger, world.shop, Redeem(program_id=PROGRAM, member=ANA, reward_id=reward.id))
    await do(world.ledger, world.shop, Adjust(program_id=PROGRAM, member=ANA, points=-10))
    code = await world.pool.fetchval("SELECT code FROM redemptions")
    for platform in PLATFORMS:
        await world.turn(platform)
        heard = await world.heard(platform)
        assert [(each["name"].replace("_", " "), each["properties"]) for each in heard] == [
            (
                "Points Awarded",
                {
                    "Points Awarded": 50,
                    "Earning Rule": "Rule 1",
                    "Status": "approved",
                    "Order Number": "#1042",
                },
            ),
            (
                "Points Awarded",
                {"Points Awarded": 100, "Earning Rule": "Manual", "Status": "approved"},
            ),
            (
                "VIP Tier Changed",
                {"New Tier Name": "Tier 2", "Previous Tier Name": "Tier 1"},
            ),
            (
                "Reward Redeemed",
                {"Reward Name": "£10 voucher", "Points Spent": 100, "Discount Type": "fixed"},
            ),
        ]
        assert {each["email"] for each in heard} == {"7001@shopper.example"}
        assert code not in str(heard)
        assert await world.statuses(platform) == [("delivered", 1)] * 4 + [("skipped", 1)]


async def test_klaviyo_is_told_again_and_records_once(world: World) -> None:
    await world.connect("klaviyo")
    await world.sandbox.faults({"service": "klaviyo", "kind": "cut_after", "nth": 1, "times": 1})
    await enrol(world.ledger, world.shop)
    await world.earn()
    await world.turn("klaviyo")
    assert await world.statuses("klaviyo") == [("waiting", 1)]
    await world.turn("klaviyo")
    assert await world.statuses("klaviyo") == [("delivered", 2)]
    (event,) = await world.heard("klaviyo")
    assert event["received"] == 2


@pytest.mark.parametrize("platform", ["omnisend", "postscript"])
async def test_others_are_not_told_again_unless_the_merchant_wants(
    world: World, platform: IntegrationKind
) -> None:
    await world.connect(platform)
    await world.sandbox.faults({"service": platform, "kind": "cut_after", "nth": 1, "times": 2})
    await enrol(world.ledger, world.shop)
    await world.earn()
    await world.turn(platform)
    await world.turn(platform)
    assert await world.statuses(platform) == [("uncertain", 1)]
    assert len(await world.heard(platform)) == 1
    await world.connect(platform, retry_uncertain="true")
    await world.earn()
    await world.turn(platform)
    await world.turn(platform)
    assert await world.statuses(platform) == [("uncertain", 1), ("delivered", 2)]
    first, second, third = await world.heard(platform)
    assert second["body"] == third["body"] != first["body"]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_was_not_taken_is_sent_again(world: World, platform: IntegrationKind) -> None:
    await world.connect(platform)
    await enrol(world.ledger, world.shop)
    await world.earn()
    await world.sandbox.faults(
        {"service": platform, "kind": "throttled", "nth": 1, "times": 1, "seconds": 1}
    )
    await world.turn(platform)
    assert (await world.statuses(platform), await world.heard(platform)) == ([("waiting", 1)], [])
    await world.turn(platform)
    assert await world.statuses(platform) == [("delivered", 2)]
    assert len(await world.heard(platform)) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_refused_key_is_not_tried_again(world: World, platform: IntegrationKind) -> None:
    await connect_platform(
        world.ledger.runtime,
        world.shop.id,
        platform,
        secrets={"key": "bad-key"},
        base_url=f"{world.sandbox.url}/{platform}",
    )
    await enrol(world.ledger, world.shop)
    await world.earn()
    await world.turn(platform)
    assert await world.statuses(platform) == [("dead", 1)]
    error = await world.pool.fetchval("SELECT last_error FROM deliveries")
    assert "answered 401" in error
    assert "bad-key" not in error
