"""Refund: back to the very lots, whole or in part."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from guerdon.domain.command import Redeem, Redeemed, Refund
from guerdon.domain.errors import RedemptionNotDue, RedemptionStatusWrong, RefundTooLarge
from guerdon.domain.ids import RedemptionId
from guerdon.domain.redemption import Redemption
from tests.builders.shop import PROGRAM, make_reward, make_shop
from tests.builders.state import World
from tests.builders.world import (
    ANNA,
    REWARD,
    balance,
    drift,
    give,
    make_world,
    redeem,
    remaining,
)


def world_with(*, points: int = 500, restore_days: int | None = 30, **reward: Any) -> World:
    shop = make_shop(rewards=(make_reward(**reward),), restore_days=restore_days)
    return make_world(shop, anna=points)


def refund(world: World, redemption_id: RedemptionId, **facts: Any) -> Redemption:
    result = world.do(Refund(redemption_id=redemption_id, **facts))
    assert isinstance(result, Redeemed)
    assert result.points_after == balance(world)
    assert drift(world) == []
    return result.redemption


def test_whole_refund_makes_void_and_restores_every_figure() -> None:
    world = world_with(stock=5)
    made = redeem(world)
    world.now += timedelta(hours=1)
    back = refund(world, made.id, reason="returned")
    assert (back.status, back.reason, back.points_refunded) == ("void", "returned", 100)
    assert (back.units_refunded, back.units_returned) == (1, 1)
    assert back.refunded_at == world.now
    assert (balance(world), world.counters[REWARD], remaining(world)) == (500, (0, 0), [500])
    assert world.wallet(made.member_id).points_redeemed == 0
    assert world.refuse(Refund(redemption_id=made.id)) == (RedemptionStatusWrong(made.id, "void"),)


def test_points_go_back_to_the_lots_they_came_from() -> None:
    world = world_with(points=0)
    ends: list[datetime | None] = []
    for lives_days in (10, 20, None):
        give(world, "anna", 40, lives_days=lives_days)
        ends.append(world.now + timedelta(days=lives_days) if lives_days else None)
        world.now += timedelta(hours=1)
    made = redeem(world)
    assert remaining(world) == [20]
    refund(world, made.id)
    assert remaining(world) == [40, 40, 40]
    wallet = world.wallet(made.member_id)
    assert [lot.expires_at for lot in world.open_lots(wallet.id)] == ends


def test_the_last_drawn_go_back_first_and_parts_add_up_to_the_whole() -> None:
    world = world_with(points=0)
    for _ in range(3):
        give(world, "anna", 40)
        world.now += timedelta(hours=1)
    made = redeem(world)
    part = refund(world, made.id, points=30)
    assert (part.status, part.points_refunded, part.units_refunded) == ("approved", 30, 0)
    assert remaining(world) == [10, 40]
    refund(world, made.id, points=30)
    assert remaining(world) == [40, 40]
    whole = refund(world, made.id)
    assert (whole.status, whole.points_refunded, whole.units_returned) == ("void", 100, 1)
    assert remaining(world) == [40, 40, 40]
    assert world.counters[REWARD] == (0, 0)


def test_the_rest_in_points_is_the_whole() -> None:
    world = world_with()
    made = redeem(world)
    refund(world, made.id, points=60)
    assert refund(world, made.id, points=40).status == "void"


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ({"points": 101}, (100, 1)),
        ({"points": -1}, (100, 1)),
        ({"points": 0}, (100, 1)),
        ({"units": 2}, (100, 1)),
        ({"units": 0}, (100, 1)),
        ({"units": -1}, (100, 1)),
        ({"points": 10, "units": 2}, (100, 1)),
        ({"points": 0, "units": 0}, (100, 1)),
    ],
)
def test_no_more_goes_back_than_is_left(facts: dict[str, Any], left: tuple[int, int]) -> None:
    world = world_with()
    made = redeem(world)
    refusals = world.refuse(Refund(redemption_id=made.id, **facts))
    assert refusals == (RefundTooLarge(*left),)


def test_units_go_back_one_by_one() -> None:
    world = world_with(units_max=3, stock=3)
    made = redeem(world, units=3)
    first = refund(world, made.id, units=1)
    assert (first.status, first.points_refunded, first.units_refunded) == ("approved", 100, 1)
    assert world.counters[REWARD] == (1, 2)
    refund(world, made.id, units=1)
    last = refund(world, made.id, units=1)
    assert (last.status, last.points_refunded, last.units_refunded) == ("void", 300, 3)
    assert (world.counters[REWARD], balance(world)) == ((0, 0), 500)


def test_some_units_for_other_points_than_their_share() -> None:
    world = world_with(units_max=2)
    made = redeem(world, units=2)
    part = refund(world, made.id, points=50, units=2)
    assert (part.status, part.points_refunded, part.units_refunded) == ("approved", 50, 2)
    rest = refund(world, made.id)
    assert (rest.status, rest.points_refunded) == ("void", 200)


def test_a_refund_may_keep_the_stock_down() -> None:
    world = world_with(stock=1)
    made = redeem(world)
    back = refund(world, made.id, keeps_stock=True)
    assert (back.units_refunded, back.units_returned) == (1, 0)
    assert world.counters[REWARD] == (0, 1)


def test_a_free_reward_goes_back_without_points() -> None:
    world = world_with(points_cost=0, points=0, stock=1)
    made = redeem(world)
    entries = len(world.entries)
    assert refund(world, made.id).status == "void"
    assert (len(world.entries), world.counters[REWARD]) == (entries, (0, 0))


def test_points_of_an_expired_lot_live_again_for_some_days() -> None:
    world = world_with(points=0, restore_days=7)
    give(world, "anna", 60, lives_days=1)
    give(world, "anna", 60)
    made = redeem(world)
    world.now += timedelta(days=2)
    refund(world, made.id)
    lots = world.open_lots(world.wallet(made.member_id).id)
    assert [(lot.points_remaining, lot.expires_at) for lot in lots] == [
        (60, None),
        (60, world.now + timedelta(days=7)),
    ]
    assert balance(world) == 120


def test_points_of_an_expired_lot_are_forfeited_in_writing() -> None:
    world = world_with(points=0, restore_days=None)
    give(world, "anna", 60, lives_days=1)
    give(world, "anna", 60)
    made = redeem(world)
    world.now += timedelta(days=2)
    back = refund(world, made.id)
    assert back.points_refunded == 100
    kinds = [(each.kind, each.points) for each in world.entries][-2:]
    assert kinds == [("refunded", 100), ("expired", -60)]
    assert balance(world) == 60


@pytest.mark.parametrize("restore_days", [None, 0, 5])
def test_a_refund_in_parts_ends_like_one_in_whole(restore_days: int | None) -> None:
    whole = world_with(points=0, restore_days=restore_days)
    give(whole, "anna", 35, lives_days=1)
    give(whole, "anna", 35, lives_days=3)
    give(whole, "anna", 35)
    made = redeem(whole)
    whole.now += timedelta(days=2)
    parts = whole.copy()
    refund(whole, made.id)
    for points in (1, 29, 36, 34):
        refund(parts, made.id, points=points)
    assert balance(parts) == balance(whole)
    assert parts.redemptions[made.id].status == "void"
    assert sum(remaining(parts)) == sum(remaining(whole))


def test_an_automatic_refund_waits_for_its_time() -> None:
    world = world_with(auto_refund_seconds=60)
    made = redeem(world)
    command = Refund(redemption_id=made.id, is_auto=True)
    assert world.refuse(command) == (RedemptionNotDue(made.id, made.auto_refund_at),)
    world.now += timedelta(seconds=60)
    assert refund(world, made.id, is_auto=True).status == "void"


def test_nothing_goes_back_by_itself_without_a_time() -> None:
    world = world_with()
    made = redeem(world)
    command = Refund(redemption_id=made.id, is_auto=True)
    assert world.refuse(command) == (RedemptionNotDue(made.id, None),)


def test_points_back_can_be_spent_in_the_same_batch() -> None:
    world = world_with(points=100)
    made = redeem(world)
    again = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)
    world.run(Refund(redemption_id=made.id), again, Refund(redemption_id=made.id))
    assert sorted(each.status for each in world.redemptions.values()) == ["approved", "void"]
    assert balance(world) == 0
    assert drift(world) == []
