"""Taking back what an earning gave: whole or in part, once, from what is there."""

from datetime import timedelta

import pytest

from guerdon.domain.command import (
    Approve,
    ChangeMember,
    ClawBack,
    Decline,
    Done,
    Earn,
    Earned,
    Redeem,
    Redeemed,
    Refund,
    Refused,
    Reversed,
    Submission,
)
from guerdon.domain.earning import Earning
from guerdon.domain.errors import EarningUnknown, InsufficientPoints, PointsInvalid
from guerdon.domain.ids import EarningId, RuleId
from guerdon.domain.state import Effects
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, make_tier
from tests.builders.state import World
from tests.builders.world import (
    ANNA,
    REWARD,
    balance,
    drift,
    give,
    id_of,
    make_world,
    redeem,
    remaining,
)


def earned(world: World, points: int = 100) -> Earning:
    result = world.do(
        Earn(program_id=PROGRAM, member=ANNA, rule_id=RuleId(4001), base_points=points)
    )
    assert isinstance(result, Earned)
    return result.earning


def claw(world: World, earning: Earning, points: int) -> Reversed:
    result = world.do(ClawBack(earning_id=earning.id, points=points, reason="given back"))
    assert isinstance(result, Reversed)
    assert drift(world) == []
    return result


def make(**rule: object) -> World:
    return make_world(make_shop(rules=(make_rule(1, **rule),)), anna=0)


def test_totals_add_up_to_what_was_asked_and_no_further() -> None:
    world = make()
    earning = earned(world)
    assert [claw(world, earning, each).points for each in (30, 30, 10, 75, 1000)] == [
        30, 0, 0, 45, 25,
    ]  # fmt: skip
    assert balance(world) == 0
    assert world.earnings[earning.id].points_reversed == 100
    assert world.earnings[earning.id].status == "approved"
    assert [entry.points for entry in world.entries if entry.kind == "reversed"] == [-30, -45, -25]
    assert world.wallet(id_of(world, "anna")).points_lifetime == 0


def test_nothing_more_to_take_leaves_no_trace() -> None:
    world = make()
    earning = earned(world)
    claw(world, earning, 40)
    again = world.decide([Submission(ClawBack(earning_id=earning.id, points=40))])
    assert again.effects == Effects()
    assert isinstance(again.outcomes[0], Done)


def test_its_own_lot_is_drawn_first() -> None:
    world = make()
    give(world, "anna", 50)
    world.now += timedelta(days=1)
    earning = earned(world)
    claw(world, earning, 70)
    assert remaining(world) == [50, 30]
    redeem_world = make_world(
        make_shop(rules=(make_rule(1),), rewards=(make_reward(1, points_cost=90),)), anna=50
    )
    earning = earned(redeem_world)
    redeem(redeem_world)
    claw(redeem_world, earning, 55)
    assert balance(redeem_world) == 5


def test_what_was_spent_is_asked_for_and_not_taken_later() -> None:
    world = make_world(
        make_shop(rules=(make_rule(1),), rewards=(make_reward(1, points_cost=80),)), anna=0
    )
    earning = earned(world)
    redeem(world)
    result = claw(world, earning, 100)
    assert (result.points_asked, result.points, result.points_after) == (100, 20, 0)
    entry = world.entries[-1]
    assert (entry.kind, entry.points, entry.asked_points) == ("reversed", -20, -100)
    assert entry.lifetime_points == -100
    give(world, "anna", 500)
    assert claw(world, earning, 100).points == 0
    assert balance(world) == 500


def test_empty_wallet_still_has_the_debt_written_down() -> None:
    world = make_world(
        make_shop(rules=(make_rule(1),), rewards=(make_reward(1, points_cost=100),)), anna=0
    )
    earning = earned(world)
    redeem(world)
    assert claw(world, earning, 10).points == 0
    assert (world.entries[-1].points, world.entries[-1].asked_points) == (0, -10)


def test_points_on_hold_are_not_touched() -> None:
    reward = make_reward(1, points_cost=60, fulfil_by="shopify")
    world = make_world(make_shop(rules=(make_rule(1),), rewards=(reward,)), anna=0)
    earning = earned(world)
    redeem(world)
    assert claw(world, earning, 100).points == 40
    assert world.wallet(id_of(world, "anna")).points_held == 60


