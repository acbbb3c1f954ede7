"""Redemptions per second through the engine, without HTTP: one process, many waiting callers."""

import asyncio
import time
from collections.abc import Callable

import uvloop

from bench.seeding import HOT_REWARD, PROGRAM_ID
from guerdon.domain.command import Done, Redeem
from guerdon.domain.ids import MerchantId, ProgramId, RewardId
from guerdon.domain.member import MemberRef
from guerdon.engine.collecting import tune_collector
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import open_pool

Pick = Callable[[int], tuple[int, int, int]]


def spread(members: int) -> Pick:
    """Every caller another member, every call another reward."""
    return lambda n: (1, 1 + (n * 7919) % members, 1001 + n % 10)


def hot_reward(members: int) -> Pick:
    return lambda n: (1, 1 + (n * 7919) % members, HOT_REWARD)


def hot_wallet(_: int) -> Pick:
    return lambda n: (1, 1, 1001 + n % 10)


def many_merchants(merchants: int, members: int) -> Pick:
    return lambda n: (1 + n % merchants, 1 + (n * 7919) % members, 1001 + n % 10)


async def measure(
    url: str, pick: Pick, *, seconds: float, callers: int, pool_size: int = 8
) -> float:
    """Keep so many callers waiting for so long; give redemptions per second, all of them done."""
    pool = await open_pool(url, size=pool_size)
    ledger = Ledger(Runtime(pool=pool))
    tune_collector()
    count = number = 0
    end = 0.0

    async def call() -> None:
        nonlocal count, number
        while time.perf_counter() < end:
            number += 1
            merchant, member, reward = pick(number)
            outcome = await ledger.submit(
                MerchantId(merchant),
                Redeem(
                    program_id=ProgramId(PROGRAM_ID),
                    member=MemberRef(external_id=str(7_000_000 + member)),
                    reward_id=RewardId(reward),
                ),
            )
            assert isinstance(outcome, Done), outcome
            count += 1

    end = time.perf_counter() + seconds / 4
    await asyncio.gather(*(call() for _ in range(callers)))
    count, begun = 0, time.perf_counter()
    end = begun + seconds
    await asyncio.gather(*(call() for _ in range(callers)))
    rate = count / (time.perf_counter() - begun)
    await ledger.close()
    await pool.close()
    return rate


def run(url: str, pick: Pick, *, seconds: float = 8.0, callers: int = 512) -> float:
    """Measure in this process, on uvloop."""
    return uvloop.run(measure(url, pick, seconds=seconds, callers=callers))
