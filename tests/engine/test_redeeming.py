"""Points buy a reward, exactly once, on real PostgreSQL."""

import asyncio

import asyncpg

from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed, Refund, Refused
from guerdon.domain.errors import InsufficientPoints
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.shop import PROGRAM, make_shop, save_shop


async def test_points_buy_a_reward(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool))
    await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id="7001", email="a@x.example"))
    ref = MemberRef(external_id="7001")
    await ledger.submit(shop.id, Adjust(program_id=PROGRAM, member=ref, points=250))
    redeem = Redeem(program_id=PROGRAM, member=ref, reward_id=shop.rewards[0].id)
    outcomes = await asyncio.gather(*(ledger.submit(shop.id, redeem) for _ in range(5)))
    done = [each for each in outcomes if isinstance(each, Done)]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert len(done) == 2
    assert {each.refusals for each in refused} == {(InsufficientPoints(50, 100),)}
    first = done[0].result
    assert isinstance(first, Redeemed)
    back = await ledger.submit(shop.id, Refund(redemption_id=first.redemption.id))
    assert isinstance(back, Done)
    assert isinstance(back.result, Redeemed)
    assert back.result.points_after == 150
    assert back.result.redemption.status == "void"