def test_pending_earning_is_reduced_and_credits_the_rest() -> None:
    world = make(approval_days=7)
    earning = earned(world)
    assert claw(world, earning, 30).points == 30
    assert world.wallet(id_of(world, "anna")).points_pending == 70
    world.do(Approve(earning_id=earning.id))
    assert balance(world) == 70
    claw(world, earning, 50)
    assert balance(world) == 50
    assert world.earnings[earning.id].points_reversed == 50


def test_pending_earning_taken_back_whole_is_rejected() -> None:
    world = make(approval_days=7)
    earning = earned(world)
    claw(world, earning, 30)
    claw(world, earning, 100)
    assert world.earnings[earning.id].status == "rejected"
    assert world.wallet(id_of(world, "anna")).points_pending == 0
    assert claw(world, earning, 100).points == 0


def test_rejected_earning_has_nothing_to_take() -> None:
    world = make(approval_days=7)
    earning = earned(world)
    world.do(Decline(earning_id=earning.id))
    assert claw(world, earning, 100).points_asked == 0


def test_tier_follows_lifetime_points_down() -> None:
    shop = make_shop(rules=(make_rule(1),), tiers=(make_tier(1, 0), make_tier(2, 100)))
    world = make_world(shop, anna=0)
    earning = earned(world)
    assert world.wallet(id_of(world, "anna")).tier_id == 3002
    claw(world, earning, 1)
    assert world.wallet(id_of(world, "anna")).tier_id == 3001


def test_excluded_member_is_not_spared() -> None:
    world = make()
    earning = earned(world)
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, is_frozen=True))
    assert claw(world, earning, 60).points == 60


def test_expired_points_are_asked_for_like_spent_ones() -> None:
    world = make_world(make_shop(rules=(make_rule(1),), points_expiry_days=2), anna=0)
    earning = earned(world)
    world.now += timedelta(days=3)
    result = claw(world, earning, 100)
    assert (result.points, result.points_asked) == (0, 100)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (ClawBack(earning_id=EarningId(1), points=5), EarningUnknown(EarningId(1))),
        (ClawBack(earning_id=EarningId(1), points=-5), EarningUnknown(EarningId(1))),
    ],
)
def test_unknown_earning_is_refused(command: ClawBack, refusal: EarningUnknown) -> None:
    assert make().refuse(command) == (refusal,)


def test_points_below_zero_are_refused() -> None:
    world = make()
    earning = earned(world)
    assert world.refuse(ClawBack(earning_id=earning.id, points=-1)) == (PointsInvalid(-1),)


def owing(spent: int = 100) -> tuple[World, Earning]:
    """A member who has spent what an earning gave, in a program that lets them owe it."""
    world = make_world(
        make_shop(
            rules=(make_rule(1),),
            rewards=(make_reward(1, points_cost=spent),),
            negative_balance="allow",
        ),
        anna=0,
    )
    earning = earned(world)
    redeem(world)
    return world, earning


def owed(world: World) -> int:
    return world.wallet(id_of(world, "anna")).points_owed


def test_what_was_spent_is_owed_where_the_program_allows_it() -> None:
    world, earning = owing(spent=70)
    taken = claw(world, earning, 100)
    assert (taken.points, taken.points_after) == (30, -70)
    assert (balance(world), owed(world)) == (0, 70)
    entry = world.entries[-1]
    assert (entry.points, entry.asked_points, entry.owed_points) == (-30, -100, 70)
    again = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)
    assert world.decide([Submission(again)]).outcomes == [Refused((InsufficientPoints(0, 70),))]


def test_what_comes_in_pays_off_what_is_owed_first() -> None:
    world, earning = owing()
    claw(world, earning, 100)
    give(world, "anna", 40)
    assert (balance(world), owed(world)) == (0, 60)
    assert [(each.kind, each.points, each.owed_points) for each in world.entries[-2:]] == [
        ("adjusted", 40, 0),
        ("repaid", -40, -40),
    ]
    later = earned(world, 90)
    assert (balance(world), owed(world)) == (30, 0)
    assert drift(world) == []
    assert claw(world, later, 90).points_after == -60
    assert owed(world) == 60


def test_points_of_a_refund_pay_off_too() -> None:
    world, earning = owing()
    claw(world, earning, 100)
    (made,) = world.redemptions.values()
    result = world.do(Refund(redemption_id=made.id))
    assert isinstance(result, Redeemed)
    assert result.points_after == 0
    assert (balance(world), owed(world)) == (0, 0)
    assert drift(world) == []
