"""Writes the figures down, with the machine, the versions and the command."""

import os
import platform
import statistics
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from msgspec import Struct, field

from bench.handing_over import HandingOver
from bench.importing import ImportTimes
from bench.lion import CLAIM_BAR, LIST_BAR, Lion
from bench.outbox import OutboxTimes
from bench.voucherify import APPROVED_P99_MS_BAR, PURCHASE_BAR, Voucherify
from bench.wrk import Load

_LIBRARIES = ("asyncpg", "msgspec", "uvicorn", "uvloop", "httptools")

# What is compared: name, row above, row below, which figure, bar, aim. "At most" means so.
_RATIOS = (
    ("HTTP redemptions/s at 128 connections ÷ pgbench TPC-B tps", "HTTP 128", "pgbench", 1.0, 1.6),
    ("engine redemptions/s ÷ pgbench TPC-B tps", "engine spread", "pgbench", 2.5, 4),
    (
        "the same with two web processes",
        "HTTP two processes",
        "pgbench",
        1.0,
        1.6,
    ),
    ("HTTP redemptions/s ÷ echo", "HTTP 128", "HTTP echo", 0.5, 0.7),
    ("engine: hot reward ÷ spread", "engine one hot reward", "engine spread", 0.9, 1),
    ("engine: hot wallet ÷ spread", "engine one hot wallet", "engine spread", 0.9, 1),
    ("HTTP: hot reward ÷ spread", "HTTP one hot reward", "HTTP 128", 0.9, 1),
    ("HTTP: hot wallet ÷ spread", "HTTP one hot wallet", "HTTP 128", 0.9, 1),
    ("p50 at 1 connection ÷ p50 of pgbench at 1 client (at most)", "HTTP 1", "pgbench 1", 3, 2),
    ("engine: rate with the long history ÷ fresh", "engine old", "engine spread", 0.9, 1),
    ("HTTP: rate with the long history ÷ fresh", "HTTP old", "HTTP 128", 0.9, 1),
)
_NAMES = {
    "pgbench": "pgbench TPC-B, prepared, 16 clients, 2 threads, scale 20",
    "pgbench 1": "pgbench TPC-B, prepared, 1 client",
    "engine old": "engine, long history",
    "HTTP old": "HTTP, 128 connections, long history",
    "HTTP two processes": "HTTP, 128 connections, two web processes",
    "HTTP echo": "HTTP, 128 connections, echo: the same stack, no ledger",
}


class Figures(Struct):
    """`loads` holds each row's figures, one a round."""

    rounds: int
    seconds: int
    history: int
    version: str = ""
    loads: dict[str, list[Load]] = field(default_factory=dict)
    imported: ImportTimes | None = None
    handing_over: HandingOver | None = None
    outbox: OutboxTimes | None = None
    lion: Lion | None = None
    voucherify: Voucherify | None = None

    def add(self, row: str, load: Load) -> None:
        self.loads.setdefault(row, []).append(load)


