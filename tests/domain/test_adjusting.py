"""Adjust, transfer, expire: points moved by hand or by time."""

from datetime import timedelta
from typing import Any

import pytest

from guerdon.domain.command import (
    Adjust,
    Adjusted,
    ChangeMember,
    Expired,
    ExpireLots,
    Part,
    Transfer,
    Transferred,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberFrozen,
    MemberUnknown,
    PointsInvalid,
    WalletUnknown,
)
from guerdon.domain.ids import PointTypeId
from guerdon.domain.member import MemberRef
from tests.builders.shop import FOUNDED, PROGRAM, make_shop
from tests.builders.state import World
from tests.builders.world import (
    ANNA,
    BELA,
    balance,
    drift,
    give,
    id_of,
    make_world,
    remaining,
)

NOBODY = MemberRef(external_id="no")


def adjust(world: World, points: int, **facts: Any) -> Adjusted:
    result = world.do(Adjust(program_id=PROGRAM, member=ANNA, points=points, **facts))
    assert isinstance(result, Adjusted)
    assert drift(world) == []
    return result


def test_points_given_are_a_lot_and_an_audit_record() -> None:
    world = make_world(make_shop(points_expiry_days=30), anna=0)
    result = adjust(world, 70, note="sorry")
    assert (result.points, result.asked_points) == (70, 70)
    assert (result.points_before, result.points_after) == (0, 70)
    (audit,) = world.earnings.values()
    assert (audit.is_manual, audit.points, audit.note) == (True, 70, "sorry")
    assert audit.expires_at == FOUNDED + timedelta(days=30)
    assert world.entries[-1].note == "sorry"


def test_points_given_may_say_when_they_expire() -> None:
    world = make_world(make_shop(points_expiry_days=30), anna=0)
    adjust(world, 70, expires_at=FOUNDED + timedelta(days=2))
    world.now += timedelta(days=2)
    assert world.do(ExpireLots(program_id=PROGRAM, member=ANNA)) == Expired(70)


def test_points_taken_must_be_there() -> None:
    world = make_world(anna=50)
    command = Adjust(program_id=PROGRAM, member=ANNA, points=-51)
    assert world.refuse(command) == (InsufficientPoints(50, 51),)
    assert adjust(world, -50).points_after == 0


def test_a_floor_at_zero_is_written_down() -> None:
    world = make_world(anna=50)
    result = adjust(world, -80, floors_at_zero=True)
    assert (result.asked_points, result.points, result.points_after) == (-80, -50, 0)
    entry = world.entries[-1]
    assert (entry.points, entry.asked_points) == (-50, -80)
    empty = adjust(world, -1, floors_at_zero=True)
    assert (empty.points, empty.points_after) == (0, 0)


def test_expired_points_are_not_there_to_take() -> None:
    world = make_world(anna=10)
    give(world, "anna", 40, lives_days=1)
    world.now += timedelta(days=1)
    command = Adjust(program_id=PROGRAM, member=ANNA, points=-11)
    assert world.refuse(command) == (InsufficientPoints(10, 11),)
    result = adjust(world, -11, floors_at_zero=True)
    assert (result.points_before, result.points, result.points_after) == (10, -10, 0)


def test_lifetime_points_move_only_where_asked() -> None:
    world = make_world(anna=0)
    anna = id_of(world, "anna")
    adjust(world, 100)
    adjust(world, 50, moves_lifetime=False)
    assert world.wallet(anna).points_lifetime == 100
    adjust(world, -20, moves_lifetime=False)
    adjust(world, -30)
    assert world.wallet(anna).points_lifetime == 70
    adjust(world, -100)
    assert world.wallet(anna).points_lifetime == 0


@pytest.mark.parametrize("points", [0, 1_000_000_000_001, -1_000_000_000_001])
def test_points_out_of_range_are_refused(points: int) -> None:
    command = Adjust(program_id=PROGRAM, member=ANNA, points=points)
    assert make_world(anna=5).refuse(command) == (PointsInvalid(points),)


def test_an_adjustment_needs_its_member_and_wallet() -> None:
    world = make_world(anna=5)
    refused = world.refuse(Adjust(program_id=PROGRAM, member=NOBODY, points=1))
    assert refused == (MemberUnknown("no"),)
    other = Adjust(program_id=PROGRAM, member=ANNA, points=1, point_type_id=PointTypeId(9))
    assert world.refuse(other) == (WalletUnknown(),)
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, is_frozen=True))
    refused = world.refuse(Adjust(program_id=PROGRAM, member=ANNA, points=1))
    assert refused == (MemberFrozen(),)


