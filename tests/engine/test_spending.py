"""Redemptions without locks: what may change between the reading and the writing, changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import MemberLimit, Reward, SessionLimit
from guerdon.domain.command import Adjust, Done, ExpireLots, Redeem, Refused
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberLimitReached,
    OutOfStock,
    SessionLimitReached,
)
from guerdon.domain.ids import MerchantId
from guerdon.domain.redemption import Context, Session
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.spending import Turns
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, redemptions, sequences
from guerdon.store.connection import Connection
from guerdon.store.transaction import transaction
from tests.builders.ledgers import SHOP, balance, drifts, enrol, redemption_of, ref
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

Hook = Callable[[], Awaitable[object]]


class Watched:
    """A pool that keeps what is said to the database, and does something before a write."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.said: list[str] = []
        self.before_write: list[Hook] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as acquired:
            watched: Any = _Watched(acquired, self)
            yield watched

    async def close(self) -> None:
        await self.pool.close()

    def terminate(self) -> None:
        self.pool.terminate()


class _Watched:
    def __init__(self, connection: asyncpg.Connection, watched: Watched) -> None:
        self._connection = connection
        self._watched = watched

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._connection, name)

        async def watched(query: str, *args: object) -> Any:
            self._watched.said.append(query)
            if "new_redemptions AS" in query and self._watched.before_write:
                await self._watched.before_write.pop(0)()
            return await act(query, *args)

        return watched


