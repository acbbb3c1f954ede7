"""Several statements of one order at once: whoever is slow undoes nothing of what is done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from guerdon.domain.stated_order import News, Placed, Standing
from guerdon.engine import booking
from guerdon.engine.booking import Shopper, book_order, finish_orders
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.ledgers import SHOP, balance, drifts
from tests.builders.lion_orders import Clock, purchase
from tests.builders.shop import PROGRAM, make_shop, save_shop

ORDER = "1001"
PAID = Standing(payment="paid")


def placed(standing: Standing = PAID) -> Placed:
    return Placed(currency="GBP", total_minor=10_000, standing=standing)


class Hold:
    """Keeps one finisher just before it writes down what it did."""

    def __init__(self) -> None:
        self.is_reached = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def pass_through(self) -> None:
        self.is_reached.set()
        await self.may_go_on.wait()


@contextmanager
def first_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """Hold the first finisher that comes to its end, and no other."""
    hold, note = Hold(), booking._note

    async def slow(*args: Any, **named: Any) -> None:
        if not hold.is_reached.is_set():
            await hold.pass_through()
        await note(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(booking, "_note", slow)
        yield hold


@pytest.fixture
async def ledger(pool: asyncpg.Pool) -> Ledger:
    await save_shop(pool, make_shop(SHOP, rules=(purchase(),)))
    return Ledger(Runtime(pool=pool, now=Clock()))


async def state(ledger: Ledger, news: News) -> None:
    await book_order(ledger, SHOP, PROGRAM, ORDER, news, shopper=Shopper(external_id="C-1"))


async def order_of(pool: asyncpg.Pool) -> tuple[int, bool]:
    row = await pool.fetchrow("SELECT revision, is_open FROM orders")
    return row["revision"], row["is_open"]


async def test_slow_finisher_opens_no_order_that_a_newer_statement_closed(
    ledger: Ledger, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with first_held(monkeypatch) as hold:
        slow = asyncio.create_task(state(ledger, placed()))
        await hold.is_reached.wait()
        await state(ledger, Standing(refund="partially_refunded", refunded_minor=3_000))
        assert await order_of(pool) == (2, False)
        hold.may_go_on.set()
        await slow
    assert await order_of(pool) == (2, False)
    assert await balance(pool, "C-1") == 70
    assert await drifts(pool) == []


async def test_slow_finisher_closes_no_order_that_a_newer_statement_opened(
    ledger: Ledger, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with first_held(monkeypatch) as hold:
        slow = asyncio.create_task(state(ledger, placed()))
        await hold.is_reached.wait()
        with monkeypatch.context() as patched:
            patched.setattr(booking, "_finish", die)
            with pytest.raises(KeyboardInterrupt):
                await state(ledger, Standing(is_cancelled=True))
        hold.may_go_on.set()
        await slow
    assert await order_of(pool) == (2, True)
    assert await balance(pool, "C-1") == 100
    clock = ledger.runtime.now
    assert isinstance(clock, Clock)
    clock.now += 2 * booking.LEFT_ALONE_FOR
    assert (await finish_orders(ledger, SHOP, 10)).done == 1
    assert await order_of(pool) == (2, False)
    assert await balance(pool, "C-1") == 0


async def test_points_planned_late_are_given_also_by_the_worker(
    ledger: Ledger, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement makes a guest of the shopper, and closes the order, just before the one before
    it makes them a member: that decides anew what the order earns, and dies."""
    enrol, is_reached, may_go_on = booking._enrol, asyncio.Event(), asyncio.Event()

    async def slow_enrol(*args: Any) -> Any:
        is_reached.set()
        await may_go_on.wait()
        planned = await enrol(*args)
        assert planned is not None
        assert planned.stated.awards
        raise KeyboardInterrupt

    async def first() -> None:
        with pytest.raises(KeyboardInterrupt):
            await state(ledger, placed())

    with monkeypatch.context() as patched:
        patched.setattr(booking, "_enrol", slow_enrol)
        dying = asyncio.create_task(first())
        await is_reached.wait()
        guest = Shopper(external_id="C-1", is_guest=True)
        await book_order(ledger, SHOP, PROGRAM, ORDER, placed(), shopper=guest)
        assert await order_of(pool) == (2, False)
        may_go_on.set()
        await dying
    assert await order_of(pool) == (2, True)
    clock = ledger.runtime.now
    assert isinstance(clock, Clock)
    clock.now += 2 * booking.LEFT_ALONE_FOR
    assert (await finish_orders(ledger, SHOP, 10)).done == 1
    assert await order_of(pool) == (2, False)
    assert await balance(pool, "C-1") == 100
