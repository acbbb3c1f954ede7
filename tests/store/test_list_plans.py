"""Lists that callers follow find their pages by an index, however much there is."""

import json
import re
from typing import Any

import asyncpg

from guerdon.store.statements import statements
from tests.builders.shop import FOUNDED
from tests.store.test_query_plans import BIG, LOTS_PER_WALLET, MEMBERS, explain, fill, nodes

NOBODY: list[Any] = [None] * 5
ALL: list[Any] = [1, 11, 0, 2**53, *NOBODY]
HOT: list[tuple[str, str, list[Any], set[str]]] = [
    ("member_lists", "list_members_rising", [*ALL, None, 500, 0], {"members_pkey"}),
    ("member_lists", "list_members_falling", [*ALL, None, 500, 0], {"members_pkey"}),
    (
        "member_lists",
        "list_changes_rising",
        [*ALL, 500],
        {"events_pkey", "wallets_member_unique", "members_imported"},
    ),
    (
        "member_lists",
        "list_changes_falling",
        [*ALL, 500],
        {"events_pkey", "wallets_member_unique", "members_imported"},
    ),
    ("member_lists", "find_batch_floor", [1, 700_100], {"events_pkey"}),
    ("member_lists", "list_changed_since", [1, 11, 719_900], {"events_pkey", "members_pkey"}),
    (
        "member_lists",
        "count_rewards_taken",
        [1, [100_001 + 7 * n for n in range(500)]],
        {"redemptions_by_member"},
    ),
    (
        "point_movements",
        "list_movements_rising",
        [1, 11, 0, 2**53, None, None, 500],
        {"entries_pkey"},
    ),
    (
        "point_movements",
        "list_movements_falling",
        [1, 11, 0, 2**53, None, None, 500],
        {"entries_pkey"},
    ),
    (
        "point_movements",
        "list_member_movements_rising",
        [1, 11, 0, 2**53, None, None, 500, 100_007],
        {"entries_by_wallet", "wallets_member_unique"},
    ),
    (
        "point_movements",
        "list_member_movements_falling",
        [1, 11, 0, 2**53, None, None, 500, 100_007],
        {"entries_by_wallet", "wallets_member_unique"},
    ),
    ("point_movements", "find_last_id_before", [1, FOUNDED], {"entries_pkey"}),
]
EVENTS = """
    INSERT INTO events (merchant_id, id, kind, program_id, member_id, batch, facts, created_at)
    SELECT 1, 700000 + n, 'points.adjusted', 11, 100001 + n % $2::integer, n / 7, '{}',
        $1::timestamptz
    FROM generate_series(1, $2::integer * $3::integer) AS n
"""


async def test_lists_use_their_indexes(pool: asyncpg.Pool) -> None:
    await fill(pool)
    await pool.execute(EVENTS, FOUNDED, MEMBERS, LOTS_PER_WALLET)
    # All but a few enrolled here, and were changed by one of those events last.
    await pool.execute("UPDATE members SET batch = 1 WHERE id % 100 <> 0")
    await pool.execute(
        "UPDATE wallets w SET batch = last.batch FROM"
        " (SELECT e.member_id, max(e.batch) AS batch FROM events e GROUP BY 1) AS last"
        " WHERE last.member_id = w.member_id AND w.member_id % 100 <> 0"
    )
    async with pool.acquire() as connection:
        await connection.execute("ANALYZE")
    slow = []
    for file, name, args, indexes in HOT:
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = await explain(pool, mode, statements(file)[name], args)
            used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
            scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
            scanned = {node.get("Relation Name") for node in scans}
            if not indexes <= used or scanned & (BIG | {"events"}):
                slow.append(f"{name}, {mode}: {json.dumps(plan, indent=1)}")
    assert slow == [], "\n".join(slow)


async def test_what_a_redemption_writes_in_a_wallet_is_in_no_index(pool: asyncpg.Pool) -> None:
    """Else each would move the wallet's row in every index, where now it moves it in none."""
    written = {
        "points_available",
        "points_held",
        "points_redeemed",
        "version",
        "batch",
        "updated_at",
    }
    set_ = re.search(
        r"UPDATE wallets w\s+SET (.*?)\s+FROM", statements("spends")["write_spends"], re.DOTALL
    )
    assert set_ is not None
    assert set(re.findall(r"(\w+) = ", set_[1])) == written
    indexes = await pool.fetch(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'wallets' ORDER BY indexname"
    )
    assert len(indexes) == 3
    for index in indexes:
        assert not written & set(re.findall(r"\w+", index["indexdef"]))
