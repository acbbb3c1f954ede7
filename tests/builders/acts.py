"""Random shops, and random commands that fit what a world holds at the moment."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from msgspec.structs import replace as replaced

from guerdon.domain.catalogue import (
    MemberLimit,
    PointType,
    Reward,
    SessionLimit,
    TargetProduct,
    TierTerms,
)
from guerdon.domain.command import (
    Adjust,
    Approve,
    ChangeMember,
    ClawBack,
    Command,
    CompleteFulfilment,
    Decline,
    Earn,
    Enrol,
    EraseMember,
    ExpireEarly,
    ExpireInactive,
    ExpireLots,
    ExpireRedemption,
    Leave,
    MarkUsed,
    Redeem,
    Refund,
    Release,
    Reopen,
    Settle,
    SettlePending,
    Transfer,
)
from guerdon.domain.ids import EarningId, PointTypeId, RedemptionId, RewardId, RuleId, TierId
from guerdon.domain.member import MemberRef
from guerdon.domain.point_terms import CodeForm, Delay, Expiry, SpendLimits, YearDay
from guerdon.domain.redemption import Context, Session
from guerdon.domain.terms import Cost, OpenHours, Period
from tests.builders.shop import (
    FOUNDED,
    POINT_TYPE,
    PROGRAM,
    Shop,
    make_point_type,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
)
from tests.builders.state import World

# Nobody is, in a world that says nothing of its members.
_GOLD = '{"1":{"name":"member.metadata","property":"level","conditions":{"$is":["gold"]}}}'
NAMES = ("anna", "bela", "carl")
REWARDS = 3
RULES = 4
_T = TypeVar("_T")

# One random act: what, who, and three figures that the act reads as it likes.
Dice = tuple[int, int, int, int, int]


def throw(random: Random) -> Dice:
    return (
        random.randrange(64),
        random.randrange(16),
        random.randrange(8),
        random.randrange(8),
        random.randrange(8),
    )


def _random_reward(random: Random, number: int) -> Reward:
    limit = MemberLimit(
        count=random.randint(1, 2), interval=random.choice(["day", "week", "month", "ever"])
    )
    facts: dict[str, object] = {
        "stock": random.randint(2, 20),
        "max_redemptions": random.randint(2, 12),
        "limit_per_member": limit,
        "units_max": random.randint(2, 4),
        "expiry_days": random.randint(1, 3),
        "auto_refund_seconds": 86_400,
        "tier_id": random.choice([TierId(3001), TierId(3002)]),
        "grant_on_entry": True,
        "session_limit": SessionLimit(kind="cart", count=random.randint(1, 3)),
        "tier_terms": (
            TierTerms(tier_id=TierId(3001), points_cost=random.choice([0, 30, 70])),
            TierTerms(tier_id=TierId(3002), is_enabled=random.random() < 0.7),
        ),
        "cooldown": Period(random.choice([2, 30]), "hour"),
        "is_refundable": False,
        "hours": (OpenHours(days=(0, 1, 2, 3, 4, 5, 6), until_minute=random.choice([720, 1200])),),
        "costs": (
            Cost(points=20, point_type_id=POINT_TYPE, condition=_GOLD),
            Cost(points=random.choice([35, 60]), point_type_id=POINT_TYPE),
        )[: random.randint(1, 2)],
        "kind": "product_cart",
        "products": (TargetProduct(product_id="7", variant_ids=("71", "72")),),
    }
    kept = {name: fact for name, fact in facts.items() if random.random() < 0.35}
    return make_reward(
        number,
        points_cost=random.choice([0, 1, 40, 100]),
        fulfil_by=random.choice(["code", "code", "pool", "shopify", "shopify", "manual"]),
        **kept,
    )


def _random_gems(random: Random) -> PointType:
    facts: dict[str, object] = {
        "expiry": random.choice(
            [
                Expiry(kind="never"),
                Expiry(kind="rolling", period=Period(1, "day"), rounding="month"),
                Expiry(kind="rolling", period=Period(2, "day")),
                Expiry(kind="calendar", dates=(YearDay(3, 1), YearDay(9, 1))),
                Expiry(kind="sliding", period=Period(1, "day"), resets_on=("earning", "spending")),
                Expiry(kind="sliding", period=Period(2, "day"), resets_on=("spending",)),
            ]
        ),
        "delay": random.choice(
            [
                Delay(kind="period", period=Period(5, "hour")),
                Delay(kind="dates", dates=(YearDay(4, 1), YearDay(12, 1))),
            ]
        ),
        "spend_limits": random.choice(
            [
                SpendLimits(points_max=random.choice([90, 400])),
                SpendLimits(interval="day", interval_points_max=random.choice([40, 200])),
                SpendLimits(at_once_max=50, interval="week", interval_points_max=150),
            ]
        ),
        "code": CodeForm(pattern="########", charset="ABCDEFGH23456789"),
    }
    kept = {name: fact for name, fact in facts.items() if random.random() < 0.5}
    return make_point_type(1, **kept)


def random_shop(random: Random) -> Shop:
    """Make a shop with tiers that grant, rewards that run out, and rules of every kind, some of
    them in points of a second type."""
    gems = (_random_gems(random),) if random.random() < 0.6 else ()
    types = (POINT_TYPE, *(each.id for each in gems))
    return make_shop(
        point_types=gems,
        rewards=tuple(
            replaced(_random_reward(random, number), point_type_id=random.choice(types))
            for number in range(1, REWARDS + 1)
        ),
        tiers=(make_tier(1, 0), make_tier(2, 300, multiplier_permille=1500), make_tier(3, 900)),
        rules=(
            make_rule(1, points=random.choice([1, 60, 333])),
            make_rule(
                2,
                is_once=True,
                approval_days=random.randint(0, 2),
                point_type_id=random.choice(types),
            ),
            make_rule(4, points=80, point_type_id=types[-1]),
            make_rule(3, trigger="signup", points=random.choice([120, 320])),
        ),
        draw_order=random.choice(["fifo", "soonest_expiry"]),
        restore_days=random.choice([None, 0, 1, 30]),
        negative_balance=random.choice(["record", "allow"]),
        points_expiry_days=random.choice([None, 1, 2]),
        inactive_days_max=random.choice([None, 1, 2]),
        inactivity_counts_from=FOUNDED,
        vip_tier_match=random.choice(["exact", "at_least"]),
    )


def _one(things: Sequence[_T], number: int) -> _T | None:
    return things[number % len(things)] if things else None


def _ref(world: World, who: int) -> MemberRef:
    name = NAMES[who % len(NAMES)]
    if who < 8:
        return MemberRef(external_id=name)
    if who < 12:
        return MemberRef(email=f"{name}@shop.example")
    found = next((each.id for each in world.members.values() if each.external_id == name), None)
    return MemberRef(id=found) if found else MemberRef(external_id=name)


_CONTEXTS = (
    None,
    Context(variant_id="71"),
    Context(session=Session("cart", "ct-1"), variant_id="72"),
    Context(session=Session("checkout", "ct-1"), variant_id="71", attribution="a_banner"),
    Context(session=Session("cart", "ct-2")),
    Context(variant_id="9"),
    None,
    Context(),
)


def _redeem(world: World, who: int, a: int, b: int, c: int) -> Command:
    reward_id = RewardId(1001 + a % (REWARDS + (a == 7)))
    units = (1, 1, 1, 1, 1, 2, 3, 0)[b]
    return Redeem(
        program_id=PROGRAM,
        member=_ref(world, who),
        reward_id=reward_id,
        units=units,
        units_max=1 if c == 6 else None,
        context=_CONTEXTS[c % len(_CONTEXTS)],
        is_queued=b == 4,
    )


def _redemption(world: World, who: int, a: int) -> RedemptionId:
    return _one(sorted(world.redemptions)[-8:], who + a) or RedemptionId(1)


def _settling(world: World, who: int, a: int, b: int, c: int) -> Command:
    redemption_id = _redemption(world, who, a)
    # A platform may have taken another code, but not for one out of a pool.
    is_other = c == 7 and redemption_id not in world.pool_taken.values()
    made: list[Callable[[], Command]] = [
        lambda: Settle(redemption_id=redemption_id, code=f"P{redemption_id}" if is_other else None),
        lambda: Settle(redemption_id=redemption_id),
        lambda: Release(redemption_id=redemption_id, reason="failed"),
        lambda: MarkUsed(redemption_id=redemption_id),
        lambda: Reopen(redemption_id=redemption_id),
        lambda: ExpireRedemption(redemption_id=redemption_id),
        lambda: CompleteFulfilment(redemption_id=redemption_id),
    ]
    return made[b % len(made)]()


def _refund(world: World, who: int, a: int, b: int, c: int) -> Command:
    facts: list[dict[str, Any]] = [
        {},
        {"points": c * 20},
        {"units": c % 4},
        {"points": c * 30, "units": c % 3},
        {"keeps_stock": True},
        {"is_auto": True},
        {"units": 1, "keeps_stock": True},
        {"points": c * 13 - 1},
    ]
    return Refund(redemption_id=_redemption(world, who, a), **facts[b])


def _earn(world: World, who: int, a: int, b: int, c: int) -> Command:
    return Earn(
        program_id=PROGRAM,
        member=_ref(world, who),
        rule_id=RuleId(4001 + a % (RULES + (a == 7))),
        base_points=(None, None, None, 0, 1, 99, -1, 150)[b],
        action_key=f"done-{c}" if c < 3 else None,
        order_id=f"order-{c}" if c == 7 else None,
        is_once=c == 5,
    )


def _earning(world: World, who: int, a: int, b: int, _: int) -> Command:
    pending = [each.id for each in world.earnings.values() if not each.is_manual]
    earning_id = _one(pending[-5:], who + a) or EarningId(1)
    if b == 7:
        return SettlePending(
            program_id=PROGRAM,
            member=_ref(world, who),
            earning_ids=tuple(pending[-3:]),
            is_credited=a % 2 == 0,
            note="by hand",
        )
    if b < 2:
        return Approve(earning_id=earning_id)
    return (
        Approve(earning_id=earning_id, is_due_only=True)
        if b < 5
        else Decline(earning_id=earning_id)
    )


def _claw_back(world: World, who: int, a: int, _: int, c: int) -> Command:
    earned = [each.id for each in world.earnings.values() if not each.is_manual]
    earning_id = _one(earned[-8:], who + a) or EarningId(1)
    return ClawBack(earning_id=earning_id, points=(0, 10, 33, 60, 61, 150, 5000, -1)[c])


def _adjust(world: World, who: int, a: int, b: int, c: int) -> Command:
    return Adjust(
        program_id=PROGRAM,
        member=_ref(world, who),
        point_type_id=_point_type(world, who + c),
        points=(250, 100, 7, -1, -60, -400, 0, 333)[a],
        floors_at_zero=b % 2 == 0,
        moves_lifetime=b < 4,
        expires_at=world.now + timedelta(days=c) if 0 < c < 4 else None,
    )


def _transfer(world: World, who: int, a: int, b: int, c: int) -> Command:
    return Transfer(
        program_id=PROGRAM,
        source=_ref(world, who),
        target=_ref(world, a + b),
        points=c * 25,
        point_type_id=_point_type(world, who + a),
    )


def _point_type(world: World, number: int) -> PointTypeId | None:
    return _one((None, *world.catalogue.programs[PROGRAM].point_type_ids), number)


def _expire(world: World, who: int, a: int, _: int, __: int) -> Command:
    if a < 4:
        return ExpireInactive(program_id=PROGRAM, member=_ref(world, who))
    if a == 7:
        return ExpireEarly(
            program_id=PROGRAM,
            member=_ref(world, who),
            point_type_id=POINT_TYPE,
            lot_ids=tuple(list(world.lots)[-4:]),
        )
    return ExpireLots(program_id=PROGRAM, member=_ref(world, who))


def _change(world: World, who: int, a: int, b: int, _: int) -> Command:
    facts: list[dict[str, Any]] = [
        {"is_frozen": True},
        {"is_frozen": False},
        {"is_frozen": False},
        {"email": f"{NAMES[b % len(NAMES)]}@shop.example"},
        {"email": f"{NAMES[b % len(NAMES)]}@shop.example"},
        {"email": None},
        {"first_name": "Any"},
        {},
    ]
    return ChangeMember(program_id=PROGRAM, member=_ref(world, who), **facts[a])


def _erase(world: World, who: int, _: int, __: int, c: int) -> Command:
    # Seldom, or nobody would be left to act upon.
    if c > 1:
        return ExpireLots(program_id=PROGRAM, member=_ref(world, who))
    if c:
        return Leave(program_id=PROGRAM, member=_ref(world, who))
    return EraseMember(program_id=PROGRAM, member=_ref(world, who))


def _enrol(world: World, who: int, a: int, _: int, __: int) -> Command:
    name = NAMES[who % len(NAMES)]
    email = f"{NAMES[a % len(NAMES)]}@shop.example" if a == 7 else f"{name}@shop.example"
    return Enrol(program_id=PROGRAM, external_id=name, email=email)


_ACTS: list[tuple[int, Callable[[World, int, int, int, int], Command]]] = [
    (16, _redeem),
    (8, _settling),
    (9, _refund),
    (7, _earn),
    (4, _earning),
    (4, _claw_back),
    (6, _adjust),
    (3, _transfer),
    (1, _expire),
    (3, _change),
    (1, _erase),
    (2, _enrol),
]
_TABLE = [act for weight, act in _ACTS for _ in range(weight)]
assert len(_TABLE) == 64


def command_of(world: World, dice: Dice) -> Command:
    """Read the dice as a command about what the world holds now."""
    what, who, a, b, c = dice
    return _TABLE[what](world, who, a, b, c)
