"""Connections, commits and statements that fail under a batch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import pytest

from guerdon.domain.command import (
    Adjust,
    Command,
    Done,
    Enrol,
    Redeem,
    Refused,
    Settle,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    OutcomeUnknown,
    Unavailable,
)
from guerdon.domain.ids import RedemptionId
from guerdon.engine import batching, spending
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Connection
from tests.builders.ledgers import (
    SHOP,
    balance,
    connect,
    drifts,
    enrol,
    enrolled_of,
    redemption_of,
    ref,
)
from tests.builders.shop import (
    PROGRAM,
    make_reward,
    make_shop,
    save_shop,
)
from tests.support.tcp_proxy import AtCommit, TcpProxy, tcp_proxy

REWARD = make_reward().id


def redeem_by(name: object) -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref(name), reward_id=REWARD)


class Scene:
    """A shop with Anna, a ledger whose connections run through a proxy, and one that looks on."""

    def __init__(
        self, pool: asyncpg.Pool, proxy: TcpProxy, proxied: asyncpg.Pool, *, goes_unlocked: bool
    ) -> None:
        self.pool = pool
        self.proxy = proxy
        self.ledger = Ledger(Runtime(pool=proxied, goes_unlocked=goes_unlocked))

    async def redemptions(self) -> int:
        count: int = await self.pool.fetchval("SELECT count(*) FROM redemptions")
        return count


@pytest.fixture(params=[True, False], ids=["unlocked", "locked"])
async def scene(
    pool: asyncpg.Pool, database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Scene]:
    await save_shop(pool, make_shop())
    await enrol(Ledger(Runtime(pool=pool)), "anna", 1000)
    async with tcp_proxy(database_url) as proxy:
        proxied = await connect(proxy.url, lock_timeout="300ms")
        made = Scene(pool, proxy, proxied, goes_unlocked=request.param)
        yield made
        await made.ledger.close()
        proxied.terminate()


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_commit_that_took_effect_unheard_is_answered_once(
    scene: Scene, key: str | None
) -> None:
    scene.proxy.at_commit(AtCommit.CUT_AFTER)
    first = redemption_of(await scene.ledger.submit(SHOP, redeem_by("anna"), key=key))
    assert await scene.redemptions() == 1
    assert await balance(scene.pool, "anna") == 900
    row = await scene.pool.fetchrow("SELECT id, code FROM redemptions")
    assert (row["id"], row["code"]) == (first.id, first.code)
    if key is not None:
        again = await scene.ledger.submit(SHOP, redeem_by("anna"), key=key)
        assert isinstance(again, Done)
        assert again.is_replay
        assert redemption_of(again) == first
    assert await drifts(scene.pool) == []


async def test_a_commit_that_never_arrived_is_made_again(scene: Scene) -> None:
    scene.proxy.at_commit(AtCommit.CUT_BEFORE)
    redemption_of(await scene.ledger.submit(SHOP, redeem_by("anna")))
    assert (await scene.redemptions(), await balance(scene.pool, "anna")) == (1, 900)
    assert await drifts(scene.pool) == []


async def test_one_cut_after_another_is_still_one_effect(scene: Scene) -> None:
    scene.proxy.at_commit(AtCommit.CUT_BEFORE, AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER)
    await scene.ledger.submit(SHOP, redeem_by("anna"))
    assert (await scene.redemptions(), await balance(scene.pool, "anna")) == (1, 900)


@pytest.mark.parametrize("cut", [AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER])
async def test_a_whole_batch_gets_its_own_outcomes_after_a_cut(scene: Scene, cut: AtCommit) -> None:
    await scene.ledger.submit(SHOP, redeem_by("anna"))
    scene.proxy.at_commit(cut, cut)
    outcomes = await asyncio.gather(
        *(scene.ledger.submit(SHOP, redeem_by("anna")) for _ in range(12))
    )
    assert sum(isinstance(each, Done) for each in outcomes) == 9
    assert {each.refusals for each in outcomes if isinstance(each, Refused)} == {
        (InsufficientPoints(0, 100),)
    }
    assert (await scene.redemptions(), await balance(scene.pool, "anna")) == (10, 0)
    assert await drifts(scene.pool) == []


async def test_an_undecided_commit_is_waited_for(scene: Scene) -> None:
    scene.proxy.at_commit(AtCommit.STALL)
    asked = asyncio.create_task(scene.ledger.submit(SHOP, redeem_by("anna")))
    await scene.proxy.stalled()
    # The client loses its connection; the server still has the transaction, and its locks.
    for link in scene.proxy._links:
        link._to_client.transport.abort()
    if scene.ledger.runtime.goes_unlocked:
        # The statement has not begun: it is made sure that it never can, and all is done again.
        made = redemption_of(await asked)
        scene.proxy.release()
        await scene.proxy.idle()
        assert await scene.pool.fetchval("SELECT code FROM redemptions") == made.code
    else:
        await asyncio.sleep(0.5)
        assert not asked.done()
        assert await scene.redemptions() == 0
        scene.proxy.release()
        redemption_of(await asked)
    assert (await scene.redemptions(), await balance(scene.pool, "anna")) == (1, 900)
    assert await drifts(scene.pool) == []


async def test_an_outcome_that_cannot_be_found_out_is_said_to_be_unknown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(spending, "LOOKUP_BACKOFF_SECONDS", 0.001)
    scene.proxy.at_commit(*[AtCommit.CUT_AFTER] * 6)
    with pytest.raises(OutcomeUnknown):
        await scene.ledger.submit(SHOP, redeem_by("anna"), key="k")
    scene.proxy._plan.clear()
    again = await scene.ledger.submit(SHOP, redeem_by("anna"), key="k")
    assert isinstance(again, Done)
    assert again.is_replay
    assert await scene.redemptions() == 1


async def test_a_connection_lost_before_commit_changes_nothing_twice(scene: Scene) -> None:
    blocker = await connect(scene.proxy.url)
    async with scene.pool.acquire() as rival, rival.transaction():
        await rival.execute("SELECT 1 FROM wallets FOR UPDATE")
        asked = asyncio.create_task(scene.ledger.submit(SHOP, redeem_by("anna")))
        await asyncio.sleep(0.1)
        scene.proxy.cut_all()
    redemption_of(await asked)
    assert (await scene.redemptions(), await balance(scene.pool, "anna")) == (1, 900)
    blocker.terminate()


async def test_a_wallet_that_stays_locked_is_unavailable_in_bounded_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.pool.acquire() as rival, rival.transaction():
        await rival.execute("SELECT 1 FROM wallets FOR UPDATE")
        with pytest.raises(Unavailable) as raised:
            await asyncio.wait_for(scene.ledger.submit(SHOP, redeem_by("anna")), 10)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert await scene.redemptions() == 0
    redemption_of(await scene.ledger.submit(SHOP, redeem_by("anna")))


async def test_a_statement_that_takes_too_long_is_unavailable(
    pool: asyncpg.Pool, database_url: str
) -> None:
    await save_shop(pool, make_shop())
    await enrol(Ledger(Runtime(pool=pool)), "anna", 1000)
    hurried = await asyncpg.create_pool(
        database_url, min_size=0, max_size=2, server_settings={"statement_timeout": "100ms"}
    )
    ledger = Ledger(Runtime(pool=hurried))
    async with pool.acquire() as rival, rival.transaction():
        await rival.execute("SELECT 1 FROM sequences FOR UPDATE")
        with pytest.raises(Unavailable):
            await ledger.submit(SHOP, redeem_by("anna"))
    assert await balance(pool, "anna") == 1000
    redemption_of(await ledger.submit(SHOP, redeem_by("anna")))
    await hurried.close()


async def test_a_deadlock_with_a_rival_is_survived(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool))
    await enrol(ledger, "anna", 1000)
    async with pool.acquire() as rival:
        await rival.execute("SET deadlock_timeout = '10s'")
        # The rival takes the sequence first and the wallet after it: the wrong way round.
        await rival.execute("BEGIN")
        await rival.execute("SELECT 1 FROM sequences FOR UPDATE")
        asked = asyncio.create_task(ledger.submit(SHOP, redeem_by("anna")))
        await asyncio.sleep(0.2)
        await rival.execute("SELECT 1 FROM wallets FOR UPDATE")
        await rival.execute("COMMIT")
    redemption_of(await asked)
    assert await balance(pool, "anna") == 900
    assert await drifts(pool) == []


class Failing:
    """A connection whose next statements of one name fail with an error of the server's."""

    def __init__(self, pool: asyncpg.Pool, errors: list[BaseException]) -> None:
        self.pool = pool
        self.errors = errors

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        return _FailingAcquire(self)

    async def close(self) -> None:
        await self.pool.close()

    def terminate(self) -> None:
        self.pool.terminate()


