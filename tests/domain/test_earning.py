"""Earn, approve, decline: points by a rule, once or more, now or later."""

from datetime import timedelta
from typing import Any

import pytest

from guerdon.domain.command import (
    Approve,
    ChangeMember,
    Decline,
    Done,
    Earn,
    Earned,
    Enrol,
    Refused,
)
from guerdon.domain.earning import Earning
from guerdon.domain.errors import (
    AlreadyAwarded,
    EarningNotDue,
    EarningStatusWrong,
    EarningUnknown,
    MemberFrozen,
    MemberUnknown,
    PointsInvalid,
    RuleNotAwardable,
    RuleUnknown,
)
from guerdon.domain.ids import EarningId, RuleId
from guerdon.domain.member import MemberRef
from tests.builders.shop import FOUNDED, PROGRAM, make_rule, make_shop, make_tier
from tests.builders.state import World
from tests.builders.world import ANNA, BELA, balance, drift, make_world

RULE = RuleId(4001)
EARN = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE)


def world_with(*, program: dict[str, Any] | None = None, **rule: Any) -> World:
    return make_world(make_shop(rules=(make_rule(**rule),), **(program or {})), anna=0, bela=0)


def earn(world: World, **facts: Any) -> Earning:
    result = world.do(Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, **facts))
    assert isinstance(result, Earned)
    assert not result.is_repeat
    return result.earning


def test_a_rule_gives_its_points_at_once() -> None:
    world = world_with(program={"points_expiry_days": 365})
    made = earn(world)
    assert (made.status, made.base_points, made.points) == ("approved", 50, 50)
    assert made.expires_at == FOUNDED + timedelta(days=365)
    assert (made.given_at, made.due_at) == (FOUNDED, None)
    assert balance(world) == 50
    assert world.wallet(made.member_id).points_lifetime == 50
    assert drift(world) == []


@pytest.mark.parametrize(
    ("base", "permille", "points"),
    [(50, 1500, 75), (1, 1500, 2), (3, 1500, 5), (1, 1499, 1), (1, 500, 1), (1, 499, 0), (7, 0, 0)],
)
def test_the_tier_multiplies_rounding_half_up(base: int, permille: int, points: int) -> None:
    tier = make_tier(1, 0, multiplier_permille=permille)
    world = make_world(make_shop(rules=(make_rule(points=base),), tiers=(tier,)), anna=0)
    made = earn(world)
    assert (made.points, made.multiplier_permille) == (points, permille)
    assert balance(world) == points
    assert drift(world) == []


def test_points_wait_for_approval_and_keep_their_multiplier() -> None:
    world = world_with(approval_days=14)
    made = earn(world)
    assert (made.status, made.due_at) == ("pending", FOUNDED + timedelta(days=14))
    assert (balance(world), world.wallet(made.member_id).points_pending) == (0, 50)
    refused = world.refuse(Approve(earning_id=made.id, is_due_only=True))
    assert refused == (EarningNotDue(made.id, made.due_at),)
    world.now += timedelta(days=14)
    given = world.do(Approve(earning_id=made.id, is_due_only=True))
    assert isinstance(given, Earned)
    assert (given.earning.status, given.points_after) == ("approved", 50)
    assert given.earning.given_at == world.now
    assert world.wallet(made.member_id).points_pending == 0
    assert drift(world) == []


def test_approving_by_hand_needs_no_patience() -> None:
    world = world_with(approval_days=14)
    made = earn(world)
    once = world.do(Approve(earning_id=made.id))
    before = world.copy()
    assert world.do(Approve(earning_id=made.id)) == once
    assert world == before
    refused = world.refuse(Decline(earning_id=made.id))
    assert refused == (EarningStatusWrong(made.id, "approved"),)


def test_a_declined_earning_is_gone_for_good() -> None:
    world = world_with(approval_days=14)
    made = earn(world)
    rejected = world.do(Decline(earning_id=made.id, reason="order cancelled"))
    assert isinstance(rejected, Earned)
    assert (rejected.earning.status, rejected.earning.note) == ("rejected", "order cancelled")
    assert world.wallet(made.member_id).points_pending == 0
    before = world.copy()
    world.do(Decline(earning_id=made.id))
    assert world == before
    assert world.refuse(Approve(earning_id=made.id)) == (EarningStatusWrong(made.id, "rejected"),)
    assert drift(world) == []


@pytest.mark.parametrize("act", [Approve, Decline])
def test_nothing_happens_to_an_earning_that_is_not(act: type[Approve] | type[Decline]) -> None:
    refused = world_with().refuse(act(earning_id=EarningId(1)))
    assert refused == (EarningUnknown(EarningId(1)),)


