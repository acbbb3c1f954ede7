"""The LoyaltyLion dialect: a claim against Mage's purchase, and lists against their bare rows."""

import http.client
import json
import statistics
import time
from urllib.parse import urlsplit

import asyncpg
from msgspec import Struct

from bench import seeding, serving, wrk
from guerdon.dialects.loyaltylion.scopes import SCOPES
from guerdon.dialects.mage.translate import dress
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime
from guerdon.store.connection import open_pool

MERCHANT = MerchantId(1)
MEMBERS = 20_000
REWARD = 1001
ROWS = 500
CALLS = 120
CONNECTIONS = 128
CLAIM_BAR, LIST_BAR = 0.85, 3.0
_WARM = 20
_CLAIM = """
local number = {start}
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {key}"
wrk.headers["Content-Type"] = "application/json"
function request()
    number = number + 1
    local member = string.format("%d", 7000001 + (number * 7919) % {members})
    local path = "/loyaltylion/v2/customers/" .. member .. "/claimed_rewards"
    return wrk.format(nil, path, nil, '{{"reward_id":{reward}}}')
end
"""
# The rows that the lists tell of, each list by one statement, and nothing done with them. What has
# expired but was not swept yet is no longer the customer's, so the open lots are part of it.
_CUSTOMERS = """
SELECT m.id, m.program_id, m.external_id, m.email, m.first_name, m.last_name, m.birthday,
       m.anniversary, m.referral_code, m.created_at, m.updated_at, w.is_frozen, w.tier_id,
       w.points_available, w.points_held, w.points_pending, w.points_lifetime, w.points_redeemed,
       l.points_due, r.rewards, r.rewards_used
FROM members m
JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id
CROSS JOIN LATERAL (
    SELECT sum(o.points_remaining) FILTER (WHERE o.expires_at <= now()) AS points_due
    FROM lots o WHERE o.merchant_id = $1 AND o.wallet_id = w.id AND o.is_open
) l
CROSS JOIN LATERAL (
    SELECT count(*) AS rewards, count(*) FILTER (WHERE t.status = 'used') AS rewards_used
    FROM redemptions t
    WHERE t.merchant_id = $1 AND t.member_id = m.id AND t.status <> 'declined'
) r
WHERE m.merchant_id = $1
ORDER BY m.merchant_id DESC, m.id DESC
LIMIT $2
"""
_TRANSACTIONS = """
SELECT e.id, e.kind, e.points, e.pending_points, e.note, e.created_at, m.id AS member_id,
       m.external_id, m.email, w.points_available, w.points_pending, w.points_redeemed,
       l.points_due,
       r.id AS redemption_id, r.reward_id, r.reward_version_id, r.status, r.units, r.points_cost,
       r.code, r.fulfilment, r.context, r.expires_at, r.auto_refund_at, r.used_at, r.fulfilled_at,
       r.created_at AS redeemed_at, r.updated_at
FROM entries e
JOIN wallets w ON w.merchant_id = $1 AND w.id = e.wallet_id
JOIN members m ON m.merchant_id = $1 AND m.id = w.member_id
LEFT JOIN redemptions r ON r.merchant_id = $1 AND r.id = e.redemption_id
CROSS JOIN LATERAL (
    SELECT sum(o.points_remaining) FILTER (WHERE o.expires_at <= now()) AS points_due
    FROM lots o WHERE o.merchant_id = $1 AND o.wallet_id = w.id AND o.is_open
) l
WHERE e.merchant_id = $1
ORDER BY e.merchant_id DESC, e.id DESC
LIMIT $2
"""


class Listing(Struct, frozen=True):
    """Medians in milliseconds, at one connection: the list by HTTP, and its bare rows."""

    list_p50_ms: float
    rows_p50_ms: float

    @property
    def times(self) -> float:
        return self.list_p50_ms / self.rows_p50_ms


class Lion(Struct, frozen=True):
    """Rates at 128 connections, one figure a round, each round with both."""

    claim: list[float]
    purchase: list[float]
    failures: int
    customers: Listing
    transactions: Listing

    @property
    def claim_share(self) -> float:
        """What part of the rate of Mage's purchase a claim has."""
        pairs = zip(self.claim, self.purchase, strict=True)
        return statistics.median(claim / purchase for claim, purchase in pairs)


async def measure(url: str, *, rounds: int, seconds: int) -> Lion:
    """Measure on a migrated and empty database, with one web process."""
    lion_key, mage_key = await _seed(url)
    claim: list[float] = []
    purchase: list[float] = []
    failures = 0
    with serving.guerdon(url) as base:
        script = _CLAIM.format(start=1009, key=lion_key, members=MEMBERS, reward=REWARD)
        path = f"/mage/v1/rewards/{dress('reward', REWARD)}/purchase"
        target = wrk.Target(base, mage_key, [path], MEMBERS)
        wrk.play(script, base, connections=32, seconds=1)
        wrk.run(target, connections=32, seconds=1)
        for _ in range(rounds):
            for rates, load in (
                (claim, wrk.play(script, base, connections=CONNECTIONS, seconds=seconds)),
                (purchase, wrk.run(target, connections=CONNECTIONS, seconds=seconds)),
            ):
                rates.append(load.rate)
                failures += load.failures
        pool = await open_pool(url, size=1)
        await seeding.settle(pool)
        await pool.close()
        customers = await _listing(url, base, lion_key, "customers", _CUSTOMERS)
        transactions = await _listing(url, base, lion_key, "transactions", _TRANSACTIONS)
    return Lion(claim, purchase, failures, customers, transactions)


async def _seed(url: str) -> tuple[str, str]:
    pool = await open_pool(url, size=2)
    await seeding.seed_merchant(pool, MERCHANT, MEMBERS)
    await seeding.settle(pool)
    secrets = []
    for dialect, scopes in (("loyaltylion", SCOPES), ("mage", ())):
        created = await create_key(
            Runtime(pool=pool),
            merchant_id=MERCHANT,
            program_id=ProgramId(seeding.PROGRAM_ID),
            dialect=dialect,
            name=f"bench {dialect}",
            scopes=scopes,
        )
        secrets.append(created.secret)
    await pool.close()
    return secrets[0], secrets[1]


async def _listing(url: str, base: str, key: str, what: str, query: str) -> Listing:
    """Time the list and its rows in turns, each on one connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    database = await asyncpg.connect(url)
    listed: list[float] = []
    bare: list[float] = []
    said = b""
    for _ in range(CALLS + _WARM):
        begun = time.perf_counter()
        rows = await database.fetch(query, MERCHANT, ROWS)
        bare.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        path = f"/loyaltylion/v2/{what}?limit={ROWS}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        said = answer.read()
        listed.append(1000 * (time.perf_counter() - begun))
        assert (answer.status, len(rows)) == (200, ROWS), said[:500]
    assert len(json.loads(said)[what]) == ROWS
    connection.close()
    await database.close()
    return Listing(statistics.median(listed[_WARM:]), statistics.median(bare[_WARM:]))
