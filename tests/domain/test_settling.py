"""How a redemption goes on: settled, released, used, expired, handed over."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from guerdon.domain.catalogue import MemberLimit, RewardKind
from guerdon.domain.command import (
    Command,
    CompleteFulfilment,
    ExpireRedemption,
    MarkUsed,
    Redeem,
    Redeemed,
    Refund,
    Release,
    Settle,
)
from guerdon.domain.errors import RedemptionNotDue, RedemptionStatusWrong, RedemptionUnknown
from guerdon.domain.ids import RedemptionId
from guerdon.domain.redemption import Redemption, status_at
from tests.builders.shop import FOUNDED, PROGRAM, make_reward, make_shop
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

# Commands differ in what else they are made with.
_Act = Callable[..., Command]


def pending_world(**reward: Any) -> tuple[World, RedemptionId]:
    shop = make_shop(rewards=(make_reward(fulfil_by="shopify", **reward),))
    world = make_world(shop, anna=250)
    return world, redeem(world).id


def done(world: World, command: Command) -> Redemption:
    result = world.do(command)
    assert isinstance(result, Redeemed)
    return result.redemption


def test_settling_spends_what_was_held() -> None:
    world, redemption_id = pending_world()
    anna = world.redemptions[redemption_id].member_id
    assert (world.wallet(anna).points_held, balance(world)) == (100, 150)
    settled = done(world, Settle(redemption_id=redemption_id, code="PLATFORM-1"))
    assert (settled.status, settled.fulfilment, settled.code) == ("approved", "done", "PLATFORM-1")
    assert (world.wallet(anna).points_held, balance(world)) == (0, 150)
    assert drift(world) == []


def test_settling_keeps_our_code_where_the_platform_chose_none() -> None:
    world, redemption_id = pending_world()
    code = world.redemptions[redemption_id].code
    assert done(world, Settle(redemption_id=redemption_id)).code == code


def test_releasing_gives_everything_back() -> None:
    world, redemption_id = pending_world(stock=1)
    declined = done(world, Release(redemption_id=redemption_id, reason="no such product"))
    assert (declined.status, declined.reason) == ("declined", "no such product")
    assert (balance(world), world.counters[REWARD], remaining(world)) == (250, (0, 0), [250])
    assert world.entries[-1].kind == "released"
    assert drift(world) == []
    redeem(world)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Settle, Settle),
        (Release, Release),
        (MarkUsed, MarkUsed),
        (ExpireRedemption, ExpireRedemption),
        (CompleteFulfilment, CompleteFulfilment),
    ],
)
def test_twice_is_once(first: _Act, second: _Act) -> None:
    shop = make_shop(rewards=(make_reward(fulfil_by="shopify", expiry_days=1),))
    world = make_world(shop, anna=250)
    redemption_id = redeem(world).id
    if first not in (Settle, Release):
        world.do(Settle(redemption_id=redemption_id))
    world.now += timedelta(days=1)
    extra = {"reason": "x"} if first is Release else {}
    once = world.do(first(redemption_id=redemption_id, **extra))
    before = world.copy()
    assert world.do(second(redemption_id=redemption_id, **extra)) == once
    assert world == before


_ENDS: dict[str, list[Command]] = {
    "approved": [Settle(redemption_id=RedemptionId(0))],
    "declined": [Release(redemption_id=RedemptionId(0), reason="x")],
    "used": [Settle(redemption_id=RedemptionId(0)), MarkUsed(redemption_id=RedemptionId(0))],
    "expired": [
        Settle(redemption_id=RedemptionId(0)),
        ExpireRedemption(redemption_id=RedemptionId(0)),
    ],
    "void": [Settle(redemption_id=RedemptionId(0)), Refund(redemption_id=RedemptionId(0))],
    "pending": [],
}
_FORBIDDEN = {
    Settle: ["declined", "expired", "void"],
    Release: ["approved", "used", "expired", "void"],
    MarkUsed: ["pending", "declined", "void"],
    ExpireRedemption: ["pending", "declined", "used", "void"],
    CompleteFulfilment: ["pending", "declined", "expired", "void"],
    Refund: ["pending", "declined", "used", "expired", "void"],
}


def renamed(command: Command, redemption_id: RedemptionId) -> Command:
    facts = {name: getattr(command, name) for name in command.__struct_fields__}
    return type(command)(**facts | {"redemption_id": redemption_id})


@pytest.mark.parametrize(
    ("act", "status"), [(act, status) for act, those in _FORBIDDEN.items() for status in those]
)
def test_a_status_forbids_what_it_must(act: _Act, status: str) -> None:
    world, redemption_id = pending_world(expiry_days=1)
    if status == "expired":
        world.now += timedelta(days=1)
    for command in _ENDS[status]:
        world.do(renamed(command, redemption_id))
    assert world.redemptions[redemption_id].status == status
    extra = {"reason": "y"} if act is Release else {}
    refusals = world.refuse(act(redemption_id=redemption_id, **extra))
    assert refusals == (RedemptionStatusWrong(redemption_id, status),)


@pytest.mark.parametrize("act", list(_FORBIDDEN))
def test_nothing_happens_to_a_redemption_that_is_not(act: _Act) -> None:
    world, _ = pending_world()
    extra = {"reason": "y"} if act is Release else {}
    refusals = world.refuse(act(redemption_id=RedemptionId(1), **extra))
    assert refusals == (RedemptionUnknown(RedemptionId(1)),)


def test_a_redemption_does_not_expire_before_its_time() -> None:
    world, redemption_id = pending_world(expiry_days=1)
    world.do(Settle(redemption_id=redemption_id))
    due = FOUNDED + timedelta(days=1)
    refused = world.refuse(ExpireRedemption(redemption_id=redemption_id))
    assert refused == (RedemptionNotDue(redemption_id, due),)
    world.now = due
    expired = done(world, ExpireRedemption(redemption_id=redemption_id))
    assert expired.status == "expired"
    assert balance(world) == 150
    assert drift(world) == []


def test_a_redemption_without_an_end_never_expires() -> None:
    world, redemption_id = pending_world()
    world.do(Settle(redemption_id=redemption_id))
    world.now += timedelta(days=10_000)
    refused = world.refuse(ExpireRedemption(redemption_id=redemption_id))
    assert refused == (RedemptionNotDue(redemption_id, None),)


def test_a_code_used_after_it_expired_counts_as_used() -> None:
    world, redemption_id = pending_world(expiry_days=1)
    world.do(Settle(redemption_id=redemption_id))
    world.now += timedelta(days=1)
    world.do(ExpireRedemption(redemption_id=redemption_id))
    used = done(world, MarkUsed(redemption_id=redemption_id, used_at=FOUNDED))
    assert (used.status, used.used_at) == ("used", FOUNDED)


def test_use_is_dated_now_where_nobody_says_when() -> None:
    world, redemption_id = pending_world()
    world.do(Settle(redemption_id=redemption_id))
    assert done(world, MarkUsed(redemption_id=redemption_id)).used_at == world.now


def test_what_staff_hand_over_is_done_once() -> None:
    world = make_world(make_shop(rewards=(make_reward(fulfil_by="manual"),)), anna=250)
    redemption_id = redeem(world).id
    handed = done(world, CompleteFulfilment(redemption_id=redemption_id))
    assert (handed.status, handed.fulfilment) == ("approved", "done")
    assert world.events[-1].facts["is_handed_over"] is True


def test_the_balance_told_leaves_out_what_has_expired_unswept() -> None:
    world, redemption_id = pending_world()
    give(world, "anna", 40, lives_days=1)
    world.now += timedelta(days=1)
    result = world.do(Settle(redemption_id=redemption_id))
    assert isinstance(result, Redeemed)
    assert result.points_after == 150
    assert world.events[-1].facts["points_available"] == 150


def test_a_limit_no_longer_counts_what_was_released_in_the_same_batch() -> None:
    world, redemption_id = pending_world(limit_per_member=MemberLimit(count=1, interval="ever"))
    again = Redeem(program_id=PROGRAM, member=ANNA, reward_id=REWARD)
    split = world.copy()
    together = world.run(Release(redemption_id=redemption_id, reason="x"), again)
    split.run(Release(redemption_id=redemption_id, reason="x"))
    apart = split.run(again)
    assert type(together[1]) is type(apart[0])
    assert drift(world) == []


_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("auto_refund_seconds", "expiry_days", "end", "ended"),
    [
        (86_400, None, _DAY, "void"),
        (None, 1, _DAY, "expired"),
        (86_400, 1, _DAY, "void"),
        (86_400, 2, _DAY, "void"),
        (2 * 86_400, 1, _DAY, "expired"),
    ],
)
def test_what_is_unused_ends_at_the_very_moment_whoever_comes_by(
    auto_refund_seconds: int | None, expiry_days: int | None, end: timedelta, ended: str
) -> None:
    reward = make_reward(1, auto_refund_seconds=auto_refund_seconds, expiry_days=expiry_days)
    world = make_world(make_shop(rewards=(reward,)), anna=500)
    made = redeem(world)
    world.now = made.created_at + end - timedelta(milliseconds=1)
    assert status_at(made, world.now) == "approved"
    auto = Refund(redemption_id=made.id, is_auto=True)
    assert world.refuse(auto) == (RedemptionNotDue(made.id, made.auto_refund_at),)
    by_time = ExpireRedemption(redemption_id=made.id)
    assert world.refuse(by_time) == (RedemptionNotDue(made.id, made.expires_at),)
    world.now += timedelta(milliseconds=1)
    assert status_at(made, world.now) == ended
    by_hand = Refund(redemption_id=made.id)
    assert world.refuse(by_hand) == (RedemptionStatusWrong(made.id, ended),)
    act, other = (auto, by_time) if ended == "void" else (by_time, auto)
    assert isinstance(world.refuse(other)[0], RedemptionNotDue)
    assert done(world, act).status == ended
    assert balance(world) == (500 if ended == "void" else 400)
    assert drift(world) == []


def test_what_was_handed_over_does_not_go_back_by_itself() -> None:
    reward = make_reward(1, fulfil_by="manual", auto_refund_seconds=60)
    world = make_world(make_shop(rewards=(reward,)), anna=500)
    made = redeem(world)
    completed = done(world, CompleteFulfilment(redemption_id=made.id))
    world.now += timedelta(days=1)
    assert status_at(completed, world.now) == "approved"
    auto = Refund(redemption_id=made.id, is_auto=True)
    assert world.refuse(auto) == (RedemptionNotDue(made.id, made.auto_refund_at),)


@pytest.mark.parametrize(("kind", "lives"), [("custom", False), ("cart_discount", True)])
def test_what_people_hand_over_is_owed_without_end(kind: RewardKind, *, lives: bool) -> None:
    reward = make_reward(1, kind=kind, fulfil_by="manual", expiry_days=1)
    world = make_world(make_shop(rewards=(reward,)), anna=500)
    assert (redeem(world).expires_at is not None) is lives
