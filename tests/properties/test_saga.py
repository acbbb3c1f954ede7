"""Requests, workers, faults and crashes in any order: in the end, platform and ledger agree."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from guerdon.domain.command import Done, Redeem, Redeemed
from guerdon.domain.errors import Unavailable
from guerdon.domain.ids import RedemptionId
from guerdon.engine import redeeming
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due, void
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, connect, enrol, ref
from tests.builders.platform import MemoryPlatform, Mood, assert_equal
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

# More of them: GUERDON_SAGA_RUNS=500.
_RUNS = int(os.environ.get("GUERDON_SAGA_RUNS", "6"))
_STEPS = 25
_MEMBERS = 4
_MOODS: list[Mood] = [
    "works",
    "works",
    "refuses",
    "refuses for good",
    "acts and dies",
    "dies",
    "acts and hangs",
    "hangs",
    "acts late",
    "is out of reach",
]
Act = Callable[[], Awaitable[object]]


class Storm:
    """Four processes on one database, and a seed that says what they do and when they die."""

    def __init__(self, ledgers: list[Ledger], platform: MemoryPlatform, clock: Clock) -> None:
        self.web, self.workers = ledgers[:2], ledgers[2:]
        self.platform = platform
        self.clock = clock
        self.bought: dict[str, str | None] = {}

    async def rage(self, chance: random.Random) -> None:
        """Do so many random things, several of them at once, and kill some half-way."""
        tasks: list[asyncio.Task[object]] = []
        for number in range(_STEPS):
            self.platform.moods += chance.choices(_MOODS, k=2)
            act = self._choose(chance, number)
            task = asyncio.ensure_future(act())
            tasks.append(task)
            if chance.random() < 0.25:
                asyncio.get_running_loop().call_later(chance.uniform(0, 0.2), self._kill, task)
            if chance.random() < 0.5:
                await asyncio.sleep(chance.uniform(0, 0.05))
        await asyncio.gather(*tasks, return_exceptions=True)
        while redeeming._under_way:
            await asyncio.wait(redeeming._under_way)

    def _choose(self, chance: random.Random, number: int) -> Act:
        kind = chance.choices(("buy", "work", "wait", "late", "void"), (10, 6, 4, 2, 1))[0]
        if kind == "buy":
            return lambda: self._buy(chance.choice(self.web), chance.randrange(_MEMBERS), number)
        if kind == "work":
            return lambda: fulfil_due(chance.choice(self.workers), SHOP, 10)
        if kind == "void":
            return lambda: self._void(chance.choice(self.web), chance)
        if kind == "late":
            return self._act_late
        return lambda: self._wait(chance.choice((1.0, 5.0, 20.0, 90.0)))

    async def _buy(self, ledger: Ledger, member: int, number: int) -> None:
        command = Redeem(program_id=PROGRAM, member=ref(member), reward_id=make_reward().id)
        key = f"k-{number % 9}-{member}"
        try:
            outcome = await redeem(ledger, SHOP, command, key=key)
        except Unavailable:
            return
        if isinstance(outcome, Done) and isinstance(outcome.result, Redeemed):
            code = outcome.result.redemption.code
            # One key, one code: whoever asks again is shown the same.
            assert self.bought.setdefault(key, code) == code

    async def _void(self, ledger: Ledger, chance: random.Random) -> None:
        pool = ledger.runtime.pool
        async with pool.acquire() as connection:
            rows = await connection.fetch("SELECT id FROM redemptions WHERE status = 'pending'")
        if rows:
            await void(ledger, SHOP, RedemptionId(chance.choice(rows)["id"]), "by staff")

    async def _act_late(self) -> None:
        self.platform.act_late()

    async def _wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def _kill(self, task: "asyncio.Task[object]") -> None:
        """Let a process die: its request, and what went on for it."""
        task.cancel()
        if redeeming._under_way:
            next(iter(redeeming._under_way)).cancel()

    async def calm(self) -> None:
        """Let the platform work again, and a worker come by for as long as it may take."""
        self.platform.moods.clear()
        for seconds in (3, 60, 90, 30, 150, 1000, 3600, 3600):
            self.clock.advance(seconds=seconds)
            self.platform.act_late()
            for worker in self.workers:
                while (await fulfil_due(worker, SHOP, 50)).has_more:
                    pass


@pytest.fixture
async def storm(database_url: str) -> AsyncIterator[Storm]:
    clock, platform = Clock(), MemoryPlatform()
    pools = [await connect(database_url) for _ in range(4)]
    ledgers = [
        Ledger(
            Runtime(
                pool=pool,
                now=clock,
                seal=Seal(b"a sealing key of thirty-two bytes or more"),
                fulfillers={"shopify": platform},
                fulfil_seconds=0.3,
            )
        )
        for pool in pools
    ]
    await save_shop(pools[0], make_shop(rewards=(make_reward(fulfil_by="shopify"),)))
    await connect_platform(ledgers[0].runtime, SHOP)
    for member in range(_MEMBERS):
        await enrol(ledgers[0], member, 1000)
    yield Storm(ledgers, platform, clock)
    for ledger in ledgers:
        await ledger.close()
    for pool in pools:
        await pool.close()


@pytest.mark.parametrize("seed", range(_RUNS))
async def test_platform_and_ledger_agree_once_it_is_calm(
    storm: Storm, pool: asyncpg.Pool, seed: int
) -> None:
    await storm.rage(random.Random(seed))  # noqa: S311 -- a storm is no secret
    await storm.calm()
    # One that was settled just before staff voided it: the event of that has the courier end it.
    for row in await pool.fetch("SELECT code FROM redemptions WHERE status = 'void'"):
        storm.platform.discounts.pop(row["code"])
    await assert_equal(pool, storm.platform.live)
    assert await pool.fetchval("SELECT count(*) FROM fulfilments WHERE is_open") == 0
    paid = await pool.fetchval("SELECT count(*) FROM redemptions WHERE status = 'approved'")
    left = await pool.fetchval("SELECT sum(points_available) FROM wallets")
    assert left == _MEMBERS * 1000 - 100 * paid
    codes = await pool.fetch("SELECT code FROM redemptions WHERE status IN ('approved', 'void')")
    assert set(storm.bought.values()) <= {row["code"] for row in codes}