class Scene:
    """A shop whose rewards are the test's; `ledger` is watched, `rival` is another process."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.watched = Watched(pool)
        self.ledger = Ledger(Runtime(pool=self.watched))
        self.rival = Ledger(Runtime(pool=pool))

    def redeem(self, name: object = "anna", reward: Reward | None = None) -> Redeem:
        reward = reward or make_reward()
        return Redeem(program_id=PROGRAM, member=ref(name), reward_id=reward.id)

    def meanwhile(self, *hooks: Hook) -> None:
        self.watched.before_write.extend(hooks)

    @property
    def locks(self) -> int:
        return sum(
            "FOR NO KEY UPDATE" in said and "SKIP LOCKED" not in said for said in self.watched.said
        )


async def open_scene(pool: asyncpg.Pool, *rewards: Reward, points: int = 1000) -> Scene:
    scene = Scene(pool)
    await save_shop(pool, make_shop(rewards=rewards or (make_reward(),)))
    await enrol(scene.rival, "anna", points)
    await scene.ledger.catalogues.get(SHOP)
    return scene


async def test_a_redemption_is_one_reading_and_one_writing(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    await scene.ledger.submit(SHOP, scene.redeem())
    scene.watched.said.clear()
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert len(scene.watched.said) == 2
    row = await pool.fetchrow("SELECT * FROM redemptions WHERE id = $1", made.id)
    assert (row["code"], row["entry_id"], row["status"]) == (made.code, made.entry_id, "approved")
    assert (row["created_at"], row["lot_points"]) == (made.created_at, [100])
    assert await balance(pool, "anna") == 800
    assert await drifts(pool) == []


async def test_what_was_chosen_is_kept_in_the_same_writing(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    cart = Context(session=Session("cart", 'ct-"1"\u00fc{},\\'), variant_id="7", attribution="x")
    chosen = replace(scene.redeem(), context=cart)
    outcomes = await asyncio.gather(
        scene.ledger.submit(SHOP, chosen), scene.ledger.submit(SHOP, scene.redeem())
    )
    assert scene.locks == 0
    made = [redemption_of(each) for each in outcomes]
    assert [each.context for each in made] == [cart, None]
    async with pool.acquire() as connection:
        found = await redemptions.list_redemptions(connection, SHOP, [each.id for each in made])
    assert {each.id: each.context for each in found} == {made[0].id: cart, made[1].id: None}
    assert await drifts(pool) == []


async def test_a_session_that_is_limited_takes_locks(pool: asyncpg.Pool) -> None:
    limited = make_reward(session_limit=SessionLimit(kind="cart", count=2))
    scene = await open_scene(pool, limited)
    await enrol(scene.rival, "bela", 1000)
    cart = Context(session=Session("cart", "ct-1"))
    asked = [replace(scene.redeem(name), context=cart) for name in ("anna", "bela") * 10]
    outcomes = await asyncio.gather(
        *(
            (scene.ledger, scene.rival)[number % 2].submit(SHOP, command)
            for number, command in enumerate(asked)
        )
    )
    assert sum(isinstance(each, Done) for each in outcomes) == 2
    assert {each for each in outcomes if isinstance(each, Refused)} == {
        Refused((SessionLimitReached(2),))
    }
    assert scene.locks > 0
    # Without a session there is nothing to count.
    assert isinstance(await scene.ledger.submit(SHOP, scene.redeem()), Done)
    assert await drifts(pool) == []


async def test_points_spent_meanwhile_are_not_spent_again(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool, points=100)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem()))
    outcome = await scene.ledger.submit(SHOP, scene.redeem())
    assert outcome == Refused((InsufficientPoints(0, 100),))
    assert await pool.fetchval("SELECT count(*) FROM redemptions") == 1
    assert await drifts(pool) == []


async def test_one_stale_wallet_undoes_the_whole_statement(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    for number in range(5):
        await enrol(scene.rival, number, 1000)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem(3)))
    outcomes = await asyncio.gather(
        *(scene.ledger.submit(SHOP, scene.redeem(number)) for number in range(5))
    )
    assert all(isinstance(each, Done) for each in outcomes)
    assert [await balance(pool, number) for number in range(5)] == [900, 900, 900, 800, 900]
    assert scene.locks > 0
    assert await drifts(pool) == []


async def test_ids_taken_meanwhile_move_those_of_the_answer(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    await enrol(scene.rival, "bela", 500)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem("bela")))
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert scene.locks == 0
    row = await pool.fetchrow("SELECT id, entry_id FROM redemptions WHERE code = $1", made.code)
    assert (row["id"], row["entry_id"]) == (made.id, made.entry_id)
    assert await drifts(pool) == []


async def test_a_stored_answer_names_the_ids_that_were_taken(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    await enrol(scene.rival, "bela", 500)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem("bela")))
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem(), key="k"))
    again = await scene.rival.submit(SHOP, scene.redeem(), key="k")
    assert isinstance(again, Done)
    assert again.is_replay
    assert redemption_of(again) == made
    assert await pool.fetchval("SELECT code FROM redemptions WHERE id = $1", made.id) == made.code
    assert await balance(pool, "anna") == 900


async def test_a_key_used_meanwhile_gives_the_rivals_answer(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem(), key="k"))
    outcome = await scene.ledger.submit(SHOP, scene.redeem(), key="k")
    assert isinstance(outcome, Done)
    assert outcome.is_replay
    assert await pool.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_offers_changed_meanwhile_are_read_anew(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool)

    async def make_dearer() -> None:
        async with transaction(pool) as tx:
            await offers.put_reward(tx, SHOP, make_reward(points_cost=300))
            await sequences.bump_catalogue_version(tx, SHOP)

    scene.meanwhile(make_dearer)
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert made.points_cost == 300
    assert await balance(pool, "anna") == 700


async def test_the_last_one_taken_meanwhile_is_out_of_stock(pool: asyncpg.Pool) -> None:
    scarce = make_reward(stock=1)
    scene = await open_scene(pool, scarce)
    await enrol(scene.rival, "bela", 500)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem("bela", scarce)))
    outcome = await scene.ledger.submit(SHOP, scene.redeem("anna", scarce))
    assert outcome == Refused((OutOfStock(0),))
    assert await balance(pool, "anna") == 1000
    assert await drifts(pool) == []


async def test_a_limit_reached_meanwhile_holds(pool: asyncpg.Pool) -> None:
    limit = MemberLimit(count=1, interval="ever")
    scene = await open_scene(pool, make_reward(limit_per_member=limit))
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem()))
    outcome = await scene.ledger.submit(SHOP, scene.redeem())
    assert outcome == Refused((MemberLimitReached(limit),))


@pytest.mark.parametrize("table", ["wallets", "lots"])
async def test_a_row_that_was_moved_meanwhile_is_found_again(
    pool: asyncpg.Pool, table: str
) -> None:
    """Nothing about the points has changed, only where they lie."""
    scene = await open_scene(pool)
    for _ in range(3):
        await scene.rival.submit(SHOP, scene.redeem())
    scene.meanwhile(lambda: pool.execute(f"VACUUM FULL {table}"))
    redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert await balance(pool, "anna") == 600
    assert await drifts(pool) == []


async def test_points_that_expired_on_the_way_are_written_down(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool, points=300)
    soon = utc_now() + timedelta(milliseconds=30)
    give = Adjust(program_id=PROGRAM, member=ref("anna"), points=50, expires_at=soon)
    await scene.rival.submit(SHOP, give)
    await asyncio.sleep(0.05)
    redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert await pool.fetchval("SELECT count(*) FROM entries WHERE kind = 'expired'") == 1
    assert await balance(pool, "anna") == 200
    assert await drifts(pool) == []


async def test_an_expiry_meanwhile_is_not_spent(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool, points=60)
    give = Adjust(
        program_id=PROGRAM,
        member=ref("anna"),
        points=50,
        expires_at=utc_now() + timedelta(milliseconds=300),
    )
    await scene.rival.submit(SHOP, give)

    async def expire() -> None:
        await asyncio.sleep(0.35)
        await scene.rival.submit(SHOP, ExpireLots(program_id=PROGRAM, member=ref("anna")))

    scene.meanwhile(expire)
    outcome = await scene.ledger.submit(SHOP, scene.redeem())
    assert outcome == Refused((InsufficientPoints(60, 100),))
    assert await drifts(pool) == []


async def test_a_free_reward_goes_under_locks(pool: asyncpg.Pool) -> None:
    free = make_reward(1, points_cost=0)
    scene = await open_scene(pool, free)
    assert redemption_of(await scene.ledger.submit(SHOP, scene.redeem("anna", free))).code
    assert scene.locks > 0
    assert await drifts(pool) == []


async def open_pooled(pool: asyncpg.Pool, codes: int) -> tuple[Scene, Reward]:
    pooled = make_reward(2, fulfil_by="pool", points_cost=1)
    scene = await open_scene(pool, pooled)
    async with transaction(pool) as tx:
        ids = await sequences.take_ids(tx, SHOP, codes)
        made = [(ids + number, f"POOL-{number}") for number in range(codes)]
        await offers.insert_pool_codes(tx, SHOP, pooled.id, made, utc_now())
    return scene, pooled


async def test_codes_out_of_a_pool_need_no_lock_until_they_run_low(pool: asyncpg.Pool) -> None:
    scene, pooled = await open_pooled(pool, 5)
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem("anna", pooled)))
    assert made.code == "POOL-0"
    assert scene.locks == 0
    outcomes = await asyncio.gather(
        *(scene.ledger.submit(SHOP, scene.redeem("anna", pooled)) for _ in range(6))
    )
    assert sum(isinstance(each, Done) for each in outcomes) == 4
    assert outcomes[-1] == Refused((OutOfStock(0),))
    rows = await pool.fetch(
        "SELECT p.code = r.code FROM pool_codes p JOIN redemptions r ON r.id = p.redemption_id"
    )
    assert [row[0] for row in rows] == [True] * 5
    assert await drifts(pool) == []


async def test_a_code_taken_meanwhile_is_not_given_twice(pool: asyncpg.Pool) -> None:
    scene, pooled = await open_pooled(pool, 2)
    await enrol(scene.rival, "bela", 10)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, scene.redeem("bela", pooled)))
    made = redemption_of(await scene.ledger.submit(SHOP, scene.redeem("anna", pooled)))
    assert made.code == "POOL-1"
    assert await pool.fetchval("SELECT count(DISTINCT redemption_id) FROM pool_codes") == 2
    assert await drifts(pool) == []


async def test_lanes_and_processes_share_a_pool(pool: asyncpg.Pool) -> None:
    scene, pooled = await open_pooled(pool, 150)
    for number in range(8):
        await enrol(scene.rival, number, 100)
    those = [Ledger(Runtime(pool=pool, lane_opens_at=2, batch_size=4)) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(
            ledger.submit(SHOP, scene.redeem(number % 8, pooled))
            for number in range(100)
            for ledger in those
        )
    )
    codes = [redemption_of(each).code for each in outcomes if isinstance(each, Done)]
    assert len(codes) == len(set(codes)) == 150
    assert await drifts(pool) == []


async def test_on_a_distributed_database_every_batch_takes_locks(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_distributed(_: Connection) -> bool:
        return True

    monkeypatch.setattr("guerdon.engine.spending.is_distributed", is_distributed)
    scene = await open_scene(pool)
    for _ in range(2):
        redemption_of(await scene.ledger.submit(SHOP, scene.redeem()))
    assert not any("new_redemptions AS" in said for said in scene.watched.said)


async def test_two_processes_that_meet_in_wallets_lose_nothing(pool: asyncpg.Pool) -> None:
    scene = await open_scene(pool, make_reward(points_cost=1))
    for number in range(6):
        await enrol(scene.rival, number, 100)
    ledgers = [Ledger(Runtime(pool=pool)) for _ in range(3)]
    outcomes = await asyncio.gather(
        *(
            ledger.submit(SHOP, scene.redeem(number % 6, make_reward(points_cost=1)))
            for number in range(240)
            for ledger in ledgers
        )
    )
    assert sum(isinstance(each, Done) for each in outcomes) == 600
    assert [await balance(pool, number) for number in range(6)] == [0] * 6
    assert await drifts(pool) == []


async def _await_blocked(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many wait for somebody's lock."""
    blocked = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with asyncio.timeout(10):
        while await connection.fetchval(blocked) < count:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)


