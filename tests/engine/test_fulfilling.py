"""A redemption ends in one way, on the platform and in the ledger alike, whatever fails between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import cast

import asyncpg
import pytest

from guerdon.domain.command import Outcome, Redeem, Refused, Release, Settle
from guerdon.domain.errors import FulfilmentUnavailable
from guerdon.domain.fulfilment import Fulfilment
from guerdon.domain.ids import RedemptionId
from guerdon.engine import fulfilling, repairing
from guerdon.engine.fulfilling import PutOff, fulfil
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store.fulfilments import list_fulfilments
from guerdon.store.snapshot import snapshot
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, balance, connect, enrol, redemption_of, ref
from tests.builders.platform import MemoryPlatform, Mood, assert_equal
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

_SEAL = Seal(b"a sealing key of thirty-two bytes or more")
# Of a request whose platform may not answer.
_SHORT = pytest.mark.parametrize("seconds", [0.6])
_REDEEM = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=make_reward().id)

Make = Callable[[], Ledger]


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seconds() -> float:
    """How long a request may take; never reached unless a test shortens it."""
    return 30.0


@pytest.fixture
async def make(
    database_url: str, platform: MemoryPlatform, clock: Clock, seconds: float
) -> AsyncIterator[Make]:
    """Give a function that makes a ledger of its own process, as it were."""
    pools: list[asyncpg.Pool] = [await connect(database_url) for _ in range(3)]
    made: list[Ledger] = []

    def start() -> Ledger:
        runtime = Runtime(
            pool=pools[len(made)],
            now=clock,
            seal=_SEAL,
            fulfillers={"shopify": platform},
            fulfil_seconds=seconds,
        )
        made.append(Ledger(runtime))
        return made[-1]

    yield start
    for ledger in made:
        await ledger.close()
    for pool in pools:
        await pool.close()


@pytest.fixture
async def ledger(make: Make) -> Ledger:
    """A shop with one reward of 100 points that the platform hands over, and 250 points."""
    started = make()
    await save_shop(started.runtime.pool, make_shop(rewards=(make_reward(fulfil_by="shopify"),)))
    await connect_platform(started.runtime, SHOP)
    await enrol(started, "7001", 250)
    return started


async def _work(ledger: Ledger, clock: Clock, *seconds: float) -> None:
    """Let a worker see to everything, once now and once after each wait."""
    await fulfil_due(ledger, SHOP, 50)
    for each in seconds:
        clock.advance(seconds=each)
        await fulfil_due(ledger, SHOP, 50)


async def _pend(ledger: Ledger) -> RedemptionId:
    """Do the first transaction, and die."""
    return redemption_of(await ledger.submit(SHOP, _REDEEM)).id


def _pool(ledger: Ledger) -> asyncpg.Pool:
    return cast("asyncpg.Pool", ledger.runtime.pool)


def _out_of_reach(*first: Mood) -> list[Mood]:
    """Do this first, and be out of reach for as long as a request asks."""
    rest: list[Mood] = ["is out of reach"] * fulfilling.TRIES_MAX
    return [*first, *rest]


def _is_unavailable(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and isinstance(outcome.refusals[0], FulfilmentUnavailable)


async def test_happy_path_keeps_nothing_but_the_redemption(
    ledger: Ledger, platform: MemoryPlatform
) -> None:
    redemption = redemption_of(await redeem(ledger, SHOP, _REDEEM))
    assert redemption.status == "approved"
    assert platform.asked == [(redemption.code, False)]
    pool = _pool(ledger)
    assert await pool.fetchval("SELECT count(*) FROM fulfilments") == 0
    await assert_equal(pool, platform.live)


@pytest.mark.parametrize("mood", ["refuses", "refuses for good"])
async def test_what_is_known_to_have_failed_is_released_at_once(
    ledger: Ledger, platform: MemoryPlatform, mood: Mood
) -> None:
    platform.moods = [mood]
    assert _is_unavailable(await redeem(ledger, SHOP, _REDEEM))
    assert len(platform.asked) == 1
    pool = _pool(ledger)
    assert await pool.fetchval("SELECT count(*) FROM fulfilments") == 0
    assert await balance(pool, "7001") == 250
    await assert_equal(pool, [])


@pytest.mark.parametrize("mood", ["acts and dies", "acts and hangs", "dies", "hangs"])
@_SHORT
async def test_unknown_is_looked_up_within_the_time(
    ledger: Ledger, platform: MemoryPlatform, mood: Mood
) -> None:
    platform.moods = [mood]
    redemption = redemption_of(await redeem(ledger, SHOP, _REDEEM))
    assert platform.asked == [(redemption.code, False), (redemption.code, True)]
    assert platform.live == [redemption.code]
    await assert_equal(_pool(ledger), platform.live)


@_SHORT
async def test_late_act_of_an_abandoned_call_is_the_same_discount(
    ledger: Ledger, platform: MemoryPlatform
) -> None:
    platform.moods = ["acts late"]
    redemption_of(await redeem(ledger, SHOP, _REDEEM))
    platform.act_late()
    await assert_equal(_pool(ledger), platform.live)


@pytest.mark.parametrize("first", ["acts and dies", "acts and hangs", "hangs", "dies"])
@_SHORT
async def test_unknown_to_the_end_is_released_and_taken_back(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, first: Mood
) -> None:
    platform.moods = _out_of_reach(first)
    assert _is_unavailable(await redeem(ledger, SHOP, _REDEEM))
    pool = _pool(ledger)
    assert await balance(pool, "7001") == 250
    platform.moods.clear()
    await _work(ledger, clock, 3)
    await assert_equal(pool, platform.live)
    assert len(platform.taken_back) == 1


@_SHORT
async def test_what_acts_long_after_the_release_is_taken_back(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.moods = _out_of_reach("acts late")
    assert _is_unavailable(await redeem(ledger, SHOP, _REDEEM))
    platform.moods.clear()
    await _work(ledger, clock, 3)
    platform.act_late()
    assert len(platform.live) == 1
    await _work(ledger, clock, 15, 120, 900)
    assert len(platform.taken_back) == 1 + len(repairing.TAKE_BACK_AFTER)
    assert await _pool(ledger).fetchval("SELECT count(*) FROM fulfilments WHERE is_open") == 0
    await assert_equal(_pool(ledger), platform.live)


async def test_taking_back_is_tried_until_it_is_done(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.moods = ["acts and dies", "is out of reach", "is out of reach", "dies", "dies"]
    await redeem(ledger, SHOP, _REDEEM)
    await _work(ledger, clock, 3)
    assert len(platform.live) == 1
    await _work(ledger, clock, 60, 60)
    assert platform.moods == []
    await assert_equal(_pool(ledger), platform.live)


@pytest.mark.parametrize("has_acted", [False, True])
async def test_worker_finishes_what_a_dead_process_began(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, make: Make, *, has_acted: bool
) -> None:
    redemption_id = await _pend(ledger)
    pool = _pool(ledger)
    if has_acted:
        code = await pool.fetchval("SELECT code FROM redemptions")
        platform.discounts[code] = (redemption_id, True)
    worker = make()
    await _work(worker, clock)
    assert platform.asked == []
    await _work(worker, clock, 60)
    assert [is_repeat for _, is_repeat in platform.asked] == [True]
    await assert_equal(pool, platform.live)
    assert len(platform.live) == 1
    assert await pool.fetchval("SELECT count(*) FROM fulfilments WHERE is_open") == 0


async def test_worker_waits_while_the_platform_is_down_and_then_gives_back(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock
) -> None:
    await _pend(ledger)
    platform.moods = ["refuses"] * 1000
    await _work(ledger, clock, 60, 60, 600)
    pool = _pool(ledger)
    row = await pool.fetchrow("SELECT attempts, last_error, next_at, is_open FROM fulfilments")
    assert row["attempts"] == 4
    assert row["last_error"] == "not just now"
    assert row["is_open"]
    assert row["next_at"] > clock.now
    assert await balance(pool, "7001") == 150
    await _work(ledger, clock, timedelta(hours=24).total_seconds())
    assert await balance(pool, "7001") == 250
    platform.moods.clear()
    await _work(ledger, clock, 5)
    await assert_equal(pool, [])


async def test_permanent_failure_is_released_by_the_worker(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock
) -> None:
    await _pend(ledger)
    platform.moods = ["refuses for good"]
    await _work(ledger, clock, 60, 5)
    pool = _pool(ledger)
    assert await pool.fetchval("SELECT reason FROM redemptions") == "not ever"
    assert await balance(pool, "7001") == 250
    await assert_equal(pool, platform.live)


async def test_platform_that_is_back_soon_is_waited_for(
    ledger: Ledger, platform: MemoryPlatform
) -> None:
    platform.moods = ["is busy"]
    redemption = redemption_of(await redeem(ledger, SHOP, _REDEEM))
    assert platform.asked == [(redemption.code, False), (redemption.code, False)]
    await assert_equal(_pool(ledger), platform.live)


async def test_shop_not_connected_is_no_for_a_caller_and_not_yet_for_a_worker(
    ledger: Ledger, clock: Clock, make: Make
) -> None:
    pool = _pool(ledger)
    await pool.execute("DELETE FROM integrations")
    assert _is_unavailable(await redeem(ledger, SHOP, _REDEEM))
    await _pend(ledger)
    await _work(make(), clock, 60)
    assert await pool.fetchval("SELECT last_error FROM fulfilments") == (
        "the merchant is not connected to shopify"
    )
    assert await balance(pool, "7001") == 150


async def test_two_workers_share_and_do_not_repeat(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, make: Make
) -> None:
    await enrol(ledger, "7002", 2000)
    more = Redeem(program_id=PROGRAM, member=ref("7002"), reward_id=_REDEEM.reward_id)
    for _ in range(20):
        await ledger.submit(SHOP, more)
    clock.advance(seconds=60)
    others = [make(), make()]
    platform.gate.clear()
    work = []
    for asked, each in ((10, others[0]), (20, others[1])):
        # One after the other, or both would adopt the same ten, and one of them go without.
        work.append(asyncio.create_task(fulfil_due(each, SHOP, 10)))
        while len(platform.asked) < asked:
            await asyncio.sleep(0.01)
    platform.gate.set()
    assert [(await each).done for each in work] == [10, 10]
    assert len({code for code, _ in platform.asked}) == 20
    await assert_equal(_pool(ledger), platform.live)


async def test_request_that_wakes_after_the_worker_settled_gets_that(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, make: Make
) -> None:
    platform.gate.clear()
    request = asyncio.create_task(redeem(ledger, SHOP, _REDEEM))
    while not platform.asked:
        await asyncio.sleep(0.01)
    clock.advance(seconds=60)
    worker = asyncio.create_task(fulfil_due(make(), SHOP, 10))
    while len(platform.asked) < 2:
        await asyncio.sleep(0.01)
    platform.gate.set()
    await worker
    assert redemption_of(await request).status == "approved"
    assert len(platform.live) == 1
    await assert_equal(_pool(ledger), platform.live)


async def test_request_that_wakes_after_a_release_has_its_discount_taken_back(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.gate.clear()
    request = asyncio.create_task(redeem(ledger, SHOP, _REDEEM))
    while not platform.asked:
        await asyncio.sleep(0.01)
    pool = _pool(ledger)
    redemption_id = await pool.fetchval("SELECT id FROM redemptions")
    await ledger.submit(SHOP, Release(redemption_id=redemption_id, reason="by staff"))
    platform.gate.set()
    assert _is_unavailable(await request)
    assert len(platform.live) == 1
    await _work(ledger, clock)
    assert await balance(pool, "7001") == 250
    await assert_equal(pool, platform.live)


async def test_release_that_comes_after_a_settlement_gives_what_was_settled(
    ledger: Ledger, platform: MemoryPlatform
) -> None:
    platform.moods = ["refuses for good"]
    platform.gate.clear()
    request = asyncio.create_task(redeem(ledger, SHOP, _REDEEM))
    while not platform.asked:
        await asyncio.sleep(0.01)
    redemption_id = await _pool(ledger).fetchval("SELECT id FROM redemptions")
    await ledger.submit(SHOP, Settle(redemption_id=redemption_id))
    platform.gate.set()
    assert redemption_of(await request).status == "approved"


async def test_code_taken_by_strangers_twice(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["TAKEN-2", "FREE-3"])
    monkeypatch.setattr(fulfilling, "make_code", lambda program, bits: next(codes))
    platform.take_for_stranger("TAKEN-2")
    platform.gate.clear()
    request = asyncio.create_task(redeem(ledger, SHOP, _REDEEM))
    while not platform.asked:
        await asyncio.sleep(0.01)
    first = platform.asked[0][0]
    platform.take_for_stranger(first)
    platform.gate.set()
    redemption = redemption_of(await request)
    assert redemption.code == "FREE-3"
    assert [code for code, _ in platform.asked] == [first, "TAKEN-2", "FREE-3"]
    await assert_equal(_pool(ledger), platform.live)
    assert platform.live == ["FREE-3"]
    await _work(ledger, clock, 60)
    assert await _pool(ledger).fetchval("SELECT is_open FROM fulfilments") is False


async def test_every_code_taken_gives_the_points_back(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(f"TAKEN-{number}" for number in range(100))

    def choose(*_: object) -> str:
        code = next(codes)
        platform.take_for_stranger(code)
        return code

    monkeypatch.setattr(fulfilling, "make_code", choose)
    await _pend(ledger)
    pool = _pool(ledger)
    platform.take_for_stranger(await pool.fetchval("SELECT code FROM redemptions"))
    await _work(ledger, clock, 60)
    assert len(platform.asked) == fulfilling.CODES_MAX
    assert await pool.fetchval("SELECT code FROM fulfilments") == "TAKEN-3"
    assert await balance(pool, "7001") == 150


async def test_code_chosen_before_a_crash_is_the_one_that_is_looked_up(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web process dies after the second code's discount was made."""
    monkeypatch.setattr(fulfilling, "make_code", lambda program, bits: "SECOND")
    outcome = await ledger.submit(SHOP, _REDEEM)
    redemption = redemption_of(outcome)
    assert redemption.code is not None
    platform.take_for_stranger(redemption.code)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(fulfilling, "_settle", die)
        with pytest.raises(asyncio.CancelledError):
            await fulfil(ledger, SHOP, redemption)
    assert platform.live == ["SECOND"]
    await _work(ledger, clock, 60)
    await assert_equal(_pool(ledger), platform.live)
    assert platform.asked[-1] == ("SECOND", True)


