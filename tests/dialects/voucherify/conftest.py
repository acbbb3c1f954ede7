"""A shop served in the vendor's dialect."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime

import asyncpg
import pytest

from guerdon.dialects.voucherify.call import Settings
from guerdon.domain.catalogue import FulfilBy
from guerdon.engine.ports import Fulfiller
from guerdon.engine.runtime import RandomBits, Runtime, utc_now
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.shop import Shop, make_shop, save_shop
from tests.builders.vouch import ServedVouch, serve_vouch

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
ServeVouch = Callable[..., Awaitable[ServedVouch]]


@pytest.fixture
async def serve_shop(pool: asyncpg.Pool) -> AsyncIterator[ServeVouch]:
    """Give a function that serves a shop of the test's making, on a runtime of its making."""
    async with AsyncExitStack() as stack:

        async def start(
            shop: Shop | None = None,
            *,
            calls_per_minute_max: int = 0,
            settings: Settings | None = None,
            now: Callable[[], datetime] = utc_now,
            bits: Callable[[], int] | None = None,
            fulfillers: Mapping[FulfilBy, Fulfiller] | None = None,
            fulfil_seconds: float = 8.0,
            queue_delay_seconds: float = 0.0,
        ) -> ServedVouch:
            saved = await save_shop(pool, shop or make_shop())
            runtime = Runtime(
                pool=pool,
                now=now,
                bits=bits or RandomBits(),
                fulfillers=fulfillers or {},
                fulfil_seconds=fulfil_seconds,
                queue_delay_seconds=queue_delay_seconds,
                seal=SEAL,
            )
            ledger = Ledger(runtime)
            served = await serve_vouch(
                ledger, saved, calls_per_minute_max=calls_per_minute_max, settings=settings
            )
            await stack.enter_async_context(served.client)
            stack.push_async_callback(ledger.close)
            return served

        yield start


@pytest.fixture
async def served(serve_shop: ServeVouch) -> ServedVouch:
    """A shop with one reward of 100 points, served."""
    return await serve_shop()
