"""Redeem: every check, all at once, and then the debit."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from guerdon.domain.catalogue import FulfilBy, MemberLimit
from guerdon.domain.command import ChangeMember, Done, Redeem, Redeemed, Refused
from guerdon.domain.errors import (
    InsufficientPoints,
    MemberFrozen,
    MemberLimitReached,
    MemberUnknown,
    OutOfStock,
    ProgramInactive,
    ProgramOutsideWindow,
    RedemptionLimitReached,
    Refusal,
    RewardInactive,
    RewardOutsideWindow,
    RewardUnknown,
    TierRequired,
    UnitsOutOfBounds,
    WalletUnknown,
)
from guerdon.domain.ids import PointTypeId, ProgramId, RewardId, TierId
from guerdon.domain.member import MemberRef
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop, make_tier
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

REDEEM = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)


def world_with(*, points: int = 500, **reward: Any) -> World:
    return make_world(make_shop(rewards=(make_reward(**reward),)), anna=points)


def test_points_are_debited_and_the_reward_is_the_members() -> None:
    world = world_with(points=250)
    result = world.do(REDEEM)
    assert isinstance(result, Redeemed)
    assert result.points_after == 150
    made = result.redemption
    assert (made.status, made.points_cost, made.units) == ("approved", 100, 1)
    assert made.fulfilment == "done"
    assert made.code is not None
    assert world.entries[-1].kind == "redeemed"
    assert world.entries[-1].points == -100
    assert world.entries[-1].redemption_id == made.id
    assert [event.kind for event in world.events][-1] == "redemption.approved"
    assert drift(world) == []


@pytest.mark.parametrize(
    ("fulfil_by", "status", "fulfilment", "has_code"),
    [
        ("code", "approved", "done", True),
        ("pool", "approved", "done", True),
        ("shopify_pool", "approved", "done", True),
        ("manual", "approved", "open", True),
        ("webhook", "approved", "open", True),
        ("shopify", "pending", "open", True),
        ("gift_card", "pending", "open", True),
        ("store_credit", "pending", "open", False),
        ("points", "pending", "open", False),
    ],
)
def test_the_way_of_fulfilment_decides_the_status(
    fulfil_by: FulfilBy, status: str, fulfilment: str, has_code: bool
) -> None:
    world = world_with(fulfil_by=fulfil_by)
    world.pools[REWARD] = ["POOL-1"]
    made = redeem(world)
    assert (made.status, made.fulfilment, made.code is not None) == (status, fulfilment, has_code)
    assert world.wallet(made.member_id).points_held == (100 if status == "pending" else 0)
    assert drift(world) == []


def test_every_reason_is_given_at_once() -> None:
    reward = make_reward(
        status="inactive",
        ends_at=FOUNDED,
        stock=0,
        max_redemptions=0,
        units_max=2,
        tier_id=TierId(3002),
        limit_per_member=MemberLimit(count=0, interval="day"),
    )
    shop = make_shop(
        rewards=(reward,), tiers=(make_tier(1, 0), make_tier(2, 1000)), ends_at=FOUNDED
    )
    world = make_world(shop, anna=50)
    world.do(ChangeMember(program_id=PROGRAM, member=ANNA, is_frozen=True))
    inactive = make_shop(status="inactive").program.status
    world.catalogue.programs[PROGRAM] = shop.with_program(status=inactive).program
    command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD, units=3)
    assert set(world.refuse(command)) == {
        ProgramInactive(),
        ProgramOutsideWindow(),
        RewardInactive(REWARD),
        RewardOutsideWindow(None, FOUNDED),
        UnitsOutOfBounds(3, 1, 2),
        OutOfStock(0),
        RedemptionLimitReached(0),
        MemberFrozen(),
        TierRequired(TierId(3002), TierId(3001)),
        MemberLimitReached(MemberLimit(count=0, interval="day")),
        InsufficientPoints(50, 300),
    }


@pytest.mark.parametrize(
    ("reward", "refusal"),
    [
        ({"status": "draft"}, RewardInactive(REWARD)),
        ({"status": "inactive"}, RewardInactive(REWARD)),
        ({"archived_at": FOUNDED}, RewardUnknown(REWARD)),
        (
            {"starts_at": FOUNDED + timedelta(seconds=1)},
            RewardOutsideWindow(FOUNDED + timedelta(seconds=1), None),
        ),
        ({"ends_at": FOUNDED}, RewardOutsideWindow(None, FOUNDED)),
        ({"units_min": 2, "units_max": 3}, UnitsOutOfBounds(1, 2, 3)),
        ({"stock": 0}, OutOfStock(0)),
        ({"fulfil_by": "pool"}, OutOfStock(0)),
        ({"max_redemptions": 0}, RedemptionLimitReached(0)),
        (
            {"limit_per_member": MemberLimit(count=0, interval="ever")},
            MemberLimitReached(MemberLimit(count=0, interval="ever")),
        ),
        ({"tier_id": TierId(3009)}, TierRequired(TierId(3009), None)),
        ({"points_cost": 501}, InsufficientPoints(500, 501)),
        ({"point_type_id": PointTypeId(77)}, WalletUnknown(PointTypeId(77))),
    ],
)
def test_a_refusal_stands_alone_and_leaves_no_trace(
    reward: dict[str, Any], refusal: Refusal
) -> None:
    assert world_with(**reward).refuse(REDEEM) == (refusal,)


@pytest.mark.parametrize(
    ("program", "refusal"),
    [
        ({"status": "draft"}, ProgramInactive()),
        ({"status": "inactive"}, ProgramInactive()),
        ({"starts_at": FOUNDED + timedelta(seconds=1)}, ProgramOutsideWindow()),
        ({"ends_at": FOUNDED}, ProgramOutsideWindow()),
    ],
)
def test_a_program_that_is_not_on_refuses(program: dict[str, Any], refusal: Refusal) -> None:
    world = world_with()
    world.catalogue.programs[PROGRAM] = make_shop(**program).program
    assert world.refuse(REDEEM) == (refusal,)


def test_windows_include_their_start_and_not_their_end() -> None:
    window: dict[str, Any] = {"starts_at": FOUNDED, "ends_at": FOUNDED + timedelta(seconds=1)}
    world = make_world(make_shop(rewards=(make_reward(**window),), **window), anna=500)
    assert redeem(world).status == "approved"
    world.now += timedelta(seconds=1)
    assert len(world.refuse(REDEEM)) == 2


def test_unknown_names_are_refused_together() -> None:
    world = world_with()
    command = Redeem(
        program_id=PROGRAM, member=MemberRef(email="no@shop.example"), reward_id=RewardId(9)
    )
    assert set(world.refuse(command)) == {
        MemberUnknown("no@shop.example"),
        RewardUnknown(RewardId(9)),
    }


def test_a_program_nobody_has_heard_of_is_refused_and_not_an_error() -> None:
    command = Redeem(program_id=ProgramId(404), member=ANNA, reward_id=REWARD)
    assert world_with().refuse(command) == (ProgramInactive(),)


def test_a_reward_of_another_program_is_unknown() -> None:
    assert world_with(program_id=ProgramId(12)).refuse(REDEEM) == (RewardUnknown(REWARD),)


def test_a_member_is_found_by_any_of_three_names() -> None:
    world = world_with()
    anna = world.members[next(iter(world.members))]
    for ref in (
        MemberRef(id=anna.id),
        MemberRef(external_id="anna"),
        MemberRef(email="anna@shop.example"),
    ):
        result = world.do(Redeem(program_id=PROGRAM, member=ref, reward_id=REWARD))
        assert isinstance(result, Redeemed)
        assert result.redemption.member_id == anna.id


@pytest.mark.parametrize("units", [-5, 0])
def test_no_units_buy_nothing(units: int) -> None:
    world = world_with(stock=3)
    command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD, units=units)
    assert world.refuse(command) == (UnitsOutOfBounds(units, 1, 1),)


def test_units_multiply_cost_and_stock() -> None:
    world = world_with(units_max=10, stock=4, points=1000)
    made = redeem(world, units=3)
    assert made.points_cost == 300
    assert world.counters[REWARD] == (1, 3)
    command = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD, units=2)
    assert world.refuse(command) == (OutOfStock(1),)
    assert drift(world) == []


def test_commands_of_a_batch_see_those_before_them() -> None:
    world = world_with(points=250, stock=9)
    outcomes = world.run(REDEEM, REDEEM, REDEEM)
    assert [type(each) for each in outcomes] == [Done, Done, Refused]
    assert outcomes[2] == Refused((InsufficientPoints(50, 100),))
    assert drift(world) == []


def test_stock_ends_within_a_batch() -> None:
    world = world_with(points=1000, stock=2)
    outcomes = world.run(*[REDEEM] * 4)
    assert outcomes[2:] == [Refused((OutOfStock(0),))] * 2


def test_the_order_of_refused_commands_changes_no_refusal() -> None:
    poor = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD, units=9)
    nobody = Redeem(program_id=PROGRAM, member=MemberRef(external_id="no"), reward_id=REWARD)
    nothing = Redeem(program_id=PROGRAM, member=ANNA, reward_id=RewardId(9))
    expected = {id(each): world_with().refuse(each) for each in (poor, nobody, nothing)}
    for order in permutations((poor, nobody, nothing)):
        outcomes = world_with().run(*order)
        assert outcomes == [Refused(expected[id(each)]) for each in order]


def test_pool_codes_go_out_in_order_and_once() -> None:
    world = world_with(fulfil_by="pool", points=1000)
    world.pools[REWARD] = ["FIRST", "SECOND"]
    outcomes = world.run(REDEEM, REDEEM, REDEEM)
    done = [each.result for each in outcomes if isinstance(each, Done)]
    codes = [each.redemption.code for each in done if isinstance(each, Redeemed)]
    assert codes == ["FIRST", "SECOND"]
    assert outcomes[2] == Refused((OutOfStock(0),))
    assert drift(world) == []


def test_a_member_limit_counts_within_its_interval() -> None:
    world = world_with(limit_per_member=MemberLimit(count=1, interval="day"), points=1000)
    redeem(world)
    assert world.refuse(REDEEM) == (MemberLimitReached(MemberLimit(count=1, interval="day")),)
    world.now += timedelta(days=1)
    redeem(world)
    assert drift(world) == []


@pytest.mark.parametrize(("match", "is_allowed"), [("exact", False), ("at_least", True)])
def test_a_higher_tier_serves_where_the_program_says_so(match: str, is_allowed: bool) -> None:
    tiers = (make_tier(1, 0), make_tier(2, 100), make_tier(3, 200))
    reward = make_reward(tier_id=TierId(3002))
    world = make_world(make_shop(rewards=(reward,), tiers=tiers, vip_tier_match=match), anna=500)
    anna = next(iter(world.wallets.values()))
    world.wallets[anna.id] = type(anna)(
        **{name: getattr(anna, name) for name in anna.__struct_fields__}
        | {"tier_id": TierId(3003), "points_lifetime": 0}
    )
    if is_allowed:
        assert redeem(world).status == "approved"
    else:
        assert world.refuse(REDEEM) == (TierRequired(TierId(3002), TierId(3003)),)


def test_a_free_reward_moves_no_points() -> None:
    world = world_with(points_cost=0, points=0)
    entries = len(world.entries)
    made = redeem(world)
    assert (made.entry_id, made.lot_ids, made.points_cost) == (None, (), 0)
    assert len(world.entries) == entries
    assert world.counters[REWARD] == (1, 1)
    assert drift(world) == []


def test_first_in_is_first_drawn() -> None:
    world = world_with(points=0)
    give(world, "anna", 30, lives_days=90)
    world.now += timedelta(hours=1)
    give(world, "anna", 200, lives_days=10)
    assert redeem(world).lot_points == (30, 70)
    assert remaining(world) == [130]


def test_what_expires_soonest_is_drawn_first_where_the_program_says_so() -> None:
    world = make_world(make_shop(draw_order="soonest_expiry"), anna=0)
    for points, lives_days in ((60, None), (60, 90), (30, 10)):
        give(world, "anna", points, lives_days=lives_days)
        world.now += timedelta(hours=1)
    assert redeem(world).lot_points == (30, 60, 10)
    assert remaining(world) == [50]
    assert drift(world) == []


@pytest.mark.parametrize("order", ["fifo", "soonest_expiry"])
def test_expired_points_are_never_drawn_though_no_sweep_came(order: str) -> None:
    world = make_world(make_shop(draw_order=order), anna=0)
    give(world, "anna", 100, lives_days=1)
    give(world, "anna", 90)
    world.now += timedelta(days=1)
    assert world.refuse(REDEEM) == (InsufficientPoints(90, 100),)
    give(world, "anna", 10)
    assert redeem(world).lot_points == (90, 10)
    assert balance(world) == 0
    assert [each.kind for each in world.entries][-3:] == ["expired", "adjusted", "redeemed"]
    assert drift(world) == []


def test_a_reward_and_its_refund_may_expire() -> None:
    world = world_with(expiry_days=30, auto_refund_seconds=60)
    made = redeem(world)
    assert made.expires_at == FOUNDED + timedelta(days=30)
    assert made.auto_refund_at == FOUNDED + timedelta(seconds=60)
