"""Enrol, change a member, and tiers that follow lifetime points."""

from datetime import date
from typing import Any

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import (
    Adjust,
    Changed,
    ChangeMember,
    Done,
    Enrol,
    Enrolled,
    Redeem,
    Redeemed,
    Refused,
    Transfer,
)
from guerdon.domain.errors import MemberLimitReached, MemberUnknown, ProgramInactive
from guerdon.domain.ids import RewardId, TierId
from guerdon.domain.member import MemberRef
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, make_tier
from tests.builders.state import World
from tests.builders.world import ANNA, BELA, REWARD, balance, drift, id_of, make_world

TIERS = (make_tier(1, 0), make_tier(2, 100), make_tier(3, 200))


def test_a_shopper_becomes_a_member_once() -> None:
    world = make_world(make_shop(tiers=TIERS))
    command = Enrol(
        program_id=PROGRAM,
        external_id="anna",
        email=" Anna@Shop.Example ",
        first_name="Anna",
        birthday=date(1990, 2, 28),
    )
    first = world.do(command)
    assert isinstance(first, Enrolled)
    assert first.is_new
    assert first.tier_id == TierId(3001)
    assert first.member.email == "anna@shop.example"
    assert len(first.member.referral_code) == 10
    before = world.copy()
    again = world.do(Enrol(program_id=PROGRAM, external_id="anna", email="other@shop.example"))
    assert again == Enrolled(first.member, is_new=False, tier_id=TierId(3001))
    assert world == before


def test_a_program_that_is_not_active_takes_nobody() -> None:
    world = make_world()
    world.catalogue.programs[PROGRAM] = make_shop(status="draft").program
    refused = world.refuse(Enrol(program_id=PROGRAM, external_id="anna"))
    assert refused == (ProgramInactive(),)


def test_enrolling_twice_in_a_batch_makes_one_member() -> None:
    world = make_world()
    command = Enrol(program_id=PROGRAM, external_id="anna")
    first, second = world.run(command, command)
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert isinstance(first.result, Enrolled)
    assert isinstance(second.result, Enrolled)
    assert first.result.member == second.result.member
    assert len(world.members) == len(world.wallets) == 1


def change(world: World, **facts: Any) -> Changed:
    result = world.do(ChangeMember(program_id=PROGRAM, member=ANNA, **facts))
    assert isinstance(result, Changed)
    return result


def test_a_change_touches_only_what_is_named() -> None:
    world = make_world(anna=0)
    changed = change(world, first_name="Anna", email=" NEW@shop.example")
    assert changed.member.first_name == "Anna"
    assert changed.member.email == "new@shop.example"
    assert change(world, email=None).member.email is None
    assert change(world).member.first_name == "Anna"
    assert world.events[-1].kind == "member.updated"


def test_a_change_to_the_same_is_none() -> None:
    world = make_world(anna=0)
    before = world.copy()
    change(world, email="anna@shop.example", is_frozen=False)
    assert world == before


def test_freezing_and_thawing() -> None:
    world = make_world(anna=500)
    assert change(world, is_frozen=True).is_frozen
    assert world.wallet(id_of(world, "anna")).is_frozen
    assert not change(world, is_frozen=False).is_frozen
    kinds = [event.kind for event in world.events][-2:]
    assert kinds == ["member.frozen", "member.unfrozen"]


def test_nobody_cannot_be_changed() -> None:
    nobody = ChangeMember(program_id=PROGRAM, member=MemberRef(external_id="no"), is_frozen=True)
    assert make_world().refuse(nobody) == (MemberUnknown("no"),)


def test_a_new_email_is_known_to_the_rest_of_the_batch_and_the_old_is_not() -> None:
    world = make_world(anna=500, bela=500)
    outcomes = world.run(
        ChangeMember(program_id=PROGRAM, member=ANNA, email="new@shop.example"),
        Redeem(program_id=PROGRAM, member=MemberRef(email="new@shop.example"), reward_id=REWARD),
        Redeem(program_id=PROGRAM, member=MemberRef(email="anna@shop.example"), reward_id=REWARD),
    )
    assert isinstance(outcomes[1], Done)
    assert outcomes[2] == Refused((MemberUnknown("anna@shop.example"),))