@pytest.mark.parametrize("step", ["leave_to_worker", "submit"])
async def test_crash_between_the_steps_of_a_release(
    ledger: Ledger,
    platform: MemoryPlatform,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    platform.moods = _out_of_reach("acts and dies")
    redemption = redemption_of(await ledger.submit(SHOP, _REDEEM))

    async def die(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(fulfilling if step == "leave_to_worker" else ledger, step, die)
        with pytest.raises(asyncio.CancelledError):
            await fulfil(ledger, SHOP, redemption)
    platform.moods.clear()
    await _work(ledger, clock, 60)
    assert len(platform.live) == 1
    await assert_equal(_pool(ledger), platform.live)


async def test_crash_of_a_worker_is_mended_after_its_lease(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, make: Make
) -> None:
    await _pend(ledger)
    clock.advance(seconds=60)
    platform.moods = ["acts and hangs"]
    worker = asyncio.create_task(fulfil_due(make(), SHOP, 10))
    while not platform.asked:
        await asyncio.sleep(0.01)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    await _work(ledger, clock, 5)
    assert len(platform.asked) == 1
    await _work(ledger, clock, 100)
    assert len(platform.asked) == 2
    await assert_equal(_pool(ledger), platform.live)


async def test_caller_who_does_not_wait_is_served_by_the_worker(
    ledger: Ledger, platform: MemoryPlatform, clock: Clock, make: Make
) -> None:
    for _ in range(2):
        outcome = await redeem(ledger, SHOP, _REDEEM, key="k", waits=False)
        assert redemption_of(outcome).status == "pending"
    assert platform.asked == []
    await _work(make(), clock)
    assert [is_repeat for _, is_repeat in platform.asked] == [False]
    await assert_equal(_pool(ledger), platform.live)
    assert await balance(_pool(ledger), "7001") == 150


async def test_worker_says_not_yet(ledger: Ledger, platform: MemoryPlatform, clock: Clock) -> None:
    redemption = redemption_of(await redeem(ledger, SHOP, _REDEEM, waits=False))
    platform.moods = ["refuses"] * 5
    await _work(ledger, clock)
    (known,) = (await _rows(ledger, redemption.id)).values()
    assert isinstance(await fulfil(ledger, SHOP, redemption, known=known), PutOff)


async def _rows(ledger: Ledger, redemption_id: RedemptionId) -> dict[RedemptionId, Fulfilment]:
    async with snapshot(ledger.runtime.pool) as view:
        return await list_fulfilments(view, SHOP, [redemption_id])
