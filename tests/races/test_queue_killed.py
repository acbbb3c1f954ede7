"""Workers are killed while they settle; every redemption comes to its end, once.

GUERDON_KILL_ROUNDS sets how often one is killed, GUERDON_KILL_SEED when."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import DEVNULL, Process

import asyncpg
import pytest

from guerdon.domain.command import Redeem
from guerdon.engine.queueing import process_queued
from guerdon.engine.submitting import Ledger
from tests.builders.ledgers import SHOP, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop
from tests.house.source import ROOT
from tests.support.commands import environment

ROUNDS = int(os.environ.get("GUERDON_KILL_ROUNDS", "2"))
SEED = int(os.environ.get("GUERDON_KILL_SEED", "20261122"))
MEMBERS = 12
EACH = 400
CODE = make_reward(1, points_cost=3)
POINTS = make_reward(2, points_cost=2, fulfil_by="points", kind="custom", credit_points=1)


async def _start(url: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guerdon", "worker"),
        cwd=ROOT,
        env=environment(GUERDON_DATABASE_URL=url),
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


async def _buy(ledger: Ledger, count: int) -> None:
    commands = [
        Redeem(
            program_id=PROGRAM,
            member=ref(number % MEMBERS),
            reward_id=(CODE if number % 2 else POINTS).id,
            is_queued=True,
        )
        for number in range(count)
    ]
    for outcome in await asyncio.gather(*(ledger.submit(SHOP, each) for each in commands)):
        redemption_of(outcome)


async def _queued(pool: asyncpg.Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM redemptions WHERE status = 'pending'")
    return count


@pytest.mark.timeout(60 + 30 * ROUNDS)
async def test_every_purchase_is_approved_once_whoever_dies(
    pool: asyncpg.Pool, database_url: str
) -> None:
    chance = random.Random(SEED)  # noqa: S311 -- repeatable on purpose
    await save_shop(pool, make_shop(rewards=(CODE, POINTS)))
    async with ledgers(database_url, 1) as (ledger,):
        await asyncio.gather(*(enrol(ledger, number, 10**6) for number in range(MEMBERS)))
        for _ in range(ROUNDS):
            await _buy(ledger, EACH)
            before = await _queued(pool)
            worker = await _start(database_url)
            while await _queued(pool) == before:
                assert worker.returncode is None, "the worker died of something else"
                await asyncio.sleep(0.002)
            # It is in the midst of it.
            await asyncio.sleep(chance.uniform(0, 0.05))
            worker.kill()
            await worker.wait()
        while (await process_queued(ledger, SHOP, 500)).done:
            pass
    bought = ROUNDS * EACH
    row = await pool.fetchrow(
        "SELECT count(*) FILTER (WHERE status = 'approved') AS approved, "
        "(SELECT count(*) FROM events WHERE kind = 'redemption.approved') AS told, "
        "(SELECT sum(points_available) FROM wallets) AS points FROM redemptions"
    )
    assert (row["approved"], row["told"]) == (bought, bought)
    spent = bought // 2 * (3 + 2 - 1)
    assert row["points"] == MEMBERS * 10**6 - spent
    assert await drifts(pool) == []
