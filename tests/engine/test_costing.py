"""Costs, cooldowns and limits as the database tells of them, under many writers at once."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from guerdon.domain.catalogue import MemberLimit, Reward
from guerdon.domain.command import ChangeMember, Outcome, Redeem, Refused
from guerdon.domain.errors import NoMatchingCost
from guerdon.domain.terms import Cost, Period
from guerdon.engine.examining import examine
from guerdon.engine.queueing import process_queued
from guerdon.engine.submitting import Ledger
from tests.builders.http import Clock
from tests.builders.ledgers import SHOP, done, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.shop import FOUNDED, POINT_TYPE, PROGRAM, make_reward, make_shop, save_shop

_VISITS = (
    '{"logic":"1 OR 2","1":{"name":"member.metadata","property":"level",'
    '"conditions":{"$is":["gold"]}},"2":{"name":"customer.metadata","property":"visits",'
    '"conditions":{"$more_than":[10]}}}'
)
PRICED = make_reward(
    1,
    costs=(Cost(points=40, point_type_id=POINT_TYPE, condition=_VISITS),),
)
ONCE = make_reward(2, cooldown=Period(1, "day"))
TWICE = make_reward(3, limit_per_member=MemberLimit(count=2, interval="quarter"))
FEW = make_reward(4, stock=3, cooldown=Period(1, "hour"))


def redeem_of(reward: Reward, name: str = "anna") -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref(name), reward_id=reward.id, is_queued=True)


@pytest.mark.parametrize("goes_unlocked", [True, False])
async def test_costs_ask_what_is_known_of_the_member_and_of_the_customer(
    pool: asyncpg.Pool, database_url: str, goes_unlocked: bool
) -> None:
    await save_shop(pool, make_shop(rewards=(PRICED,)))
    async with ledgers(database_url, 1, goes_unlocked=goes_unlocked) as (ledger,):
        await enrol(ledger, "anna", 500)
        await enrol(ledger, "bela", 500)
        assert await ledger.submit(SHOP, redeem_of(PRICED)) == Refused((NoMatchingCost(),))
        gold = ChangeMember(program_id=PROGRAM, member=ref("anna"), metadata='{"level":"gold"}')
        await ledger.submit(SHOP, gold)
        assert redemption_of(await ledger.submit(SHOP, redeem_of(PRICED))).points_cost == 40
        await pool.execute(
            "INSERT INTO customers (merchant_id, id, external_id, document, metadata, created_at) "
            """VALUES (1, 5, 'bela', '{}', '{"visits":11}', $1)""",
            FOUNDED,
        )
        (seen,) = await examine(ledger, SHOP, [redeem_of(PRICED, "bela")])
        assert redemption_of(seen).points_cost == 40
        assert redemption_of(await ledger.submit(SHOP, redeem_of(PRICED, "bela"))).points_cost == 40
    assert await drifts(pool) == []


async def test_many_writers_take_no_more_than_they_may(
    pool: asyncpg.Pool, database_url: str
) -> None:
    clock = Clock()
    await save_shop(pool, make_shop(rewards=(ONCE, TWICE, FEW)))
    async with ledgers(database_url, 3, now=clock) as writers:
        for name in ("anna", "bela", "cleo", "dora"):
            await enrol(writers[0], name, 10_000)

        async def storm(reward: Reward, *names: str) -> list[Outcome]:
            return await asyncio.gather(
                *(
                    ledger.submit(SHOP, redeem_of(reward, name))
                    for _ in range(4)
                    for ledger in writers
                    for name in names
                ),
                _settle(writers[0]),
            )

        assert len(done((await storm(ONCE, "anna"))[:-1])) == 1
        assert len(done((await storm(TWICE, "anna"))[:-1])) == 2
        assert len(done((await storm(FEW, "anna", "bela", "cleo", "dora"))[:-1])) == 3
        clock.advance(seconds=timedelta(days=1).total_seconds())
        assert len(done((await storm(ONCE, "anna", "bela"))[:-1])) == 2
        await _settle(writers[1])
    assert await pool.fetchval("SELECT count(*) FROM redemptions WHERE status = 'approved'") == 8
    assert await drifts(pool) == []


async def _settle(ledger: Ledger) -> Outcome:
    await process_queued(ledger, SHOP, 500)
    return Refused(())
