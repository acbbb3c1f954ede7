"""Fills a database for the benchmark, in a few set-based statements."""

from guerdon.domain.catalogue import Reward
from guerdon.domain.ids import RewardId, RewardVersionId
from guerdon.store.connection import Pool
from guerdon.store.transaction import transaction
from tests.builders.shop import make_reward, make_rule, make_shop, make_tier, save_shop

POINTS_EACH = 1_000_000_000
PROGRAM_ID = 11
HOT_REWARD = 1900

_MEMBERS = """
WITH numbered AS (SELECT n, 100000 + n * 4 AS base FROM generate_series(1, $2::bigint) AS n),
added AS (
    INSERT INTO members (merchant_id, id, program_id, external_id, email, first_name, last_name,
        referral_code, created_at, updated_at)
    SELECT $1, base, 11, (7000000 + n)::text, 'member' || n || '@shop.example', 'Member',
        n::text, 'REF' || n, now(), now() FROM numbered
), filled AS (
    INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default,
        is_frozen, tier_id, points_available, points_held, points_pending, points_lifetime,
        points_redeemed, created_at, updated_at)
    SELECT $1, base + 1, base, 11, 10, true, false, 3001, $3, 0, 0, $3, 0, now(), now()
    FROM numbered
), given AS (
    INSERT INTO lots (merchant_id, id, wallet_id, points, points_remaining, is_open, effective_at,
        expires_at)
    SELECT $1, base + 2, base + 1, $3, $3, true, now(), NULL FROM numbered
)
INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
    lot_ids, lot_points, created_at)
SELECT $1, base + 3, base + 1, 'adjusted', $3, $3, $3, ARRAY[base + 2], ARRAY[$3], now()
FROM numbered
"""

# Past redemptions: of every member in turn, so that each wallet has its share of the history.
_HISTORY = """
WITH past AS (
    SELECT n, (SELECT next_id FROM sequences WHERE merchant_id = $1) + n * 3 AS base,
        100000 + (1 + (n * 7919) % $3::bigint) * 4 AS member_id
    FROM generate_series($4::bigint, $5::bigint) AS n
), redeemed AS (
    INSERT INTO redemptions (merchant_id, id, program_id, member_id, wallet_id, reward_id,
        reward_version_id, status, units, units_refunded, units_returned, points_cost,
        points_refunded, lot_ids, lot_points, entry_id, code, fulfilment, is_grant, created_at,
        updated_at)
    SELECT $1, base, 11, member_id, member_id + 1, 1001 + n % 10, 2001 + n % 10, 'used', 1, 0, 0,
        100, 0, ARRAY[member_id + 2], ARRAY[100], base + 1, 'OLD-' || n, 'done', false,
        now() - interval '30 days', now() - interval '30 days'
    FROM past
), announced AS (
    INSERT INTO events (merchant_id, id, kind, program_id, member_id, redemption_id, batch, facts,
        created_at)
    SELECT $1, base + 2, 'redemption.approved', 11, member_id, base, 1,
        '{"points":100,"points_available":1,"points_lifetime":1}', now() - interval '30 days'
    FROM past
)
INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after, lifetime_points,
    lot_ids, lot_points, redemption_id, created_at)
SELECT $1, base + 1, member_id + 1, 'redeemed', -100, $2, 0, ARRAY[member_id + 2], ARRAY[-100],
    base, now() - interval '30 days'
FROM past
"""


async def seed_merchant(
    pool: Pool, merchant_id: int, members: int, *, more: tuple[Reward, ...] = ()
) -> None:
    """Make a merchant with 10 rewards, a hot one limited in stock, tiers, a rule and members."""
    rewards = tuple(make_reward(number) for number in range(1, 11))
    hot = make_reward(
        900, id=RewardId(HOT_REWARD), version_id=RewardVersionId(2900), stock=1_000_000_000
    )
    tiers = (make_tier(1, 0), make_tier(2, 10**12, multiplier_permille=1500))
    shop = make_shop(merchant_id, rewards=(*rewards, hot, *more), tiers=tiers, rules=(make_rule(),))
    await save_shop(pool, shop)
    async with transaction(pool) as tx:
        await tx.execute(_MEMBERS, merchant_id, members, POINTS_EACH)
        await tx.execute(
            "UPDATE sequences SET next_id = $2 WHERE merchant_id = $1",
            merchant_id,
            100_000 + (members + 10) * 4,
        )


# Indexes of the tables that hold history; loading is many times faster without them.
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS table_name,
    pg_get_indexdef(i.indexrelid) AS definition, c.conname, pg_get_constraintdef(c.oid) AS rule
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
WHERE i.indrelid IN ('entries'::regclass, 'redemptions'::regclass, 'events'::regclass)
"""


async def seed_history(
    pool: Pool, merchant_id: int, members: int, entries: int, chunk: int = 1_000_000
) -> None:
    """Add so many past redemptions, with entries and events, under the merchant's next ids."""
    async with pool.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SET maintenance_work_mem = '1GB'")
        indexes = await connection.fetch(_INDEXES)
        for row in indexes:
            await connection.execute(
                f"ALTER TABLE {row['table_name']} DROP CONSTRAINT {row['conname']}"
                if row["conname"]
                else f"DROP INDEX {row['name']}"
            )
        for first in range(1, entries + 1, chunk):
            last = min(first + chunk - 1, entries)
            await connection.execute(_HISTORY, merchant_id, POINTS_EACH, members, first, last)
        for row in indexes:
            await connection.execute(
                f"ALTER TABLE {row['table_name']} ADD CONSTRAINT {row['conname']} {row['rule']}"
                if row["conname"]
                else row["definition"]
            )
        await connection.execute(
            "UPDATE sequences SET next_id = next_id + $2 WHERE merchant_id = $1",
            merchant_id,
            (entries + 10) * 3,
        )


async def settle(pool: Pool) -> None:
    """Put the database in the state that a running one is in: analysed, nothing left to flush."""
    async with pool.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
