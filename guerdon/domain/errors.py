"""Every way we say no. A refusal is a value; an error interrupts. Neither knows HTTP."""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.ids import EarningId, PointTypeId, RedemptionId, RewardId, RuleId, TierId
from guerdon.domain.order_payment import CapKind


class Refusal(Struct, frozen=True):
    """A rule said no, and nothing was changed."""

    code: ClassVar[str] = "refused"

    @property
    def message(self) -> str:
        return (type(self).__doc__ or self.code).splitlines()[0]


class MemberUnknown(Refusal, frozen=True):
    """No such member is enrolled in this program."""

    code: ClassVar[str] = "member_unknown"
    named: str


class MemberFrozen(Refusal, frozen=True):
    """The member is excluded from the program."""

    code: ClassVar[str] = "member_frozen"


class RewardUnknown(Refusal, frozen=True):
    """The program has no such reward."""

    code: ClassVar[str] = "reward_unknown"
    reward_id: RewardId


class RewardInactive(Refusal, frozen=True):
    """The reward is not offered at present."""

    code: ClassVar[str] = "reward_inactive"
    reward_id: RewardId


class ProgramInactive(Refusal, frozen=True):
    """The program is not active."""

    code: ClassVar[str] = "program_inactive"


class ProgramOutsideWindow(Refusal, frozen=True):
    """The program has not begun or is over."""

    code: ClassVar[str] = "program_outside_window"


class RewardOutsideWindow(Refusal, frozen=True):
    """The reward is not yet or no longer valid."""

    code: ClassVar[str] = "reward_outside_window"
    starts_at: datetime | None
    ends_at: datetime | None


class TierRequired(Refusal, frozen=True):
    """The member is not on the tier that the reward is for."""

    code: ClassVar[str] = "tier_required"
    required: TierId
    current: TierId | None


class TierExcluded(Refusal, frozen=True):
    """The reward is not offered to members of this tier."""

    code: ClassVar[str] = "tier_excluded"
    current: TierId | None


class SessionLimitReached(Refusal, frozen=True):
    """The reward was taken as often as it may be in one cart or checkout."""

    code: ClassVar[str] = "session_limit_reached"
    limit: int


class VariantRequired(Refusal, frozen=True):
    """Which variant of the product is wanted has to be said."""

    code: ClassVar[str] = "variant_required"


class VariantInvalid(Refusal, frozen=True):
    """The reward is not for this variant."""

    code: ClassVar[str] = "variant_invalid"
    variant_id: str


class UnitsOutOfBounds(Refusal, frozen=True):
    """So many units of the reward cannot be taken at once."""

    code: ClassVar[str] = "units_out_of_bounds"
    units: int
    units_min: int
    units_max: int


class OutOfStock(Refusal, frozen=True):
    """The reward is out of stock."""

    code: ClassVar[str] = "out_of_stock"
    units_left: int


class RedemptionLimitReached(Refusal, frozen=True):
    """The reward was redeemed as often as it may be."""

    code: ClassVar[str] = "redemption_limit_reached"
    max_redemptions: int


class MemberLimitReached(Refusal, frozen=True):
    """The member took the reward as often as one member may in this interval."""

    code: ClassVar[str] = "member_limit_reached"
    limit: MemberLimit


class InsufficientPoints(Refusal, frozen=True):
    """The wallet holds fewer points than asked for."""

    code: ClassVar[str] = "insufficient_points"
    available: int
    asked: int


class RedemptionUnknown(Refusal, frozen=True):
    """There is no such redemption."""

    code: ClassVar[str] = "redemption_unknown"
    redemption_id: RedemptionId


class RedemptionStatusWrong(Refusal, frozen=True):
    """The redemption's status does not allow this."""

    code: ClassVar[str] = "redemption_status_wrong"
    redemption_id: RedemptionId
    status: str


class RedemptionNotDue(Refusal, frozen=True):
    """The redemption's time has not come."""

    code: ClassVar[str] = "redemption_not_due"
    redemption_id: RedemptionId
    due_at: datetime | None


class RefundTooLarge(Refusal, frozen=True):
    """More is asked back than is left of the redemption."""

    code: ClassVar[str] = "refund_too_large"
    points_left: int
    units_left: int


class RuleUnknown(Refusal, frozen=True):
    """The program has no such active earning rule."""

    code: ClassVar[str] = "rule_unknown"
    rule_id: RuleId


