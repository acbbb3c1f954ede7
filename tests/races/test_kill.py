"""Processes and PostgreSQL itself are killed under load; whatever was said to be done is done.

GUERDON_KILL_ROUNDS sets how often something is killed, GUERDON_KILL_SEED what and when."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import Process
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from guerdon.domain.command import Redeem
from tests.builders.ledgers import SHOP, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop
from tests.house.source import ROOT
from tests.support.servers import DurableServer

ROUNDS = int(os.environ.get("GUERDON_KILL_ROUNDS", "4"))
SEED = int(os.environ.get("GUERDON_KILL_SEED", "20261121"))
WORKERS = 3
MEMBERS = 60
TRIES = 1_000_000


@dataclass
class Told:
    """What the callers were told before their process was killed, by key."""

    asked: set[str] = field(default_factory=set)
    done: dict[str, tuple[int, str]] = field(default_factory=dict)
    nothing: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def read(self, log: Path) -> None:
        text = log.read_text()
        # The last line may have been cut short by the kill; then nobody was told.
        for line in text[: text.rfind("\n") + 1].splitlines():
            what, key, *rest = line.split()
            if what == "done":
                assert key not in self.done, "one key was answered as two acts"
                self.done[key] = (int(rest[0]), rest[1])
            else:
                {"asked": self.asked, "nothing": self.nothing, "unknown": self.unknown}[what].add(
                    key
                )


async def _start(url: str, log: Path, seed: int) -> Process:
    with log.with_suffix(".stderr").open("wb") as stderr:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.races.worker", url, str(log), str(MEMBERS), str(TRIES)),
            str(seed),
            cwd=ROOT,
            stderr=stderr,
        )


async def _kill(process: Process) -> None:
    assert process.returncode is None, "a process died of something else"
    process.kill()
    await process.wait()


async def _wreak_havoc(server: DurableServer, folder: Path) -> Told:
    chance = random.Random(SEED)  # noqa: S311 -- repeatable on purpose
    logs: list[Path] = []

    async def start() -> Process:
        logs.append(folder / f"{len(logs)}.log")
        return await _start(server.url, logs[-1], len(logs))

    running = [await start() for _ in range(WORKERS)]
    try:
        for turn in range(ROUNDS):
            before = sum(log.stat().st_size for log in logs if log.exists())
            while sum(log.stat().st_size for log in logs if log.exists()) < before + 20_000:
                await asyncio.sleep(0.02)
            await asyncio.sleep(chance.uniform(0, 0.5))
            if turn % 2:
                await asyncio.to_thread(server.kill9)
                await asyncio.to_thread(server.restart)
            else:
                victim = running.pop(chance.randrange(len(running)))
                await _kill(victim)
                running.append(await start())
    finally:
        for process in running:
            await _kill(process)
    told = Told()
    for log in logs:
        if log.exists():
            told.read(log)
    return told


@pytest.mark.timeout(120 + 30 * ROUNDS)
async def test_nothing_said_is_lost_and_nothing_done_twice(
    durable_server: DurableServer, tmp_path: Path
) -> None:
    shop = make_shop(rewards=(make_reward(points_cost=1, stock=10**9),))
    async with ledgers(durable_server.url, 1) as (ledger,):
        await save_shop(ledger.runtime.pool, shop)
        await asyncio.gather(*(enrol(ledger, number, 10**9) for number in range(MEMBERS)))
    told = await _wreak_havoc(durable_server, tmp_path)
    assert len(told.done) > 100 * ROUNDS
    async with ledgers(durable_server.url, 1) as (ledger,):
        pool: asyncpg.Pool = ledger.runtime.pool
        assert await drifts(pool) == []
        rows = await pool.fetch("SELECT id, code FROM redemptions")
        made = {row["id"]: row["code"] for row in rows}
        keys = {row["key"] for row in await pool.fetch("SELECT key FROM idempotency_records")}
        # Each redemption was made under one key, and only under one that was asked.
        assert len(keys) == len(made)
        assert keys <= told.asked
        assert keys >= told.done.keys()
        assert not keys & told.nothing, "told that nothing was changed, which was not so"
        assert Counter(told.done.values()).most_common(1)[0][1] == 1
        assert all(made[redemption_id] == code for redemption_id, code in told.done.values())
        # Who never got an answer asks again, and gets the one there is or the first.
        unanswered = sorted(told.asked - told.done.keys())
        command = Redeem(program_id=PROGRAM, member=ref(0), reward_id=make_reward().id)
        for key in unanswered:
            redemption_of(await ledger.submit(SHOP, command, key=key, fingerprint=b"f"))
        assert await pool.fetchval("SELECT count(*) FROM redemptions") == len(told.asked)
        assert await drifts(pool) == []
