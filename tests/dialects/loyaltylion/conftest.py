"""A shop served in the vendor's dialect."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime

import asyncpg
import pytest

from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.ports import Fulfiller
from guerdon.engine.runtime import RandomBits, Runtime, utc_now
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.lion import ServedLion, serve_lion
from tests.builders.lion_activities import BIRTHDAY, OFF, PURCHASE, REVIEW, SURVEY
from tests.builders.lion_orders import Clock, purchase
from tests.builders.shop import Shop, make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
ServeLion = Callable[..., Awaitable[ServedLion]]


@pytest.fixture
async def serve_shop(pool: asyncpg.Pool) -> AsyncIterator[ServeLion]:
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
            webhook_urls: UrlRules | None = None,
        ) -> ServedLion:
            saved = await save_shop(pool, shop or make_shop())
            runtime = Runtime(
                pool=pool,
                now=now,
                bits=bits or RandomBits(),
                fulfillers=fulfillers or {},
                fulfil_seconds=fulfil_seconds,
                seal=SEAL,
                webhook_urls=webhook_urls or UrlRules(),
            )
            ledger = Ledger(runtime)
            served = await serve_lion(ledger, saved, calls_per_second_max=calls_per_second_max)
            await stack.enter_async_context(served.client)
            stack.push_async_callback(ledger.close)
            return served

        yield start


@pytest.fixture
async def served(serve_shop: ServeLion) -> ServedLion:
    """A shop with one reward of 100 points, served."""
    return await serve_shop()


@pytest.fixture
async def till(serve_shop: ServeLion) -> ServedLion:
    """A shop that gives a point for each pound of goods at once; time stands still."""
    return await serve_shop(make_shop(rules=(purchase(),)), now=Clock())


@pytest.fixture
async def desk(serve_shop: ServeLion) -> ServedLion:
    """A shop with a rule of each sort; time stands still."""
    rules = (REVIEW, SURVEY, BIRTHDAY, OFF, PURCHASE)
    return await serve_shop(make_shop(rules=rules), now=Clock())