class RuleNotAwardable(Refusal, frozen=True):
    """Points of this rule cannot be awarded by a call."""

    code: ClassVar[str] = "rule_not_awardable"
    category: str


class AlreadyAwarded(Refusal, frozen=True):
    """The member already has the points of this rule."""

    code: ClassVar[str] = "already_awarded"
    rule_id: RuleId


class EarningUnknown(Refusal, frozen=True):
    """There is no such earning."""

    code: ClassVar[str] = "earning_unknown"
    earning_id: EarningId


class EarningStatusWrong(Refusal, frozen=True):
    """The earning's status does not allow this."""

    code: ClassVar[str] = "earning_status_wrong"
    earning_id: EarningId
    status: str


class EarningNotDue(Refusal, frozen=True):
    """The earning's approval is not due yet."""

    code: ClassVar[str] = "earning_not_due"
    earning_id: EarningId
    due_at: datetime | None


class PointsInvalid(Refusal, frozen=True):
    """Points must be a whole number in range, and not zero."""

    code: ClassVar[str] = "points_invalid"
    points: int


class WalletUnknown(Refusal, frozen=True):
    """The member has no wallet of this point type."""

    code: ClassVar[str] = "wallet_unknown"
    point_type_id: PointTypeId = PointTypeId(0)


class NoMatchingCost(Refusal, frozen=True):
    """The reward has no price for this member."""

    code: ClassVar[str] = "no_matching_cost"


class CooldownRunning(Refusal, frozen=True):
    """The member took the reward too short a time ago."""

    code: ClassVar[str] = "cooldown_running"
    until: datetime


class SpendLimitReached(Refusal, frozen=True):
    """The wallet would spend more points than it may."""

    code: ClassVar[str] = "spend_limit_reached"
    limit: CapKind
    points_left: int
    asked: int


class RefundNotAllowed(Refusal, frozen=True):
    """The reward is not given back."""

    code: ClassVar[str] = "refund_not_allowed"
    redemption_id: RedemptionId


class PaymentNotOffered(Refusal, frozen=True):
    """Points of this type do not pay for orders."""

    code: ClassVar[str] = "payment_not_offered"


class ExchangeRatioInvalid(Refusal, frozen=True):
    """What one point pays is not a number above zero."""

    code: ClassVar[str] = "exchange_ratio_invalid"
    ratio: str


class BalanceEmpty(Refusal, frozen=True):
    """There are no points in the wallet."""

    code: ClassVar[str] = "balance_empty"


class NothingToPay(Refusal, frozen=True):
    """Nothing of the order is left to be paid."""

    code: ClassVar[str] = "nothing_to_pay"


class SpendLimitExhausted(Refusal, frozen=True):
    """The wallet has spent as many points as it may."""

    code: ClassVar[str] = "spend_limit_exhausted"
    limit: CapKind


class PaymentTooSmall(Refusal, frozen=True):
    """What would be paid is less than a point, or than the smallest coin."""

    code: ClassVar[str] = "payment_too_small"
    points: int
    amount_minor: int


class KeyConflict(Refusal, frozen=True):
    """The idempotency key was used before with another request."""

    code: ClassVar[str] = "key_conflict"
    key: str


class FulfilmentUnavailable(Refusal, frozen=True):
    """The platform that hands the reward over could not be reached; nothing was taken."""

    code: ClassVar[str] = "fulfilment_unavailable"
    reason: str


def all_refusals() -> list[type[Refusal]]:
    """List every refusal, for the tables that must have a line for each."""
    return sorted(Refusal.__subclasses__(), key=lambda refusal: refusal.code)


class GuerdonError(Exception):
    """Guerdon could not do what was asked."""

    code = "error"


class Invalid(GuerdonError):
    """What was given makes no sense."""

    code = "invalid"


class NotFound(GuerdonError):
    """There is no such thing."""

    code = "not_found"


class Conflict(GuerdonError):
    """It contradicts what is there."""

    code = "conflict"


class Unavailable(GuerdonError):
    """Something that is needed cannot be reached just now; nothing was changed."""

    code = "unavailable"


class OutcomeUnknown(Unavailable):
    """The connection was lost while committing, and whether it took effect cannot be found out now.

    Ask again with the same idempotency key."""

    code = "outcome_unknown"
