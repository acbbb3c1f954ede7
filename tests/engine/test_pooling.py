"""Codes of a pool: each given once, and none that was given before."""

import asyncpg

from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed
from guerdon.domain.ids import RewardId
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import offers
from guerdon.store.transaction import transaction
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, save_shop

ANNA = MemberRef(external_id="anna")


async def test_a_code_redeemed_before_is_not_taken_into_a_pool(pool: asyncpg.Pool) -> None:
    coded, pooled = make_reward(1), make_reward(2, fulfil_by="pool")
    shop = await save_shop(pool, make_shop(rewards=(coded, pooled)))
    ledger = Ledger(Runtime(pool=pool))
    await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id="anna"))
    await ledger.submit(shop.id, Adjust(program_id=PROGRAM, member=ANNA, points=300))

    async def redeem(reward_id: int) -> str | None:
        command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(reward_id))
        outcome = await ledger.submit(shop.id, command)
        assert isinstance(outcome, Done)
        assert isinstance(outcome.result, Redeemed)
        return outcome.result.redemption.code

    given = await redeem(coded.id)
    assert given is not None
    async with transaction(pool) as tx:
        codes = [(5001, given), (5002, "FRESH-1"), (5003, "FRESH-2")]
        assert await offers.insert_pool_codes(tx, shop.id, pooled.id, codes, FOUNDED) == 2
    assert [await redeem(pooled.id), await redeem(pooled.id)] == ["FRESH-1", "FRESH-2"]
