"""What a point type says: when its points expire and are credited, and what may be spent."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import (
    Adjust,
    Approve,
    Earn,
    Earned,
    Expired,
    ExpireInactive,
    Redeem,
    Redeemed,
    Refund,
)
from guerdon.domain.errors import SpendLimitReached
from guerdon.domain.ids import RewardId, RuleId
from guerdon.domain.ledger import INACTIVITY
from guerdon.domain.point_terms import Delay, Expiry, SpendLimits, YearDay
from guerdon.domain.terms import Period
from guerdon.domain.wallet import Wallet
from tests.builders.shop import FOUNDED, PROGRAM, make_point_type, make_reward, make_rule, make_shop
from tests.builders.state import World
from tests.builders.world import ANNA, drift, make_world

GEMS = make_point_type(1)
NEVER = Expiry(kind="never")
SLIDING = Expiry(kind="sliding", period=Period(30, "day"), resets_on=("earning", "spending"))
TAKE = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(1001))
EARN = Earn(program_id=PROGRAM, member=ANNA, rule_id=RuleId(4001))
SLIDE = ExpireInactive(program_id=PROGRAM, member=ANNA)


def world_of(gems: PointType) -> World:
    shop = make_shop(
        point_types=(gems,),
        rewards=(make_reward(points_cost=40, point_type_id=gems.id),),
        rules=(
            make_rule(1, points=100, point_type_id=gems.id),
            make_rule(2, points=100, point_type_id=gems.id, approval_days=3),
        ),
        points_expiry_days=10,
    )
    return make_world(shop, anna=0)


def give(world: World, points: int) -> None:
    world.do(Adjust(program_id=PROGRAM, member=ANNA, points=points, point_type_id=GEMS.id))


def gems_of(world: World) -> Wallet:
    return next(each for each in world.wallets.values() if each.point_type_id == GEMS.id)


def earn(world: World, rule_id: int = 4001) -> Earned:
    result = world.do(replace(EARN, rule_id=RuleId(rule_id)))
    assert isinstance(result, Earned)
    assert drift(world) == []
    return result


def take(world: World) -> Redeemed:
    result = world.do(TAKE)
    assert isinstance(result, Redeemed)
    assert drift(world) == []
    return result


def expired(world: World) -> int:
    result = world.do(SLIDE)
    assert isinstance(result, Expired)
    assert drift(world) == []
    return result.points


def test_points_expire_as_their_type_says_and_not_as_the_program() -> None:
    monthly = Expiry(kind="rolling", period=Period(1, "month"), rounding="month")
    world = world_of(replace(GEMS, expiry=monthly))
    assert earn(world).earning.expires_at == datetime(2026, 3, 1, tzinfo=UTC)
    give(world, 5)
    world.do(Adjust(program_id=PROGRAM, member=ANNA, points=7))
    ends = [lot.expires_at for lot in world.lots.values()]
    march, program = datetime(2026, 3, 1, tzinfo=UTC), FOUNDED + timedelta(days=10)
    assert ends == [march, march, program]


def test_earned_points_wait_as_their_type_says_unless_the_rule_does() -> None:
    world = world_of(replace(GEMS, delay=Delay(kind="dates", dates=(YearDay(1, 2),))))
    made = earn(world)
    assert (made.earning.status, made.earning.due_at) == (
        "pending",
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert earn(world, 4002).earning.due_at == FOUNDED + timedelta(days=3)
    assert (gems_of(world).points_pending, gems_of(world).points_available) == (200, 0)
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    approved = world.do(Approve(earning_id=made.earning.id, is_due_only=True))
    assert isinstance(approved, Earned)
    # They live from when they are credited.
    assert approved.earning.expires_at == world.now + timedelta(days=10)
    # What is given by hand waits for nothing.
    give(world, 5)
    assert gems_of(world).points_available == 105
    assert drift(world) == []


def test_sliding_points_live_while_something_is_done() -> None:
    world = world_of(replace(GEMS, expiry=SLIDING))
    earn(world)
    assert [lot.expires_at for lot in world.lots.values()] == [None]
    for _ in range(3):
        world.now += timedelta(days=30)
        assert expired(world) == 0
        earn(world)
    world.now += timedelta(days=20)
    take(world)
    world.now += timedelta(days=30)
    assert expired(world) == 0
    world.now += timedelta(days=1)
    assert expired(world) == 360
    assert world.entries[-1].note == INACTIVITY
    assert expired(world) == 0


def test_only_what_resets_the_term_keeps_sliding_points() -> None:
    world = world_of(replace(GEMS, expiry=replace(SLIDING, resets_on=("spending",))))
    earn(world)
    world.now += timedelta(days=20)
    earn(world)
    give(world, 5)
    world.now += timedelta(days=11)
    # The later ones have been there for eleven days only.
    assert expired(world) == 100
    take(world)
    world.now += timedelta(days=30)
    assert expired(world) == 0
    world.now += timedelta(days=1)
    assert expired(world) == 65


def test_an_act_of_the_same_batch_keeps_sliding_points() -> None:
    world = world_of(replace(GEMS, expiry=SLIDING))
    earn(world)
    world.now += timedelta(days=40)
    world.run(TAKE, SLIDE)
    assert gems_of(world).points_available == 60
    world.now += timedelta(days=40)
    world.run(SLIDE, TAKE)
    assert gems_of(world).points_available == 0
    assert drift(world) == []


def test_points_that_slid_out_come_back_as_the_program_restores_them() -> None:
    world = world_of(replace(GEMS, expiry=SLIDING))
    earn(world)
    taken = take(world).redemption
    world.now += timedelta(days=60)
    assert expired(world) == 60
    world.do(Refund(redemption_id=taken.id))
    assert gems_of(world).points_available == 40
    assert [lot.expires_at for lot in world.lots.values()][-1] == world.now + timedelta(days=30)
    assert drift(world) == []


def test_a_wallet_spends_no_more_than_its_type_allows() -> None:
    limits = SpendLimits(points_max=120, interval="month", interval_points_max=80)
    world = world_of(replace(GEMS, expiry=NEVER, spend_limits=limits))
    give(world, 1000)
    first = take(world)
    take(world)
    assert world.refuse(TAKE) == (SpendLimitReached("wallet_interval", 0, 40),)
    # What came back may be spent again, within the batch too.
    world.run(Refund(redemption_id=first.redemption.id), TAKE, TAKE)
    assert world.refuse(TAKE) == (SpendLimitReached("wallet_interval", 0, 40),)
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    world.run(TAKE, TAKE)
    assert len([each for each in world.redemptions.values() if each.status == "approved"]) == 3
    assert world.refuse(TAKE) == (SpendLimitReached("wallet_ever", 0, 40),)
    assert drift(world) == []


def test_what_comes_back_of_an_earlier_interval_makes_no_room_in_this_one() -> None:
    limits = SpendLimits(interval="month", interval_points_max=40)
    world = world_of(replace(GEMS, expiry=NEVER, spend_limits=limits))
    give(world, 1000)
    early = take(world).redemption
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    world.run(TAKE, Refund(redemption_id=early.id), TAKE)
    assert gems_of(world).points_redeemed == 40
    assert world.refuse(TAKE) == (SpendLimitReached("wallet_interval", 0, 40),)
    assert drift(world) == []


def test_at_once_is_what_one_redemption_costs() -> None:
    world = world_of(replace(GEMS, expiry=NEVER, spend_limits=SpendLimits(at_once_max=39)))
    give(world, 1000)
    assert world.refuse(TAKE) == (SpendLimitReached("wallet_at_once", 39, 40),)