def page(figures: Figures) -> str:
    """Write the page of figures, in Markdown."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "All figures are of one run on one machine, database included, with default",
            "durability (`fsync` and `synchronous_commit` on). What carries over to another",
            "machine are the ratios, not the rates. Each round measures every row; a ratio is",
            "taken within a round, and what stands here are the medians of the rounds, with the",
            "least and the most, since a shared machine changes its pace by the minute.",
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
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"Python {platform.python_version()}"
    rounds = f"{figures.rounds} rounds of {figures.seconds} s a row"
    return [
        "| | |",
        "|---|---|",
        f"| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |",
        f"| machine | {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB |",
        f"| system | {platform.system()} {platform.release()}, {python} |",
        f"| PostgreSQL | {figures.version} (embedded) |",
        f"| libraries | {libraries} |",
        f"| command | `make bench`: {rounds}, one web process, one wrk thread |",
        f"| long history | {figures.history:,} redemptions, each with its entry and event |",
    ]


def _bars(figures: Figures) -> list[str]:
    rows = []
    for name, above, below, bar, aim in _RATIOS:
        is_latency = below == "pgbench 1"
        ratios = [
            one.p50_ms / other.p50_ms if is_latency else one.rate / other.rate
            for one, other in zip(figures.loads[above], figures.loads[below], strict=True)
        ]
        seen = f"**{statistics.median(ratios):.2f}** | {min(ratios):.2f} to {max(ratios):.2f}"
        rows.append(f"| {name} | {seen} | {bar} | {aim} |")
    rows += _beside(figures)
    if figures.imported is not None:
        name = f"import of {figures.imported.rows:,} members ÷ COPY and indexes (at most)"
        rows.append(f"| {name} | **{figures.imported.ratio:.2f}** | once | 3 | - |")
    head = ["| figure | median | least to most | bar | aim |", "|---|---|---|---|---|"]
    return ["## Ratios", "", *head, *rows]


def _beside(figures: Figures) -> list[str]:
    rows = []
    over, outbox = figures.handing_over, figures.outbox
    if over is not None:
        ratios = [pool / code for code, pool in zip(over.code, over.pool, strict=True)]
        seen = f"**{statistics.median(ratios):.2f}** | {min(ratios):.2f} to {max(ratios):.2f}"
        rows.append(
            f"| HTTP: a reward out of a pool ÷ one with a code of ours | {seen} | 0.9 | - |"
        )
        added = (
            f"**{over.added_ms:.1f}** | {over.shopify_p50_ms:.1f} less {over.sandbox_p50_ms:.1f}"
        )
        rows.append(f"| ms added to Shopify's own answer, p50 (at most) | {added} | 15 | - |")
    rows += _lion(figures.lion)
    rows += _voucherify(figures.voucherify)
    if outbox is not None:
        seen = f"**{outbox.rate:,.0f}** | {outbox.events:,} in {outbox.seconds:.1f} s"
        rows.append(
            f"| events/s out of the outbox, {outbox.workers} workers | {seen} | 3,000 | 10,000 |"
        )
    return rows


def _lion(lion: Lion | None) -> list[str]:
    if lion is None:
        return []
    ratios = [claim / bought for claim, bought in zip(lion.claim, lion.purchase, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    claimed = "LoyaltyLion's claim ÷ Mage's purchase, 128 connections"
    rows = [f"| {claimed} | **{lion.claim_share:.2f}** | {spread} | {CLAIM_BAR} | - |"]
    for name, one in (("customers", lion.customers), ("transactions", lion.transactions)):
        what = f"LoyaltyLion's list of 500 {name} ÷ their bare rows, p50 (at most)"
        seen = f"**{one.times:.2f}** | {one.list_p50_ms:.1f} ms to {one.rows_p50_ms:.1f} ms"
        rows.append(f"| {what} | {seen} | {LIST_BAR:g} | - |")
    return rows


def _voucherify(measured: Voucherify | None) -> list[str]:
    if measured is None:
        return []
    pairs = zip(measured.purchase, measured.mage, strict=True)
    ratios = [mine / other for mine, other in pairs]
    seen = f"**{measured.purchase_share:.2f}** | {min(ratios):.2f} to {max(ratios):.2f}"
    bought = "Voucherify's purchase ÷ Mage's, 128 connections"
    approved = f"**{measured.approved_p99_ms:.0f}** | p50 {measured.approved_p50_ms:.0f}"
    half = f"ms from 202 to APPROVED, p99, at {measured.half_load:,.0f} purchases/s (at most)"
    pile = f"| approvals/s of what has piled up | **{measured.approvals:,.0f}** | once | - | - |"
    return [
        f"| {bought} | {seen} | {PURCHASE_BAR} | - |",
        f"| {half} | {approved} | {APPROVED_P99_MS_BAR:g} | - |",
        pile,
    ]


def _rates(figures: Figures) -> list[str]:
    rows = []
    for row, loads in figures.loads.items():
        name = _NAMES.get(row, row.replace(" ", ", ", 1))
        cells = [
            _number([load.rate for load in loads], 0),
            _number([load.p50_ms for load in loads], 2),
            _number([load.p99_ms for load in loads], 2),
            str(sum(load.failures for load in loads)),
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    table = ["| row | per second | p50 ms | p99 ms | failures |", "|---|---|---|---|---|", *rows]
    if figures.imported is not None:
        times = figures.imported
        rate = times.rows / times.import_seconds
        imported = f"{times.rows:,} members with their points: {times.import_seconds:.1f} s"
        bare = f"Bare COPY of the same file and three indexes: {times.copy_seconds:.1f} s."
        table += ["", f"Import of {imported}, {rate:,.0f} a second. {bare}"]
    return ["## Rates", "", *table]


def _number(values: list[float], places: int) -> str:
    middle = statistics.median(values)
    return f"{middle:,.{places}f}" if middle else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
