"""Points that a member loses who has not ordered for as long as the program says."""

from datetime import timedelta
from typing import Any

import pytest

from guerdon.domain.command import (
    Earn,
    Expired,
    ExpireInactive,
    Redeemed,
    Refund,
)
from guerdon.domain.errors import MemberUnknown
from guerdon.domain.member import MemberRef
from tests.builders.shop import FOUNDED, PROGRAM, make_rule, make_shop
from tests.builders.state import World
from tests.builders.world import ANNA, balance, drift, give, id_of, make_world, redeem, remaining

DAYS = timedelta(days=1)
_EXPIRE = ExpireInactive(program_id=PROGRAM, member=ANNA)


def world_of(**program: Any) -> World:
    rules = (make_rule(1, trigger="order_paid"), make_rule(2, approval_days=500))
    facts: dict[str, Any] = {"inactive_days_max": 90, "inactivity_counts_from": FOUNDED} | program
    return make_world(make_shop(rules=rules, **facts), anna=250)


def order(world: World, order_id: str = "1", **facts: Any) -> None:
    rule_id = next(iter(world.catalogue.rules))
    command = Earn(program_id=PROGRAM, member=ANNA, rule_id=rule_id, order_id=order_id, **facts)
    world.do(command)


def test_points_go_to_the_moment_when_nothing_was_ordered_for_so_long() -> None:
    world = world_of()
    world.now += 90 * DAYS - timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(0)
    world.now += timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(250)
    entry = world.entries[-1]
    assert (entry.kind, entry.points, entry.note) == ("expired", -250, "inactivity")
    assert (balance(world), drift(world)) == (0, [])
    before = world.copy()
    assert world.do(_EXPIRE) == Expired(0)
    assert world == before


def test_an_order_keeps_all_points_from_then_on() -> None:
    world = world_of()
    world.now += 60 * DAYS
    order(world)
    world.now += 90 * DAYS - timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(0)
    world.now += timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(300)


def test_an_order_counts_by_when_it_was_placed() -> None:
    world = world_of()
    world.now += 89 * DAYS
    order(world, ordered_at=FOUNDED + 10 * DAYS)
    world.now += 11 * DAYS
    # What it earned is new, and lives as long as what an idle member is given.
    assert world.do(_EXPIRE) == Expired(250)
    assert remaining(world) == [50]


def test_an_order_in_the_same_batch_is_in_time() -> None:
    world = world_of()
    world.now += 90 * DAYS
    rule_id = next(iter(world.catalogue.rules))
    earn = Earn(program_id=PROGRAM, member=ANNA, rule_id=rule_id, order_id="1")
    outcomes = world.run(earn, _EXPIRE)
    assert getattr(outcomes[1], "result", None) == Expired(0)
    assert balance(world) == 300


def test_points_given_to_the_idle_live_as_long_as_an_order_would_keep_them() -> None:
    world = world_of()
    world.now += 80 * DAYS
    give(world, "anna", 40)
    world.now += 10 * DAYS
    assert world.do(_EXPIRE) == Expired(250)
    assert remaining(world) == [40]
    world.now += 80 * DAYS
    assert world.do(_EXPIRE) == Expired(40)
    assert drift(world) == []


def test_days_are_counted_from_when_inactivity_first_mattered() -> None:
    world = world_of(inactivity_counts_from=FOUNDED + 30 * DAYS)
    world.now += 120 * DAYS - timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(0)
    world.now += timedelta(milliseconds=1)
    assert world.do(_EXPIRE) == Expired(250)


def test_a_program_without_the_setting_takes_nothing() -> None:
    world = world_of(inactive_days_max=None)
    world.now += 5000 * DAYS
    assert world.do(_EXPIRE) == Expired(0)


def test_pending_points_survive() -> None:
    world = world_of()
    delayed = list(world.catalogue.rules)[1]
    world.do(Earn(program_id=PROGRAM, member=ANNA, rule_id=delayed))
    world.now += 90 * DAYS
    assert world.do(_EXPIRE) == Expired(250)
    assert world.wallet(id_of(world, "anna")).points_pending == 50
    assert drift(world) == []


@pytest.mark.parametrize(("restore_days", "points_left"), [(30, 100), (None, 0)])
def test_a_refund_after_that_is_restored_or_forfeited_as_after_any_expiry(
    restore_days: int | None, points_left: int
) -> None:
    world = world_of(restore_days=restore_days)
    redemption = redeem(world)
    world.now += 90 * DAYS
    assert world.do(_EXPIRE) == Expired(150)
    refunded = world.do(Refund(redemption_id=redemption.id))
    assert isinstance(refunded, Redeemed)
    assert balance(world) == points_left
    assert world.do(_EXPIRE) == Expired(0)
    assert (balance(world), drift(world)) == (points_left, [])


def test_nobody_has_nothing_to_lose() -> None:
    nobody = ExpireInactive(program_id=PROGRAM, member=MemberRef(external_id="no"))
    assert world_of().refuse(nobody) == (MemberUnknown("no"),)
