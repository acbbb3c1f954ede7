"""Redemptions without locks by members of several wallets: what may change meanwhile, changed."""

import asyncio

import asyncpg
from msgspec.structs import replace

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import (
    Adjust,
    ChangeMember,
    Done,
    Enrol,
    ExpireLots,
    Leave,
    Redeem,
    Refused,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberFrozen,
    MemberLimitReached,
    MemberUnknown,
    TierRequired,
)
from guerdon.domain.ids import PointTypeId, TierId
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.ledgers import SHOP, drifts, enrol, redemption_of, ref
from tests.builders.shop import (
    POINT_TYPE,
    PROGRAM,
    make_point_type,
    make_reward,
    make_shop,
    make_tier,
    save_shop,
)
from tests.engine.test_spending import Scene

GEMS = make_point_type(1)
GOLD = make_point_type(2)
IN_POINTS = make_reward(1)
IN_GEMS = make_reward(2, point_type_id=GEMS.id, points_cost=30)
LIMIT = MemberLimit(count=1, interval="ever")


def give(points: int, point_type_id: PointTypeId = GEMS.id, name: str = "anna") -> Adjust:
    return Adjust(program_id=PROGRAM, member=ref(name), points=points, point_type_id=point_type_id)


def take_gems(reward_number: int = 2) -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref("anna"), reward_id=make_reward(reward_number).id)


async def open_gems(pool: asyncpg.Pool, *, gems: int = 100, **facts: object) -> Scene:
    """Open a shop with points and gems, and a reward for each; anna has 1000 of the former."""
    scene = Scene(pool)
    in_gems = replace(IN_GEMS, **facts)
    tiers = (make_tier(1, 0), make_tier(2, 2000))
    shop = make_shop(rewards=(IN_POINTS, in_gems), point_types=(GEMS, GOLD), tiers=tiers)
    await save_shop(pool, shop)
    await enrol(scene.rival, "anna", 1000)
    assert isinstance(await scene.rival.submit(SHOP, give(gems)), Done)
    await scene.ledger.catalogues.get(SHOP)
    return scene


async def balances(pool: asyncpg.Pool) -> dict[int, int]:
    rows = await pool.fetch("SELECT point_type_id, points_available FROM wallets ORDER BY id")
    return {row[0]: row[1] for row in rows}


async def test_each_wallet_pays_its_own_rewards_without_a_lock(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool)
    before = await pool.fetch("SELECT version FROM wallets ORDER BY id")
    outcomes = await asyncio.gather(
        *(scene.ledger.submit(SHOP, scene.redeem("anna", IN_POINTS)) for _ in range(2)),
        *(scene.ledger.submit(SHOP, take_gems()) for _ in range(4)),
    )
    assert scene.locks == 0
    assert [isinstance(each, Done) for each in outcomes] == [True] * 5 + [False]
    assert outcomes[-1] == Refused((InsufficientPoints(10, 30),))
    assert await balances(pool) == {POINT_TYPE: 800, GEMS.id: 10, GOLD.id: 0}
    paid = await pool.fetch(
        "SELECT w.point_type_id FROM redemptions r JOIN wallets w ON w.id = "
        "r.wallet_id ORDER BY r.id"
    )
    assert [row[0] for row in paid] == [POINT_TYPE] * 2 + [GEMS.id] * 3
    after = await pool.fetch("SELECT version FROM wallets ORDER BY id")
    moved = [new[0] - old[0] for new, old in zip(after, before, strict=True)]
    # The default wallet stands for its member, whichever wallet pays; the third had no part.
    assert (moved[0] > 0, moved[1] > 0, moved[2]) == (True, True, 0)
    assert await drifts(pool) == []


async def test_gems_spent_meanwhile_are_not_spent_again(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool, gems=30)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, take_gems()))
    assert await scene.ledger.submit(SHOP, take_gems()) == Refused((InsufficientPoints(0, 30),))
    assert scene.locks > 0
    assert await drifts(pool) == []


async def test_what_the_default_wallet_says_is_guarded_when_another_pays(
    pool: asyncpg.Pool,
) -> None:
    scene = await open_gems(pool, tier_id=TierId(3002))
    raised = give(2000, POINT_TYPE)
    assert isinstance(await scene.rival.submit(SHOP, raised), Done)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, replace(raised, points=-2000)))
    outcome = await scene.ledger.submit(SHOP, take_gems())
    assert outcome == Refused((TierRequired(TierId(3002), TierId(3001)),))
    freeze = ChangeMember(program_id=PROGRAM, member=ref("anna"), is_frozen=True)
    assert isinstance(await scene.rival.submit(SHOP, raised), Done)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, freeze))
    for _ in range(4):
        outcome = await scene.ledger.submit(SHOP, take_gems())
    assert outcome == Refused((MemberFrozen(),))
    assert await pool.fetchval("SELECT count(*) FROM redemptions") in (1, 2, 3)
    assert await drifts(pool) == []