async def test_with_and_without_locks_one_waits_for_the_other_and_never_in_a_circle(
    pool: asyncpg.Pool, database_url: str
) -> None:
    """Both move the counter of a reward without end: in one order, before they take ids."""
    scene = await open_scene(pool)
    await enrol(scene.rival, "bela", 1000)
    watched = Watched(pool)
    locking = Ledger(Runtime(pool=watched, goes_unlocked=False))
    held = await asyncpg.connect(database_url)
    async with held.transaction():
        await held.execute("SELECT 1 FROM sequences FOR UPDATE")
        with_locks = asyncio.create_task(locking.submit(SHOP, scene.redeem("bela")))
        await _await_blocked(held, 1)
        without = asyncio.create_task(scene.ledger.submit(SHOP, scene.redeem()))
        await _await_blocked(held, 2)
    assert isinstance(await with_locks, Done)
    assert isinstance(await without, Done)
    await held.close()
    # Had one been thrown out of a circle, it would have begun anew.
    assert sum("changed_counters AS" in said for said in watched.said) == 1
    assert scene.locks == 0
    assert await drifts(pool) == []


@pytest.mark.parametrize("held", ["anna", "bela"])
async def test_without_locks_nobody_waits_for_a_wallet_while_holding_another(
    pool: asyncpg.Pool, held: str
) -> None:
    """An update locks rows in whatever order it is planned in, so waiting could close a circle."""
    scene = await open_scene(pool)
    await enrol(scene.rival, "bela", 1000)
    async with pool.acquire() as rival, rival.transaction():
        await rival.execute(
            "SELECT 1 FROM wallets WHERE member_id = (SELECT id FROM members WHERE external_id ="
            " $1) FOR NO KEY UPDATE",
            held,
        )
        asked = asyncio.gather(
            *(scene.ledger.submit(SHOP, scene.redeem(name)) for name in ("anna", "bela"))
        )
        async with asyncio.timeout(5):
            while not scene.locks:
                await asyncio.sleep(0.01)
        assert sum("new_redemptions AS" in said for said in scene.watched.said) == 1
        assert not asked.done()
    assert [redemption_of(each).status for each in await asked] == ["approved"] * 2
    assert await drifts(pool) == []


def test_turns_under_locks_grow_while_wallets_are_met_in_and_end_with_a_success() -> None:
    turns, shop = Turns(), MerchantId(1)
    assert turns.take(shop)
    lengths = []
    for _ in range(8):
        turns.went_stale(shop)
        length = 0
        while not turns.take(shop):
            length += 1
        lengths.append(length)
    assert lengths == [1, 3, 7, 15, 31, 63, 64, 64]
    turns.went_well(shop)
    turns.went_stale(shop)
    assert not turns.take(shop)
    assert turns.take(shop)
