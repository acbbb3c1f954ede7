"""Rewards that are points, given back: what they credited comes off in the same act, or nothing
happens."""

import asyncio

import asyncpg
import pytest

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Adjust, Done, Outcome, Redeem, Refund, Refused
from guerdon.domain.errors import InsufficientPoints
from guerdon.domain.ids import PointTypeId
from guerdon.domain.redemption import Redemption
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due, void
from guerdon.engine.submitting import Ledger
from guerdon.store import offers
from guerdon.store.transaction import transaction
from tests.builders.ledgers import SHOP, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, save_shop

STARS = PointTypeId(20)
COST, WORTH = 100, 40


async def begin(ledger: Ledger, members: int = 1) -> None:
    reward = make_reward(
        1, points_cost=COST, fulfil_by="points", credit_points=WORTH, credit_point_type="stars"
    )
    shop = make_shop(rewards=(reward,), further_point_type_ids=(STARS,))
    await save_shop(ledger.runtime.pool, shop)
    async with transaction(ledger.runtime.pool) as tx:
        stars = PointType(id=STARS, slug="stars", name="Stars")
        await offers.put_point_type(tx, SHOP, stars, FOUNDED)
    await ledger.catalogues.refresh(SHOP)
    for number in range(members):
        await enrol(ledger, number, 500)


async def buy(ledger: Ledger, member: int = 0) -> Redemption:
    command = Redeem(program_id=PROGRAM, member=ref(member), reward_id=make_reward(1).id)
    made = redemption_of(await redeem(ledger, SHOP, command))
    assert made.status == "approved"
    return made


async def spend_stars(ledger: Ledger, points: int = WORTH, member: int = 0) -> Outcome:
    return await ledger.submit(
        SHOP,
        Adjust(program_id=PROGRAM, member=ref(member), points=-points, point_type_id=STARS),
    )


async def held(pool: asyncpg.Pool, member: int = 0) -> tuple[int, int]:
    """Give a member's points, and their stars."""
    rows = await pool.fetch(
        "SELECT points_available FROM wallets w JOIN members m ON m.id = w.member_id "
        "WHERE external_id = $1 ORDER BY w.is_default DESC",
        str(member),
    )
    return rows[0][0], rows[1][0]


async def test_what_was_credited_comes_off_with_the_refund(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger)
        pool: asyncpg.Pool = ledger.runtime.pool
        made = await buy(ledger)
        assert await held(pool) == (400, WORTH)
        refunded = redemption_of(await ledger.submit(SHOP, Refund(redemption_id=made.id)))
        assert refunded.status == "void"
        assert await held(pool) == (500, 0)
        # A worker that looks after it finds nothing more to take.
        await spend_stars(ledger, -7)
        await fulfil_due(ledger, SHOP, 10)
        assert await held(pool) == (500, 7)
        assert await drifts(pool) == []


async def test_what_is_spent_is_not_given_back_for(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger)
        pool: asyncpg.Pool = ledger.runtime.pool
        made = await buy(ledger)
        assert isinstance(await spend_stars(ledger, 1), Done)
        refused = await ledger.submit(SHOP, Refund(redemption_id=made.id))
        assert refused == Refused((InsufficientPoints(WORTH - 1, WORTH),))
        assert await held(pool) == (400, WORTH - 1)
        # Staff may all the same; what is left comes off.
        voided = redemption_of(await void(ledger, SHOP, made.id, "goodwill"))
        assert voided.status == "void"
        assert await held(pool) == (500, 0)
        assert await drifts(pool) == []


@pytest.mark.parametrize("members", [12])
async def test_of_refund_and_spending_one_wins(database_url: str, members: int) -> None:
    async with ledgers(database_url, 2) as (ledger, rival):
        await begin(ledger, members)
        pool: asyncpg.Pool = ledger.runtime.pool
        bought = [await buy(ledger, number) for number in range(members)]
        outcomes = await asyncio.gather(
            *(ledger.submit(SHOP, Refund(redemption_id=made.id)) for made in bought),
            *(spend_stars(rival, WORTH, number) for number in range(members)),
        )
        for number in range(members):
            refund, spending = outcomes[number], outcomes[members + number]
            assert isinstance(refund, Done) != isinstance(spending, Done)
            kept = (500, 0) if isinstance(refund, Done) else (400, 0)
            assert await held(pool, number) == kept
        assert await drifts(pool) == []
