"""What a reward costs whom; and what stands in the way besides points: cooldowns, hours, limits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import MemberLimit, Reward
from guerdon.domain.command import Done, Outcome, Redeem, Refund, Refused, Release, Submission
from guerdon.domain.condition import Traits
from guerdon.domain.errors import (
    CooldownRunning,
    InsufficientPoints,
    MemberLimitReached,
    NoMatchingCost,
    OutOfStock,
    ProgramOutsideWindow,
    RefundNotAllowed,
    RewardOutsideWindow,
    SpendLimitReached,
    WalletUnknown,
)
from guerdon.domain.ids import PointTypeId, RewardId
from guerdon.domain.point_terms import SpendLimits
from guerdon.domain.terms import Cost, OpenHours, Period
from tests.builders.shop import (
    FOUNDED,
    POINT_TYPE,
    PROGRAM,
    make_point_type,
    make_reward,
    make_shop,
)
from tests.builders.state import World
from tests.builders.world import ANNA, REWARD, balance, drift, id_of, make_world, redeem

REDEEM = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)
GEMS = make_point_type(1)


def only(level: str) -> str:
    rule = {"name": "member.metadata", "property": "level", "conditions": {"$is": [level]}}
    return json.dumps({"1": rule})


def cost(points: int, condition: str | None = None, of: PointTypeId = POINT_TYPE) -> Cost:
    return Cost(points=points, point_type_id=of, condition=condition)


def world_with(points: int = 500, **reward: Any) -> World:
    shop = make_shop(rewards=(make_reward(1, **reward),), point_types=(GEMS,))
    return make_world(shop, anna=points)


def decided(world: World) -> Outcome:
    (outcome,) = world.decide([Submission(REDEEM)]).outcomes
    return outcome


def is_at(world: World, level: str) -> None:
    world.traits[id_of(world, "anna")] = Traits(member={"level": level})


def test_the_first_cost_that_is_meant_for_the_member_is_charged() -> None:
    world = world_with(costs=(cost(50, only("gold")), cost(70, only("silver")), cost(90)))
    for level, points in (("gold", 50), ("silver", 70), ("tin", 90)):
        is_at(world, level)
        assert redeem(world).points_cost == points
    assert (balance(world), drift(world)) == (290, [])


def test_no_cost_for_the_member_is_said_beside_what_else_is_wrong() -> None:
    world = world_with(costs=(cost(50, only("gold")),), stock=0)
    assert set(world.refuse(REDEEM)) == {NoMatchingCost(), OutOfStock(0)}
    is_at(world, "gold")
    assert world.refuse(REDEEM) == (OutOfStock(0),)


def test_a_cost_that_cannot_be_paid_is_not_passed_over() -> None:
    world = world_with(costs=(cost(501), cost(1)))
    assert world.refuse(REDEEM) == (InsufficientPoints(500, 501),)


def test_the_wallet_of_the_chosen_cost_pays() -> None:
    world = world_with(costs=(cost(10, None, GEMS.id),))
    assert world.refuse(REDEEM) == (InsufficientPoints(0, 10),)
    unknown = replace(world.catalogue.rewards[REWARD], costs=(cost(10, None, PointTypeId(77)),))
    world.catalogue.rewards[REWARD] = unknown
    assert world.refuse(REDEEM) == (WalletUnknown(PointTypeId(77)),)


def test_a_reward_of_points_needs_a_wallet_for_them() -> None:
    world = world_with(fulfil_by="points", credit_points=5, credit_point_type=GEMS.slug)
    assert isinstance(decided(world), Done)
    elsewhere = make_point_type(9)
    world.catalogue.point_types[elsewhere.id] = elsewhere
    reward = replace(world.catalogue.rewards[REWARD], credit_point_type=elsewhere.slug)
    world.catalogue.rewards[REWARD] = reward
    assert world.refuse(REDEEM) == (WalletUnknown(elsewhere.id),)


@pytest.mark.parametrize(
    ("period", "until"),
    [
        (Period(3, "hour"), FOUNDED + timedelta(hours=3)),
        (Period(2, "day"), FOUNDED + timedelta(days=2)),
        (Period(1, "week"), FOUNDED + timedelta(days=7)),
        (Period(1, "month"), datetime(2026, 2, 1, tzinfo=UTC)),
        (Period(1, "year"), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_cooldown_runs_from_the_last_one(period: Period, until: datetime) -> None:
    world = world_with(cooldown=period)
    redeem(world)
    assert world.refuse(REDEEM) == (CooldownRunning(until),)
    world.now = until - timedelta(milliseconds=1)
    assert world.refuse(REDEEM) == (CooldownRunning(until),)
    world.now = until
    redeem(world)
    assert world.refuse(REDEEM)[0].code == "cooldown_running"


def test_within_one_batch_the_cooldown_counts_and_is_given_back() -> None:
    world = world_with(cooldown=Period(1, "day"))
    first, second = world.run(REDEEM, REDEEM)
    assert isinstance(first, Done)
    assert isinstance(second, Refused)
    (made,) = world.redemptions.values()
    refund = Refund(redemption_id=made.id)
    again = world.run(refund, REDEEM, REDEEM)
    assert [type(each) for each in again] == [Done, Done, Refused]
    assert drift(world) == []


def test_what_is_released_does_not_hold_up_the_next() -> None:
    world = world_with(cooldown=Period(1, "day"))
    queued = world.do(replace(REDEEM, is_queued=True))
    made = queued.redemption  # type: ignore[union-attr]
    assert world.refuse(REDEEM)[0].code == "cooldown_running"
    world.do(Release(redemption_id=made.id, reason="gone"))
    redeem(world)
    assert drift(world) == []


def test_a_limit_a_quarter_begins_anew_with_the_quarter() -> None:
    limit = MemberLimit(count=1, interval="quarter")
    world = world_with(limit_per_member=limit)
    redeem(world)
    # It begins at midnight in London, where it is summer by then.
    world.now = datetime(2026, 3, 31, 22, 59, tzinfo=UTC)
    assert world.refuse(REDEEM) == (MemberLimitReached(limit),)
    world.now = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    redeem(world)


# The first of January 2026 is a Thursday; 9 to 17 in Berlin is 8 to 16 in winter.
_OFFICE = (OpenHours(days=(4, 5), from_minute=540, until_minute=1020),)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 1, 1, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 1, 1, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 1, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 1, 16, 0, tzinfo=UTC), False),
        (datetime(2026, 1, 2, 9, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 3, 9, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 2, 7, 0, tzinfo=UTC), True),
    ],
)
def test_hours_are_those_of_the_programs_own_clock(at: datetime, is_open: bool) -> None:
    world = world_with()
    world.now = at
    program = replace(world.catalogue.programs[PROGRAM], timezone="Europe/Berlin")
    world.catalogue.programs[PROGRAM] = program
    reward = world.catalogue.rewards[REWARD]
    world.catalogue.rewards[REWARD] = replace(reward, hours=_OFFICE)
    assert _refusals(world) == (() if is_open else (RewardOutsideWindow(None, None),))
    world.catalogue.rewards[REWARD] = reward
    world.catalogue.programs[PROGRAM] = replace(program, hours=_OFFICE)
    assert _refusals(world) == (() if is_open else (ProgramOutsideWindow(),))


def _refusals(world: World) -> tuple[object, ...]:
    outcome = decided(world)
    return outcome.refusals if isinstance(outcome, Refused) else ()


def test_a_wallet_spends_no_more_than_it_may() -> None:
    limits = SpendLimits(points_max=250, interval="month", interval_points_max=150, at_once_max=120)
    world = world_with(points_cost=100)
    point_type = replace(world.catalogue.point_types[POINT_TYPE], spend_limits=limits)
    world.catalogue.point_types[POINT_TYPE] = point_type
    first, second = world.run(REDEEM, REDEEM)
    assert isinstance(first, Done)
    assert isinstance(second, Refused)
    assert second.refusals == (SpendLimitReached("wallet_interval", 50, 100),)
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    redeem(world)
    world.now = datetime(2026, 3, 1, tzinfo=UTC)
    assert world.refuse(REDEEM) == (SpendLimitReached("wallet_ever", 50, 100),)
    # What comes back may be spent again.
    last = max(world.redemptions.values(), key=lambda each: each.id)
    refunded, again = world.run(Refund(redemption_id=last.id), REDEEM)
    assert isinstance(refunded, Done)
    assert isinstance(again, Done)
    dear = replace(world.catalogue.rewards[REWARD], points_cost=121)
    world.catalogue.rewards[REWARD] = dear
    world.now = datetime(2026, 4, 1, tzinfo=UTC)
    assert SpendLimitReached("wallet_at_once", 120, 121) in world.refuse(REDEEM)
    assert drift(world) == []


def test_what_is_not_refundable_is_given_back_only_to_who_insists() -> None:
    world = world_with(is_refundable=False)
    made = redeem(world)
    assert world.refuse(Refund(redemption_id=made.id)) == (RefundNotAllowed(made.id),)
    world.do(Refund(redemption_id=made.id, insists=True))
    assert (balance(world), drift(world)) == (500, [])


def test_what_goes_back_by_itself_needs_nobody_to_insist() -> None:
    world = world_with(is_refundable=False, auto_refund_seconds=60)
    made = redeem(world)
    world.now += timedelta(seconds=60)
    world.do(Refund(redemption_id=made.id, is_auto=True))
    assert balance(world) == 500


def test_rewards_of_one_pool_take_its_codes_in_turn() -> None:
    source = make_reward(1, fulfil_by="pool")
    other: Reward = make_reward(2, fulfil_by="pool", codes_from=source.id)
    world = make_world(make_shop(rewards=(source, other)), anna=500)
    world.pools = {source.id: ["A", "B"], RewardId(other.id): ["never"]}
    outcomes = world.run(REDEEM, replace(REDEEM, reward_id=other.id), REDEEM)
    assert [each.code for each in world.redemptions.values()] == ["A", "B"]
    assert outcomes[2] == Refused((OutOfStock(0),))
