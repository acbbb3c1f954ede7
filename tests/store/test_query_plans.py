"""The hot statements find their rows by an index, on tables full enough to tempt the planner."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import asyncpg

from guerdon.store.statements import statements
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, save_shop

MEMBERS = 4000
LOTS_PER_WALLET = 5
BIG = {"members", "wallets", "lots", "entries", "redemptions", "earnings", "idempotency_records"}


_FILLING = {
    "members": """
        INSERT INTO members (merchant_id, id, program_id, external_id, email, referral_code,
            created_at, updated_at)
        SELECT 1, 100000 + n, 11, 'x' || n, 'x' || n || '@shop.example', 'r' || n,
            $1::timestamptz, $1
        FROM generate_series(1, $2::integer) AS n
    """,
    "wallets": """
        INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default,
            is_frozen, points_available, points_held, points_pending, points_lifetime,
            points_redeemed, created_at, updated_at)
        SELECT 1, 200000 + n, 100000 + n, 11, 10, true, false, 5, 0, 0, 5, 0,
            $1::timestamptz, $1
        FROM generate_series(1, $2::integer) AS n
    """,
    "lots": """
        INSERT INTO lots (merchant_id, id, wallet_id, points, points_remaining, is_open,
            effective_at, expires_at)
        SELECT 1, 300000 + n, 200001 + n % $2::integer, 5, CASE WHEN n % 5 = 0 THEN 5 ELSE 0
            END, n % 5 = 0, $1::timestamptz, $1 + n * interval '1 minute'
        FROM generate_series(1, $2::integer * $3::integer) AS n
    """,
    "entries": """
        INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after,
            lifetime_points, lot_ids, lot_points, created_at)
        SELECT 1, 400000 + n, 200001 + n % $2::integer, 'earned', 5, 5, 5, ARRAY[300000 + n],
            ARRAY[5], $1
        FROM generate_series(1, $2::integer * $3::integer) AS n
    """,
    "redemptions": """
        INSERT INTO redemptions (merchant_id, id, program_id, member_id, wallet_id, reward_id,
            reward_version_id, status, units, units_refunded, units_returned, points_cost,
            points_refunded, lot_ids, lot_points, code, fulfilment, is_grant, expires_at,
            context, created_at, updated_at)
        SELECT 1, 500000 + n, 11, 100001 + n % $2::integer, 200001 + n % $2::integer, 1001,
            2001, CASE WHEN n % 100 = 0 THEN 'approved' ELSE 'used' END, 1, 0, 0, 5, 0,
            ARRAY[300000 + n], ARRAY[5], 'c' || n, 'done', false,
            $1::timestamptz + n * interval '1 minute',
            CASE WHEN n % 5 = 0 THEN json_build_object('session',
                json_build_object('kind', 'cart', 'token', 't' || n)) END,
            $1::timestamptz, $1
        FROM generate_series(1, $2::integer * $3::integer) AS n
    """,
    "earnings": """
        INSERT INTO earnings (merchant_id, id, program_id, member_id, wallet_id, rule_id,
            action, status, base_points, multiplier_permille, points, is_manual, action_key,
            due_at, created_at, updated_at)
        SELECT 1, 600000 + n, 11, 100001 + n % $2::integer, 200001 + n % $2::integer, 4001,
            'custom', CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'approved' END, 5, 1000, 5,
            false, 'a' || n, $1::timestamptz + n * interval '1 minute', $1::timestamptz, $1
        FROM generate_series(1, $2::integer * $3::integer) AS n
    """,
    "idempotency_records": """
        INSERT INTO idempotency_records (merchant_id, key, fingerprint, answer, created_at)
        SELECT 1, 'k' || n, '', '', $1 FROM generate_series(1, 20000) AS n
    """,
}


async def fill(pool: asyncpg.Pool) -> None:
    """Give one merchant many members, each with a wallet, used-up lots and a history."""
    await save_shop(pool, make_shop())
    sizes = (FOUNDED, MEMBERS, LOTS_PER_WALLET)
    async with pool.acquire() as connection:
        for sql in _FILLING.values():
            wanted = 3 if "$3" in sql else 2 if "$2" in sql else 1
            await connection.execute(sql, *sizes[:wanted])
        await connection.execute("ANALYZE")


MEMBER_IDS = [100_001 + 97 * n for n in range(30)]
HOT: list[tuple[str, str, list[Any], set[str]]] = [
    ("wallets", "lock_wallets", [1, MEMBER_IDS, [], [], [], []], {"wallets_member_unique"}),
    (
        "wallets",
        "lock_wallets",
        [1, [], [PROGRAM] * 30, [f"x{n}" for n in range(30)], [], []],
        {"wallets_member_unique", "members_external_id_unique"},
    ),
    (
        "wallets",
        "lock_wallets",
        [1, [], [], [], [PROGRAM], ["x7@shop.example"]],
        {"wallets_member_unique", "members_by_email"},
    ),
    ("lots", "list_open_lots", [1, [200_001 + n for n in range(30)]], {"lots_open_by_wallet"}),
    ("lots", "list_members_with_due_lots", [1, FOUNDED, 100], {"lots_open_by_expiry"}),
    ("redemptions", "list_redemptions", [1, [500_001, 500_002]], {"redemptions_pkey"}),
    (
        "redemptions",
        "count_taken_by_member",
        [1, [100_001, 100_002], [make_reward().id] * 2, [FOUNDED] * 2],
        {"redemptions_by_member"},
    ),
    (
        "redemptions",
        "count_taken_in_session",
        [1, [make_reward().id] * 2, ["t5", "t10"]],
        {"redemptions_by_session"},
    ),
    (
        "redemption_views",
        "list_member_redemptions",
        [1, 100_001, None, "false", 101],
        {"redemptions_by_member"},
    ),
    ("redemptions", "list_due_redemptions", [1, FOUNDED, 100], {"redemptions_expiring"}),
    (
        "redemptions",
        "list_due_auto_refunds",
        [1, FOUNDED, 100],
        {"redemptions_auto_refunding"},
    ),
    ("earnings", "list_due_earnings", [1, FOUNDED, 100], {"earnings_due"}),
    ("earnings", "list_last_orders", [1, [100001, 100002]], {"earnings_by_member"}),
    (
        "earnings",
        "list_earnings",
        [1, [], [4001], ["a7"]],
        {"earnings_action_key_unique"},
    ),
    (
        "idempotency_records",
        "list_key_records",
        [1, ["k1", "k2"]],
        {"idempotency_records_pkey"},
    ),
]


async def test_hot_statements_use_their_indexes(pool: asyncpg.Pool) -> None:
    await fill(pool)
    slow = []
    for file, name, args, indexes in HOT:
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = await explain(pool, mode, statements(file)[name], args)
            used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
            scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
            scanned = {node.get("Relation Name") for node in scans}
            if not indexes <= used or scanned & BIG:
                slow.append(f"{name}, {mode}: {json.dumps(plan, indent=1)}")
    assert slow == []


async def explain(pool: asyncpg.Pool, mode: str, sql: str, args: list[Any]) -> dict[str, Any]:
    """Ask for the plan as the server would make it for a prepared statement."""
    async with pool.acquire() as connection:
        await connection.execute(f"SET plan_cache_mode = {mode}")
        prepared = await connection.prepare(sql)
        types = [f"{each.name}" for each in prepared.get_parameters()]
        types = [re.sub(r"^_?(.*?)(\[\])?$", _type, each) for each in types]
        await connection.execute(f"PREPARE hot ({', '.join(types)}) AS {sql}")
        values = ", ".join(_literal(each) for each in args)
        text = await connection.fetchval(f"EXPLAIN (FORMAT json) EXECUTE hot ({values})")
        await connection.execute("DEALLOCATE hot")
        await connection.execute("RESET plan_cache_mode")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def _type(match: re.Match[str]) -> str:
    return match[0] if not match[0].startswith("_") else f"{match[1]}[]"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        inner = ",".join(json.dumps(str(each)) for each in value)
        return "'{" + inner + "}'"
    return f"'{value.isoformat()}'" if isinstance(value, datetime) else f"'{value}'"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
