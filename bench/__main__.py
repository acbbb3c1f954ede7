"""`make bench`: every figure in one run on one machine, printed and written to the docs."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from bench import engine_alone, importing, pgbench, report, seeding, serving, wrk
from bench.report import Figures
from guerdon.dialects.mage.translate import dress
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime
from guerdon.store import embedded, migrating
from guerdon.store.connection import open_pool
from tests.builders.shop import make_shop, save_shop

MEMBERS = 20_000
MERCHANTS = 1_000
MEMBERS_OF_MANY = 20
HISTORY = 10_000_000
SPREAD = list(range(1001, 1011))


class Options(argparse.Namespace):
    """How long and how much; the figures in the docs are of the defaults."""

    seconds: int
    history: int
    imported: int
    write: Path | None


def main() -> None:
    """Run everything. Takes some twenty minutes with the full history."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each measurement")
    parser.add_argument("--history", type=int, default=HISTORY, help="entries of the old database")
    parser.add_argument("--imported", type=int, default=1_000_000, help="members to import")
    parser.add_argument("--write", type=Path, help="the page to write, docs/benchmarks.md")
    options = parser.parse_args(namespace=Options())
    if wrk.find_wrk() is None:
        sys.exit("bench needs wrk (Debian: apt-get install wrk)")
    folder = Path(tempfile.mkdtemp(prefix="guerdon-bench-"))
    try:
        figures = measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    page = report.page(figures)
    sys.stdout.write(page)
    if options.write is not None:
        options.write.write_text(page, "utf-8")


def measure(folder: Path, options: Options) -> Figures:
    """Measure all rows on one server, which is stopped at the end."""
    folder.chmod(0o755)
    with embedded.start(folder / "data") as server:
        figures = Figures(seconds=options.seconds, history=options.history)
        urls = {name: _database(server, name) for name in ("fresh", "many", "old")}
        bench_url = _database(server, "pgbench", migrate=False)
        _say("pgbench")
        (folder / "logs").mkdir()
        yardstick = pgbench.measure(
            server.programs, bench_url, folder / "logs", seconds=options.seconds * 2
        )
        figures.pgbench_tps, figures.pgbench_p50_ms = yardstick.tps_16, yardstick.p50_ms_1
        key = asyncio.run(_seed(urls["fresh"], merchants=1, members=MEMBERS))
        figures.version = asyncio.run(_version(urls["fresh"]))
        _engine(figures, urls["fresh"], options.seconds)
        _http(figures, urls["fresh"], key, options.seconds)
        _say("1,000 merchants")
        asyncio.run(_seed(urls["many"], merchants=MERCHANTS, members=MEMBERS_OF_MANY))
        pick = engine_alone.many_merchants(MERCHANTS, MEMBERS_OF_MANY)
        figures.engine["1,000 merchants"] = engine_alone.run(
            urls["many"], pick, seconds=options.seconds
        )
        _history(figures, urls["old"], urls["fresh"], key, options)
        _say("import against COPY")
        figures.imported = asyncio.run(
            _import(_database(server, "imported"), folder, options.imported)
        )
    return figures


def _database(server: embedded.EmbeddedServer, name: str, *, migrate: bool = True) -> str:
    pgbench.create_database(server.programs, server.url, name)
    url = server.url_of(name)
    if migrate:
        migrating.migrate(url)
    return url


def _engine(figures: Figures, url: str, seconds: int) -> None:
    picks = {
        "spread": engine_alone.spread(MEMBERS),
        "one hot reward": engine_alone.hot_reward(MEMBERS),
        "one hot wallet": engine_alone.hot_wallet(MEMBERS),
    }
    for name, pick in picks.items():
        _say(f"engine, {name}")
        figures.engine[name] = engine_alone.run(url, pick, seconds=seconds)


def _http(figures: Figures, url: str, key: str, seconds: int) -> None:
    with serving.guerdon(url) as base:
        target = _target(base, key, SPREAD, MEMBERS)
        wrk.run(target, connections=32, seconds=3)
        for connections in (1, 32, 128, 512):
            _say(f"HTTP, {connections} connections")
            load = wrk.run(target, connections=connections, seconds=seconds)
            figures.http[f"{connections} connections"] = load
        hot = {
            "one hot reward": _target(base, key, [seeding.HOT_REWARD], MEMBERS),
            "one hot wallet": _target(base, key, SPREAD, 1),
        }
        for name, each in hot.items():
            _say(f"HTTP, {name}")
            figures.http[name] = wrk.run(each, connections=128, seconds=seconds)
    with serving.echo(url) as base:
        _say("HTTP, echo")
        target = _target(base, key, SPREAD, MEMBERS)
        wrk.run(target, connections=32, seconds=3)
        figures.http["echo"] = wrk.run(target, connections=128, seconds=seconds)


def _history(figures: Figures, old: str, fresh: str, key: str, options: Options) -> None:
    """The same load on a database with a long past and on one without, turn about."""
    _say(f"filling a history of {options.history:,} entries")
    old_key = asyncio.run(_seed(old, merchants=1, members=MEMBERS, history=options.history))
    pick = engine_alone.spread(MEMBERS)
    rates: dict[str, list[float]] = {old: [], fresh: []}
    for url in (fresh, old, fresh, old):
        _say("engine, old and fresh in turn")
        rates[url].append(engine_alone.run(url, pick, seconds=options.seconds))
    figures.engine_old = sum(rates[old]) / 2
    figures.engine_fresh = sum(rates[fresh]) / 2
    for url, name, secret in ((fresh, "fresh again", key), (old, "old", old_key)):
        _say(f"HTTP, {name}")
        with serving.guerdon(url) as base:
            target = _target(base, secret, SPREAD, MEMBERS)
            wrk.run(target, connections=32, seconds=3)
            figures.http[name] = wrk.run(target, connections=128, seconds=options.seconds)


def _target(base: str, key: str, rewards: list[int], members: int) -> wrk.Target:
    paths = [f"/mage/v1/rewards/{dress('reward', reward)}/purchase" for reward in rewards]
    return wrk.Target(base, key, paths, members)


async def _seed(url: str, *, merchants: int, members: int, history: int = 0) -> str:
    pool = await open_pool(url, size=2)
    for merchant_id in range(1, merchants + 1):
        await seeding.seed_merchant(pool, merchant_id, members)
    if history:
        await seeding.seed_history(pool, 1, members, history)
    await seeding.settle(pool)
    created = await create_key(
        Runtime(pool=pool),
        merchant_id=MerchantId(1),
        program_id=ProgramId(seeding.PROGRAM_ID),
        dialect="mage",
        name="bench",
    )
    await pool.close()
    return created.secret


async def _import(url: str, folder: Path, rows: int) -> importing.ImportTimes:
    pool = await open_pool(url, size=4)
    shop = await save_shop(pool, make_shop())
    times = await importing.time_import(url, pool, shop.id, shop.program.id, folder, rows)
    await pool.close()
    return times


async def _version(url: str) -> str:
    pool = await open_pool(url, size=1)
    async with pool.acquire() as connection:
        version: str = await connection.fetchval("SHOW server_version")
    await pool.close()
    return version


def _say(what: str) -> None:
    sys.stderr.write(f"… {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
