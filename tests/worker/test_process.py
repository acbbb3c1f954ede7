"""The worker as its own process: it does what is due, and leaves when asked to."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from guerdon.domain.command import Earn
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.shop import PROGRAM, make_rule, make_shop, save_shop


@asynccontextmanager
async def _worker(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {
        "GUERDON_DATABASE_URL": database_url,
        "GUERDON_SECRET_KEY": "a sealing key of thirty-two bytes or more",
        "PATH": os.environ.get("PATH", ""),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guerdon", "worker", env=settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _until_approved(pool: asyncpg.Pool) -> None:
    while await pool.fetchval("SELECT count(*) FROM earnings WHERE status = 'pending'"):
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_approves_what_is_due_and_leaves_at_a_signal(
    pool: asyncpg.Pool, database_url: str, number: signal.Signals
) -> None:
    shop = await save_shop(pool, make_shop(rules=(make_rule(approval_days=1),)))
    ledger = Ledger(Runtime(pool=pool, now=Clock()))
    await enrol(ledger, shop)
    await do(ledger, shop, Earn(program_id=PROGRAM, member=ANA, rule_id=shop.rules[0].id))
    async with _worker(database_url) as process:
        await asyncio.wait_for(_until_approved(pool), 60)
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert await pool.fetchval("SELECT points_available FROM wallets") == 50
