"""`guerdon verify` as a user runs it."""

import json

import asyncpg

from tests.builders.history import make_history
from tests.support.commands import run


async def test_clean_ledger_exits_with_zero(pool: asyncpg.Pool, database_url: str) -> None:
    await make_history(pool)
    ran = run("verify", GUERDON_DATABASE_URL=database_url)
    assert ran.code == 0, ran.err
    assert "every figure follows" in ran.out
    assert "2 wallets of 1 merchant(s)" in ran.out


async def test_drift_is_named_with_its_place(pool: asyncpg.Pool, database_url: str) -> None:
    await make_history(pool)
    wallet_id = await pool.fetchval(
        "UPDATE wallets SET points_held = points_held + 5 WHERE points_held = 0 RETURNING id"
    )
    ran = run("verify", "--merchant", "shop-1", GUERDON_DATABASE_URL=database_url)
    assert ran.code == 1
    assert f"merchant 1, wallet {wallet_id}: points_held must be 0, is 5\n" in ran.out
    assert "1 drift(s)" in ran.out
    told = run("verify", "--json", GUERDON_DATABASE_URL=database_url)
    assert told.code == 1
    document = json.loads(told.out)
    assert document["is_clean"] is False
    assert document["drifts"] == [
        {
            "merchant_id": 1,
            "subject": "wallet",
            "id": wallet_id,
            "wallet_id": wallet_id,
            "fault": "points_held",
            "expected": "0",
            "found": "5",
        }
    ]


async def test_since_leaves_out_what_is_older(pool: asyncpg.Pool, database_url: str) -> None:
    await make_history(pool)
    await pool.execute("UPDATE wallets SET points_held = points_held + 5")
    later = run("verify", "--since", "2026-12-01", GUERDON_DATABASE_URL=database_url)
    assert (later.code, "0 wallets" in later.out) == (0, True)
    earlier = run("verify", "--since", "2026-06-01", GUERDON_DATABASE_URL=database_url)
    assert earlier.code == 1


async def test_unknown_merchant_is_named(pool: asyncpg.Pool, database_url: str) -> None:
    await make_history(pool)
    ran = run("verify", "--merchant", "nobody", GUERDON_DATABASE_URL=database_url)
    assert ran.code == 1
    assert "there is no merchant 'nobody', only shop-1" in ran.err
