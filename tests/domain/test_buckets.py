"""Points that wait together or expire together, moved before their day."""

from datetime import timedelta

from guerdon.domain.command import (
    BucketMoved,
    ChangeMember,
    Earn,
    Earned,
    Enrol,
    Enrolled,
    ExpireEarly,
    SettlePending,
)
from guerdon.domain.errors import (
    EarningStatusWrong,
    EarningUnknown,
    MemberFrozen,
    MemberUnknown,
    WalletUnknown,
)
from guerdon.domain.ids import EarningId, LotId, PointTypeId
from guerdon.domain.member import MemberRef
from tests.builders.shop import POINT_TYPE, PROGRAM, make_rule, make_shop
from tests.builders.state import World
from tests.builders.world import ANNA, BELA, balance, drift, give, make_world, remaining

NOBODY = MemberRef(external_id="no")


def waiting(world: World, points: int) -> EarningId:
    rule = next(iter(world.catalogue.rules.values()))
    earn = Earn(program_id=PROGRAM, member=ANNA, rule_id=rule.id, base_points=points)
    result = world.do(earn)
    assert isinstance(result, Earned)
    assert result.earning.status == "pending"
    return result.earning.id


def settle(*ids: EarningId, is_credited: bool, member: MemberRef = ANNA) -> SettlePending:
    return SettlePending(
        program_id=PROGRAM, member=member, earning_ids=ids, is_credited=is_credited, note="by hand"
    )


def early(*lot_ids: LotId, point_type_id: PointTypeId = POINT_TYPE) -> ExpireEarly:
    return ExpireEarly(
        program_id=PROGRAM, member=ANNA, point_type_id=point_type_id, lot_ids=lot_ids
    )


def test_what_waits_is_credited_together() -> None:
    world = make_world(make_shop(rules=(make_rule(approval_days=7),)), anna=0)
    ids = [waiting(world, 30), waiting(world, 12)]
    result = world.do(settle(*ids, is_credited=True))
    assert result == BucketMoved(world.entries[-1].id, 42, 42)
    assert balance(world) == 42
    assert [entry.note for entry in world.entries[-2:]] == ["by hand", "by hand"]
    assert {world.earnings[each].status for each in ids} == {"approved"}
    assert world.refuse(settle(*ids, is_credited=False)) == (
        EarningStatusWrong(ids[0], "approved"),
    )
    assert drift(world) == []


def test_what_waits_comes_to_nothing_together_and_what_does_not_is_left() -> None:
    world = make_world(make_shop(rules=(make_rule(approval_days=7),)), anna=0)
    first, second = waiting(world, 30), waiting(world, 12)
    world.do(settle(first, is_credited=True))
    result = world.do(settle(first, second, is_credited=False))
    assert isinstance(result, BucketMoved)
    assert (result.points, result.points_after) == (12, 30)
    assert world.entries[-1].kind == "declined"
    assert drift(world) == []


def test_of_pending_points_all_refusals_are_told() -> None:
    world = make_world(make_shop(rules=(make_rule(approval_days=7),)), anna=0, bela=0)
    earning_id = waiting(world, 30)
    assert world.refuse(settle(earning_id, is_credited=True, member=NOBODY)) == (
        MemberUnknown("no"),
    )
    assert world.refuse(settle(earning_id, is_credited=True, member=BELA)) == (
        EarningUnknown(earning_id),
    )
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, is_frozen=True))
    assert world.refuse(settle(earning_id, is_credited=True)) == (MemberFrozen(),)
    assert world.refuse(early()) == (MemberFrozen(),)


def test_points_expire_before_their_day_and_others_stay() -> None:
    world = make_world(make_shop(points_expiry_days=30), anna=0)
    give(world, "anna", 50)
    world.now += timedelta(days=2)
    give(world, "anna", 20)
    first = min(world.lots)
    command = early(first)
    result = world.do(command)
    assert result == BucketMoved(world.entries[-1].id, 50, 20)
    assert (world.entries[-1].kind, world.entries[-1].note) == ("expired", "early")
    assert sorted(remaining(world)) == [20]
    entries = len(world.entries)
    assert world.do(command) == BucketMoved(None, 0, 20)
    assert len(world.entries) == entries
    assert world.refuse(early(point_type_id=PointTypeId(999))) == (WalletUnknown(),)
    assert drift(world) == []


def test_who_is_excluded_from_the_beginning_gets_nothing_for_signing_up() -> None:
    world = make_world(make_shop(rules=(make_rule(trigger="signup", points=25),)), anna=0)
    enrolled = world.do(Enrol(program_id=PROGRAM, external_id="new", is_frozen=True))
    assert isinstance(enrolled, Enrolled)
    assert enrolled.is_new
    assert balance(world, "new") == 0
    (wallet,) = (each for each in world.wallets.values() if each.member_id == enrolled.member.id)
    assert wallet.is_frozen
