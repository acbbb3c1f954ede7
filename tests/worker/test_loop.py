"""The loop serves every merchant, outlives what fails, and stops cleanly."""

import asyncio
import os
import signal
from collections.abc import Sequence

import asyncpg
import pytest
from structlog.testing import capture_logs

from guerdon.domain.command import Earn, Enrol
from guerdon.domain.ids import MerchantId
from guerdon.engine.portions import Portion
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.worker import loop
from guerdon.worker.loop import run, stop_on_signals
from guerdon.worker.timetable import TIMETABLE, Chore
from tests.builders.member import ANA, Clock, do
from tests.builders.shop import PROGRAM, Shop, make_rule, make_shop, save_shop


class Book:
    """A chore that writes down for whom it was done, and then does what it is told."""

    def __init__(self, *portions: Portion, fails_for: Sequence[int] = ()) -> None:
        self.visits: list[int] = []
        self._portions = list(portions)
        self._fails_for = fails_for

    async def act(self, _: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
        assert limit == 7
        self.visits.append(merchant_id)
        if merchant_id in self._fails_for:
            raise RuntimeError("no such luck")
        return self._portions.pop(0) if self._portions else Portion(0, has_more=False)

    def chore(self, interval_seconds: float = 60) -> Chore:
        return Chore(name="write", act=self.act, interval_seconds=interval_seconds, limit=7)


@pytest.fixture
async def shops(pool: asyncpg.Pool) -> list[Shop]:
    return [await save_shop(pool, make_shop(number)) for number in (1, 2, 3)]


async def _run_for(runtime: Runtime, seconds: float, *chores: Chore) -> list[dict[str, object]]:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    with capture_logs() as logs:
        await asyncio.wait_for(run(runtime, stop, chores), seconds + 5)
    return [dict(entry) for entry in logs]


async def test_visits_every_merchant_and_then_rests(pool: asyncpg.Pool, shops: list[Shop]) -> None:
    book = Book()
    logs = await _run_for(Runtime(pool=pool), 0.3, book.chore())
    assert book.visits == [1, 2, 3]
    assert [entry["event"] for entry in logs] == ["worker started", "worker stopped"]


async def test_comes_again_when_it_is_time(pool: asyncpg.Pool, shops: list[Shop]) -> None:
    book = Book()
    await _run_for(Runtime(pool=pool), 0.5, book.chore(interval_seconds=0.1))
    assert book.visits[:6] == [1, 2, 3, 1, 2, 3]
    assert len(book.visits) <= 18


async def test_one_failing_merchant_does_not_stop_the_others(
    pool: asyncpg.Pool, shops: list[Shop]
) -> None:
    book = Book(fails_for=[2])
    logs = await _run_for(Runtime(pool=pool), 0.5, book.chore(interval_seconds=0.1))
    assert book.visits[:3] == [1, 2, 3]
    assert book.visits.count(2) == 1
    assert book.visits.count(1) == book.visits.count(3) > 1
    failed = [entry for entry in logs if entry["event"] == "chore failed"]
    assert [(each["merchant"], each["retry_seconds"]) for each in failed] == [("shop-2", 1)]


async def test_goes_on_at_once_while_there_is_more(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    more, last = Portion(7, has_more=True), Portion(1, has_more=False)
    book = Book(*[more] * 30, last)
    logs = await _run_for(Runtime(pool=pool), 0.5, book.chore())
    assert len(book.visits) == 31
    done = [entry["done"] for entry in logs if entry["event"] == "chore done"]
    assert done == [140, 71]


async def test_a_long_backlog_lets_the_others_have_their_turn(
    pool: asyncpg.Pool, shops: list[Shop]
) -> None:
    book = Book(*[Portion(7, has_more=True)] * 25)
    await _run_for(Runtime(pool=pool), 0.5, book.chore())
    assert book.visits[:21] == [1] * loop.PORTIONS_PER_VISIT + [2]


async def test_an_unreachable_database_does_not_end_it(
    pool: asyncpg.Pool, shops: list[Shop]
) -> None:
    async with asyncpg.create_pool("postgresql://nobody@127.0.0.1:1/none", min_size=0) as lost:
        logs = await _run_for(Runtime(pool=lost), 0.4, Book().chore(interval_seconds=0.1))
    events = [entry["event"] for entry in logs]
    assert events == ["worker started", "merchants unknown", "worker stopped"]


async def test_stops_between_portions(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    stop = asyncio.Event()
    portions = 0

    async def endless(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
        nonlocal portions
        portions += 1
        if portions == 3:
            stop.set()
        return Portion(1, has_more=True)

    chore = Chore(name="endless", act=endless, interval_seconds=1)
    await asyncio.wait_for(run(Runtime(pool=pool), stop, [chore]), 5)
    assert portions == 3


async def test_stops_at_a_signal(pool: asyncpg.Pool, shops: list[Shop]) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    events = asyncio.get_running_loop()
    try:
        events.call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(run(Runtime(pool=pool), stop, [Book().chore()]), 5)
    finally:
        events.remove_signal_handler(signal.SIGTERM)
        events.remove_signal_handler(signal.SIGINT)
    assert stop.is_set()


async def test_the_timetable_does_what_falls_due(pool: asyncpg.Pool) -> None:
    clock = Clock()
    runtime = Runtime(pool=pool, now=clock)
    ledger = Ledger(runtime)
    shop = await save_shop(
        pool, make_shop(rules=(make_rule(approval_days=14),), points_expiry_days=30)
    )
    await do(ledger, shop, Enrol(program_id=PROGRAM, external_id="7001"))
    earn = Earn(program_id=PROGRAM, member=ANA, rule_id=shop.rules[0].id, action_key="a")
    await ledger.submit(shop.id, earn, key="k", fingerprint=b"f")
    clock.pass_(days=14)
    await _run_for(runtime, 0.5, *TIMETABLE)
    assert await pool.fetchval("SELECT points_available FROM wallets") == 50
    assert await pool.fetchval("SELECT count(*) FROM idempotency_records") == 0
    clock.pass_(days=30)
    await _run_for(runtime, 0.5, *TIMETABLE)
    assert await pool.fetchval("SELECT points_available FROM wallets") == 0


def test_the_timetable_names_every_chore_once() -> None:
    names = [chore.name for chore in TIMETABLE]
    assert len(set(names)) == len(names)
    # Only who looks first where there is work may look that often.
    assert all(chore.limit > 0 for chore in TIMETABLE)
    assert all(chore.interval_seconds >= 1 for chore in TIMETABLE if chore.where is None)
