"""What has a term ends when its term is over, a portion at a time."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from guerdon.domain.command import Adjust, Earn, MarkUsed, Redeem, Redeemed
from guerdon.domain.redemption import Redemption
from guerdon.engine.expiring import (
    KEYS_KEPT,
    auto_refund_due,
    expire_inactive_due,
    expire_lots_due,
    expire_redemptions_due,
    purge_keys,
)
from guerdon.engine.portions import Portion
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.shop import PROGRAM, Shop, make_reward, make_rule, make_shop, save_shop

_NOTHING = Portion(0, has_more=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(pool: asyncpg.Pool, clock: Clock) -> Ledger:
    return Ledger(Runtime(pool=pool, now=clock))


async def _shop(pool: asyncpg.Pool, ledger: Ledger, points: int = 1000, **reward: object) -> Shop:
    rewards = (make_reward(1, **reward),)
    shop = await save_shop(pool, make_shop(rewards=rewards, points_expiry_days=30))
    await enrol(ledger, shop, points=points)
    return shop


async def _redeem(ledger: Ledger, shop: Shop) -> Redemption:
    command = Redeem(program_id=PROGRAM, member=ANA, reward_id=shop.rewards[0].id)
    result = await do(ledger, shop, command)
    assert isinstance(result, Redeemed)
    return result.redemption


async def _statuses(pool: asyncpg.Pool) -> list[str]:
    return [row[0] for row in await pool.fetch("SELECT status FROM redemptions ORDER BY id")]


async def test_lots_expire_at_the_very_moment(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, points=70)
    clock.pass_(days=30, milliseconds=-1)
    assert await expire_lots_due(ledger, shop.id, 10) == _NOTHING
    clock.pass_(milliseconds=1)
    assert await expire_lots_due(ledger, shop.id, 10) == Portion(1, has_more=True)
    assert await expire_lots_due(ledger, shop.id, 10) == _NOTHING
    assert await pool.fetchval("SELECT points_available FROM wallets") == 0
    entry = await pool.fetchrow("SELECT kind, points, points_after FROM entries ORDER BY id DESC")
    assert tuple(entry) == ("expired", -70, 0)


async def test_lots_expire_by_portions(pool: asyncpg.Pool, ledger: Ledger, clock: Clock) -> None:
    shop = await _shop(pool, ledger, points=1)
    for number in range(7002, 7007):
        clock.pass_(minutes=1)
        await enrol(ledger, shop, str(number), points=1)
    clock.pass_(days=31)
    left = []
    while (await expire_lots_due(ledger, shop.id, 2)).has_more:
        left.append(await pool.fetchval("SELECT count(*) FROM lots WHERE is_open"))
    assert left == [4, 2, 0]


async def test_all_of_a_members_lots_go_at_once(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, points=10)
    for _ in range(4):
        await do(ledger, shop, Adjust(program_id=PROGRAM, member=ANA, points=10))
    clock.pass_(days=30)
    assert await expire_lots_due(ledger, shop.id, 2) == Portion(1, has_more=True)
    assert await pool.fetchval("SELECT count(*) FROM lots WHERE is_open") == 0
    assert await pool.fetchval("SELECT count(*) FROM entries WHERE kind = 'expired'") == 1


async def test_redemptions_expire_and_their_points_stay_spent(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, expiry_days=14)
    redemption = await _redeem(ledger, shop)
    assert redemption.expires_at == clock.at + timedelta(days=14)
    clock.pass_(days=14, milliseconds=-1)
    assert await expire_redemptions_due(ledger, shop.id, 10) == _NOTHING
    clock.pass_(milliseconds=1)
    assert await expire_redemptions_due(ledger, shop.id, 10) == Portion(1, has_more=False)
    assert await _statuses(pool) == ["expired"]
    assert await pool.fetchval("SELECT points_available FROM wallets") == 900


async def test_redemptions_expire_by_portions_in_order(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, expiry_days=14)
    for _ in range(3):
        await _redeem(ledger, shop)
        clock.pass_(minutes=1)
    clock.pass_(days=14)
    assert await expire_redemptions_due(ledger, shop.id, 2) == Portion(2, has_more=True)
    assert await _statuses(pool) == ["expired", "expired", "approved"]
    assert await expire_redemptions_due(ledger, shop.id, 2) == Portion(1, has_more=False)


async def test_a_used_redemption_never_expires(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, expiry_days=14)
    await do(ledger, shop, MarkUsed(redemption_id=(await _redeem(ledger, shop)).id))
    clock.pass_(days=20)
    assert await expire_redemptions_due(ledger, shop.id, 10) == _NOTHING
    assert await _statuses(pool) == ["used"]


async def test_an_unused_redemption_goes_back_by_itself(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger, auto_refund_seconds=3600)
    await _redeem(ledger, shop)
    used = await _redeem(ledger, shop)
    await do(ledger, shop, MarkUsed(redemption_id=used.id))
    clock.pass_(seconds=3600, milliseconds=-1)
    assert await auto_refund_due(ledger, shop.id, 10) == _NOTHING
    clock.pass_(milliseconds=1)
    assert await auto_refund_due(ledger, shop.id, 10) == Portion(1, has_more=False)
    assert await _statuses(pool) == ["void", "used"]
    assert await pool.fetchval("SELECT points_available FROM wallets") == 900


async def test_two_workers_refund_once(pool: asyncpg.Pool, ledger: Ledger, clock: Clock) -> None:
    shop = await _shop(pool, ledger, auto_refund_seconds=60)
    for _ in range(10):
        await _redeem(ledger, shop)
    clock.pass_(seconds=60)
    rival = Ledger(ledger.runtime)
    await asyncio.gather(auto_refund_due(ledger, shop.id, 50), auto_refund_due(rival, shop.id, 50))
    assert await pool.fetchval("SELECT points_available FROM wallets") == 1000
    assert await pool.fetchval("SELECT count(*) FROM entries WHERE kind = 'refunded'") == 10


async def test_keys_are_kept_a_day_and_then_purged(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    shop = await _shop(pool, ledger)
    for number in range(5):
        command = Adjust(program_id=PROGRAM, member=ANA, points=1)
        await ledger.submit(shop.id, command, key=f"key-{number}", fingerprint=b"f")
    clock.pass_(hours=24)
    assert await purge_keys(ledger, shop.id, 10) == _NOTHING
    clock.at += KEYS_KEPT
    assert await purge_keys(ledger, shop.id, 2) == Portion(2, has_more=True)
    assert await purge_keys(ledger, shop.id, 3) == Portion(3, has_more=True)
    assert await purge_keys(ledger, shop.id, 3) == _NOTHING
    assert await pool.fetchval("SELECT count(*) FROM idempotency_records") == 0


async def test_the_inactive_lose_their_points_by_portions(
    pool: asyncpg.Pool, ledger: Ledger, clock: Clock
) -> None:
    rule = make_rule(1, trigger="order_paid")
    made = make_shop(rules=(rule,), inactive_days_max=90, inactivity_counts_from=clock.at)
    shop = await save_shop(pool, made)
    members = [await enrol(ledger, shop, f"m{number}", points=10) for number in range(5)]
    clock.pass_(days=1)
    order = Earn(program_id=PROGRAM, member=members[0], rule_id=rule.id, order_id="1")
    await do(ledger, shop, order)
    clock.pass_(days=89, milliseconds=-1)
    assert await expire_inactive_due(ledger, shop.id, 3) == _NOTHING
    clock.pass_(milliseconds=1)
    assert await expire_inactive_due(ledger, shop.id, 3) == Portion(3, has_more=True)
    assert await expire_inactive_due(ledger, shop.id, 3) == Portion(1, has_more=True)
    assert await expire_inactive_due(ledger, shop.id, 3) == _NOTHING
    kept = await pool.fetch("SELECT points_available FROM wallets ORDER BY member_id")
    assert [row[0] for row in kept] == [60, 0, 0, 0, 0]
    notes = await pool.fetch("SELECT note FROM entries WHERE kind = 'expired'")
    assert [row["note"] for row in notes] == ["inactivity"] * 4
    assert (await verify(pool)).drifts == []
    await pool.execute("UPDATE entries SET note = 'age' WHERE kind = 'expired'")
    assert {drift.fault for drift in (await verify(pool)).drifts} == {"expired_when_due"}
