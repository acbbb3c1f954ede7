"""The Voucherify dialect: a purchase against Mage's, and how soon a worker approves it."""

import asyncio
import contextlib
import http.client
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
from msgspec import Struct

from bench import seeding, serving, wrk
from guerdon.dialects.mage.translate import dress
from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime
from guerdon.store.connection import open_pool

MERCHANT = MerchantId(1)
MEMBERS = 20_000
REWARD = 1001
CONNECTIONS = 128
PURCHASE_BAR, APPROVED_P99_MS_BAR = 0.85, 250.0
APP_ID = "bench"
# Purchases that are watched on their way, one after another so far apart.
_WATCHED_EACH_SECONDS = 0.02
_LOOK_SECONDS = 0.004
_LEAD_SECONDS = 1.0
# So many connections keep half the load up, each with a pause between its calls.
_PACED_CONNECTIONS = 64
_PURCHASE = """
local number = {start}
wrk.method = "POST"
wrk.headers["X-App-Id"] = "{app_id}"
wrk.headers["X-App-Token"] = "{key}"
wrk.headers["Content-Type"] = "application/json"
function request()
    number = number + 1
    local member = 100000 + 4 * (1 + (number * 7919) % {members})
    local path = string.format("{path}", member)
    return wrk.format(nil, path, nil, '{{"reward_id":"{reward}"}}')
end
"""
_PAUSE = """
function delay()
    return {pause_ms}
end
"""


class Voucherify(Struct, frozen=True):
    """Rates at 128 connections, one figure a round, each round with both; then milliseconds from
    the 202 to the approval at half that load, and approvals a second of a backlog."""

    purchase: list[float]
    mage: list[float]
    failures: int
    approvals: float
    half_load: float
    approved_p50_ms: float
    approved_p99_ms: float

    @property
    def purchase_share(self) -> float:
        """What part of the rate of Mage's purchase this one has."""
        pairs = zip(self.purchase, self.mage, strict=True)
        return statistics.median(mine / other for mine, other in pairs)


async def measure(url: str, *, rounds: int, seconds: int) -> Voucherify:
    """Measure on a migrated and empty database, with one web process; and with a worker where it
    is about approvals."""
    key, mage_key = await seed(url)
    rates: list[float] = []
    mage: list[float] = []
    failures = 0
    with serving.guerdon(url) as base:
        target = mage_target(base, mage_key)
        wrk.play(script(key, 1009), base, connections=32, seconds=1)
        wrk.run(target, connections=32, seconds=1)
        for number in range(rounds):
            for found, load in (
                (
                    rates,
                    wrk.play(
                        script(key, 2003 + 7 * number),
                        base,
                        connections=CONNECTIONS,
                        seconds=seconds,
                    ),
                ),
                (mage, wrk.run(target, connections=CONNECTIONS, seconds=seconds)),
            ):
                found.append(load.rate)
                failures += load.failures
        async with _database(url) as database:
            approvals = await _drain(url, database)
        half = statistics.median(rates) / 2
        times = await _watch(url, base, key, rate=half, seconds=max(2 * seconds, 4))
    cuts = statistics.quantiles(times, n=100)
    return Voucherify(rates, mage, failures, approvals, half, cuts[49], cuts[98])


def script(key: str, start: int, *, pause_ms: float | None = None) -> str:
    """Write wrk's script of purchases by ever other members, at full speed or with pauses."""
    program, reward = write_id("program", seeding.PROGRAM_ID), write_id("reward", REWARD)
    member = write_id("member", 0).removesuffix("0" * 18) + "%018x"
    path = f"/voucherify/v2/loyalties/programs/{program}/members/{member}/rewards/purchases"
    text = _PURCHASE.format(
        start=start, app_id=APP_ID, key=key, members=MEMBERS, path=path, reward=reward
    )
    return text if pause_ms is None else text + _PAUSE.format(pause_ms=int(pause_ms))


def mage_target(base: str, key: str) -> wrk.Target:
    """Give Mage's purchase of the same reward by the same members."""
    return wrk.Target(base, key, [f"/mage/v1/rewards/{dress('reward', REWARD)}/purchase"], MEMBERS)


