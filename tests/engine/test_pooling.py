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


async def test_a_ledger_that_went_past_taken_codes_finds_those_that_come_later(
    pool: asyncpg.Pool,
) -> None:
    pooled, other = make_reward(1, fulfil_by="pool"), make_reward(2, fulfil_by="pool")
    shop = await save_shop(pool, make_shop(rewards=(pooled, other)))
    mine, rival = Ledger(Runtime(pool=pool)), Ledger(Runtime(pool=pool))
    await mine.submit(shop.id, Enrol(program_id=PROGRAM, external_id="anna"))
    await mine.submit(shop.id, Adjust(program_id=PROGRAM, member=ANNA, points=2000))

    async def upload(reward_id: int, *numbers: int) -> None:
        async with transaction(pool) as tx:
            codes = [(5000 + number, f"CODE-{number:02}") for number in numbers]
            await offers.insert_pool_codes(tx, shop.id, RewardId(reward_id), codes, FOUNDED)

    async def redeem(ledger: Ledger, reward_id: int) -> str | None:
        command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(reward_id))
        outcome = await ledger.submit(shop.id, command)
        if not isinstance(outcome, Done):
            return None
        assert isinstance(outcome.result, Redeemed)
        return outcome.result.redemption.code

    await upload(pooled.id, 1, 2, 3)
    await upload(other.id, 4)
    given = [await redeem(each, pooled.id) for each in (mine, rival, mine)]
    assert given == ["CODE-01", "CODE-02", "CODE-03"]
    assert await redeem(mine, pooled.id) is None
    await upload(pooled.id, 5, 6)
    assert [await redeem(each, pooled.id) for each in (rival, mine)] == ["CODE-05", "CODE-06"]
    assert await redeem(mine, other.id) == "CODE-04"
