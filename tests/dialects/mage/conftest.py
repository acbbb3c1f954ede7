"""A shop served in the vendor's dialect, in this process or by a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, cast

import asyncpg
import pytest
import uvicorn

from guerdon.domain.catalogue import FulfilBy
from guerdon.engine.ports import Fulfiller
from guerdon.engine.runtime import RandomBits, Runtime, utc_now
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.http import Served, serve
from tests.builders.shop import Shop, make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve_shop(pool: asyncpg.Pool) -> AsyncIterator[Serve]:
    """Give a function that serves a shop of the test's making, on a runtime of its making."""
    async with AsyncExitStack() as stack:

        async def start(
            shop: Shop | None = None,
            *,
            calls_per_second_max: int = 0,
            now: Callable[[], datetime] = utc_now,
            bits: Callable[[], int] | None = None,
            fulfillers: Mapping[FulfilBy, Fulfiller] | None = None,
            fulfil_seconds: float = 8.0,
        ) -> Served:
            saved = await save_shop(pool, shop or make_shop())
            runtime = Runtime(
                pool=pool,
                now=now,
                bits=bits or RandomBits(),
                fulfillers=fulfillers or {},
                fulfil_seconds=fulfil_seconds,
                seal=SEAL,
            )
            ledger = Ledger(runtime)
            served = await serve(ledger, saved, calls_per_second_max=calls_per_second_max)
            await stack.enter_async_context(served.client)
            stack.push_async_callback(ledger.close)
            return served

        yield start


@pytest.fixture
async def served(serve_shop: Serve) -> Served:
    """A shop with one reward of 100 points, served."""
    return await serve_shop()


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[Served], Awaitable[str]]]:
    """Give a function that puts a served shop behind a real server, and gives its address."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(served: Served) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            cast("Any", served.app), http="httptools", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        running.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
        while not server.started:
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task
