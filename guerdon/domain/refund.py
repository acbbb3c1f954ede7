"""Giving points back to the very lots they were drawn from."""

from datetime import timedelta

from msgspec.structs import replace

from guerdon.domain.adjustment import deduct
from guerdon.domain.command import Adjust, Done, Outcome, Redeemed, Refund, Refused
from guerdon.domain.errors import (
    InsufficientPoints,
    RedemptionNotDue,
    RedemptionStatusWrong,
    RedemptionUnknown,
    RefundNotAllowed,
    RefundTooLarge,
    Refusal,
)
from guerdon.domain.fold import Fold
from guerdon.domain.ids import LotId
from guerdon.domain.ledger import EntryKind
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Credit, Redemption, status_at


def refund(fold: Fold, command: Refund) -> Outcome:
    """Refund an approved redemption. Whole, it becomes void; in part, it stays approved.

    One that has expired or gone back by now, though no worker has come by, is taken as such.
    Refusals in order: unknown, status, not due (automatic only), not given back by its reward as
    it is offered now, more than is left, the points that it was worth are spent."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    refusal = _refusal(fold, redemption, command)
    if refusal is not None:
        return Refused((refusal,))
    points, units = _amounts(redemption, command)
    points_left = redemption.points_cost - redemption.points_refunded
    units_left = redemption.units - redemption.units_refunded
    if (
        not 0 <= points <= points_left
        or not 0 <= units <= units_left
        or (points == 0 and units == 0)
    ):
        return Refused((RefundTooLarge(points_left, units_left),))
    is_whole = points == points_left and (units == units_left or command.units is None)
    if is_whole:
        units = units_left
    credit = redemption.context.credit if is_whole and redemption.context is not None else None
    if credit is not None:
        spent = _take_credit(fold, redemption, credit, command)
        if spent is not None:
            return Refused((spent,))
    purse = fold.purse(redemption.wallet_id)
    units_returned = 0 if command.keeps_stock else units
    refunded = replace(
        give_back(fold, redemption, points, kind="refunded"),
        status="void" if is_whole else redemption.status,
        units_refunded=redemption.units_refunded + units,
        units_returned=redemption.units_returned + units_returned,
        reason=command.reason or redemption.reason,
        refunded_at=fold.now,
        updated_at=fold.now,
    )
    fold.put_redemption(refunded)
    purse.is_changed = True
    fold.count(refunded.reward_id, -1 if is_whole else 0, -units_returned)
    if is_whole:
        fold.return_to_member(refunded)
    fold.announce("redemption.refunded", purse, redemption_id=refunded.id, points=points)
    return Done(Redeemed(refunded, purse.balance(fold.now)))


def _take_credit(
    fold: Fold, redemption: Redemption, credit: Credit, command: Refund
) -> Refusal | None:
    """Take off what a reward of points credited, before anything is given back for it."""
    purse = fold.purse_of(redemption.member_id, credit.point_type_id)
    left = 0 if purse is None else max(purse.spendable(fold.now), 0)
    if left < credit.points and not (command.takes_what_is_left or command.is_auto):
        return InsufficientPoints(left, credit.points)
    if purse is not None and left:
        adjust = Adjust(
            program_id=redemption.program_id,
            member=MemberRef(id=redemption.member_id),
            points=-credit.points,
            note=credit.note,
            moves_lifetime=False,
            redemption_id=redemption.id,
        )
        deduct(fold, purse, adjust, left)
    return None


def give_back(fold: Fold, redemption: Redemption, points: int, *, kind: EntryKind) -> Redemption:
    """Return points to their lots, the last drawn first; give the redemption with its new total.

    A lot keeps its expiry. For one that has expired meanwhile, the program restores the points
    for some days or forfeits them: a forfeit is written down as an expiry, never left out."""
    if points == 0:
        return redemption
    purse = fold.purse(redemption.wallet_id)
    fold.sweep(purse)
    program = fold.program(redemption.program_id)
    parts: list[tuple[LotId, int]] = []
    restored = forfeited = 0
    for lot_id, part in _unwind(redemption, points):
        effective_at, expires_at = fold.origin(lot_id)
        is_live = expires_at is None or expires_at > fold.now
        if is_live and not fold.is_idle(purse, effective_at):
            fold.refill(purse, lot_id, part, expires_at)
            parts.append((lot_id, part))
        elif program.restore_days is not None:
            restored += part
        else:
            forfeited += part
    if restored:
        until = fold.now + timedelta(days=program.restore_days or 0)
        parts.append((fold.new_lot(purse, restored, fold.now, until), restored))
    if forfeited:
        parts.append((fold.new_lot(purse, forfeited, fold.now, fold.now), forfeited))
    fold.credit(purse, kind, tuple(parts), redemption_id=redemption.id)
    purse.redeemed -= points
    fold.count_spent(purse, -points, spent_at=redemption.created_at)
    fold.sweep(purse)
    return replace(redemption, points_refunded=redemption.points_refunded + points)


def _unwind(redemption: Redemption, points: int) -> list[tuple[LotId, int]]:
    """Split points over the redemption's draws from the end, past what was refunded before."""
    skip, want = redemption.points_refunded, points
    parts: list[tuple[LotId, int]] = []
    for lot_id, drawn in zip(
        reversed(redemption.lot_ids), reversed(redemption.lot_points), strict=True
    ):
        passed = min(skip, drawn)
        skip -= passed
        part = min(drawn - passed, want)
        if part:
            parts.append((lot_id, part))
            want -= part
    return parts


def _refusal(fold: Fold, redemption: Redemption, command: Refund) -> Refusal | None:
    if redemption.status != "approved":
        return RedemptionStatusWrong(redemption.id, redemption.status)
    status = status_at(redemption, fold.now)
    if command.is_auto:
        if status != "void":
            return RedemptionNotDue(redemption.id, redemption.auto_refund_at)
        return None
    if status != "approved":
        return RedemptionStatusWrong(redemption.id, status)
    if redemption.uses or (command.is_unused_only and redemption.fulfilled_at is not None):
        return RedemptionStatusWrong(redemption.id, "used")
    reward = fold.catalogue.rewards.get(redemption.reward_id)
    if reward is not None and not reward.is_refundable and not command.insists:
        return RefundNotAllowed(redemption.id)
    return None


def _amounts(redemption: Redemption, command: Refund) -> tuple[int, int]:
    """Give the points and units to return; units alone are worth their share of the cost."""
    if command.points is not None:
        return command.points, command.units or 0
    if command.units is None:
        return (
            redemption.points_cost - redemption.points_refunded,
            redemption.units - redemption.units_refunded,
        )
    unit_cost = redemption.points_cost // redemption.units
    left = redemption.points_cost - redemption.points_refunded
    if command.units == redemption.units - redemption.units_refunded:
        return left, command.units
    return min(unit_cost * command.units, left), command.units
