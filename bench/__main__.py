"""`make bench`: every figure in one run on one machine, printed and written to the docs."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from bench import (
    engine_alone,
    handing_over,
    importing,
    lion,
    outbox,
    pgbench,
    report,
    seeding,
    serving,
    voucherify,
    wrk,
)
from bench.report import Figures
from bench.wrk import Load
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

    rounds: int
    seconds: int
    history: int
    imported: int
    write: Path | None


def main() -> None:
    """Run everything. Takes some twenty minutes with the full history."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="how often each row is measured")
    parser.add_argument("--seconds", type=int, default=3, help="length of each measurement")
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
    """Measure all rows in rounds on one server, which is stopped at the end.

    A shared machine changes its pace by the minute. So each round measures every row, and what is
    compared are figures of the same round; the page shows the medians of all rounds."""
    folder.chmod(0o755)
    (folder / "logs").mkdir()
    with embedded.start(folder / "data") as server:
        figures = Figures(rounds=options.rounds, seconds=options.seconds, history=options.history)
        urls = {name: _database(server, name) for name in ("fresh", "many", "old")}
        bench_url = _database(server, "pgbench", migrate=False)
        pgbench.fill(server.programs, bench_url)
        _say("filling")
        key = asyncio.run(_seed(urls["fresh"], merchants=1, members=MEMBERS))
        asyncio.run(_seed(urls["many"], merchants=MERCHANTS, members=MEMBERS_OF_MANY))
        old_key = asyncio.run(
            _seed(urls["old"], merchants=1, members=MEMBERS, history=options.history)
        )
        figures.version = asyncio.run(_version(urls["fresh"]))
        with (
            serving.guerdon(urls["fresh"]) as fresh,
            serving.guerdon(urls["fresh"], workers=2) as two,
            serving.guerdon(urls["old"]) as old,
            serving.echo(urls["fresh"]) as echo,
        ):
            targets = _targets(fresh, two, old, echo, key, old_key)
            for target in targets.values():
                wrk.run(target, connections=32, seconds=2)
            for number in range(1, options.rounds + 1):
                _say(f"round {number} of {options.rounds}")
                yardstick = pgbench.measure(
                    server.programs, bench_url, folder / "logs", seconds=options.seconds
                )
                figures.add("pgbench", Load(yardstick.tps_16))
                figures.add("pgbench 1", Load(0.0, yardstick.p50_ms_1))
                _engine(figures, urls, options.seconds)
                _http(figures, targets, options.seconds)
        _say("rewards handed over")
        figures.handing_over = asyncio.run(
            handing_over.measure(
                _database(server, "handing"), rounds=options.rounds, seconds=options.seconds
            )
        )
        _say("the LoyaltyLion dialect")
        figures.lion = asyncio.run(
            lion.measure(_database(server, "lion"), rounds=options.rounds, seconds=options.seconds)
        )
        _say("the Voucherify dialect")
        figures.voucherify = asyncio.run(
            voucherify.measure(
                _database(server, "voucherify"), rounds=options.rounds, seconds=options.seconds
            )
        )
        _say("the outbox")
        figures.outbox = asyncio.run(outbox.measure(_database(server, "outbox")))
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


def _engine(figures: Figures, urls: dict[str, str], seconds: int) -> None:
    rows = {
        "spread": (urls["fresh"], engine_alone.spread(MEMBERS)),
        "one hot reward": (urls["fresh"], engine_alone.hot_reward(MEMBERS)),
        "one hot wallet": (urls["fresh"], engine_alone.hot_wallet(MEMBERS)),
        "old": (urls["old"], engine_alone.spread(MEMBERS)),
        "1,000 merchants": (
            urls["many"],
            engine_alone.many_merchants(MERCHANTS, MEMBERS_OF_MANY),
        ),
    }
    for name, (url, pick) in rows.items():
        rate = engine_alone.run(url, pick, seconds=seconds)
        figures.add(f"engine {name}", Load(rate))


def _targets(
    fresh: str, two: str, old: str, echo: str, key: str, old_key: str
) -> dict[str, wrk.Target]:
    return {
        "two processes": _target(two, key, SPREAD, MEMBERS),
        "spread": _target(fresh, key, SPREAD, MEMBERS),
        "one hot reward": _target(fresh, key, [seeding.HOT_REWARD], MEMBERS),
        "one hot wallet": _target(fresh, key, SPREAD, 1),
        "old": _target(old, old_key, SPREAD, MEMBERS),
        "echo": _target(echo, key, SPREAD, MEMBERS),
    }


def _http(figures: Figures, targets: dict[str, wrk.Target], seconds: int) -> None:
    for connections in (1, 32, 128, 512):
        load = wrk.run(targets["spread"], connections=connections, seconds=seconds)
        figures.add(f"HTTP {connections}", load)
    for name in ("two processes", "echo", "one hot reward", "one hot wallet", "old"):
        load = wrk.run(targets[name], connections=128, seconds=seconds)
        figures.add(f"HTTP {name}", load)


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
