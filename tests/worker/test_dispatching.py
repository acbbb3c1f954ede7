"""What dispatches keeps merchants, destinations and the ledger's chores out of each other's way."""

import asyncio
import time
from collections.abc import Callable, Sequence

import asyncpg
import pytest
from structlog.testing import capture_logs

from guerdon.domain.delivery import Deferred, Delivered, Letter, Verdict
from guerdon.domain.ids import MerchantId
from guerdon.engine import addressing
from guerdon.engine.delivering import LETTERS_MAX, Round
from guerdon.engine.portions import Portion
from guerdon.engine.ports import Destination
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Connection
from guerdon.store.outbox_cursors import list_merchants_behind
from guerdon.worker import dispatching
from guerdon.worker.loop import run
from guerdon.worker.timetable import Chore
from tests.builders.couriers import Scripted, add_webhook, give, make_runtime, statuses
from tests.builders.member import enrol
from tests.builders.shop import Shop, make_shop, save_shop

pytestmark = pytest.mark.timeout(60)


class Stuck(Scripted):
    """Never ends at one destination, and carries everywhere else."""

    stuck_at: tuple[int, str] = (0, "")

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> Sequence[Verdict | None]:
        if (destination.merchant.id, destination.name) == self.stuck_at:
            await asyncio.sleep(600)
        return await super().carry(destination, letters)


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    return await save_shop(pool, make_shop())


async def _work(
    pool: asyncpg.Pool, courier: object, until: Callable[[], bool], *chores: Chore
) -> list[str]:
    """Run a worker until something is so; give what it logged."""
    stop = asyncio.Event()
    with capture_logs() as logs:
        working = asyncio.create_task(run(make_runtime(pool, courier), stop, chores))
        while not until():
            assert not working.done()
            await asyncio.sleep(0.01)
        stop.set()
        await working
    return [entry["event"] for entry in logs]


async def test_carries_soon_after_it_happened(pool: asyncpg.Pool, shop: Shop) -> None:
    courier = Scripted()
    ledger = Ledger(make_runtime(pool, courier))
    await enrol(ledger, shop, "1")
    await add_webhook(pool, shop.id)
    stop = asyncio.Event()
    working = asyncio.create_task(run(make_runtime(pool, courier), stop, ()))
    waits = []
    for points in range(1, 6):
        await give(ledger, shop, 1, points)
        begun = time.perf_counter()
        while len(courier.carried) < points:
            await asyncio.sleep(0.002)
        waits.append(time.perf_counter() - begun)
    stop.set()
    await working
    assert courier.points() == [1, 2, 3, 4, 5]
    # Two looks at most lie between; a slow machine makes some of them slow, but not all.
    assert min(waits) < 0.5


