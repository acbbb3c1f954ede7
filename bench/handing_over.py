"""What it costs that a reward is handed over: out of a pool, and by the sandbox's Shopify."""

import http.client
import json
import secrets
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from urllib.parse import urlsplit

from msgspec import Struct

from bench import seeding, serving, wrk
from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import Reward
from guerdon.domain.ids import MerchantId, ProgramId, RewardId, RewardVersionId
from guerdon.domain.integration import Integration
from guerdon.engine.connections import context_of
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.sealing import Seal
from guerdon.store.connection import Pool, open_pool
from guerdon.store.integrations import put_integration
from guerdon.store.transaction import transaction
from tests.builders.shop import make_reward

MERCHANT = MerchantId(1)
MEMBERS = 20_000
POOLED, SHOPIFY = 1901, 1902
CALLS = 300
_DOMAIN = "bench.myshopify.com"
_CODES = """
WITH taken AS (
    UPDATE sequences SET next_id = next_id + $3 WHERE merchant_id = $1
    RETURNING next_id - $3 AS first
)
INSERT INTO pool_codes (merchant_id, id, reward_id, code, created_at)
SELECT $1, t.first + n, $2, 'POOL-' || md5(n::text), now()
FROM taken t, generate_series(0, $3::bigint - 1) AS n
"""


class HandingOver(Struct, frozen=True):
    """Rates at 128 connections, one figure a round; latencies in milliseconds at one connection,
    of the sandbox asked directly and of a redemption that asks it."""

    code: list[float]
    pool: list[float]
    failures: int
    sandbox_p50_ms: float
    shopify_p50_ms: float

    @property
    def added_ms(self) -> float:
        return self.shopify_p50_ms - self.sandbox_p50_ms


async def measure(url: str, *, rounds: int, seconds: int) -> HandingOver:
    """Measure on a migrated and empty database, with one web process and a sandbox of our own."""
    secret = secrets.token_urlsafe(32)
    with _sandbox() as sandbox:
        key = await _seed(url, secret, sandbox, codes=rounds * seconds * 12_000)
        with serving.guerdon(url, GUERDON_SECRET_KEY=secret) as base:
            code: list[float] = []
            pool: list[float] = []
            failures = 0
            for _ in range(rounds):
                for reward, rates in ((1001, code), (POOLED, pool)):
                    target = wrk.Target(base, key, [_path(reward)], MEMBERS)
                    load = wrk.run(target, connections=128, seconds=seconds)
                    rates.append(load.rate)
                    failures += load.failures
            # What the load left to be flushed and cleared is not the single call's.
            quiet = await open_pool(url, size=1)
            await seeding.settle(quiet)
            await quiet.close()
            direct = _time_sandbox(sandbox)
            redeemed = _time_redemptions(base, key)
    return HandingOver(code, pool, failures, direct, redeemed)


def _path(reward: int) -> str:
    return f"/mage/v1/rewards/{dress('reward', reward)}/purchase"


async def _seed(url: str, secret: str, sandbox: str, *, codes: int) -> str:
    """Make a merchant whose rewards are handed over in each way; give a key to it."""
    pool = await open_pool(url, size=2)
    runtime = Runtime(pool=pool, seal=Seal(secret.encode()))
    ways = (_reward(POOLED, fulfil_by="pool"), _reward(SHOPIFY, fulfil_by="shopify"))
    await seeding.seed_merchant(pool, MERCHANT, MEMBERS, more=ways)
    await _connect(pool, Seal(secret.encode()), sandbox)
    async with transaction(pool) as tx:
        await tx.execute(_CODES, MERCHANT, POOLED, codes)
    await seeding.settle(pool)
    created = await create_key(
        runtime,
        merchant_id=MERCHANT,
        program_id=ProgramId(seeding.PROGRAM_ID),
        dialect="mage",
        name="bench",
    )
    await pool.close()
    return created.secret


def _reward(number: int, **changes: object) -> Reward:
    return make_reward(
        number, id=RewardId(number), version_id=RewardVersionId(number + 1000), **changes
    )


async def _connect(pool: Pool, seal: Seal, sandbox: str) -> None:
    now = utc_now()
    integration = Integration(
        kind="shopify",
        definition={
            "shop": _DOMAIN,
            "api_version": "2026-10",
            "base_url": f"{sandbox}/shopify/{_DOMAIN}",
        },
        created_at=now,
        updated_at=now,
    )
    sealed = seal.seal(json.dumps({"token": "bench"}).encode(), context_of(MERCHANT, "shopify"))
    async with transaction(pool) as tx:
        await put_integration(tx, MERCHANT, integration, sealed)


@contextmanager
def _sandbox() -> Iterator[str]:
    port = serving.free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "guerdon", "sandbox", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{base}/_control/state", timeout=5)  # noqa: S310 -- ours
                break
            except OSError:
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def _time_sandbox(sandbox: str) -> float:
    """Give the median time of the call that a redemption makes, made by nobody but us."""
    document = resources.files("guerdon.adapters.shopify.documents") / "basic_create.graphql"
    query = document.read_text("utf-8")

    def body(number: int) -> dict[str, object]:
        return {
            "query": query,
            "variables": {
                "input": {
                    "title": "Reward",
                    "code": f"DIRECT-{number}",
                    "startsAt": "2026-11-01T00:00:00Z",
                    "usageLimit": 1,
                    "appliesOncePerCustomer": True,
                    "context": {"customers": {"add": ["gid://shopify/Customer/7000001"]}},
                    "customerGets": {
                        "value": {"discountAmount": {"amount": "10.00"}},
                        "items": {"all": True},
                    },
                }
            },
        }

    path = f"/shopify/{_DOMAIN}/admin/api/2026-10/graphql.json"
    return _median(sandbox, path, {"X-Shopify-Access-Token": "bench"}, body, 200)


def _time_redemptions(base: str, key: str) -> float:
    def body(number: int) -> dict[str, object]:
        return {"customer_identifier": str(7_000_000 + 1 + number % MEMBERS)}

    return _median(base, _path(SHOPIFY), {"Authorization": key}, body, 201)


def _median(
    base: str,
    path: str,
    headers: dict[str, str],
    body: Callable[[int], dict[str, object]],
    status: int,
) -> float:
    """Make the calls one after the other on one connection; give the median in milliseconds."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    times = []
    for number in range(CALLS + 20):
        payload = json.dumps(body(number))
        begun = time.perf_counter()
        connection.request("POST", path, payload, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        times.append(1000 * (time.perf_counter() - begun))
        assert answer.status == status, said
    connection.close()
    return statistics.median(times[20:])
