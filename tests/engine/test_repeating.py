"""A write that moves no points happens once, whatever becomes of the connection."""

import asyncio
from datetime import datetime

import asyncpg
import pytest

from guerdon.domain.command import Refused
from guerdon.domain.errors import KeyConflict, NotFound, OutcomeUnknown, Unavailable
from guerdon.engine import repeating
from guerdon.engine.repeating import Answer, once
from guerdon.engine.runtime import Runtime
from guerdon.store.connection import Connection
from guerdon.store.sequences import take_ids
from tests.builders.shop import Shop, make_shop, save_shop
from tests.support.tcp_proxy import AtCommit, tcp_proxy


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    return await save_shop(pool, make_shop())


@pytest.fixture
def runtime(pool: asyncpg.Pool) -> Runtime:
    return Runtime(pool=pool)


def _act(shop: Shop, *, pause: float = 0) -> repeating.Act:
    """Take an id, so that acting twice would show, and answer with it."""

    async def act(tx: Connection, now: datetime) -> bytes:
        taken = await take_ids(tx, shop.id, 1)
        await asyncio.sleep(pause)
        return str(taken).encode()

    return act


async def _next_id(pool: asyncpg.Pool) -> int:
    next_id: int = await pool.fetchval("SELECT next_id FROM sequences")
    return next_id


async def test_acts_each_time_without_a_key(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop
) -> None:
    assert await once(runtime, shop.id, _act(shop)) == Answer(b"10000")
    assert await once(runtime, shop.id, _act(shop)) == Answer(b"10001")


async def test_a_repeated_key_gets_the_stored_answer(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop
) -> None:
    first = await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"f")
    again = await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"f")
    assert first == Answer(b"10000")
    assert again == Answer(b"10000", is_replay=True)
    assert await _next_id(pool) == 10_001


async def test_another_request_under_the_key_is_refused(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop
) -> None:
    await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"f")
    other = await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"g")
    assert other == Refused((KeyConflict("k"),))
    assert await _next_id(pool) == 10_001


async def test_keys_belong_to_a_merchant(pool: asyncpg.Pool, runtime: Runtime, shop: Shop) -> None:
    other = await save_shop(pool, make_shop(2))
    await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"f")
    assert await once(runtime, other.id, _act(other), key="k", fingerprint=b"g") == Answer(b"10000")


async def test_what_an_act_raises_undoes_it_and_frees_the_key(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop
) -> None:
    async def fails(tx: Connection, now: datetime) -> bytes:
        await take_ids(tx, shop.id, 1)
        raise NotFound("nothing there")

    with pytest.raises(NotFound):
        await once(runtime, shop.id, fails, key="k", fingerprint=b"f")
    assert await _next_id(pool) == 10_000
    assert await pool.fetchval("SELECT count(*) FROM idempotency_records") == 0
    assert await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"g") == Answer(b"10000")


async def test_fifty_rivals_act_once(pool: asyncpg.Pool, runtime: Runtime, shop: Shop) -> None:
    act = _act(shop, pause=0.01)
    answers = await asyncio.gather(
        *(once(runtime, shop.id, act, key="k", fingerprint=b"f") for _ in range(50))
    )
    assert [answer.stored for answer in answers if isinstance(answer, Answer)] == [b"10000"] * 50
    assert sum(isinstance(each, Answer) and not each.is_replay for each in answers) == 1
    assert await _next_id(pool) == 10_001


async def test_a_rival_gets_its_turn_when_the_first_fails(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop
) -> None:
    has_begun = asyncio.Event()

    async def fails(tx: Connection, now: datetime) -> bytes:
        has_begun.set()
        await asyncio.sleep(0.1)
        raise NotFound("nothing there")

    first = asyncio.create_task(once(runtime, shop.id, fails, key="k", fingerprint=b"f"))
    await has_begun.wait()
    assert await once(runtime, shop.id, _act(shop), key="k", fingerprint=b"f") == Answer(b"10000")
    with pytest.raises(NotFound):
        await first


@pytest.mark.parametrize("key", ["k", None])
@pytest.mark.parametrize("fate", [AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER])
async def test_a_commit_of_unknown_fate_is_found_out(
    pool: asyncpg.Pool, database_url: str, shop: Shop, fate: AtCommit, key: str | None
) -> None:
    async with (
        tcp_proxy(database_url) as proxy,
        asyncpg.create_pool(proxy.url, min_size=0) as cut,
    ):
        proxy.at_commit(fate)
        answer = await once(Runtime(pool=cut), shop.id, _act(shop), key=key, fingerprint=b"f")
    assert isinstance(answer, Answer)
    assert answer.stored == b"10000"
    assert await _next_id(pool) == 10_001
    assert await pool.fetchval("SELECT count(*) FROM idempotency_records") == 1


async def test_a_fate_that_stays_unknown_is_said_to_be(
    pool: asyncpg.Pool, database_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "BACKOFF_SECONDS", 0.001)
    async with (
        tcp_proxy(database_url) as proxy,
        asyncpg.create_pool(proxy.url, min_size=0) as cut,
    ):
        proxy.at_commit(*[AtCommit.CUT_BEFORE] * repeating.ATTEMPTS_MAX)
        with pytest.raises(OutcomeUnknown):
            await once(Runtime(pool=cut), shop.id, _act(shop), key="k", fingerprint=b"f")
    assert await _next_id(pool) == 10_000


async def test_a_database_out_of_reach_changes_nothing(
    pool: asyncpg.Pool, runtime: Runtime, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "BACKOFF_SECONDS", 0.001)

    async def is_cut(tx: Connection, now: datetime) -> bytes:
        raise ConnectionResetError

    with pytest.raises(Unavailable) as raised:
        await once(runtime, shop.id, is_cut, key="k", fingerprint=b"f")
    assert not isinstance(raised.value, OutcomeUnknown)
    assert await pool.fetchval("SELECT count(*) FROM idempotency_records") == 0
