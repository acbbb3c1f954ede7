"""Taking back what an earning gave, when the order it was for is given back."""

from msgspec.structs import replace

from guerdon.domain.award import decline
from guerdon.domain.command import ClawBack, Decline, Done, Outcome, Refused, Reversed
from guerdon.domain.earning import Earning
from guerdon.domain.errors import EarningUnknown, PointsInvalid
from guerdon.domain.fold import Fold, Purse
from guerdon.domain.money import multiply_points
from guerdon.domain.tier_change import reassess_tier


def gross_points(earning: Earning) -> int:
    """Give what the earning was for before any of it was taken back."""
    return multiply_points(earning.base_points, earning.multiplier_permille)


def claw_back(fold: Fold, command: ClawBack) -> Outcome:
    """Take back until so many points are taken back in all; asking twice is asking once.

    A pending earning is reduced, or rejected where all of it is taken back. Of an approved one,
    what the member still has is taken, from its own lot first, and the rest is owed where the
    program lets balances go below zero; lifetime points go down by all that was asked, and the
    tier with them. Never is more taken back than was earned. Excluded members
    are not spared. Refusals in order: earning unknown, points below zero."""
    earning = fold.earnings.get(command.earning_id)
    if earning is None:
        return Refused((EarningUnknown(command.earning_id),))
    if command.points < 0:
        return Refused((PointsInvalid(command.points),))
    purse = fold.purse(earning.wallet_id)
    asked = min(command.points, gross_points(earning)) - earning.points_reversed
    if asked <= 0 or earning.status == "rejected":
        return Done(Reversed(earning, 0, 0, purse.balance(fold.now)))
    if earning.status == "pending":
        reduced = _reduce(fold, purse, earning, asked, command)
        return Done(Reversed(reduced, asked, asked, purse.balance(fold.now)))
    reversed_, taken = _take_back(fold, purse, earning, asked, command)
    return Done(Reversed(reversed_, asked, taken, purse.balance(fold.now)))


def _reduce(fold: Fold, purse: Purse, earning: Earning, asked: int, command: ClawBack) -> Earning:
    """Take back what was not credited yet."""
    if asked == earning.points:
        decline(fold, Decline(earning_id=earning.id, reason=command.reason))
        return fold.earnings[earning.id]
    fold.await_points(purse, -asked, "reversed", earning_id=earning.id, note=command.reason)
    reduced = replace(
        earning,
        points=earning.points - asked,
        points_reversed=earning.points_reversed + asked,
        updated_at=fold.now,
    )
    fold.put_earning(reduced)
    fold.announce("points.reversed", purse, earning_id=earning.id, points=-asked, was_pending=True)
    return reduced


def _take_back(
    fold: Fold, purse: Purse, earning: Earning, asked: int, command: ClawBack
) -> tuple[Earning, int]:
    taken = min(asked, purse.spendable(fold.now))
    may_owe = fold.program(earning.program_id).negative_balance == "allow"
    fold.take(
        purse,
        taken,
        "reversed",
        earning_id=earning.id,
        lifetime_points=-min(asked, purse.lifetime),
        asked_points=-asked if taken != asked else None,
        note=command.reason,
        first_lot_id=earning.lot_id,
        owed_points=asked - taken if may_owe else 0,
    )
    reversed_ = replace(
        earning, points_reversed=earning.points_reversed + asked, updated_at=fold.now
    )
    fold.put_earning(reversed_)
    fold.announce(
        "points.reversed", purse, earning_id=earning.id, points=-taken, points_asked=-asked
    )
    reassess_tier(fold, purse)
    return reversed_, taken
