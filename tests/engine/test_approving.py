"""Earnings with a delay are credited once their time has come, and not before."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from guerdon.domain.command import Decline, Earn, Earned, Enrol
from guerdon.domain.earning import Earning
from guerdon.engine.approving import approve_due
from guerdon.engine.portions import Portion
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.shop import PROGRAM, Shop, make_rule, make_shop, save_shop

_EARN = Earn(program_id=PROGRAM, member=ANA, rule_id=make_rule().id)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(pool: asyncpg.Pool, clock: Clock) -> Ledger:
    return Ledger(Runtime(pool=pool, now=clock))


@pytest.fixture
async def shop(pool: asyncpg.Pool, ledger: Ledger) -> Shop:
    saved = await save_shop(pool, make_shop(rules=(make_rule(approval_days=14),)))
    await enrol(ledger, saved)
    return saved


async def _earn(ledger: Ledger, shop: Shop) -> Earning:
    earned = await do(ledger, shop, _EARN)
    assert isinstance(earned, Earned)
    return earned.earning


async def _balance(pool: asyncpg.Pool) -> tuple[int, int]:
    row = await pool.fetchrow("SELECT points_available, points_pending FROM wallets")
    return row[0], row[1]


async def test_approves_nothing_before_its_time(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    await _earn(ledger, shop)
    clock.pass_(days=14, milliseconds=-1)
    assert await approve_due(ledger, shop.id, 10) == Portion(0, has_more=False)
    assert await _balance(pool) == (0, 50)


async def test_approves_at_the_very_moment(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    earning = await _earn(ledger, shop)
    assert earning.due_at == clock.at + timedelta(days=14)
    clock.pass_(days=14)
    assert await approve_due(ledger, shop.id, 10) == Portion(1, has_more=False)
    assert await _balance(pool) == (50, 0)
    row = await pool.fetchrow("SELECT status, given_at FROM earnings")
    assert tuple(row) == ("approved", clock.at)
    kinds = await pool.fetch("SELECT kind FROM events ORDER BY id")
    assert [kind for (kind,) in kinds] == ["member.enrolled", "points.pending", "points.earned"]


async def test_goes_by_portions_longest_due_first(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    earnings = []
    for _ in range(5):
        earnings.append(await _earn(ledger, shop))
        clock.pass_(hours=1)
    clock.pass_(days=14)
    assert await approve_due(ledger, shop.id, 2) == Portion(2, has_more=True)
    done = await pool.fetch("SELECT id FROM earnings WHERE status = 'approved' ORDER BY id")
    assert [each for (each,) in done] == [earning.id for earning in earnings[:2]]
    assert await approve_due(ledger, shop.id, 2) == Portion(2, has_more=True)
    assert await approve_due(ledger, shop.id, 2) == Portion(1, has_more=False)
    assert await approve_due(ledger, shop.id, 2) == Portion(0, has_more=False)
    assert await _balance(pool) == (250, 0)


async def test_leaves_a_declined_earning_declined(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    earning = await _earn(ledger, shop)
    await do(ledger, shop, Decline(earning_id=earning.id))
    clock.pass_(days=15)
    assert await approve_due(ledger, shop.id, 10) == Portion(0, has_more=False)
    assert await _balance(pool) == (0, 0)


async def test_two_workers_approve_once(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    for _ in range(20):
        await _earn(ledger, shop)
    clock.pass_(days=14)
    rival = Ledger(ledger.runtime)
    await asyncio.gather(approve_due(ledger, shop.id, 50), approve_due(rival, shop.id, 50))
    assert await _balance(pool) == (1000, 0)
    assert await pool.fetchval("SELECT count(*) FROM entries WHERE kind = 'earned'") == 20


async def test_touches_no_other_merchant(
    pool: asyncpg.Pool, ledger: Ledger, shop: Shop, clock: Clock
) -> None:
    other = await save_shop(pool, make_shop(2, rules=shop.rules))
    await do(ledger, other, Enrol(program_id=PROGRAM, external_id="7001"))
    await _earn(ledger, other)
    clock.pass_(days=14)
    assert await approve_due(ledger, shop.id, 10) == Portion(0, has_more=False)
    assert await approve_due(ledger, other.id, 10) == Portion(1, has_more=False)