def transfer_of(points: int, **facts: Any) -> Transfer:
    facts = {"source": ANNA, "target": BELA} | facts
    return Transfer(program_id=PROGRAM, points=points, **facts)


def test_transferred_points_keep_their_expiry() -> None:
    world = make_world(anna=0, bela=7)
    give(world, "anna", 40, lives_days=10)
    world.now += timedelta(hours=1)
    give(world, "anna", 40)
    world.now += timedelta(hours=1)
    result = world.do(transfer_of(60))
    assert isinstance(result, Transferred)
    assert (result.source_points_after, result.target_points_after) == (20, 67)
    assert (remaining(world), remaining(world, "bela")) == ([20], [7, 40, 20])
    lots = world.open_lots(world.wallet(id_of(world, "bela")).id)
    assert [lot.expires_at for lot in lots] == [None, FOUNDED + timedelta(days=10), None]
    assert drift(world) == []


def test_transferring_leaves_expired_points_behind() -> None:
    world = make_world(anna=10, bela=0)
    for name in ("anna", "bela"):
        give(world, name, 40, lives_days=1)
    world.now += timedelta(days=1)
    assert world.refuse(transfer_of(11)) == (InsufficientPoints(10, 11),)
    world.do(transfer_of(10))
    assert (balance(world), balance(world, "bela")) == (0, 10)
    assert drift(world) == []


@pytest.mark.parametrize("points", [0, -1, 1_000_000_000_001])
def test_only_a_positive_figure_is_transferred(points: int) -> None:
    assert make_world(anna=5, bela=5).refuse(transfer_of(points)) == (PointsInvalid(points),)


def test_a_transfer_to_oneself_is_refused() -> None:
    assert make_world(anna=5).refuse(transfer_of(5, target=ANNA)) == (PointsInvalid(5),)


def test_several_give_to_one_together() -> None:
    world = make_world(anna=30, bela=10, cleo=5)
    cleo = MemberRef(external_id="cleo")
    result = world.do(transfer_of(20, further=(Part(source=cleo, points=5, note="All"),)))
    assert isinstance(result, Transferred)
    assert (result.points, result.target_points_after) == (25, 35)
    assert (balance(world), balance(world, "bela"), balance(world, "cleo")) == (10, 35, 0)
    assert drift(world) == []


def test_of_several_all_give_or_none() -> None:
    world = make_world(anna=30, bela=10)
    before = world.copy()
    twice = transfer_of(20, further=(Part(source=ANNA, points=11),))
    assert world.refuse(twice) == (InsufficientPoints(30, 31),)
    back = transfer_of(20, further=(Part(source=BELA, points=1),))
    assert world.refuse(back) == (PointsInvalid(1),)
    assert world.refuse(transfer_of(20, further=(Part(source=NOBODY, points=1),))) == (
        MemberUnknown("no"),
    )
    assert world == before


def test_points_by_hand_may_live_for_ever() -> None:
    world = make_world(make_shop(points_expiry_days=10), anna=0)
    for expires_never in (False, True):
        world.do(Adjust(program_id=PROGRAM, member=ANNA, points=5, expires_never=expires_never))
    lots = world.open_lots(world.wallet(id_of(world, "anna")).id)
    assert [lot.expires_at is None for lot in lots] == [False, True]


def test_a_transfer_needs_both_sides() -> None:
    world = make_world(anna=5, bela=5)
    refused = world.refuse(transfer_of(1, source=NOBODY, target=NOBODY))
    assert refused == (MemberUnknown("no"), MemberUnknown("no"))
    refused = world.refuse(transfer_of(1, point_type_id=PointTypeId(9)))
    assert refused == (WalletUnknown(), WalletUnknown())
    world.do(ChangeMember(program_id=PROGRAM, member=BELA, is_frozen=True))
    assert world.refuse(transfer_of(1)) == (MemberFrozen(),)


def test_the_sweep_takes_only_what_is_due() -> None:
    world = make_world(anna=10)
    give(world, "anna", 20, lives_days=1)
    give(world, "anna", 30, lives_days=2)
    world.now += timedelta(days=1)
    assert world.do(ExpireLots(program_id=PROGRAM, member=ANNA)) == Expired(20)
    assert balance(world) == 40
    before = world.copy()
    assert world.do(ExpireLots(program_id=PROGRAM, member=ANNA)) == Expired(0)
    assert world == before
    assert drift(world) == []


def test_nobody_has_nothing_to_expire() -> None:
    refused = make_world().refuse(ExpireLots(program_id=PROGRAM, member=NOBODY))
    assert refused == (MemberUnknown("no"),)
