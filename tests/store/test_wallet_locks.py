"""Whoever waits for a wallet gets it as its rival left it, among however many others."""

import asyncio

import asyncpg
import pytest

from guerdon.domain.ids import MemberId
from guerdon.store.transaction import transaction
from guerdon.store.wallets import lock_wallets
from tests.builders.ledgers import SHOP
from tests.builders.shop import PROGRAM
from tests.store.test_query_plans import MEMBER_IDS, fill


async def _lock(pool: asyncpg.Pool, by: str, rows: list[asyncpg.Record]) -> dict[MemberId, int]:
    names = [(PROGRAM, row["external_id"]) for row in rows]
    emails = [(PROGRAM, row["email"]) for row in rows]
    async with transaction(pool) as tx:
        found = await lock_wallets(
            tx,
            SHOP,
            member_ids=[row["id"] for row in rows] if by == "id" else [],
            external_ids=names if by == "external_id" else [],
            emails=emails if by == "email" else [],
        )
    return {each.wallet.member_id: each.wallet.points_held for each in found}


# With many members, whom the server finds by index: of a few it reads the whole table.
@pytest.mark.parametrize("by", ["id", "external_id", "email"])
async def test_a_wallet_changed_meanwhile_is_locked_as_it_is_then(
    pool: asyncpg.Pool, by: str
) -> None:
    await fill(pool)
    rows = await pool.fetch(
        "SELECT id, external_id, email FROM members WHERE id = ANY ($1::bigint[])", MEMBER_IDS[:5]
    )
    changed = rows[2]["id"]
    async with pool.acquire() as rival:
        await rival.execute("BEGIN")
        await rival.execute("UPDATE wallets SET points_held = 7 WHERE member_id = $1", changed)
        waiting = asyncio.create_task(_lock(pool, by, rows))
        while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await rival.execute("COMMIT")
        got = await waiting
    assert got == {row["id"]: 7 if row["id"] == changed else 0 for row in rows}
