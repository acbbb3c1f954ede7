"""Verify finds exactly what was tampered with, and nothing where nothing was."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest

from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed, Refund
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import MemberRef
from guerdon.domain.proof import Drift, Proof
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.history import BOB, make_history, start_history
from tests.builders.shop import PROGRAM, make_shop, save_shop


@dataclass(frozen=True, kw_only=True)
class Tampering:
    """A lie told to the database, and every drift it must show as."""

    name: str
    sql: str
    drifts: set[tuple[str, str]]


def faults(proof: Proof) -> set[tuple[str, str]]:
    return {(drift.subject, drift.fault) for drift in proof.drifts}


# Rows that several lies are about, by a short name.
_ROWS = {
    "@richest": "(SELECT id FROM wallets ORDER BY points_available DESC LIMIT 1)",
    "@open_lot": "(SELECT max(id) FROM lots WHERE is_open)",
    "@spend": "(SELECT max(id) FROM entries WHERE kind = 'redeemed')",
    "@last": "(SELECT max(id) FROM entries WHERE kind = 'adjusted' AND points > 0)",
}


def lie(name: str, sql: str, *drifts: tuple[str, str]) -> Tampering:
    return Tampering(name=name, sql=named(sql), drifts=set(drifts))


def named(sql: str) -> str:
    for name, row in _ROWS.items():
        sql = sql.replace(name, row)
    return sql


LIES = [
    lie(
        "a wallet is richer than its entries",
        "UPDATE wallets SET points_available = points_available + 1 WHERE id = @richest",
        ("wallet", "points_available"),
        ("wallet", "points_in_lots"),
    ),
    lie(
        "lifetime points from nowhere",
        "UPDATE wallets SET points_lifetime = points_lifetime + 7 WHERE id = @richest",
        ("wallet", "points_lifetime"),
    ),
    lie(
        "more redeemed than spent",
        "UPDATE wallets SET points_redeemed = points_redeemed + 7 WHERE id = @richest",
        ("wallet", "points_redeemed"),
    ),
    lie(
        "points held for nothing",
        "UPDATE wallets SET points_held = points_held + 7 WHERE id = @richest",
        ("wallet", "points_held"),
    ),
    lie(
        "points awaited from nothing",
        "UPDATE wallets SET points_pending = points_pending + 7 WHERE id = @richest",
        ("wallet", "points_pending"),
        ("wallet", "points_awaited"),
    ),
    lie(
        "points that nobody waits for any more",
        "UPDATE entries SET pending_points = pending_points + 7 WHERE kind = 'declined'",
        ("wallet", "points_pending"),
        ("earning", "points_awaited"),
    ),
    lie(
        "an approval that left its points waiting",
        "UPDATE entries SET pending_points = 0 WHERE pending_points < 0 AND kind = 'earned'",
        ("wallet", "points_pending"),
        ("earning", "points_awaited"),
    ),
    lie(
        "a redemption of points that wait",
        "UPDATE entries SET pending_points = -7 WHERE id = @spend",
        ("wallet", "points_pending"),
        ("entry", "pending_of_kind"),
    ),
    lie(
        "a member without a wallet of their own",
        "UPDATE wallets SET is_default = FALSE WHERE id = @richest",
        ("member", "default_wallets"),
    ),
    lie(
        "a wallet of points that there are none of",
        "UPDATE wallets SET point_type_id = 999 WHERE id = @richest",
        ("wallet", "point_type_exists"),
    ),
    lie(
        "a wallet in another program than its member",
        "UPDATE wallets SET program_id = 999 WHERE id = @richest",
        ("wallet", "program_of_member"),
    ),
    lie(
        "a lot holds more than its draws left",
        "UPDATE lots SET points_remaining = points_remaining - 1 WHERE id = @open_lot",
        ("lot", "points_remaining"),
        ("wallet", "points_in_lots"),
    ),
    lie(
        "a lot began with more than was put in",
        "UPDATE lots SET points = points + 5 WHERE id = @open_lot",
        ("lot", "points"),
        ("earning", "lot"),
    ),
    lie(
        "an entry moved fewer points than its draws",
        "UPDATE entries SET points = points - 5, points_after = points_after - 5 WHERE id = @last",
        ("entry", "points_drawn"),
        ("wallet", "points_available"),
        ("earning", "points"),
    ),
    lie(
        "a balance after an entry is made up",
        "UPDATE entries SET points_after = points_after + 5 WHERE id = @last",
        ("entry", "points_after"),
    ),
    lie(
        "an entry of the wrong sign",
        "UPDATE entries SET kind = 'expired' WHERE id = @last",
        ("entry", "sign_of_kind"),
        ("entry", "expired_when_due"),
    ),
    lie(
        "an entry is gone",
        "DELETE FROM entries WHERE id = @last",
        ("wallet", "points_available"),
        ("wallet", "points_lifetime"),
        ("lot", "points"),
        ("lot", "points_remaining"),
        ("earning", "entries"),
        ("earning", "lot"),
    ),
    lie(
        "a draw on a lot that is not there",
        "UPDATE entries SET lot_ids = ARRAY[9999] WHERE id = @last",
        ("entry", "lot_exists"),
        ("lot", "points"),
        ("lot", "points_remaining"),
        ("earning", "lot"),
    ),
    lie(
        "a draw on a lot that had expired",
        "UPDATE lots SET expires_at = effective_at WHERE id = (SELECT min(lot_ids[1]) FROM entries"
        " WHERE kind = 'redeemed')",
        ("entry", "drawn_before_expiry"),
    ),
    lie(
        "an entry in a wallet that is not there",
        "UPDATE entries SET wallet_id = 9999 WHERE id = (SELECT min(id) FROM entries"
        " WHERE kind = 'expired')",
        ("entry", "wallet_exists"),
        ("entry", "lot_of_wallet"),
        ("entry", "points_after"),
        ("wallet", "points_available"),
    ),
    lie(
        "a spend for a redemption that is not there",
        "UPDATE entries SET redemption_id = 9999 WHERE id = @spend",
        ("entry", "redemption_exists"),
        ("redemption", "entry"),
        ("redemption", "redeemed_entries"),
    ),
    lie(
        "points earned by nothing",
        "UPDATE entries SET earning_id = 9999 WHERE id = (SELECT min(id) FROM entries"
        " WHERE kind = 'earned')",
        ("entry", "earning_exists"),
        ("earning", "entries"),
        ("earning", "lot"),
    ),
    lie(
        "a redemption that cost more than was paid",
        "UPDATE redemptions SET points_cost = 101 WHERE entry_id = @spend",
        ("redemption", "entry"),
    ),
    lie(
        "a redemption that drew on another lot",
        "UPDATE redemptions SET lot_ids = ARRAY[1] WHERE entry_id = @spend",
        ("redemption", "draws"),
    ),
    lie(
        "a refund that no entry gave",
        "UPDATE redemptions SET points_refunded = 10 WHERE status = 'used'",
        ("redemption", "points_refunded"),
    ),
    lie(
        "a void redemption called approved",
        "UPDATE redemptions SET status = 'approved' WHERE status = 'void'",
        ("redemption", "status"),
        ("reward", "redemptions_live"),
    ),
    lie(
        "a declined redemption called void",
        "UPDATE redemptions SET status = 'void' WHERE status = 'declined'",
        ("redemption", "released_entries"),
    ),
    lie(
        "points given back twice",
        "INSERT INTO entries (merchant_id, id, wallet_id, kind, points, points_after,"
        " lifetime_points, lot_ids, lot_points, redemption_id, created_at)"
        " SELECT 1, 9900, e.wallet_id, e.kind, e.points, 100000, 0, e.lot_ids, e.lot_points,"
        " e.redemption_id, e.created_at FROM entries e WHERE e.kind = 'released'",
        ("redemption", "points_refunded"),
        ("redemption", "released_entries"),
        ("wallet", "points_available"),
        ("wallet", "points_redeemed"),
        ("entry", "points_after"),
        ("lot", "points"),
        ("lot", "points_remaining"),
        ("lot", "points_above_first"),
    ),
    lie(
        "a redemption in somebody else's name",
        "UPDATE redemptions SET member_id = member_id + 1 WHERE status = 'used'",
        ("redemption", "member_of_wallet"),
    ),
    lie(
        "a redemption of another reward's version",
        "UPDATE redemptions SET reward_version_id = 2001 WHERE status = 'used'",
        ("redemption", "reward_of_version"),
    ),
    lie(
        "a counter that forgot a redemption",
        "UPDATE reward_counters SET redemptions_live = redemptions_live + 1 WHERE reward_id = 1001",
        ("reward", "redemptions_live"),
    ),
    lie(
        "a counter that forgot units",
        "UPDATE reward_counters SET units_live = units_live + 1 WHERE reward_id = 1001",
        ("reward", "units_live"),
    ),
    lie(
        "a reward without a counter",
        "DELETE FROM reward_counters WHERE reward_id = 1004",
        ("reward", "redemptions_live"),
        ("reward", "units_live"),
    ),
    lie(
        "a code taken by a redemption that carries another",
        "UPDATE redemptions SET code = 'MADE-UP' WHERE code = 'POOL-A'",
        ("pool_code", "code_carried"),
        ("redemption", "code_from_pool"),
    ),
    lie(
        "a code of another reward's pool",
        "UPDATE pool_codes SET reward_id = 1001 WHERE redemption_id IS NOT NULL",
        ("pool_code", "reward_of_code"),
    ),
    lie(
        "one code for two",
        "ALTER TABLE redemptions DROP CONSTRAINT redemptions_code_unique;"
        " UPDATE redemptions SET code = 'TWICE' WHERE reward_id = 1001",
        ("redemption", "code_unique"),
    ),
    lie(
        "an earning approved without an entry",
        "UPDATE earnings SET status = 'approved' WHERE status = 'rejected'",
        ("earning", "entries"),
        ("earning", "lot"),
    ),
    lie(
        "an earning of more than was credited",
        "UPDATE earnings SET points = points + 1 WHERE id = (SELECT min(earning_id) FROM entries)",
        ("earning", "points"),
        ("earning", "lot"),
    ),
    lie(
        "an earning of which something was taken back without an entry",
        "UPDATE earnings SET points_reversed = 1 WHERE id = (SELECT min(earning_id) FROM entries)",
        ("earning", "points_reversed"),
    ),
    lie(
        "an earning for somebody else's wallet",
        "UPDATE earnings SET member_id = 9999 WHERE id = (SELECT min(earning_id) FROM entries)",
        ("earning", "member_of_wallet"),
    ),
    lie(
        "a member of a program that is not there",
        "UPDATE members SET program_id = 9999 WHERE external_id = 'bob'",
        ("member", "program_exists"),
        ("wallet", "program_of_member"),
    ),
    lie(
        "a wallet of nobody",
        "INSERT INTO wallets (merchant_id, id, member_id, program_id, point_type_id, is_default,"
        " is_frozen, tier_id, points_available, points_held, points_pending, points_lifetime,"
        " points_redeemed, created_at, updated_at) SELECT 1, 5, 9999, program_id, point_type_id,"
        " is_default, is_frozen, tier_id, 0, 0, 0, 0, 0, created_at, updated_at FROM wallets"
        " WHERE id = @richest",
        ("wallet", "member_exists"),
    ),
    lie(
        "a lot in a wallet that is not there",
        "UPDATE lots SET wallet_id = 9999 WHERE id = (SELECT min(id) FROM lots WHERE NOT is_open)",
        ("lot", "wallet_exists"),
        ("entry", "lot_of_wallet"),
        ("earning", "lot"),
    ),
    lie(
        "an event about nobody",
        "UPDATE events SET member_id = 9999 WHERE id = (SELECT min(id) FROM events)",
        ("event", "member_exists"),
    ),
    lie(
        "an event about no redemption",
        "UPDATE events SET redemption_id = 9999 WHERE id = (SELECT max(id) FROM events)",
        ("event", "redemption_exists"),
    ),
    lie(
        "an event about no earning",
        "UPDATE events SET earning_id = 9999 WHERE id = (SELECT max(id) FROM events)",
        ("event", "earning_exists"),
    ),
    lie(
        "an id that will be given out again",
        "UPDATE sequences SET next_id = (SELECT max(id) FROM entries) WHERE merchant_id = 1",
        ("sequence", "entries"),
        ("sequence", "events"),
    ),
]


async def test_a_history_of_every_command_is_clean(pool: asyncpg.Pool) -> None:
    await make_history(pool)
    proof = await verify(pool)
    assert proof.drifts == []
    assert proof.merchants == 1
    assert (proof.tally.members, proof.tally.wallets) == (2, 2)
    kinds = {row["kind"] for row in await pool.fetch("SELECT DISTINCT kind FROM entries")}
    assert kinds == {
        "pending",
        "declined",
        "earned",
        "redeemed",
        "released",
        "refunded",
        "expired",
        "adjusted",
        "transferred",
    }
    statuses = {
        row["status"] for row in await pool.fetch("SELECT DISTINCT status FROM redemptions")
    }
    assert statuses == {"pending", "approved", "declined", "used", "expired", "void"}


@pytest.mark.parametrize("tampering", LIES, ids=lambda each: each.name)
async def test_a_lie_is_found_where_it_was_told(pool: asyncpg.Pool, tampering: Tampering) -> None:
    await make_history(pool)
    async with pool.acquire() as connection, connection.transaction():
        # So that a foreign key does not keep the lie out; a CHECK always does.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(tampering.sql)
    await start_history(pool, merchant_id=2)  # whose ids are the same
    proof = await verify(pool)
    assert faults(proof) == tampering.drifts
    assert {drift.merchant_id for drift in proof.drifts} == {1}
    assert not proof.is_clean
    assert (await verify(pool, merchant_id=MerchantId(2))).is_clean


async def test_a_drift_says_where_it_is(pool: asyncpg.Pool) -> None:
    await make_history(pool)
    entry = await pool.fetchrow(
        named(
            "UPDATE entries SET points_after = points_after + 5"
            " WHERE id = @last RETURNING id, wallet_id, points_after"
        )
    )
    (drift,) = (await verify(pool)).drifts
    assert drift == Drift(
        merchant_id=MerchantId(1),
        subject="entry",
        id=entry["id"],
        wallet_id=entry["wallet_id"],
        fault="points_after",
        expected=str(entry["points_after"] - 5),
        found=str(entry["points_after"]),
    )


async def test_only_the_first_drifts_are_listed(pool: asyncpg.Pool) -> None:
    await make_history(pool)
    await pool.execute("UPDATE wallets SET points_held = points_held + 1")
    proof = await verify(pool, drifts_max=1)
    assert [drift.fault for drift in proof.drifts] == ["points_held"]
    assert proof.is_cut
    assert not (await verify(pool, drifts_max=3)).is_cut


async def test_since_looks_only_at_what_was_touched(pool: asyncpg.Pool) -> None:
    history = await make_history(pool)
    await pool.execute("UPDATE wallets SET points_held = points_held + 1")
    history.clock.turn(days=1)
    then = history.clock.now
    assert (await verify(pool, since=then)).is_clean
    await history.adjust(5, BOB)
    proof = await verify(pool, since=then)
    assert faults(proof) == {("wallet", "points_held")}
    assert proof.tally.wallets == 1
    bob = await pool.fetchval("SELECT id FROM members WHERE external_id = 'bob'")
    owner = await pool.fetchval(
        "SELECT member_id FROM wallets WHERE id = $1", proof.drifts[0].wallet_id
    )
    assert owner == bob


async def test_since_sees_a_redemption_whose_wallet_did_not_change(pool: asyncpg.Pool) -> None:
    history = await make_history(pool)
    history.clock.turn(days=1)
    then = history.clock.now
    await pool.execute(
        "UPDATE redemptions SET updated_at = $1, points_refunded = 10 WHERE status = 'used'", then
    )
    assert faults(await verify(pool, since=then)) == {("redemption", "points_refunded")}


async def test_a_ledger_under_load_is_clean(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool))
    names = [f"m{number}" for number in range(20)]
    for name in names:
        await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id=name))
    proofs: list[Proof] = []
    is_over = asyncio.Event()

    async def shop_on(name: str) -> None:
        ref = MemberRef(external_id=name)
        while not is_over.is_set():
            await ledger.submit(shop.id, Adjust(program_id=PROGRAM, member=ref, points=150))
            redeem = Redeem(program_id=PROGRAM, member=ref, reward_id=shop.rewards[0].id)
            outcome = await ledger.submit(shop.id, redeem)
            assert isinstance(outcome, Done)
            assert isinstance(outcome.result, Redeemed)
            await ledger.submit(shop.id, Refund(redemption_id=outcome.result.redemption.id))

    async def prove() -> None:
        for _ in range(8):
            proofs.append(await verify(pool))
            await asyncio.sleep(0.05)
        is_over.set()

    await asyncio.gather(prove(), *(shop_on(name) for name in names))
    assert [proof.drifts for proof in proofs] == [[]] * 8
    assert proofs[-1].tally.entries > proofs[0].tally.entries
    assert (await verify(pool)).is_clean
