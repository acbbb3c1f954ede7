"""Point types on the real store: spending limits under races, points that slide out, delays."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
from msgspec.structs import replace

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Adjust, Done, Earn, Earned, Leave, Redeem, Refund, Refused
from guerdon.domain.errors import SpendLimitReached
from guerdon.domain.ids import RewardId, RuleId
from guerdon.domain.point_terms import Delay, Expiry, SpendLimits
from guerdon.domain.terms import Period
from guerdon.engine.approving import approve_due
from guerdon.engine.equipping import equip_members
from guerdon.engine.expiring import expire_inactive_due, expire_lots_due
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.ledgers import SHOP, drifts, enrol, ledgers, redemption_of, ref
from tests.builders.member import Clock
from tests.builders.shop import (
    PROGRAM,
    make_point_type,
    make_reward,
    make_rule,
    make_shop,
    save_shop,
)

GEMS = make_point_type(1)
NEVER = Expiry(kind="never")
SLIDING = Expiry(kind="sliding", period=Period(1, "month"), resets_on=("earning", "spending"))


def give(points: int, name: str = "anna") -> Adjust:
    return Adjust(program_id=PROGRAM, member=ref(name), points=points, point_type_id=GEMS.id)


def take(name: str = "anna") -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref(name), reward_id=RewardId(1001))


def earn(name: str = "anna") -> Earn:
    return Earn(program_id=PROGRAM, member=ref(name), rule_id=RuleId(4001))


async def open_shop(pool: asyncpg.Pool, gems: PointType, *names: str, now: Clock) -> Ledger:
    reward = make_reward(points_cost=40, point_type_id=gems.id)
    rule = make_rule(points=100, point_type_id=gems.id)
    await save_shop(pool, make_shop(rewards=(reward,), rules=(rule,), point_types=(gems,)))
    ledger = Ledger(Runtime(pool=pool, now=now))
    for name in names or ("anna",):
        await enrol(ledger, name)
    return ledger


async def gems_of(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch(
        "SELECT points_available FROM wallets WHERE point_type_id = $1 ORDER BY member_id", GEMS.id
    )
    return [row[0] for row in rows]


async def test_many_writers_spend_no_more_than_the_wallet_may(
    pool: asyncpg.Pool, database_url: str
) -> None:
    limits = SpendLimits(points_max=200, interval="day", interval_points_max=120)
    clock = Clock()
    first = await open_shop(pool, replace(GEMS, spend_limits=limits), now=clock)
    await first.submit(SHOP, give(5000))
    refusals: set[object] = set()
    rows: list[asyncpg.Record] = []
    async with ledgers(database_url, 3, now=clock) as made:
        for done_by_then in (3, 5, 5):
            outcomes = await asyncio.gather(
                *(ledger.submit(SHOP, take()) for ledger in made for _ in range(5))
            )
            refusals = {each.refusals for each in outcomes if isinstance(each, Refused)}
            rows = await pool.fetch("SELECT id FROM redemptions WHERE status = 'approved'")
            assert len(rows) == done_by_then
            clock.pass_(days=1)
    assert refusals == {(SpendLimitReached("wallet_ever", 0, 40),)}
    # What is given back makes room, under locks and without.
    await first.submit(SHOP, Refund(redemption_id=rows[0]["id"]))
    assert redemption_of(await first.submit(SHOP, take())).points_cost == 40
    assert isinstance(await first.submit(SHOP, take()), Refused)
    assert await drifts(pool) == []


async def test_the_worker_ends_points_of_wallets_for_which_nothing_was_done(
    pool: asyncpg.Pool,
) -> None:
    clock = Clock()
    ledger = await open_shop(pool, replace(GEMS, expiry=SLIDING), "anna", "bela", "carl", now=clock)
    for name in ("anna", "bela", "carl"):
        await ledger.submit(SHOP, earn(name))
    # Points of another type do not slide, and keep nothing alive.
    await ledger.submit(SHOP, Adjust(program_id=PROGRAM, member=ref("anna"), points=7))
    clock.pass_(days=20)
    await ledger.submit(SHOP, take("bela"))
    clock.pass_(days=12)
    await ledger.submit(SHOP, give(5, "carl"))
    found = [await expire_inactive_due(ledger, SHOP, 1) for _ in range(3)]
    assert [each.done for each in found] == [1, 1, 0]
    assert not found[-1].has_more
    # What carl was given is twelve days younger than the rest.
    assert await gems_of(pool) == [0, 60, 5]
    assert await pool.fetchval("SELECT max(points_available) FROM wallets WHERE is_default") == 7
    clock.pass_(days=19)
    assert (await expire_inactive_due(ledger, SHOP, 10)).done == 1
    assert await gems_of(pool) == [0, 0, 5]
    assert await drifts(pool) == []


async def test_delayed_points_are_credited_and_then_live_for_their_term(
    pool: asyncpg.Pool,
) -> None:
    clock = Clock()
    gems = replace(
        GEMS,
        delay=Delay(kind="period", period=Period(2, "day")),
        expiry=Expiry(kind="rolling", period=Period(1, "day")),
    )
    ledger = await open_shop(pool, gems, now=clock)
    outcome = await ledger.submit(SHOP, earn())
    assert isinstance(outcome, Done)
    assert isinstance(outcome.result, Earned)
    assert outcome.result.earning.due_at == clock() + timedelta(days=2)
    assert (await approve_due(ledger, SHOP, 10)).done == 0
    clock.pass_(days=2)
    assert (await approve_due(ledger, SHOP, 10)).done == 1
    assert await gems_of(pool) == [100]
    ends_at: datetime = await pool.fetchval("SELECT expires_at FROM lots")
    assert timedelta(days=1) < ends_at - clock() <= timedelta(days=2)
    clock.at = ends_at
    assert (await expire_lots_due(ledger, SHOP, 10)).done == 1
    assert await gems_of(pool) == [0]
    assert await drifts(pool) == []


async def test_the_worker_makes_wallets_of_a_point_type_that_came_later(
    pool: asyncpg.Pool,
) -> None:
    clock = Clock()
    ledger = await open_shop(pool, GEMS, *(str(number) for number in range(25)), now=clock)
    await ledger.submit(SHOP, Leave(program_id=PROGRAM, member=ref("7")))
    assert (await equip_members(ledger, SHOP, 10)).done == 0
    later = make_point_type(2)
    async with transaction(pool) as tx:
        await offers.put_point_type(tx, SHOP, later, clock())
        program = make_shop(point_types=(GEMS, later)).program
        await offers.put_program(tx, SHOP, program, clock())
        await sequences.bump_catalogue_version(tx, SHOP)
    assert (await equip_members(ledger, SHOP, 10)).done == 24
    assert (await equip_members(ledger, SHOP, 10)).done == 0
    # Nobody is told of it more than that the member has changed, and who left gets none.
    counts = await pool.fetch("SELECT count(*) FROM wallets GROUP BY point_type_id ORDER BY 1")
    assert [row[0] for row in counts] == [24, 25, 25]
    assert await drifts(pool) == []