def test_once_is_once_until_declined() -> None:
    world = world_with(is_once=True, approval_days=1)
    made = earn(world)
    assert world.refuse(EARN) == (AlreadyAwarded(RULE),)
    other = Earn(program_id=PROGRAM, member=BELA, rule_id=RULE)
    assert isinstance(world.do(other), Earned)
    world.do(Decline(earning_id=made.id))
    earn(world)


def test_once_within_a_batch() -> None:
    world = world_with(is_once=True)
    outcomes = world.run(EARN, EARN)
    assert isinstance(outcomes[0], Done)
    assert outcomes[1] == Refused((AlreadyAwarded(RULE),))


def test_declining_one_of_two_leaves_the_other_in_the_way() -> None:
    world = world_with(approval_days=1)
    first, second = earn(world), earn(world)
    again = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, is_once=True)
    for declined in (first, second):
        both = world.copy()
        outcomes = both.run(Decline(earning_id=declined.id), again)
        assert outcomes[1] == Refused((AlreadyAwarded(RULE),))
    outcomes = world.run(Decline(earning_id=first.id), Decline(earning_id=second.id), again)
    assert isinstance(outcomes[2], Done)


def test_a_completion_key_gives_the_first_award_again() -> None:
    world = world_with()
    first = earn(world, action_key="order-1")
    before = world.copy()
    again = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, action_key="order-1")
    repeat = world.do(again)
    assert repeat == Earned(first, 50, is_repeat=True)
    assert world == before
    stranger = Earn(program_id=PROGRAM, member=BELA, rule_id=RULE, action_key="order-1")
    assert world.refuse(stranger) == (AlreadyAwarded(RULE),)
    assert earn(world, action_key="order-2").id != first.id


def test_a_repeat_within_a_batch_shows_what_became_of_the_first() -> None:
    world = world_with(approval_days=1)
    keyed = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, action_key="x")
    first, repeat = world.run(keyed, keyed)
    assert isinstance(first, Done)
    assert isinstance(repeat, Done)
    assert isinstance(first.result, Earned)
    assert repeat.result == Earned(first.result.earning, 0, is_repeat=True)
    outcomes = world.run(Approve(earning_id=first.result.earning.id), keyed)
    assert isinstance(outcomes[1], Done)
    assert isinstance(outcomes[1].result, Earned)
    assert outcomes[1].result.earning.status == "approved"


@pytest.mark.parametrize("base", [-1, 1_000_000_000_001])
def test_points_out_of_range_are_refused(base: int) -> None:
    earning = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, base_points=base)
    assert world_with().refuse(earning) == (PointsInvalid(base),)


def test_no_points_are_an_earning_without_a_lot() -> None:
    world = world_with()
    made = earn(world, base_points=0)
    assert (made.status, made.lot_id, made.points) == ("approved", None, 0)
    assert drift(world) == []


@pytest.mark.parametrize("rule", [{"is_active": False}, {"archived_at": FOUNDED}])
def test_a_rule_that_is_off_is_unknown(rule: dict[str, Any]) -> None:
    assert world_with(**rule).refuse(EARN) == (RuleUnknown(RULE),)


def test_unknown_member_and_rule_are_refused_together() -> None:
    command = Earn(program_id=PROGRAM, member=MemberRef(external_id="no"), rule_id=RuleId(9))
    assert world_with().refuse(command) == (MemberUnknown("no"), RuleUnknown(RuleId(9)))


def test_a_category_not_asked_for_is_not_awardable() -> None:
    command = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE, categories=("social",))
    assert world_with().refuse(command) == (RuleNotAwardable("engagement"),)


def test_who_is_excluded_earns_nothing() -> None:
    world = world_with()
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, is_frozen=True))
    assert world.refuse(EARN) == (MemberFrozen(),)


def test_signup_points_come_with_enrolment() -> None:
    rules = (
        make_rule(1, trigger="signup", points=100, is_once=True),
        make_rule(2, trigger="signup", points=7, approval_days=1),
        make_rule(3, trigger="signup", is_active=False),
    )
    world = make_world(make_shop(rules=rules))
    world.do(Enrol(program_id=PROGRAM, external_id="anna"))
    wallet = next(iter(world.wallets.values()))
    assert (wallet.points_available, wallet.points_pending) == (100, 7)
    once = Earn(program_id=PROGRAM, member=ANNA, rule_id=RULE)
    assert world.refuse(once) == (AlreadyAwarded(RULE),)
    assert drift(world) == []
