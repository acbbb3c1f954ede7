"""The body of the background process."""

import asyncio
import os
import sys

from guerdon.cli.running import open_runtime
from guerdon.config import Config
from guerdon.engine.collecting import tune_collector
from guerdon.store.connection import open_pool
from guerdon.worker.loop import run, stop_on_signals


async def work(config: Config, url: str, *, follows_stdin: bool) -> None:
    """Run until SIGTERM or SIGINT, or where that was asked for, until the input closes."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    if follows_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _watch, stop)
    tune_collector()
    pool = await open_pool(url, size=config.pool_size, application="guerdon worker")
    try:
        async with open_runtime(config, pool) as runtime:
            await run(runtime, stop)
    finally:
        await pool.close()


def _watch(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()