async def test_a_stuck_destination_and_a_stuck_chore_hold_up_nobody(
    pool: asyncpg.Pool, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "_STOP_SECONDS", 0.1)
    other = await save_shop(pool, make_shop(2))
    courier = Stuck()
    ledger = Ledger(make_runtime(pool, courier))
    courier.stuck_at = (shop.id, await add_webhook(pool, shop.id))
    await add_webhook(pool, shop.id)
    await add_webhook(pool, other.id)
    for each in (shop, other):
        await enrol(ledger, each, "1", 5)
    visits: list[MerchantId] = []

    async def note(_: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
        visits.append(merchant_id)
        return Portion(limit, has_more=False)

    async def wait(_: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
        await until_over.wait()
        return Portion(merchant_id * 0 * limit, has_more=False)

    until_over = asyncio.Event()

    def is_over() -> bool:
        is_done = len(courier.carried) == 2 and len(visits) >= 2
        if is_done:
            until_over.set()
        return is_done

    await _work(
        pool,
        courier,
        is_over,
        Chore(name="note", act=note, interval_seconds=60),
        Chore(name="wait", act=wait, interval_seconds=60, group="other"),
    )
    assert sorted(await statuses(pool)) == ["delivered", "delivered", "waiting"]
    said = await pool.fetchrow("SELECT * FROM deliveries WHERE is_open")
    assert said["last_error"] == "the worker was stopped"
    assert said["leased_until"] is None


async def test_a_destination_that_is_down_is_asked_with_few_letters(
    pool: asyncpg.Pool, shop: Shop
) -> None:
    courier = Scripted(answer=lambda _: Deferred("down"))
    ledger = Ledger(make_runtime(pool, courier))
    await add_webhook(pool, shop.id)
    members = LETTERS_MAX + 100
    rows = [(str(number), 10_000_000 + number) for number in range(members)]
    await enrol(ledger, shop, "1", 5)
    await pool.executemany(
        "INSERT INTO members SELECT 1, $2, program_id, 'x' || $1, NULL, NULL, NULL, NULL, NULL, "
        "'r' || $1, created_at, updated_at FROM members WHERE external_id = '1'",
        rows,
    )
    await pool.executemany(
        "INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default, "
        "is_frozen, points_available, points_held, points_pending, points_lifetime, "
        "points_redeemed, created_at, updated_at) "
        "SELECT 1, $2::bigint + 1000000, $2, program_id, point_type_id, true, false, 0, 0, 0, 0, "
        "0, created_at, updated_at FROM wallets WHERE member_id < 10000000 AND $1 <> ''",
        rows,
    )
    await pool.executemany(
        "INSERT INTO events (merchant_id, id, kind, program_id, member_id, batch, facts, "
        "created_at) SELECT 1, $2, 'points.adjusted', 11, $2, 1, facts, created_at FROM events "
        "WHERE kind = 'points.adjusted' AND id < 10000000 AND $1 <> ''",
        rows,
    )
    await pool.execute("UPDATE sequences SET next_id = 20000000")
    first = LETTERS_MAX
    await _work(pool, courier, lambda: len(courier.carried) > first)
    # Not all that waited was tried.
    assert len(courier.carried) <= first * 3
    tried = len(courier.carried)
    await _work(pool, courier, lambda: True)
    assert len(courier.carried) <= tried + first


async def test_what_fails_is_logged_and_tried_again(
    pool: asyncpg.Pool, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = Scripted()
    ledger = Ledger(make_runtime(pool, courier))
    await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1", 5)
    hand_on, failures = addressing.hand_on, [1]

    async def fail_once(*args: object) -> Portion:
        if failures:
            failures.pop()
            raise RuntimeError("no such luck")
        return await hand_on(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatching, "hand_on", fail_once)
    logged = await _work(pool, courier, lambda: bool(courier.carried))
    assert "events not handed on" in logged
    assert courier.points() == [5]


async def test_one_look_that_took_long_does_not_stop_the_dispatch(
    pool: asyncpg.Pool, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = Scripted()
    ledger = Ledger(make_runtime(pool, courier))
    await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1", 5)
    slow = [1]

    async def stand_still_once(view: Connection) -> list[MerchantId]:
        if slow:
            slow.pop()
            # A tenth of the time, as usual, would be ten more minutes.
            monkeypatch.setattr(dispatching, "_now", lambda: time.monotonic() + 60)
            return []
        return await list_merchants_behind(view)

    monkeypatch.setattr(dispatching, "_PAUSE_SECONDS_MAX", 0.2)
    monkeypatch.setattr(dispatching, "_now", time.monotonic)
    monkeypatch.setattr(dispatching, "list_merchants_behind", stand_still_once)
    await _work(pool, courier, lambda: bool(courier.carried))
    assert courier.points() == [5]


async def test_several_merchants_and_destinations_are_served(pool: asyncpg.Pool) -> None:
    courier = Scripted(answer=lambda _: Delivered())
    ledger = Ledger(make_runtime(pool, courier))
    for number in range(1, 6):
        shop = await save_shop(pool, make_shop(number))
        for _ in range(3):
            await add_webhook(pool, shop.id)
        await enrol(ledger, shop, "1", number)
    await _work(pool, courier, lambda: len(courier.carried) == 15)
    assert sorted(courier.points(), key=str) == [n for n in range(1, 6) for _ in range(3)]
    assert await statuses(pool) == ["delivered"] * 15


async def test_merchants_without_end_of_work_do_not_starve_those_behind_them(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More merchants have new events all the time than are handed on at once."""
    ids = [MerchantId(number) for number in range(1, 31)]
    keys = [(each, "webhook:1") for each in ids]
    handed_on: set[int] = set()
    carried: set[int] = set()

    async def hand_on(_: Ledger, merchant_id: MerchantId, __: int) -> Portion:
        handed_on.add(merchant_id)
        return Portion(0, has_more=False)

    async def deliver(_: Ledger, merchant_id: MerchantId, *__: object) -> Round:
        carried.add(merchant_id)
        return Round()

    async def list_behind(_: object) -> list[MerchantId]:
        return ids

    async def list_due(*_: object) -> list[tuple[MerchantId, str]]:
        return keys

    monkeypatch.setattr(dispatching, "hand_on", hand_on)
    monkeypatch.setattr(dispatching, "deliver", deliver)
    monkeypatch.setattr(dispatching, "list_merchants_behind", list_behind)
    monkeypatch.setattr(dispatching, "list_due_destinations", list_due)
    monkeypatch.setattr(dispatching, "_CARRIES_MAX", 8)
    monkeypatch.setattr(dispatching, "_LOOK_SECONDS", 0.001)
    async with asyncio.timeout(10):
        await _work(pool, Scripted(), lambda: handed_on == set(ids) and carried == set(ids))
