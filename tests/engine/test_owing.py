"""Balances below zero, where a program lets them be: on the real store, and as they are shown."""

import asyncpg

from guerdon.domain.command import ClawBack, Done, Earn, Earned, Redeem
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.submitting import Ledger
from guerdon.store.member_views import list_member_views
from guerdon.store.shoppers import list_debts
from guerdon.store.snapshot import snapshot
from tests.builders.ledgers import SHOP, drifts, enrol, redemption_of, ref
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, save_shop

_SHOWN = "SELECT coalesce(sum(points - owed_points), 0)::bigint FROM entries WHERE merchant_id = $1"


async def _shown(pool: asyncpg.Pool) -> int:
    async with snapshot(pool) as view:
        ids = [row[0] for row in await view.fetch("SELECT id FROM members")]
        (member,) = await list_member_views(view, SHOP, ids, utc_now())
    assert await pool.fetchval(_SHOWN, SHOP) == member.points_available
    return member.points_available


async def test_a_member_owes_and_pays_off(pool: asyncpg.Pool) -> None:
    shop = make_shop(rewards=(make_reward(),), rules=(make_rule(),), negative_balance="allow")
    await save_shop(pool, shop)
    ledger = Ledger(Runtime(pool=pool))
    await enrol(ledger, "anna")
    earn = Earn(program_id=PROGRAM, member=ref("anna"), rule_id=shop.rules[0].id, base_points=120)
    outcome = await ledger.submit(SHOP, earn)
    assert isinstance(outcome, Done)
    assert isinstance(outcome.result, Earned)
    redeem = Redeem(program_id=PROGRAM, member=ref("anna"), reward_id=shop.rewards[0].id)
    redemption_of(await ledger.submit(SHOP, redeem))
    await ledger.submit(SHOP, ClawBack(earning_id=outcome.result.earning.id, points=120))
    assert await _shown(pool) == -100
    async with snapshot(pool) as view:
        assert await list_debts(view, SHOP, 10) == []
    assert not isinstance(await ledger.submit(SHOP, redeem), Done)
    assert await _shown(pool) == -100
    await ledger.submit(SHOP, earn)
    assert await _shown(pool) == 20
    assert await pool.fetchval("SELECT count(*) FROM entries WHERE kind = 'repaid'") == 1
    assert await drifts(pool) == []