def test_of_two_with_one_email_the_first_is_meant() -> None:
    world = make_world(anna=500, bela=500)
    by_email = Redeem(
        program_id=PROGRAM, member=MemberRef(email="bela@shop.example"), reward_id=REWARD
    )
    outcomes = world.run(
        ChangeMember(program_id=PROGRAM, member=ANNA, email="bela@shop.example"),
        by_email,
        ChangeMember(program_id=PROGRAM, member=ANNA, email=None),
        by_email,
    )
    who = []
    for each in (outcomes[1], outcomes[3]):
        assert isinstance(each, Done)
        assert isinstance(each.result, Redeemed)
        who.append(each.result.redemption.member_id)
    assert who == [id_of(world, "anna"), id_of(world, "bela")]


def tier_of(world: World, name: str = "anna") -> TierId | None:
    return world.wallet(id_of(world, name)).tier_id


def test_lifetime_points_decide_the_tier_up_and_down() -> None:
    world = make_world(make_shop(tiers=TIERS), anna=0)
    for points, tier_id in ((99, 3001), (1, 3002), (150, 3003), (-100, 3002), (-150, 3001)):
        world.do(Adjust(program_id=PROGRAM, member=ANNA, points=points))
        assert tier_of(world) == TierId(tier_id)
    moves = [event.facts["is_up"] for event in world.events if event.kind == "member.tier_changed"]
    assert moves == [True, True, False, False]
    assert drift(world) == []


def test_spending_and_transferring_cost_no_tier() -> None:
    world = make_world(make_shop(tiers=TIERS), anna=0, bela=0)
    world.do(Adjust(program_id=PROGRAM, member=ANNA, points=150))
    world.do(Transfer(program_id=PROGRAM, source=ANNA, target=BELA, points=150))
    assert (tier_of(world), tier_of(world, "bela")) == (TierId(3002), TierId(3001))
    assert balance(world) == 0


def grant_shop(**reward: object) -> World:
    granted = make_reward(1, grant_on_entry=True, tier_id=TierId(3002), **reward)
    return make_world(make_shop(tiers=TIERS, rewards=(granted,)), anna=0)


def test_entering_a_tier_grants_its_reward_once_and_for_nothing() -> None:
    world = grant_shop(stock=5)
    raise_up = Adjust(program_id=PROGRAM, member=ANNA, points=100)
    world.do(raise_up)
    world.do(Adjust(program_id=PROGRAM, member=ANNA, points=-100))
    world.do(raise_up)
    (granted,) = world.redemptions.values()
    assert (granted.is_grant, granted.points_cost, granted.status) == (True, 0, "approved")
    assert world.counters[REWARD] == (1, 1)
    assert balance(world) == 100
    assert drift(world) == []


def test_enrolment_grants_the_lowest_tiers_rewards() -> None:
    granted = make_reward(1, grant_on_entry=True, tier_id=TierId(3001))
    world = make_world(make_shop(tiers=TIERS, rewards=(granted,)), anna=0)
    (given,) = world.redemptions.values()
    assert (given.is_grant, given.points_cost, given.status) == (True, 0, "approved")
    assert drift(world) == []


def test_a_grant_that_has_run_out_holds_nothing_up() -> None:
    world = grant_shop(stock=0)
    world.do(Adjust(program_id=PROGRAM, member=ANNA, points=100))
    assert world.redemptions == {}
    assert tier_of(world) == TierId(3002)


def test_a_grant_does_not_use_up_the_members_own_limit() -> None:
    limit = MemberLimit(count=1, interval="ever")
    world = grant_shop(limit_per_member=limit)
    redeem = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)
    outcomes = world.run(Adjust(program_id=PROGRAM, member=ANNA, points=199), redeem, redeem)
    assert isinstance(outcomes[1], Done)
    assert isinstance(outcomes[1].result, Redeemed)
    assert isinstance(outcomes[2], Refused)
    assert MemberLimitReached(limit) in outcomes[2].refusals
    assert drift(world) == []


def test_signup_points_may_reach_a_tier_and_its_grant() -> None:
    granted = make_reward(2, grant_on_entry=True, tier_id=TierId(3002), fulfil_by="pool")
    rule = make_rule(1, trigger="signup", points=120)
    world = make_world(make_shop(tiers=TIERS, rewards=(granted,), rules=(rule,)))
    world.pools[RewardId(1002)] = ["WELCOME"]
    result = world.do(Enrol(program_id=PROGRAM, external_id="anna"))
    assert isinstance(result, Enrolled)
    assert result.tier_id == TierId(3002)
    assert [each.code for each in world.redemptions.values()] == ["WELCOME"]
    assert drift(world) == []
