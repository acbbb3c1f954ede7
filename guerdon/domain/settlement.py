"""How a redemption goes on after the points are spent: settled, released, used, expired."""

from msgspec.structs import replace

from guerdon.domain.command import (
    CompleteFulfilment,
    Done,
    ExpireRedemption,
    MarkUsed,
    Outcome,
    Redeemed,
    Refused,
    Release,
    Reopen,
    Settle,
)
from guerdon.domain.errors import RedemptionNotDue, RedemptionStatusWrong, RedemptionUnknown
from guerdon.domain.fold import Fold
from guerdon.domain.redemption import NO_CONTEXT, Redemption, end_due
from guerdon.domain.refund import give_back


def settle(fold: Fold, command: Settle) -> Outcome:
    """Approve a pending redemption; its held points are spent. Settling twice is settling once."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    if redemption.status in ("approved", "used"):
        return Done(Redeemed(redemption, purse.balance(fold.now)))
    if redemption.status != "pending":
        return _wrong(redemption)
    purse.held -= redemption.points_cost
    purse.is_changed = True
    settled = replace(
        redemption,
        status="approved",
        fulfilment="open" if command.is_owed else "done",
        code=command.code or redemption.code,
        updated_at=fold.now,
    )
    fold.put_redemption(settled)
    fold.announce(
        "redemption.approved", purse, redemption_id=settled.id, points=settled.points_cost
    )
    return Done(Redeemed(settled, purse.balance(fold.now)))


def release(fold: Fold, command: Release) -> Outcome:
    """Decline a pending redemption: points, stock and counters return. Twice is once."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    if redemption.status == "declined":
        return Done(Redeemed(redemption, purse.balance(fold.now)))
    if redemption.status != "pending":
        return _wrong(redemption)
    purse.held -= redemption.points_cost
    purse.is_changed = True
    declined = replace(
        give_back(fold, redemption, redemption.points_cost, kind="released"),
        status="declined",
        units_refunded=redemption.units,
        units_returned=redemption.units,
        code=command.code or redemption.code,
        reason=command.reason,
        updated_at=fold.now,
    )
    fold.put_redemption(declined)
    fold.count(declined.reward_id, -1, -redemption.units)
    fold.return_to_member(declined)
    fold.announce(
        "redemption.declined", purse, redemption_id=declined.id, points=declined.points_cost
    )
    return Done(Redeemed(declined, purse.balance(fold.now)))


def mark_used(fold: Fold, command: MarkUsed) -> Outcome:
    """The member used the reward. A code used just after it expired counts as used.

    One that allows several uses is used up with the last of them, and each order counts once."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    if redemption.status == "used":
        return Done(Redeemed(redemption, purse.balance(fold.now)))
    if redemption.status not in ("approved", "expired"):
        return _wrong(redemption)
    context = redemption.context or NO_CONTEXT
    is_used_up = True
    if command.use_key is not None and context.uses_max > 1:
        if command.use_key in context.used_by:
            return Done(Redeemed(redemption, purse.balance(fold.now)))
        context = replace(context, used_by=(*context.used_by, command.use_key))
        is_used_up = len(context.used_by) >= context.uses_max
    used = replace(
        redemption,
        status="used" if is_used_up else redemption.status,
        context=redemption.context if context == NO_CONTEXT else context,
        used_at=command.used_at or fold.now,
        updated_at=fold.now,
    )
    fold.put_redemption(used)
    fold.announce("redemption.used", purse, redemption_id=used.id)
    return Done(Redeemed(used, purse.balance(fold.now)))


def reopen(fold: Fold, command: Reopen) -> Outcome:
    """A used redemption may be used again; its term goes on. Twice is once."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    context = redemption.context or NO_CONTEXT
    left = tuple(key for key in context.used_by if command.use_key not in (None, key))
    if redemption.status == "approved" and left == context.used_by:
        return Done(Redeemed(redemption, purse.balance(fold.now)))
    if redemption.status not in ("approved", "used"):
        return _wrong(redemption)
    context = replace(context, used_by=left)
    reopened = replace(
        redemption,
        status="approved",
        context=redemption.context if context == NO_CONTEXT else context,
        used_at=redemption.used_at if left else None,
        updated_at=fold.now,
    )
    fold.put_redemption(reopened)
    fold.announce("redemption.reopened", purse, redemption_id=reopened.id)
    return Done(Redeemed(reopened, purse.balance(fold.now)))


def expire_redemption(fold: Fold, command: ExpireRedemption) -> Outcome:
    """An approved redemption whose time is over expires; the points stay spent."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    if redemption.status == "expired":
        return Done(Redeemed(redemption, purse.balance(fold.now)))
    if redemption.status != "approved":
        return _wrong(redemption)
    if end_due(redemption, fold.now) != "expired":
        return Refused((RedemptionNotDue(redemption.id, redemption.expires_at),))
    expired = replace(redemption, status="expired", updated_at=fold.now)
    fold.put_redemption(expired)
    fold.announce("redemption.expired", purse, redemption_id=expired.id)
    return Done(Redeemed(expired, purse.balance(fold.now)))


def complete_fulfilment(fold: Fold, command: CompleteFulfilment) -> Outcome:
    """What staff or the shop had to hand over was handed over."""
    redemption = fold.redemptions.get(command.redemption_id)
    if redemption is None:
        return Refused((RedemptionUnknown(command.redemption_id),))
    purse = fold.purse(redemption.wallet_id)
    if redemption.status not in ("approved", "used"):
        return _wrong(redemption)
    if redemption.fulfilment == "open":
        redemption = replace(
            redemption, fulfilment="done", fulfilled_at=fold.now, updated_at=fold.now
        )
        fold.put_redemption(redemption)
        fold.announce(
            "redemption.approved", purse, redemption_id=redemption.id, is_handed_over=True
        )
    return Done(Redeemed(redemption, purse.balance(fold.now)))


def _wrong(redemption: Redemption) -> Refused:
    return Refused((RedemptionStatusWrong(redemption.id, redemption.status),))
