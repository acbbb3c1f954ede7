"""Letters of what never happened, for trying a webhook before anything does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, EarningRule, Program, Reward
from guerdon.domain.delivery import Letter, Standing
from guerdon.domain.earning import Earning
from guerdon.domain.event import Event, EventKind
from guerdon.domain.ids import (
    DeliveryId,
    EarningId,
    EventId,
    MemberId,
    RedemptionId,
    RewardId,
    RewardVersionId,
    RuleId,
    WalletId,
)
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption
from guerdon.domain.subscription import Subscription

_MEMBER = MemberId(1)
_WALLET = WalletId(1)
_REDEMPTION = RedemptionId(1)
_EARNING = EarningId(1)
_POINTS, _POINTS_AFTER, _POINTS_LIFETIME = 100, 400, 900
_AT_ONCE_MAX = 1000
_FACTS: dict[str, int | str | bool | None] = {
    "points": _POINTS,
    "points_available": _POINTS_AFTER,
    "points_lifetime": _POINTS_LIFETIME,
}


def sample_letters(
    catalogue: Catalogue, subscription: Subscription, now: datetime
) -> Sequence[Letter]:
    """Make a letter of every kind of event, of a member, a reward and a code that are not there.

    Each event has an id that no other test of the same merchant and no real event has, so that a
    receiver does not take it for a repetition."""
    program = _program(catalogue, subscription)
    if program is None:
        return ()
    number = int((now - datetime(1970, 1, 1, tzinfo=now.tzinfo)) / timedelta(milliseconds=1))
    kinds: tuple[EventKind, ...] = get_args(EventKind)
    letters = []
    for kind in kinds:
        facts = _FACTS
        if kind == "member.tier_changed":
            facts = _FACTS | {"previous_tier": "Test tier", "new_tier": "Next test tier"}
            down = _letter(catalogue, program, kind, facts | {"is_up": False}, now)
            letters.append(down)
            facts |= {"is_up": True}
        letters.append(_letter(catalogue, program, kind, facts, now))
    assert len(letters) < _AT_ONCE_MAX, "the ids of two tests must not meet"
    return [
        replace(letter, event=replace(letter.event, id=EventId(number * _AT_ONCE_MAX + place)))
        for place, letter in enumerate(letters)
    ]


def _program(catalogue: Catalogue, subscription: Subscription) -> Program | None:
    if subscription.program_id is not None:
        return catalogue.programs.get(subscription.program_id)
    return next(iter(catalogue.programs.values()), None)


def _letter(
    catalogue: Catalogue,
    program: Program,
    kind: EventKind,
    facts: dict[str, int | str | bool | None],
    now: datetime,
) -> Letter:
    is_of_redemption = kind.startswith("redemption.")
    is_of_earning = kind.startswith("points.") and kind not in {
        "points.expired",
        "points.transferred",
    }
    event = Event(
        EventId(0),
        kind,
        program.id,
        _MEMBER,
        facts,
        now,
        _REDEMPTION if is_of_redemption else None,
        _EARNING if is_of_earning else None,
    )
    return Letter(
        delivery_id=DeliveryId(0),
        attempt=1,
        event=event,
        merchant=catalogue.merchant,
        program=program,
        member=_member(program, now),
        standing=Standing(
            points_available=_POINTS_AFTER,
            points_held=0,
            points_pending=0,
            points_lifetime=_POINTS_LIFETIME,
            points_redeemed=_POINTS_LIFETIME - _POINTS_AFTER,
            tier=None,
            is_frozen=False,
        ),
        redemption=_redemption(program, now) if is_of_redemption else None,
        reward=_reward(program, now) if is_of_redemption else None,
        earning=_earning(program, now) if is_of_earning else None,
        rule=_rule(program, now) if is_of_earning else None,
        catalogue=catalogue,
    )


def _member(program: Program, now: datetime) -> Member:
    return Member(
        id=_MEMBER,
        program_id=program.id,
        external_id="1",
        email="test@shopper.example",
        first_name="Test",
        last_name="Shopper",
        referral_code="TEST",
        created_at=now,
        updated_at=now,
    )


def _reward(program: Program, now: datetime) -> Reward:
    return Reward(
        id=RewardId(1),
        version_id=RewardVersionId(1),
        program_id=program.id,
        slug="test-reward",
        name="Test reward",
        points_cost=_POINTS,
        created_at=now,
        updated_at=now,
    )


def _redemption(program: Program, now: datetime) -> Redemption:
    return Redemption(
        id=_REDEMPTION,
        program_id=program.id,
        member_id=_MEMBER,
        wallet_id=_WALLET,
        reward_id=RewardId(1),
        reward_version_id=RewardVersionId(1),
        status="approved",
        points_cost=_POINTS,
        code="TEST-000000",
        created_at=now,
        updated_at=now,
    )


def _earning(program: Program, now: datetime) -> Earning:
    return Earning(
        id=_EARNING,
        program_id=program.id,
        member_id=_MEMBER,
        wallet_id=_WALLET,
        rule_id=RuleId(1),
        action="custom",
        status="approved",
        base_points=_POINTS,
        points=_POINTS,
        created_at=now,
        updated_at=now,
    )


def _rule(program: Program, now: datetime) -> EarningRule:
    return EarningRule(
        id=RuleId(1),
        program_id=program.id,
        slug="test-rule",
        name="Test rule",
        trigger="custom",
        category="engagement",
        action="custom",
        points=_POINTS,
        created_at=now,
        updated_at=now,
    )
