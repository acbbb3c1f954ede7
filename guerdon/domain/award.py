"""Earning: points awarded by a rule, now or after a delay."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from guerdon.domain.catalogue import EarningRule
from guerdon.domain.command import Approve, Decline, Done, Earn, Earned, Outcome, Refused
from guerdon.domain.earning import Earning
from guerdon.domain.errors import (
    AlreadyAwarded,
    EarningNotDue,
    EarningStatusWrong,
    EarningUnknown,
    MemberFrozen,
    MemberUnknown,
    PointsInvalid,
    Refusal,
    RuleNotAwardable,
    RuleUnknown,
    WalletUnknown,
)
from guerdon.domain.expiry import credited_at, lot_expires_at
from guerdon.domain.fold import Fold, Purse
from guerdon.domain.ids import EarningId
from guerdon.domain.money import multiply_points
from guerdon.domain.spend import name_of, program_refusals
from guerdon.domain.tier_change import reassess_tier

POINTS_MAX = 1_000_000_000_000


def earn(fold: Fold, command: Earn) -> Outcome:
    """Award a rule's points times the member's tier multiplier; pending if the rule or
    the point type delays.

    The same completion key for the same rule gives the first award again. Refusals in order:
    member unknown, frozen, rule unknown or off, wallet unknown, not in the categories asked for,
    program off, already awarded, points out of range."""
    refusals: list[Refusal] = []
    rule = fold.catalogue.rules.get(command.rule_id)
    if rule is None or rule.program_id != command.program_id or not _is_on(rule):
        rule = None
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        refusals.append(MemberUnknown(name_of(command.member)))
        if rule is None:
            refusals.append(RuleUnknown(command.rule_id))
        return Refused(tuple(refusals))
    if fold.default_purse(member_id).is_frozen:
        refusals.append(MemberFrozen())
    if rule is None:
        refusals.append(RuleUnknown(command.rule_id))
        return Refused(tuple(refusals))
    purse = fold.purse_of(member_id, rule.point_type_id or None)
    if purse is None:
        refusals.append(WalletUnknown())
        return Refused(tuple(refusals))
    if command.categories is not None and rule.category not in command.categories:
        refusals.append(RuleNotAwardable(rule.category))
    elif command.action_key is not None:
        first = fold.completed.get((rule.id, command.action_key))
        if first is not None and first.member_id == member_id:
            known = fold.earnings.get(first.id, first)
            return Done(Earned(known, purse.balance(fold.now), is_repeat=True))
        if first is not None:
            refusals.append(AlreadyAwarded(rule.id))
    refusals.extend(program_refusals(fold, fold.program(command.program_id)))
    if _is_once(rule, command) and fold.awarded.get((member_id, rule.id)):
        refusals.append(AlreadyAwarded(rule.id))
    base = rule.points if command.base_points is None else command.base_points
    if not 0 <= base <= POINTS_MAX:
        refusals.append(PointsInvalid(base))
    if refusals:
        return Refused(tuple(refusals))
    earning = award(fold, purse, rule, command, base)
    return Done(Earned(earning, purse.balance(fold.now)))


def award(fold: Fold, purse: Purse, rule: EarningRule, command: Earn, base: int) -> Earning:
    """Record an earning whose checks have passed, and credit it unless it is delayed."""
    now = fold.now
    fold.open(purse)
    tier_id = fold.default_purse(purse.wallet.member_id).tier_id
    tier = fold.catalogue.tier(command.program_id, tier_id)
    multiplier = tier.multiplier_permille if tier else 1000
    earning = Earning(
        id=EarningId(fold.fresh.next_id()),
        program_id=command.program_id,
        member_id=purse.wallet.member_id,
        wallet_id=purse.id,
        rule_id=rule.id,
        action=rule.action,
        status="pending",
        base_points=base,
        multiplier_permille=multiplier,
        points=multiply_points(base, multiplier),
        order_id=command.order_id,
        order_number=command.order_number,
        ordered_at=command.ordered_at,
        once_key="once" if _is_once(rule, command) else None,
        action_key=command.action_key,
        note=command.note,
        metadata=command.metadata,
        due_at=_due_at(fold, purse, rule),
        created_at=now,
        updated_at=now,
    )
    fold.awarded.setdefault((earning.member_id, rule.id), set()).add(earning.id)
    if earning.due_at is not None:
        fold.await_points(purse, earning.points, "pending", earning_id=earning.id)
        fold.announce("points.pending", purse, earning_id=earning.id, points=earning.points)
        fold.put_earning(earning, is_new=True)
    else:
        earning = credit_earning(fold, purse, earning, is_new=True)
    if earning.action_key is not None:
        fold.completed[rule.id, earning.action_key] = earning
    return earning


def credit_earning(
    fold: Fold, purse: Purse, earning: Earning, *, is_new: bool, note: str | None = None
) -> Earning:
    """Turn an earning, a pending one unless `is_new`, into a lot; lifetime points and with them the
    tier may rise."""
    expires_at = lot_expiry(fold, purse)
    lot_id = None
    if earning.points:
        _, lot_id = fold.put(
            purse,
            earning.points,
            "earned",
            expires_at=expires_at,
            lifetime_points=earning.points,
            pending_points=0 if is_new else -earning.points,
            earning_id=earning.id,
            note=note,
        )
    approved = replace(
        earning,
        status="approved",
        lot_id=lot_id,
        given_at=fold.now,
        expires_at=expires_at,
        updated_at=fold.now,
    )
    if is_new:
        approved = replace(approved, due_at=None)
    fold.put_earning(approved, is_new=is_new)
    fold.announce("points.earned", purse, earning_id=earning.id, points=earning.points)
    reassess_tier(fold, purse)
    return approved


def approve(fold: Fold, command: Approve) -> Outcome:
    """Credit a pending earning. Approving twice is approving once."""
    earning = fold.earnings.get(command.earning_id)
    if earning is None:
        return Refused((EarningUnknown(command.earning_id),))
    purse = fold.purse(earning.wallet_id)
    if earning.status == "approved":
        return Done(Earned(earning, purse.balance(fold.now)))
    if earning.status != "pending":
        return Refused((EarningStatusWrong(earning.id, earning.status),))
    if command.is_due_only and (earning.due_at is None or earning.due_at > fold.now):
        return Refused((EarningNotDue(earning.id, earning.due_at),))
    approved = credit_earning(fold, purse, earning, is_new=False)
    return Done(Earned(approved, purse.balance(fold.now)))


def decline(fold: Fold, command: Decline) -> Outcome:
    """Reject a pending earning; the rule may then be awarded again. Twice is once."""
    earning = fold.earnings.get(command.earning_id)
    if earning is None:
        return Refused((EarningUnknown(command.earning_id),))
    purse = fold.purse(earning.wallet_id)
    if earning.status == "rejected":
        return Done(Earned(earning, purse.balance(fold.now)))
    if earning.status != "pending":
        return Refused((EarningStatusWrong(earning.id, earning.status),))
    fold.await_points(
        purse, -earning.points, "declined", earning_id=earning.id, note=command.reason
    )
    rejected = replace(
        earning,
        status="rejected",
        once_key=None,
        note=command.reason or earning.note,
        updated_at=fold.now,
    )
    fold.put_earning(rejected)
    if earning.rule_id is not None:
        slot = (earning.member_id, earning.rule_id)
        fold.awarded.get(slot, set()).discard(earning.id)
    fold.announce("points.declined", purse, earning_id=earning.id, points=earning.points)
    return Done(Earned(rejected, purse.balance(fold.now)))


def lot_expiry(fold: Fold, purse: Purse) -> datetime | None:
    """Give when points credited to a wallet now will expire."""
    point_type = fold.catalogue.point_types.get(purse.wallet.point_type_id)
    return lot_expires_at(fold.program(purse.wallet.program_id), point_type, fold.now)


def _due_at(fold: Fold, purse: Purse, rule: EarningRule) -> datetime | None:
    """Give when what is earned now is credited, where the rule or else the point type delays it."""
    if rule.approval_days:
        return fold.now + timedelta(days=rule.approval_days)
    point_type = fold.catalogue.point_types.get(purse.wallet.point_type_id)
    if point_type is None or point_type.delay is None:
        return None
    return credited_at(point_type.delay, fold.now, fold.program(rule.program_id).timezone)


def _is_once(rule: EarningRule, command: Earn) -> bool:
    return rule.is_once or command.is_once


def _is_on(rule: EarningRule) -> bool:
    return rule.is_active and rule.archived_at is None
