"""What may be used in several orders: each order counts once, and the last uses it up."""

from datetime import timedelta

import pytest

from guerdon.domain.command import Done, MarkUsed, Redeem, Refund, Refused, Reopen
from guerdon.domain.errors import RedemptionStatusWrong
from guerdon.domain.redemption import Redemption
from guerdon.engine.expiring import auto_refund_due
from guerdon.engine.submitting import Ledger
from tests.builders.http import Clock
from tests.builders.ledgers import SHOP, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

HOUR = 3600


async def begin(ledger: Ledger) -> Redemption:
    reward = make_reward(1, uses_max=2, auto_refund_seconds=HOUR)
    await save_shop(ledger.runtime.pool, make_shop(rewards=(reward,)))
    await enrol(ledger, "anna", 500)
    redeem = Redeem(program_id=PROGRAM, member=ref("anna"), reward_id=reward.id)
    return redemption_of(await ledger.submit(SHOP, redeem))


async def use(ledger: Ledger, redemption: Redemption, order: str | None) -> Redemption:
    mark = MarkUsed(redemption_id=redemption.id, use_key=order)
    return redemption_of(await ledger.submit(SHOP, mark))


async def test_the_last_of_its_orders_uses_it_up(database_url: str) -> None:
    async with ledgers(database_url, 2) as (ledger, other):
        made = await begin(ledger)
        assert (made.uses, made.uses_max) == (0, 2)
        for each in (ledger, other, ledger):
            once = await use(each, made, "order 1")
            assert (once.status, once.uses) == ("approved", 1)
            assert once.used_at is not None
        twice = await use(other, made, "order 2")
        assert (twice.status, twice.uses) == ("used", 2)
        assert await use(ledger, made, "order 3") == twice
        assert await drifts(ledger.runtime.pool) == []


async def test_an_order_given_back_makes_room_for_another(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        made = await begin(ledger)
        await use(ledger, made, "order 1")
        await use(ledger, made, "order 2")
        reopen = Reopen(redemption_id=made.id, use_key="order 1")
        again = redemption_of(await ledger.submit(SHOP, reopen))
        assert (again.status, again.uses) == ("approved", 1)
        assert redemption_of(await ledger.submit(SHOP, reopen)) == again
        unknown = Reopen(redemption_id=made.id, use_key="order 9")
        assert redemption_of(await ledger.submit(SHOP, unknown)) == again
        last = await use(ledger, made, "order 3")
        assert (last.status, last.uses) == ("used", 2)
        assert await drifts(ledger.runtime.pool) == []


@pytest.mark.parametrize("order", [None, "order 1"])
async def test_what_was_used_does_not_go_back(database_url: str, order: str | None) -> None:
    clock = Clock()
    async with ledgers(database_url, 1, now=clock) as (ledger,):
        made = await begin(ledger)
        used = await use(ledger, made, order)
        assert used.status == ("used" if order is None else "approved")
        refused = await ledger.submit(SHOP, Refund(redemption_id=made.id))
        assert refused == Refused((RedemptionStatusWrong(made.id, "used"),))
        clock.advance(seconds=HOUR + 1)
        assert (await auto_refund_due(ledger, SHOP, 10)).done == 0
        again = await use(ledger, made, "order 2")
        assert again.status == "used"
        assert isinstance(await ledger.submit(SHOP, MarkUsed(redemption_id=made.id)), Done)
        assert clock() - made.created_at > timedelta(seconds=HOUR)
