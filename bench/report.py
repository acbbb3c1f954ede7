"""Writes the figures down, with the machine, the versions and the command."""

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from msgspec import Struct, field

from bench.importing import ImportTimes
from bench.wrk import Load

_LIBRARIES = ("asyncpg", "msgspec", "uvicorn", "uvloop", "httptools")


class Figures(Struct):
    seconds: int
    history: int
    version: str = ""
    pgbench_tps: float = 0.0
    pgbench_p50_ms: float = 0.0
    engine: dict[str, float] = field(default_factory=dict)
    engine_old: float = 0.0
    engine_fresh: float = 0.0
    http: dict[str, Load] = field(default_factory=dict)
    imported: ImportTimes | None = None


def page(figures: Figures) -> str:
    """Write the page of figures, in Markdown."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "All figures are of one run on one machine, database included, with default",
            "durability (`fsync` and `synchronous_commit` on). What carries over to another",
            "machine are the ratios, not the rates.",
            "",
            *_setting(figures),
            "",
            *_bars(figures),
            "",
            *_rates(figures),
            "",
        ]
    )


def _setting(figures: Figures) -> list[str]:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    python = f"Python {platform.python_version()}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        "| | |",
        "|---|---|",
        f"| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |",
        f"| machine | {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB |",
        f"| system | {platform.system()} {platform.release()}, {python} |",
        f"| PostgreSQL | {figures.version} (embedded) |",
        f"| libraries | {libraries} |",
        f"| command | `make bench` ({figures.seconds} s each, one web process, one wrk thread) |",
    ]


def _bars(figures: Figures) -> list[str]:
    http, engine = figures.http, figures.engine
    main = http["128 connections"]
    ratios = [
        ("HTTP redemptions/s at 128 connections ÷ pgbench TPC-B tps",
         main.rate / figures.pgbench_tps, 1.0, 1.6),
        ("engine redemptions/s ÷ pgbench TPC-B tps",
         engine["spread"] / figures.pgbench_tps, 2.5, 4),
        ("HTTP redemptions/s ÷ echo", main.rate / http["echo"].rate, 0.5, 0.7),
        ("engine: hot reward ÷ spread", engine["one hot reward"] / engine["spread"], 0.9, 1),
        ("engine: hot wallet ÷ spread", engine["one hot wallet"] / engine["spread"], 0.9, 1),
        ("HTTP: hot reward ÷ spread", http["one hot reward"].rate / main.rate, 0.9, 1),
        ("HTTP: hot wallet ÷ spread", http["one hot wallet"].rate / main.rate, 0.9, 1),
        ("p50 at 1 connection ÷ p50 of pgbench at 1 client (at most)",
         http["1 connections"].p50_ms / figures.pgbench_p50_ms, 3, 2),
        (f"engine: rate at {figures.history:,} entries ÷ fresh",
         figures.engine_old / figures.engine_fresh, 0.9, 1),
        (f"HTTP: rate at {figures.history:,} entries ÷ fresh",
         http["old"].rate / http["fresh again"].rate, 0.9, 1),
    ]  # fmt: skip
    rows = [f"| {name} | **{ratio:.2f}** | {bar} | {aim} |" for name, ratio, bar, aim in ratios]
    if figures.imported is not None:
        rows.append(
            f"| import of {figures.imported.rows:,} members ÷ COPY and indexes (at most) "
            f"| **{figures.imported.ratio:.2f}** | 3 | - |"
        )
    return ["## Ratios", "", "| figure | seen | bar | aim |", "|---|---|---|---|", *rows]


def _rates(figures: Figures) -> list[str]:
    many = "pgbench TPC-B, prepared, 16 clients, 2 threads, scale 20"
    rows = [
        f"| {many} | {figures.pgbench_tps:,.0f} | | | |",
        f"| pgbench TPC-B, 1 client | | {figures.pgbench_p50_ms:.2f} | | |",
    ]
    rows += [f"| engine alone, {name} | {n:,.0f} | | | |" for name, n in figures.engine.items()]
    rows.append(f"| engine alone, fresh, beside the next | {figures.engine_fresh:,.0f} | | | |")
    rows.append(
        f"| engine alone, history of {figures.history:,} entries "
        f"| {figures.engine_old:,.0f} | | | |"
    )
    rows += [
        f"| HTTP, {name} | {load.rate:,.0f} | {load.p50_ms:.2f} | {load.p99_ms:.2f} "
        f"| {load.failures} |"
        for name, load in figures.http.items()
    ]
    table = ["| row | per second | p50 ms | p99 ms | failures |", "|---|---|---|---|---|", *rows]
    if figures.imported is not None:
        times = figures.imported
        rate = times.rows / times.import_seconds
        imported = f"{times.rows:,} members with their points: {times.import_seconds:.1f} s"
        bare = f"Bare COPY of the same file and three indexes: {times.copy_seconds:.1f} s."
        table += ["", f"Import of {imported}, {rate:,.0f} a second. {bare}"]
    return ["## Rates", "", *table]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
