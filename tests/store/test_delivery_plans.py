"""The statements of the outbox find their rows by an index, whatever the planner knows of a table.

A worker plans each statement once a connection, perhaps on an empty table, and keeps the plan while
the table fills."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from guerdon.store.statements import statements
from tests.builders.shop import FOUNDED, make_shop, save_shop
from tests.store.test_query_plans import explain, nodes

ROWS = 60_000
_EVENTS = """
INSERT INTO events (merchant_id, id, kind, program_id, member_id, batch, facts, created_at)
SELECT 1, n, 'points.adjusted', 11, n % 5000, 1, '{}', $1::timestamptz
FROM generate_series(1, $2::bigint) AS n
"""
# Most are over, many wait for a later time, some are due, a few failed.
_DELIVERIES = """
INSERT INTO deliveries (merchant_id, id, destination, event_id, member_id, status, is_open,
    attempts, next_at, created_at, updated_at)
SELECT 1, n, 'webhook:' || n % 3, n, n % 5000, s.status, s.status = 'waiting', 1,
    $1::timestamptz + CASE WHEN n % 40 = 0 THEN interval '0' ELSE interval '1 day' END,
    $1::timestamptz, $1::timestamptz
FROM generate_series(1, $2::bigint) AS n
CROSS JOIN LATERAL (SELECT CASE WHEN n % 10 = 0 THEN 'waiting' WHEN n % 1000 = 1 THEN 'dead'
    ELSE 'delivered' END AS status) AS s
"""
IDS = "{" + ",".join(str(1 + 97 * n) for n in range(500)) + "}"
NUMBERS = "{" + ",".join(["1"] * 500) + "}"
WORDS = "{" + ",".join(["delivered"] * 500) + "}"
TIMES = "{" + ",".join([f'"{FOUNDED.isoformat()}"'] * 500) + "}"
LATER = FOUNDED + timedelta(seconds=90)

HOT: list[tuple[str, str, list[Any], set[str]]] = [
    ("deliveries", "lock_due", [1, "webhook:1", FOUNDED, 500], {"deliveries_due"}),
    (
        "deliveries",
        "list_queued",
        [1, "webhook:1", IDS, IDS, 500],
        {"deliveries_open_by_member"},
    ),
    ("deliveries", "lease_deliveries", [1, IDS, LATER], {"deliveries_pkey"}),
    ("deliveries", "put_off_deliveries", [1, IDS, TIMES], {"deliveries_pkey"}),
    ("deliveries", "close_delivered", [1, FOUNDED, LATER, IDS], {"deliveries_pkey"}),
    (
        "deliveries",
        "write_verdicts",
        [1, FOUNDED, LATER, IDS, WORDS, NUMBERS, NUMBERS, TIMES, ["x"] * 500],
        {"deliveries_pkey"},
    ),
    (
        "deliveries",
        "wake_members",
        [1, "webhook:1", IDS, FOUNDED, 500],
        {"deliveries_pkey", "deliveries_open_by_member"},
    ),
    (
        "deliveries",
        "close_waiting",
        [1, "webhook:1", "dead", "gone", FOUNDED, 500],
        {"deliveries_pkey", "deliveries_due"},
    ),
    (
        "deliveries",
        "delete_deliveries_over",
        [1, LATER, 500],
        {"deliveries_pkey", "deliveries_over"},
    ),
    (
        "deliveries",
        "insert_deliveries",
        [1, 100_000, ROWS - 500, ROWS, FOUNDED, ["webhook:1"], [11], ["points.adjusted"]],
        {"events_pkey"},
    ),
    ("outbox_cursors", "get_reach", [1, 500, 5000], {"events_pkey"}),
    ("letters", "list_letter_events", [1, IDS], {"events_pkey"}),
]


@pytest.mark.parametrize(("is_full", "is_analyzed"), [(False, False), (True, False), (True, True)])
async def test_statements_use_their_indexes(
    pool: asyncpg.Pool, is_full: bool, is_analyzed: bool
) -> None:
    await save_shop(pool, make_shop())
    if is_full:
        await pool.execute(_EVENTS, FOUNDED, ROWS)
        await pool.execute(_DELIVERIES, FOUNDED, ROWS)
    if is_analyzed:
        await pool.execute("ANALYZE")
    slow = []
    for file, name, args, indexes in HOT:
        plan = await explain(pool, "force_generic_plan", statements(file)[name], args)
        used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
        if not indexes <= used:
            slow.append((name, sorted(indexes - used)))
    assert slow == []
