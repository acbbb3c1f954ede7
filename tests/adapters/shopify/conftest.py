"""The sandbox behind a real server, for each test its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
import uvicorn

from guerdon.adapters.shopify.platform import make_shopify
from guerdon.engine.runtime import utc_now
from guerdon.sandbox.app import SandboxApp
from tests.adapters.shopify.sandboxed import Sandboxed

MakeSandbox = Callable[..., Awaitable[Sandboxed]]


@pytest.fixture
async def make_sandbox() -> AsyncIterator[MakeSandbox]:
    """Give a function that serves a sandbox of the test's making."""
    async with AsyncExitStack() as stack:

        async def start(*, answer_seconds: float = 4.0, **options: Any) -> Sandboxed:
            app = SandboxApp(**options)
            listener = socket.create_server(("127.0.0.1", 0))
            config = uvicorn.Config(cast("Any", app), lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))

            async def stop() -> None:
                server.should_exit = True
                server.force_exit = True
                await task

            stack.push_async_callback(stop)
            while not server.started:
                await asyncio.sleep(0.01)
            shopify = make_shopify(utc_now, answer_seconds=answer_seconds)
            stack.push_async_callback(shopify.shops.aclose)
            return Sandboxed(app, f"http://127.0.0.1:{listener.getsockname()[1]}", shopify)

        yield start


@pytest.fixture
async def sandbox(make_sandbox: MakeSandbox) -> Sandboxed:
    """A sandbox that hinders nothing."""
    return await make_sandbox()
