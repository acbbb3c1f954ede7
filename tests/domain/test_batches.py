"""Keys, and a batch that is decided as its commands would be one at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import (
    Adjust,
    ChangeMember,
    Command,
    Done,
    Earn,
    Enrol,
    ExpireLots,
    MarkUsed,
    Redeem,
    Redeemed,
    Refund,
    Refused,
    Submission,
    Transfer,
)
from guerdon.domain.errors import KeyConflict
from guerdon.domain.ids import LotId, RuleId
from guerdon.domain.state import Effects
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop
from tests.builders.world import (
    ANNA,
    BELA,
    REWARD,
    balance,
    drift,
    give,
    make_world,
    redeem,
)

REDEEM = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)


def keyed(command: Command, key: str = "k", fingerprint: bytes = b"f") -> Submission:
    return Submission(command, key, fingerprint)


def test_the_same_key_gets_the_stored_answer_and_changes_nothing() -> None:
    world = make_world(anna=500)
    (first,) = world.run(keyed(REDEEM))
    assert isinstance(first, Done)
    before = world.copy()
    (again,) = world.run(keyed(REDEEM))
    assert again == Done(first.result, is_replay=True)
    assert world == before


def test_the_same_key_twice_in_a_batch_is_one_act() -> None:
    world = make_world(anna=500)
    first, again, other = world.run(keyed(REDEEM), keyed(REDEEM), keyed(REDEEM, fingerprint=b"g"))
    assert isinstance(first, Done)
    assert again == Done(first.result, is_replay=True)
    assert other == Refused((KeyConflict("k"),))
    assert (balance(world), len(world.redemptions)) == (400, 1)
    assert drift(world) == []


def test_a_refusal_is_not_stored_so_that_asking_again_may_go_better() -> None:
    world = make_world(anna=50)
    first, _, again = world.run(
        keyed(REDEEM), Adjust(program_id=PROGRAM, member=ANNA, points=50), keyed(REDEEM)
    )
    assert isinstance(first, Refused)
    assert isinstance(again, Done)
    assert not again.is_replay


def test_a_replay_outlives_what_came_after() -> None:
    world = make_world(anna=100)
    (first,) = world.run(keyed(REDEEM))
    assert isinstance(first, Done)
    assert isinstance(first.result, Redeemed)
    redemption = first.result.redemption
    world.do(Refund(redemption_id=redemption.id))
    (again,) = world.run(keyed(REDEEM))
    assert again == Done(first.result, is_replay=True)
    assert balance(world) == 100


ACTS: list[Command] = [
    REDEEM,
    Earn(program_id=PROGRAM, member=ANNA, rule_id=RuleId(4001), metadata='{"a": "é"}'),
    Earn(
        program_id=PROGRAM,
        member=ANNA,
        rule_id=RuleId(4001),
        ordered_at=datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
    ),
    Adjust(program_id=PROGRAM, member=ANNA, points=5),
    Adjust(program_id=PROGRAM, member=ANNA, points=-999, floors_at_zero=True),
    Transfer(program_id=PROGRAM, source=ANNA, target=BELA, points=5),
    ExpireLots(program_id=PROGRAM, member=ANNA),
    ChangeMember(program_id=PROGRAM, member=ANNA, birthday=date(1990, 2, 28), is_frozen=True),
    Enrol(program_id=PROGRAM, external_id="carl", anniversary=date(2020, 2, 29)),
]


@pytest.mark.parametrize("command", ACTS, ids=lambda each: type(each).__name__)
def test_every_answer_is_read_back_as_it_was_given(command: Command) -> None:
    world = make_world(make_shop(rules=(make_rule(),)), anna=500, bela=1)
    (first,) = world.run(keyed(command))
    (again,) = world.run(keyed(command))
    assert isinstance(first, Done)
    assert again == Done(first.result, is_replay=True)
    assert msgspec.json.encode(again.result) == msgspec.json.encode(first.result)


def test_an_empty_batch_has_no_effect() -> None:
    assert make_world(anna=5).decide([]).effects == Effects()


def test_refused_commands_leave_no_trace_between_others() -> None:
    world = make_world(anna=150)
    clean = world.copy()
    poor = Redeem(program_id=PROGRAM, member=BELA, reward_id=REWARD)
    with_refused = world.run(poor, REDEEM, poor, REDEEM)
    without = clean.run(REDEEM)
    assert with_refused[1] == without[0]
    assert world == clean


def test_a_limit_no_longer_counts_what_is_refunded_before() -> None:
    limited = make_reward(limit_per_member=MemberLimit(count=1, interval="day"))
    world = make_world(make_shop(rewards=(limited,)), anna=500)
    made = redeem(world)
    outcomes = world.run(REDEEM, Refund(redemption_id=made.id), REDEEM, REDEEM)
    assert [type(each) for each in outcomes] == [Refused, Done, Done, Refused]
    assert drift(world) == []


def test_a_refund_of_yesterdays_redemption_frees_nothing_today() -> None:
    limited = make_reward(limit_per_member=MemberLimit(count=1, interval="day"))
    world = make_world(make_shop(rewards=(limited,)), anna=500)
    yesterday = redeem(world)
    world.now += timedelta(days=1)
    redeem(world)
    outcomes = world.run(Refund(redemption_id=yesterday.id), REDEEM)
    assert isinstance(outcomes[1], Refused)


def test_a_guess_at_the_next_id_is_above_everything_known() -> None:
    world = make_world(anna=500, bela=5)
    made = redeem(world)
    state = world.state()
    known = [*state.origins, *state.redemptions, *state.earnings, *state.wallets, *state.members]
    assert state.highest_id == max(known)
    assert made.id <= state.highest_id
    state.origins[LotId(99_999)] = (world.now, None)
    assert state.highest_id == 99_999


def test_the_state_is_only_read() -> None:
    world = make_world(anna=500)
    give(world, "anna", 5, lives_days=1)
    made = redeem(world)
    world.now += timedelta(days=2)
    state, again = world.state(), world.state()
    twin = replace(world)
    submissions = [
        Submission(Refund(redemption_id=made.id)),
        Submission(REDEEM),
        Submission(MarkUsed(redemption_id=made.id)),
    ]
    first = twin.decide(submissions)
    assert state == again == world.state()
    assert twin.decide(submissions) == first
