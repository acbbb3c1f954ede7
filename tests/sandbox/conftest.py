from collections.abc import AsyncIterator

import pytest

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shopify_calls import NOW, ShopifyCalls


@pytest.fixture
async def shopify() -> AsyncIterator[ShopifyCalls]:
    """A shop in the process, whose clock the test moves."""
    clock = Clock(NOW)
    calls = ShopifyCalls(SandboxApp(clock), clock)
    yield calls
    await calls.client.aclose()


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """A sandbox behind a real server on the loopback."""
    async with running_sandbox() as running:
        yield running
