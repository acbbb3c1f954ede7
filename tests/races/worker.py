"""A process of its own that redeems as fast as it can, and writes down what it was told.

python -m tests.races.worker URL LOG MEMBERS TRIES SEED

Each line of the log is what one caller knows: `asked KEY`, then `done KEY REDEMPTION CODE`,
`refused KEY`, `nothing KEY` (unavailable, nothing was changed) or `unknown KEY`. A line is written
before the next step is taken, so a process that is killed said nothing untrue."""

import asyncio
import os
import random
import sys
from pathlib import Path

from guerdon.domain.command import Redeem, Redeemed, Refused
from guerdon.domain.errors import OutcomeUnknown, Unavailable
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Pool, open_pool
from guerdon.store.faults import DRIVER_ERRORS
from tests.builders.ledgers import SHOP, ref
from tests.builders.shop import PROGRAM, make_reward

CALLERS = 16
REWARD = make_reward().id


async def call(ledger: Ledger, log: int, tasks: list[tuple[str, int]]) -> None:
    while tasks:
        key, member = tasks.pop()
        command = Redeem(program_id=PROGRAM, member=ref(member), reward_id=REWARD)
        os.write(log, f"asked {key}\n".encode())
        try:
            outcome = await ledger.submit(SHOP, command, key=key, fingerprint=b"f")
        except OutcomeUnknown:
            os.write(log, f"unknown {key}\n".encode())
            continue
        except Unavailable:
            os.write(log, f"nothing {key}\n".encode())
            await asyncio.sleep(0.05)
            continue
        if isinstance(outcome, Refused):
            os.write(log, f"refused {key}\n".encode())
            continue
        assert isinstance(outcome.result, Redeemed)
        made = outcome.result.redemption
        os.write(log, f"done {key} {made.id} {made.code}\n".encode())


async def _open(url: str) -> Pool:
    """Wait for a server that is just being restarted."""
    while True:
        try:
            return await open_pool(url, size=4)
        except DRIVER_ERRORS:
            await asyncio.sleep(0.1)


async def run(url: str, log: Path, members: int, tries: int, seed: int) -> None:
    """Redeem for random members, so many times, by several callers at once."""
    chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose
    tasks = [(f"{seed}-{number}", chance.randrange(members)) for number in range(tries)]
    pool = await _open(url)
    ledger = Ledger(Runtime(pool=pool))
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        await asyncio.gather(*(call(ledger, file, tasks) for _ in range(CALLERS)))
        await ledger.close()
        await pool.close()
    finally:
        os.close(file)


if __name__ == "__main__":
    asyncio.run(
        run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    )