async def test_a_limit_reached_meanwhile_holds(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool, limit_per_member=LIMIT)
    scene.meanwhile(lambda: scene.rival.submit(SHOP, take_gems()))
    assert await scene.ledger.submit(SHOP, take_gems()) == Refused((MemberLimitReached(LIMIT),))
    assert (await balances(pool))[GEMS.id] == 70
    assert await drifts(pool) == []


async def test_who_left_meanwhile_takes_nothing(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool)
    leave = Leave(program_id=PROGRAM, member=ref("anna"))
    scene.meanwhile(lambda: scene.rival.submit(SHOP, leave))
    assert await scene.ledger.submit(SHOP, take_gems()) == Refused((MemberUnknown("anna"),))
    # The shop's id is free; the points of the one who left stay in the books.
    again = await scene.rival.submit(SHOP, Enrol(program_id=PROGRAM, external_id="anna"))
    assert isinstance(again, Done)
    rows = await pool.fetch(
        "SELECT m.left_at IS NULL, sum(w.points_available), bool_and(w.is_frozen) FROM members m "
        "JOIN wallets w ON w.member_id = m.id GROUP BY m.id, m.left_at ORDER BY m.id"
    )
    assert [tuple(row) for row in rows] == [(False, 1100, True), (True, 0, False)]
    assert await drifts(pool) == []


async def test_gems_that_expired_meanwhile_are_not_spent(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool, gems=20)
    now = scene.rival.runtime.now()
    await scene.rival.submit(SHOP, replace(give(20), expires_at=now.replace(year=now.year + 1)))

    async def expire() -> None:
        await pool.execute(
            "UPDATE lots SET expires_at = $1 WHERE points = 20 AND expires_at IS NOT NULL", now
        )
        await scene.rival.submit(SHOP, ExpireLots(program_id=PROGRAM, member=ref("anna")))

    scene.meanwhile(expire)
    assert await scene.ledger.submit(SHOP, take_gems()) == Refused((InsufficientPoints(20, 30),))
    assert await drifts(pool) == []


async def test_a_wallet_that_the_program_got_since_is_made_once(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool)
    silver = make_point_type(3)
    shop = make_shop(point_types=(GEMS, GOLD, silver))
    async with transaction(pool) as tx:
        await offers.put_point_type(tx, SHOP, silver, scene.rival.runtime.now())
        await offers.put_program(tx, SHOP, shop.program, scene.rival.runtime.now())
        await sequences.bump_catalogue_version(tx, SHOP)
    outcomes = await asyncio.gather(
        *(
            each.submit(SHOP, give(number, silver.id))
            for number in range(1, 9)
            for each in (scene.ledger, scene.rival)
        ),
        scene.rival.submit(SHOP, Enrol(program_id=PROGRAM, external_id="anna")),
    )
    assert all(isinstance(each, Done) for each in outcomes)
    assert (await balances(pool))[silver.id] == 72
    assert await pool.fetchval("SELECT count(*) FROM wallets") == 4
    assert await drifts(pool) == []
    # Nothing is made of a refusal.
    assert isinstance(await scene.ledger.submit(SHOP, give(-99, silver.id)), Refused)


async def test_a_redemption_of_a_wallet_not_made_yet_finds_no_points(pool: asyncpg.Pool) -> None:
    scene = await open_gems(pool)
    await pool.execute("DELETE FROM wallets WHERE point_type_id = $1", GOLD.id)
    async with transaction(pool) as tx:
        in_gold = replace(IN_GEMS, point_type_id=GOLD.id)
        await offers.put_reward(tx, SHOP, in_gold)
        await sequences.bump_catalogue_version(tx, SHOP)
    assert await scene.ledger.submit(SHOP, take_gems()) == Refused((InsufficientPoints(0, 30),))
    assert await pool.fetchval("SELECT count(*) FROM wallets") == 2
    made = await scene.rival.submit(SHOP, give(30, GOLD.id))
    assert isinstance(made, Done)
    assert redemption_of(await scene.ledger.submit(SHOP, take_gems())).points_cost == 30
    assert await drifts(pool) == []
