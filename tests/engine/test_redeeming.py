"""Points buy a reward, exactly once, on real PostgreSQL."""

import asyncio
from typing import Any

import asyncpg
import pytest

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed, Refund, Refused
from guerdon.domain.errors import InsufficientPoints, MemberLimitReached, OutOfStock, Refusal
from guerdon.domain.member import MemberRef
from guerdon.engine.redeeming import redeem as redeem_reward
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.member import ANA, Clock, enrol
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop


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


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({}, InsufficientPoints(0, 100)),
        ({"stock": 1}, OutOfStock(0)),
        (
            {"limit_per_member": MemberLimit(count=1, interval="ever")},
            MemberLimitReached(MemberLimit(count=1, interval="ever")),
        ),
    ],
)
async def test_what_goes_back_by_itself_is_there_to_be_taken_at_the_very_moment(
    pool: asyncpg.Pool, facts: dict[str, Any], refusal: Refusal
) -> None:
    clock = Clock()
    rewards = (make_reward(1, auto_refund_seconds=60, **facts),)
    shop = await save_shop(pool, make_shop(rewards=rewards))
    ledger = Ledger(Runtime(pool=pool, now=clock))
    await enrol(ledger, shop, points=100 if not facts else 1000)
    command = Redeem(program_id=PROGRAM, member=ANA, reward_id=shop.rewards[0].id)
    assert isinstance(await redeem_reward(ledger, shop.id, command), Done)
    clock.pass_(seconds=60, milliseconds=-1)
    assert await redeem_reward(ledger, shop.id, command, key="again") == Refused((refusal,))
    clock.pass_(milliseconds=1)
    assert isinstance(await redeem_reward(ledger, shop.id, command, key="again"), Done)
    statuses = await pool.fetch("SELECT status FROM redemptions ORDER BY id")
    assert [row["status"] for row in statuses] == ["void", "approved"]
    assert (await verify(pool)).drifts == []
