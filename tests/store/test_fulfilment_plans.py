"""What a worker asks every second finds its few rows by an index, however long the history is."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from guerdon.store.statements import statements
from tests.builders.shop import FOUNDED
from tests.store.test_query_plans import explain, fill, nodes

_CLOSED = """
    INSERT INTO fulfilments (merchant_id, redemption_id, attempts, next_at, is_open, created_at,
        updated_at)
    SELECT 1, 500000 + n, 1, $1::timestamptz, n % 2000 = 0, $1, $1
    FROM generate_series(1, 20000) AS n
"""
_LATER = FOUNDED + timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "args", "index"),
    [
        ("adopt_pending", [1, _LATER, _LATER, 20], "redemptions_pending"),
        ("adopt_handing_over", [1, [1001], _LATER, 20], "redemptions_handing_over"),
        ("claim_fulfilments", [1, _LATER, _LATER, 20], "fulfilments_open"),
        ("list_fulfilments", [1, [500_001, 500_002]], "fulfilments_pkey"),
    ],
)
async def test_worker_asks_by_index(
    pool: asyncpg.Pool, name: str, args: list[Any], index: str
) -> None:
    await _check(pool, "fulfilments", name, args, index)


@pytest.mark.parametrize(
    ("name", "args", "index"),
    [
        ("list_merchants_with_queued", [_LATER], "redemptions_queued"),
        ("list_queued_redemptions", [1, _LATER, 500], "redemptions_queued"),
        ("list_merchants_with_fulfilments_due", [_LATER], "fulfilments_open"),
    ],
)
async def test_the_queue_is_looked_for_by_index(
    pool: asyncpg.Pool, name: str, args: list[Any], index: str
) -> None:
    await _check(pool, "queued_redemptions", name, args, index)


async def _check(pool: asyncpg.Pool, file: str, name: str, args: list[Any], index: str) -> None:
    await fill(pool)
    async with pool.acquire() as connection:
        await connection.execute(_CLOSED, FOUNDED)
        await connection.execute("ANALYZE")
    for mode in ("force_custom_plan", "force_generic_plan"):
        plan = await explain(pool, mode, statements(file)[name], args)
        used = {node.get("Index Name") for node in nodes(plan)}
        scanned = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert index in used, f"{mode}: {json.dumps(plan, indent=1)}"
        assert not scanned & {"redemptions", "fulfilments"}, json.dumps(plan, indent=1)