async def seed(url: str) -> tuple[str, str]:
    """Make a merchant with members; give the secrets of a key of this dialect and one of Mage's."""
    pool = await open_pool(url, size=2)
    await seeding.seed_merchant(pool, MERCHANT, MEMBERS)
    await seeding.settle(pool)
    mine = await create_key(
        Runtime(pool=pool),
        merchant_id=MERCHANT,
        program_id=None,
        dialect="voucherify",
        name="bench",
        app_id=APP_ID,
    )
    other = await create_key(
        Runtime(pool=pool),
        merchant_id=MERCHANT,
        program_id=ProgramId(seeding.PROGRAM_ID),
        dialect="mage",
        name="bench mage",
    )
    await pool.close()
    return mine.secret, other.secret


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[asyncpg.Connection]:
    database = await asyncpg.connect(url)
    try:
        yield database
    finally:
        await database.close()


async def _drain(url: str, database: asyncpg.Connection) -> float:
    """Give how many approvals a second a worker makes of all that has piled up."""
    queued = await _count_queued(database)
    with serving.worker(url):
        # From the first approval on: starting a process is not what is measured.
        left = queued
        while left == queued:
            await asyncio.sleep(_LOOK_SECONDS)
            left = await _count_queued(database)
        began, first = time.perf_counter(), left
        while left:
            await asyncio.sleep(0.05)
            left = await _count_queued(database)
        return first / (time.perf_counter() - began)


async def _count_queued(database: asyncpg.Connection) -> int:
    count: int = await database.fetchval(
        "SELECT count(*) FROM redemptions WHERE merchant_id = $1 AND status = 'pending'", MERCHANT
    )
    return count


async def _watch(url: str, base: str, key: str, *, rate: float, seconds: int) -> list[float]:
    """Buy at a steady pace, and give for some of it the milliseconds from the answer until the
    database says that it is approved."""
    text = script(key, 5003, pause_ms=1000 * _PACED_CONNECTIONS / rate)
    async with _database(url) as database:
        watched = Watched(database)
        with serving.worker(url), _caller(base, key) as buy:
            # Once this one is approved, the worker is there.
            watched.add(await asyncio.to_thread(buy, 0))
            await watched.look()
            load = asyncio.create_task(
                asyncio.to_thread(
                    wrk.play, text, base, connections=_PACED_CONNECTIONS, seconds=seconds + 2
                )
            )
            await asyncio.sleep(_LEAD_SECONDS)
            watched.times.clear()
            buying = asyncio.create_task(_buy_steadily(watched, buy, seconds))
            await watched.look(buying)
            await asyncio.gather(buying, load)
    return watched.times


async def _buy_steadily(watched: "Watched", buy: "_Buyer", seconds: int) -> None:
    ends_at = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < ends_at:
        number += 1
        watched.add(await asyncio.to_thread(buy, number))
        await asyncio.sleep(_WATCHED_EACH_SECONDS)


class Watched:
    """Purchases that were answered and are not approved yet; `times` are those of the others."""

    def __init__(self, database: asyncpg.Connection) -> None:
        self._database = database
        self._begun: dict[int, float] = {}
        self.times: list[float] = []

    def add(self, redemption_id: int) -> None:
        self._begun[redemption_id] = time.perf_counter()

    async def look(self, buying: "asyncio.Task[None] | None" = None) -> None:
        """Look again and again until all are approved, those too that are bought meanwhile."""
        while self._begun or (buying is not None and not buying.done()):
            approved = await self._database.fetch(
                "SELECT id FROM redemptions WHERE merchant_id = $1 AND id = ANY ($2::bigint[]) "
                "AND status = 'approved'",
                MERCHANT,
                list(self._begun),
            )
            now = time.perf_counter()
            self.times += [1000 * (now - self._begun.pop(row[0])) for row in approved]
            await asyncio.sleep(_LOOK_SECONDS)


class _Buyer:
    """Buys over one connection of its own."""

    def __init__(self, connection: http.client.HTTPConnection, key: str) -> None:
        self._connection = connection
        self._headers = {
            "X-App-Id": APP_ID,
            "X-App-Token": key,
            "Content-Type": "application/json",
        }

    def __call__(self, number: int) -> int:
        """Buy; give the redemption's id."""
        program = write_id("program", seeding.PROGRAM_ID)
        member = write_id("member", 100_000 + 4 * (1 + (number * 104_729) % MEMBERS))
        path = f"/voucherify/v2/loyalties/programs/{program}/members/{member}/rewards/purchases"
        body = json.dumps({"reward_id": write_id("reward", REWARD)})
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status == 202, said[:500]
        return int(json.loads(said)["transaction"]["id"].rpartition("_")[2], 16)


@contextlib.contextmanager
def _caller(base: str, key: str) -> Iterator[_Buyer]:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    try:
        yield _Buyer(connection, key)
    finally:
        connection.close()
