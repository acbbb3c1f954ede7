"""From acts in the ledger to the shop: where members stand, and nothing left of what is over."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from guerdon.cli.outside import reach_out
from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed, Refund
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.addressing import hand_on
from guerdon.engine.delivering import deliver
from guerdon.engine.redeeming import redeem
from guerdon.engine.refilling import refill_pools
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.integration import connect_platform
from tests.builders.member import Clock
from tests.builders.sandbox import SHOP as DOMAIN
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shop import PROGRAM, Shop, make_reward, make_shop, save_shop

ANNA = MemberRef(external_id="7001")
BELA = MemberRef(external_id="7002")
ONE = make_reward(1, fulfil_by="shopify")
POOLED = make_reward(2, fulfil_by="shopify_pool", pool_low_water=3, pool_refill=5)


@dataclass(frozen=True, kw_only=True)
class World:
    ledger: Ledger
    shop: Shop
    clock: Clock
    sandbox: RunningSandbox

    async def do(self, command: Any) -> Any:
        outcome = await self.ledger.submit(self.shop.id, command)
        assert isinstance(outcome, Done), outcome
        return outcome.result

    async def redeem(self, reward: Any) -> Redemption:
        command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=reward.id)
        outcome = await redeem(self.ledger, self.shop.id, command)
        assert isinstance(outcome, Done), outcome
        assert isinstance(outcome.result, Redeemed)
        return outcome.result.redemption

    async def turn(self) -> None:
        """Do what a worker does, an hour after the last time."""
        self.clock.pass_(hours=1)
        while (await hand_on(self.ledger, self.shop.id, 100)).has_more:
            pass
        await deliver(self.ledger, self.shop.id, "shopify")

    async def standings(self) -> dict[str, int]:
        held = (await self.sandbox.shop(DOMAIN))["metafields"]
        return {
            each["owner"].rsplit("/", 1)[-1]: json.loads(each["value"])["points_balance"]
            for each in held
        }

    async def calls(self, name: str) -> int:
        return sum(each["name"] == name for each in (await self.sandbox.state())["calls"])

    async def discounts(self) -> list[dict[str, Any]]:
        return list((await self.sandbox.shop(DOMAIN))["discounts"])


@pytest.fixture
async def world(pool: asyncpg.Pool) -> AsyncIterator[World]:
    clock = Clock()
    async with reach_out(UrlRules(), clock) as outside, running_sandbox() as sandbox:
        runtime = Runtime(
            pool=pool,
            now=clock,
            fulfillers=outside.fulfillers,
            couriers={"shopify": outside.couriers["shopify"]},
            minters=outside.minters,
            seal=Seal(b"a sealing key of thirty-two bytes or more"),
        )
        ledger = Ledger(runtime)
        shop = await save_shop(pool, make_shop(rewards=(ONE, POOLED)))
        await connect_platform(runtime, shop.id, shop=DOMAIN, base_url=sandbox.shopify)
        made = World(ledger=ledger, shop=shop, clock=clock, sandbox=sandbox)
        for member in (ANNA, BELA):
            assert member.external_id is not None
            await made.do(Enrol(program_id=PROGRAM, external_id=member.external_id))
        yield made
        await ledger.close()


async def test_a_burst_of_changes_is_one_call_with_what_is_true_now(world: World) -> None:
    for _ in range(15):
        await world.do(Adjust(program_id=PROGRAM, member=ANNA, points=10))
        await world.do(Adjust(program_id=PROGRAM, member=BELA, points=1))
    await world.turn()
    assert await world.standings() == {"7001": 150, "7002": 15}
    assert await world.calls("metafieldsSet") == 1
    await world.turn()
    assert await world.calls("metafieldsSet") == 1


async def test_what_is_refunded_is_ended_in_the_shop_and_the_points_are_shown(
    world: World,
) -> None:
    await world.do(Adjust(program_id=PROGRAM, member=ANNA, points=500))
    assert (await refill_pools(world.ledger, world.shop.id, 1)).done == 5
    own, pooled = await world.redeem(ONE), await world.redeem(POOLED)
    await world.turn()
    assert (await world.standings())["7001"] == 300
    by_codes = {tuple(each["tags"])[1]: each for each in await world.discounts()}
    single = by_codes[f"guerdon-shop-1-{own.id}"]
    assert (single["code"], single["status"]) == (own.code, "ACTIVE")
    assert pooled.code in by_codes[f"guerdon-shop-1-reward-{POOLED.id}"]["codes"]
    for redemption in (own, pooled):
        await world.do(Refund(redemption_id=redemption.id))
    await world.turn()
    by_codes = {tuple(each["tags"])[1]: each for each in await world.discounts()}
    assert by_codes[f"guerdon-shop-1-{own.id}"]["status"] == "EXPIRED"
    many = by_codes[f"guerdon-shop-1-reward-{POOLED.id}"]
    assert many["status"] == "ACTIVE"
    assert pooled.code not in many["codes"]
    assert len(many["codes"]) == 4
    assert (await world.standings())["7001"] == 500


async def test_what_a_shop_missed_is_true_there_once_it_is_back(world: World) -> None:
    await world.turn()
    await world.do(Adjust(program_id=PROGRAM, member=ANNA, points=70))
    await world.sandbox.faults(
        {"service": "shopify", "kind": "cut_before", "match": "metafieldsSet", "nth": 1}
    )
    await world.turn()
    assert (await world.standings())["7001"] == 0
    await world.do(Adjust(program_id=PROGRAM, member=ANNA, points=-20))
    await world.turn()
    assert (await world.standings())["7001"] == 50