class _FailingAcquire:
    def __init__(self, failing: Failing) -> None:
        self._failing = failing
        self._acquired = failing.pool.acquire()

    async def __aenter__(self) -> Connection:
        acquired = await self._acquired.__aenter__()
        # What it does not fail at itself it has by name from the driver, which is not typed.
        failing: Any = _FailingConnection(acquired, self._failing.errors)
        connection: Connection = failing
        return connection

    async def __aexit__(self, *raised: object) -> None:
        await self._acquired.__aexit__(*raised)


class _FailingConnection:
    def __init__(self, connection: asyncpg.Connection, errors: list[BaseException]) -> None:
        self._connection = connection
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *args: object) -> str:
        if "INSERT INTO redemptions" in query and self._errors:
            raise self._errors.pop()
        status: str = await self._connection.execute(query, *args)
        return status


async def test_serialization_failures_are_tried_again_and_not_for_ever(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BACKOFF_SECONDS", 0.001)
    await save_shop(pool, make_shop())
    await enrol(Ledger(Runtime(pool=pool)), "anna", 1000)
    # More often than anything else is tried again: others do no more than write at the same time.
    errors: list[BaseException] = [asyncpg.SerializationError("could not serialize")] * 30
    ledger = Ledger(Runtime(pool=Failing(pool, errors), goes_unlocked=False))
    redemption_of(await ledger.submit(SHOP, redeem_by("anna")))
    monkeypatch.setattr(batching, "COLLISION_SECONDS_MAX", 0)
    errors.extend([asyncpg.SerializationError("could not serialize")] * 99)
    with pytest.raises(Unavailable):
        await ledger.submit(SHOP, redeem_by("anna"))
    assert len(errors) == 99 - batching.ATTEMPTS_MAX
    assert await balance(pool, "anna") == 900
    assert await drifts(pool) == []


class LosingOnReturn(Failing):
    """A pool that loses a connection as it is given back, after the COMMIT was answered."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        return _LosingAcquire(self)


class _LosingAcquire(_FailingAcquire):
    async def __aenter__(self) -> Connection:
        acquired: Connection = await self._acquired.__aenter__()
        return acquired

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        if raised[0] is None and self._failing.errors:
            raise self._failing.errors.pop()


async def test_a_connection_lost_after_its_commit_does_nothing_twice(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    await enrol(Ledger(Runtime(pool=pool)), "anna", 1000)
    errors: list[BaseException] = []
    ledger = Ledger(Runtime(pool=LosingOnReturn(pool, errors)))
    await ledger.catalogues.get(SHOP)
    errors.append(asyncpg.ConnectionDoesNotExistError("connection was closed"))
    redemption_of(await ledger.submit(SHOP, redeem_by("anna")))
    assert errors == []
    assert await balance(pool, "anna") == 900


async def test_one_bad_command_fails_alone(pool: asyncpg.Pool) -> None:
    """NUL cannot be written, nor a number beyond 64 bits; neither may hurt who stands beside."""
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, lanes=1))
    await enrol(ledger, "anna", 1000)
    bad: list[Command] = [
        Adjust(program_id=PROGRAM, member=ref("anna"), points=1, note="a\0b"),
        Enrol(program_id=PROGRAM, external_id="x\0y"),
        Settle(redemption_id=RedemptionId(2**70)),
        Enrol(program_id=PROGRAM, external_id="\ud800"),
    ]
    good = [redeem_by("anna"), redeem_by("anna")]
    outcomes = await asyncio.gather(
        *(ledger.submit(SHOP, each) for each in [good[0], *bad, good[1]]), return_exceptions=True
    )
    assert isinstance(outcomes[0], Done)
    assert isinstance(outcomes[-1], Done)
    for outcome in outcomes[1:-1]:
        assert isinstance(outcome, Exception)
    assert await balance(pool, "anna") == 800
    assert await drifts(pool) == []


async def test_hostile_text_is_stored_as_it_was_sent(pool: asyncpg.Pool) -> None:
    """Text that looks like an array literal, a quote or an escape stays what it is."""
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, lanes=1))
    texts = ['{a,"b"}', "NULL", '"', "\\", "\\x00", ",", "\n\r\t", "''", "é😀\u202e", " ", "{}", ""]
    outcomes = await asyncio.gather(
        *(
            ledger.submit(
                SHOP,
                Enrol(program_id=PROGRAM, external_id=f"m{text}", first_name=text, last_name=text),
                key=f"k{text}",
                fingerprint=text.encode(),
            )
            for text in texts
        )
    )
    assert [enrolled_of(each).member.first_name for each in outcomes] == texts
    rows = await pool.fetch("SELECT external_id, first_name, last_name FROM members ORDER BY id")
    assert [tuple(row) for row in rows] == [(f"m{text}", text, text) for text in texts]
    notes = await asyncio.gather(
        *(
            ledger.submit(
                SHOP, Adjust(program_id=PROGRAM, member=ref(f"m{text}"), points=5, note=text)
            )
            for text in texts
        )
    )
    assert all(isinstance(each, Done) for each in notes)
    for table in ("entries", "earnings"):
        rows = await pool.fetch(f"SELECT note FROM {table} ORDER BY id")  # noqa: S608 -- our table
        assert [row[0] for row in rows] == texts
