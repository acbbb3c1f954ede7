import asyncio
from collections.abc import AsyncIterator

import asyncpg
import psycopg
import pytest

from tests.support.tcp_proxy import AtCommit, TcpProxy, tcp_proxy

LOST = (asyncpg.PostgresConnectionError, ConnectionError, asyncpg.InterfaceError)


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[TcpProxy]:
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("CREATE TABLE notes (note text NOT NULL)")
    async with tcp_proxy(database_url) as opened:
        yield opened


async def write(url: str, note: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO notes VALUES ($1)", note)
    finally:
        connection.terminate()


async def notes(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT note FROM notes ORDER BY note")
        return [row["note"] for row in rows]
    finally:
        await connection.close()


async def test_passes_everything_unless_told(proxy: TcpProxy) -> None:
    await write(proxy.url, "one")
    assert await notes(proxy.url) == ["one"]
    assert proxy.commits_seen == 1


async def test_passes_answers_larger_than_a_buffer(proxy: TcpProxy) -> None:
    await write(proxy.url, "x" * 3_000_000)
    assert await notes(proxy.url) == ["x" * 3_000_000]


async def test_cut_before_the_commit_rolls_back(proxy: TcpProxy, database_url: str) -> None:
    proxy.at_commit(AtCommit.CUT_BEFORE)
    with pytest.raises(LOST):
        await write(proxy.url, "lost")
    assert await notes(database_url) == []


async def test_cut_after_the_commit_hides_that_it_happened(
    proxy: TcpProxy, database_url: str
) -> None:
    proxy.at_commit(AtCommit.CUT_AFTER)
    with pytest.raises(LOST):
        await write(proxy.url, "kept")
    assert await notes(database_url) == ["kept"]


async def test_follows_its_plan_in_order(proxy: TcpProxy, database_url: str) -> None:
    proxy.at_commit(AtCommit.PASS, AtCommit.CUT_BEFORE)
    await write(proxy.url, "first")
    with pytest.raises(LOST):
        await write(proxy.url, "second")
    await write(proxy.url, "third")
    assert await notes(database_url) == ["first", "third"]


async def test_a_stalled_commit_waits_for_release(proxy: TcpProxy, database_url: str) -> None:
    proxy.at_commit(AtCommit.STALL)
    writing = asyncio.create_task(write(proxy.url, "late"))
    await proxy.stalled()
    assert await notes(database_url) == []
    assert not writing.done()
    proxy.release()
    await writing
    assert await notes(database_url) == ["late"]


async def test_knows_a_commit_in_the_extended_protocol(proxy: TcpProxy, database_url: str) -> None:
    connection = await asyncpg.connect(proxy.url)
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO notes VALUES ('kept')")
    proxy.at_commit(AtCommit.CUT_AFTER)
    with pytest.raises(LOST):
        await connection.fetch("COMMIT")
    connection.terminate()
    assert await notes(database_url) == ["kept"]


async def test_never_touches_a_read_only_transaction(proxy: TcpProxy) -> None:
    proxy.at_commit(AtCommit.CUT_BEFORE)
    connection = await asyncpg.connect(proxy.url)
    async with connection.transaction(readonly=True):
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    await connection.close()
    assert proxy.commits_seen == 0


async def test_cut_all_breaks_what_is_open(proxy: TcpProxy) -> None:
    connection = await asyncpg.connect(proxy.url)
    proxy.cut_all()
    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")
    connection.terminate()


async def test_serves_libpq_as_well(proxy: TcpProxy, database_url: str) -> None:
    proxy.at_commit(AtCommit.CUT_AFTER)

    def commit() -> None:
        with psycopg.connect(proxy.url) as connection:
            connection.execute("INSERT INTO notes VALUES (%s)", ("kept",))

    with pytest.raises(psycopg.OperationalError):
        await asyncio.to_thread(commit)
    assert await notes(database_url) == ["kept"]


async def test_a_hidden_commit_has_happened_and_is_not_told(
    proxy: TcpProxy, database_url: str
) -> None:
    proxy.at_commit(AtCommit.HIDE)
    writing = asyncio.create_task(write(proxy.url, "kept"))
    await proxy.stalled()
    assert await notes(database_url) == ["kept"]
    assert not writing.done()
    proxy.release()
    await writing


async def test_waits_for_the_commit_it_was_told_of(proxy: TcpProxy, database_url: str) -> None:
    proxy.at_commit(AtCommit.CUT_BEFORE, of=b"DELETE FROM notes")
    await write(proxy.url, "kept")
    connection = await asyncpg.connect(proxy.url)
    with pytest.raises(LOST):
        # Outside of a transaction a statement is its own commit.
        await connection.execute("DELETE FROM notes WHERE note = $1", "kept")
    connection.terminate()
    assert await notes(database_url) == ["kept"]
    await write(proxy.url, "too")
    assert await notes(database_url) == ["kept", "too"]
