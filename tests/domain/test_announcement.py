"""What marketing is told of an event, and of which events it is told nothing."""

from typing import Any, get_args

import pytest

from guerdon.domain.announcement import (
    ANNOUNCED,
    PointsAwarded,
    RewardRedeemed,
    TierChanged,
    announcement_of,
    letter_key,
)
from guerdon.domain.catalogue import Discount
from guerdon.domain.delivery import Skipped
from guerdon.domain.event import EventKind
from tests.builders.letters import (
    HAPPENED,
    earned_letter,
    make_earning,
    make_letter,
    make_redemption,
    redeemed_letter,
    tier_letter,
)
from tests.builders.shop import make_reward, make_rule


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_only_what_is_asked_for_can_be_announced(kind: EventKind) -> None:
    reward = make_reward()
    letter = make_letter(kind, reward=reward, redemption=make_redemption(reward))
    assert isinstance(announcement_of(letter), Skipped) == (kind not in ANNOUNCED)


def test_points_by_a_rule_carry_its_name_and_the_order() -> None:
    letter = make_letter(
        "points.earned", rule=make_rule(), earning=make_earning(order_number="#1042"), points=70
    )
    assert announcement_of(letter) == PointsAwarded(
        points=70, rule_name="Rule 1", order_number="#1042"
    )


def test_points_by_hand_have_no_rule() -> None:
    letter = make_letter("points.adjusted", earning=make_earning(is_manual=True), points=5)
    assert announcement_of(letter) == PointsAwarded(points=5)


@pytest.mark.parametrize("points", [0, -50])
def test_nothing_is_said_where_nothing_was_given(points: int) -> None:
    letter = make_letter("points.adjusted", points=points)
    assert announcement_of(letter) == Skipped("no points were given")


def test_nothing_is_said_of_the_frozen() -> None:
    assert announcement_of(earned_letter(is_frozen=True)) == Skipped("the member is frozen")


def test_redemption_is_announced_once() -> None:
    assert announcement_of(redeemed_letter()) == RewardRedeemed(
        reward_name="Reward 1",
        discount_type="fixed_amount",
        points_spent=100,
        face_value_minor=1000,
    )
    handed_over = redeemed_letter(is_handed_over=True)
    assert announcement_of(handed_over) == Skipped(
        "the redemption was announced when it was approved"
    )


def test_grant_is_announced_as_spending_nothing() -> None:
    announced = announcement_of(redeemed_letter(points=0))
    assert isinstance(announced, RewardRedeemed)
    assert announced.points_spent == 0


def test_several_units_are_worth_as_much_more() -> None:
    reward = make_reward()
    letter = make_letter(
        "redemption.approved", reward=reward, redemption=make_redemption(reward, units=3)
    )
    announced = announcement_of(letter)
    assert isinstance(announced, RewardRedeemed)
    assert announced.face_value_minor == 3000


@pytest.mark.parametrize(
    ("changes", "discount_type"),
    [
        ({"discount": Discount(type="percentage", percent_hundredths=1500)}, "percentage"),
        ({"discount": Discount(type="free_shipping")}, "free_shipping"),
        ({"discount": Discount(type="free_product", amount_minor=2000)}, "free_product"),
        ({"discount": None, "kind": "custom"}, "free_product"),
        ({"discount": None, "kind": "gift_card"}, "fixed_amount"),
    ],
)
def test_what_is_no_money_has_no_face_value(changes: dict[str, Any], discount_type: str) -> None:
    announced = announcement_of(redeemed_letter(make_reward(**changes)))
    assert isinstance(announced, RewardRedeemed)
    assert (announced.discount_type, announced.face_value_minor) == (discount_type, None)


def test_redemption_that_is_gone_is_not_guessed() -> None:
    assert announcement_of(make_letter("redemption.approved")) == Skipped("the redemption is gone")


def test_tiers_are_named_as_they_were_then() -> None:
    assert announcement_of(tier_letter("Amber", "Jade")) == TierChanged(
        previous_tier="Amber", new_tier="Jade"
    )
    assert announcement_of(tier_letter(None, None)) == TierChanged()


def test_key_is_the_same_at_every_attempt_and_no_other_events() -> None:
    first = letter_key(earned_letter())
    assert first == "guerdon-1-101-1773480413589"
    assert letter_key(earned_letter(attempt=7)) == first
    assert letter_key(earned_letter(number=2)) != first
    later = HAPPENED.replace(year=2027)
    assert letter_key(earned_letter(created_at=later)) != first
