"""Events per second from the outbox to a local receiver: worker processes, signed webhooks."""

import base64
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec
from msgspec import Struct

from bench import seeding, serving
from guerdon.domain.ids import MerchantId, SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.engine.runtime import utc_now
from guerdon.engine.sealing import Seal
from guerdon.engine.subscribing import context_of
from guerdon.store.connection import Pool, open_pool
from guerdon.store.sequences import take_ids
from guerdon.store.transaction import transaction
from guerdon.store.webhook_subscriptions import insert_subscription

MERCHANT = MerchantId(1)
MEMBERS = 5_000
WARMING = 1_000
_SECONDS_MAX = 120.0

# One event for each past redemption, as the ledger writes them, in one transaction.
_EVENTS = """
INSERT INTO events (merchant_id, id, kind, program_id, member_id, redemption_id, batch, facts,
    created_at)
SELECT $1, $2::bigint + r.n, 'redemption.approved', r.program_id, r.member_id, r.id, 2,
    '{"points":100,"points_available":900,"points_lifetime":1000}', now()
FROM (
    SELECT id, program_id, member_id, row_number() OVER (ORDER BY id) - 1 AS n
    FROM redemptions
    WHERE merchant_id = $1
    ORDER BY id
    LIMIT $3
) AS r
"""
_PASSED = """
INSERT INTO outbox_cursors (merchant_id, last_event_id, next_delivery_id, destinations)
SELECT merchant_id, next_id - 1, 1, ARRAY[]::text[] FROM sequences WHERE merchant_id = $1
"""
_OPEN = "SELECT count(*) FROM deliveries WHERE merchant_id = $1 AND is_open"


class OutboxTimes(Struct, frozen=True):
    """`seconds` from the commit of the events until the receiver had every one of them. `repeated`
    are calls beyond one for each event; there should be none when nothing fails."""

    events: int
    workers: int
    seconds: float
    repeated: int

    @property
    def rate(self) -> float:
        return self.events / self.seconds


async def measure(url: str, *, events: int = 20_000, workers: int = 2) -> OutboxTimes:
    """Measure on a migrated and empty database, with as many worker processes of our own."""
    key = secrets.token_urlsafe(32)
    pool = await open_pool(url, size=2)
    try:
        await seeding.seed_merchant(pool, MERCHANT, MEMBERS)
        await seeding.seed_history(pool, MERCHANT, MEMBERS, max(events, WARMING))
        await seeding.settle(pool)
        with ExitStack() as running:
            receiver = running.enter_context(_receiver())
            await _subscribe(pool, key, f"{receiver}/hooks")
            for _ in range(workers):
                running.enter_context(_worker(url, key))
            await _announce(pool, WARMING)
            _wait_for(receiver, WARMING)
            await _announce(pool, events)
            begun = time.perf_counter()
            _wait_for(receiver, WARMING + events)
            seconds = time.perf_counter() - begun
            await _wait_until_written(pool)
            calls = _counts(receiver)["calls"]
    finally:
        await pool.close()
    return OutboxTimes(events, workers, seconds, calls - WARMING - events)


async def _subscribe(pool: Pool, key: str, url: str) -> None:
    now = utc_now()
    async with transaction(pool) as tx:
        number = SubscriptionId(await take_ids(tx, MERCHANT, 1))
        await tx.execute(_PASSED, MERCHANT)
        subscription = Subscription(
            id=number,
            dialect="guerdon",
            program_id=None,
            url=url,
            events=("redemption.approved",),
            description=None,
            is_active=True,
            is_managed=False,
            created_at=now,
            updated_at=now,
        )
        secret = b"whsec_" + base64.b64encode(secrets.token_bytes(32))
        sealed = Seal(key.encode()).seal(secret, context_of(MERCHANT, number))
        await insert_subscription(tx, MERCHANT, subscription, sealed)


async def _announce(pool: Pool, events: int) -> None:
    async with transaction(pool) as tx:
        first = await take_ids(tx, MERCHANT, events)
        await tx.execute(_EVENTS, MERCHANT, first, events)


async def _wait_until_written(pool: Pool) -> None:
    end = time.perf_counter() + _SECONDS_MAX
    while time.perf_counter() < end:
        async with pool.acquire() as connection:
            if not await connection.fetchval(_OPEN, MERCHANT):
                return
        time.sleep(0.05)  # noqa: ASYNC251 -- nothing else runs on this loop
    raise TimeoutError("deliveries are still open")


def _wait_for(receiver: str, events: int) -> None:
    end = time.perf_counter() + _SECONDS_MAX
    while _counts(receiver)["events"] < events:
        if time.perf_counter() > end:
            raise TimeoutError("the receiver did not get all events")
        time.sleep(0.02)


def _counts(receiver: str) -> dict[str, int]:
    with urllib.request.urlopen(receiver, timeout=10) as answer:  # noqa: S310 -- our own
        return msgspec.json.decode(answer.read(), type=dict[str, int])


@contextmanager
def _receiver() -> Iterator[str]:
    port = serving.free_port()
    with _process([sys.executable, "-m", "bench.receiver", str(port)], {}):
        url = f"http://127.0.0.1:{port}"
        end = time.perf_counter() + 20
        while True:
            try:
                _counts(url)
            except OSError:
                if time.perf_counter() > end:
                    raise
                time.sleep(0.05)
            else:
                break
        yield url


@contextmanager
def _worker(url: str, key: str) -> Iterator[None]:
    settings = {
        "GUERDON_DATABASE_URL": url,
        "GUERDON_SECRET_KEY": key,
        "GUERDON_WEBHOOK_ALLOW_HTTP": "true",
        "GUERDON_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    with _process([sys.executable, "-m", "guerdon", "worker"], settings):
        yield


@contextmanager
def _process(command: list[str], more: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
