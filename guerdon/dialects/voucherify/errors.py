"""How each refusal and error of the core is said in this dialect: one table, in the order in which
the vendor checks."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from guerdon.dialects.voucherify.problems import error_answer, not_found_answer
from guerdon.dialects.voucherify.wire import ResourceType
from guerdon.domain import errors as e
from guerdon.http.asgi import Answer


class Named(Struct, frozen=True, kw_only=True):
    """What is asked, in words that go after `Cannot`, and the ids as the caller wrote them.

    With `is_v1` the keys are those of the older API, where they differ."""

    action: str = "purchase reward"
    program: str = ""
    member: str = ""
    reward: str = ""
    card: str = ""
    card_definition: str = ""
    customer: str = ""
    earning_rule: str = ""
    transaction: str = ""
    bucket: str = ""
    is_v1: bool = False


_Text = str | Callable[[Any, Named], str]


class Line(Struct, frozen=True):
    """How a refusal or an error is answered: status, key, message and details.

    With a `missing` it says instead that there is no such thing: its type, and the field of Named
    that holds its id."""

    status: int
    key: str | Callable[[Any], str]
    message: _Text = ""
    details: _Text | None = None
    missing: tuple[ResourceType, str] | None = None


def _missing(kind: ResourceType, field: str | None = None) -> Line:
    return Line(404, "not_found", missing=(kind, field or kind))


def _not_active(what: str) -> Line:
    return Line(
        423,
        f"non_active_{what}",
        lambda _, n: f"Cannot {n.action} when {what} status is not ACTIVE",
        f"Invalid {what} status",
    )


def _outside(what: str) -> Line:
    return Line(
        423,
        f"{what}_outside_validity_window",
        f"{what.capitalize()} is not available at this time",
        lambda _, n: f"Cannot {n.action} when {what} is not active at this time",
    )


_NO_COST = Line(
    423,
    "no_matching_reward_cost",
    "Reward is not available for this customer",
    "No matching cost for the current customer context",
)
_SOLD_OUT = Line(
    423,
    "reward_out_of_stock",
    lambda _, n: f"Cannot {n.action} when stock is not available",
    "Reward stock is not available",
)
_UNAVAILABLE = "Something went wrong."
_EXCEEDED = {
    "wallet_ever": "exceeded_card_spending_global_spending_based_limit",
    "wallet_interval": "exceeded_card_spending_global_time_based_limit",
    "wallet_at_once": "exceeded_card_spending_transactions_limit",
}
_EXHAUSTED = {
    "wallet_ever": "exhausted_card_spending_global_spending_based_limit",
    "wallet_interval": "exhausted_card_spending_global_time_based_limit",
    "wallet_at_once": "exhausted_card_spending_transactions_limit",
}


def _locked(details: _Text) -> Line:
    return Line(423, "resource_locked", lambda _, n: f"Cannot {n.action}", details)


# The order is that of the vendor's checks: of several refusals the first here is answered.
TABLE: dict[type[e.Refusal] | type[e.GuerdonError], Line] = {
    e.KeyConflict: Line(
        409,
        "duplicate_found",
        "Duplicate resource found",
        "The Idempotency-Key was used before with a different request",
    ),
    e.PointsInvalid: Line(
        400,
        "invalid_payload",
        "Invalid payload",
        "Property .points must be an integer in range, and not 0",
    ),
    e.MemberUnknown: _missing("member"),
    e.RewardUnknown: _missing("reward"),
    e.RuleUnknown: _missing("earning_rule"),
    e.RedemptionUnknown: _missing("reward_transaction", "transaction"),
    e.EarningUnknown: _missing("card_pending_points_bucket", "bucket"),
    e.ProgramInactive: _not_active("program"),
    e.ProgramOutsideWindow: _outside("program"),
    e.MemberFrozen: _not_active("member"),
    e.RewardInactive: _not_active("reward"),
    e.RewardOutsideWindow: _outside("reward"),
    e.OutOfStock: _SOLD_OUT,
    e.RedemptionLimitReached: _SOLD_OUT,
    e.CooldownRunning: Line(
        423,
        "purchase_limit_cooldown",
        lambda _, n: f"Cannot {n.action} while the cooldown is running",
        lambda r, _: f"The member may purchase the reward again at {r.until:%Y-%m-%dT%H:%M:%SZ}",
    ),
    e.MemberLimitReached: Line(
        423,
        "purchase_limit_frequency",
        lambda _, n: f"Cannot {n.action} when the purchase limit is reached",
        lambda r, _: f"The limit is {r.limit.count} per {r.limit.interval}",
    ),
    e.TierRequired: _NO_COST,
    e.TierExcluded: _NO_COST,
    e.NoMatchingCost: _NO_COST,
    # No operation of this dialect names a session, a variant or a quantity.
    e.SessionLimitReached: _locked("The reward is limited within one session"),
    e.VariantRequired: _locked("A variant of the product has to be chosen, which is not done here"),
    e.VariantInvalid: _locked("The reward is not for this variant"),
    e.UnitsOutOfBounds: _locked("The reward is not given in this quantity"),
    e.WalletUnknown: Line(404, "not_found", missing=("card", "card_definition")),
    e.PaymentNotOffered: Line(
        423,
        "pay_with_points_not_enabled",
        "Pay with points is not enabled",
        "Card definition does not have pay with points enabled",
    ),
    e.ExchangeRatioInvalid: Line(
        423,
        "invalid_exchange_ratio",
        "Invalid exchange ratio",
        lambda r, _: f"The exchange ratio {r.ratio} is not a number above zero",
    ),
    e.BalanceEmpty: Line(
        423,
        "zero_card_balance",
        "Card balance is zero",
        "Operation requires a positive card balance",
    ),
    e.NothingToPay: Line(
        423,
        "zero_order_total_amount",
        "Order total amount is zero",
        "Nothing of the order is left to be paid",
    ),
    e.SpendLimitExhausted: Line(
        423,
        lambda r: _EXHAUSTED[r.limit],
        "Card spending limit is exhausted",
        "The card has spent as many points as it may",
    ),
    e.PaymentTooSmall: Line(
        423,
        lambda r: "zero_points_to_spent" if r.points < 1 else "zero_payment_amount",
        "The payment is too small",
        "The payment is less than one point, or than the smallest unit of the currency",
    ),
    e.InsufficientPoints: Line(
        423,
        "insufficient_card_balance",
        "Insufficient card balance",
        "Operation exceeds the available card balance",
    ),
    e.SpendLimitReached: Line(
        423,
        lambda r: _EXCEEDED[r.limit],
        "Card spending limit is exceeded",
        lambda r, _: f"The card may spend {r.points_left} points more, {r.asked} are asked",
    ),
    e.RedemptionStatusWrong: Line(
        423,
        "non_approved_reward_transaction",
        lambda _, n: f"Cannot {n.action} when transaction status is not APPROVED",
        "Invalid reward_transaction status",
    ),
    e.RefundTooLarge: Line(
        423,
        "non_approved_reward_transaction",
        lambda _, n: f"Cannot {n.action} when transaction status is not APPROVED",
        "Invalid reward_transaction status",
    ),
    e.RefundNotAllowed: Line(
        423,
        "reward_refund_policy_does_not_allow_refunds",
        "Cannot refund reward",
        lambda _, n: (
            f"Reward {n.reward} refund policy does not allow refunds. To refund reward, set the "
            "refund policy to 'ALLOW' in the request body"
        ),
    ),
    e.RedemptionNotDue: _locked("The transaction is not due"),
    e.RuleNotAwardable: _locked("Points of this earning rule are not awarded by a call"),
    e.AlreadyAwarded: _locked("The member has the points of this earning rule already"),
    e.EarningStatusWrong: Line(
        423,
        "invalid_pending_points_bucket_status",
        "Invalid pending points bucket status",
        lambda _, n: (
            "Pending points bucket must be in PENDING status in order to be "
            + ("activated" if n.action.startswith("activate") else "canceled")
        ),
    ),
    e.EarningNotDue: _locked("The pending points are not due"),
    e.FulfilmentUnavailable: Line(
        503, "api_error", _UNAVAILABLE, "The reward cannot be handed over just now"
    ),
    e.Invalid: Line(400, "invalid_payload", "Invalid payload", lambda r, _: str(r)),
    e.NotFound: Line(404, "not_found", "Resource not found", lambda r, _: str(r)),
    e.Conflict: Line(409, "duplicate_found", "Duplicate resource found", lambda r, _: str(r)),
    e.OutcomeUnknown: Line(
        503, "api_error", _UNAVAILABLE, "The outcome is unknown; look before asking again"
    ),
    e.Unavailable: Line(
        503, "api_error", _UNAVAILABLE, "Temporarily unavailable; nothing was changed"
    ),
    e.GuerdonError: Line(500, "api_error", _UNAVAILABLE, "An unexpected error occurred"),
}

_DISABLED = Line(400, "voucher_disabled", "voucher is disabled", lambda _, n: n.card)
_NOT_NOW = Line(400, "voucher_not_active_now", "voucher is not active now", lambda _, n: n.card)
_QUANTITY = Line(400, "quantity_exceeded", "quantity exceeded", lambda _, n: n.reward)
_NOT_FOR_CUSTOMER = Line(
    400, "customer_rules_violated", "customer rules violated", lambda _, n: n.reward
)
_NOT_TO_BE_ROLLED_BACK = Line(
    400, "already_rolled_back", "already rolled back", lambda _, n: n.transaction
)
# Where v1 says it otherwise.
V1_TABLE: dict[type[e.Refusal] | type[e.GuerdonError], Line] = {
    e.MemberUnknown: _missing("voucher", "card"),
    e.WalletUnknown: _missing("voucher", "card"),
    e.RedemptionUnknown: _missing("redemption", "transaction"),
    e.InsufficientPoints: Line(
        400,
        "loyalty_card_points_exceeded",
        "loyalty card points exceeded",
        lambda _, n: n.card,
    ),
    e.ProgramInactive: _DISABLED,
    e.ProgramOutsideWindow: _NOT_NOW,
    e.MemberFrozen: _DISABLED,
    e.RewardInactive: Line(
        400, "voucher_not_active", "reward is not active", lambda _, n: n.reward
    ),
    e.RewardOutsideWindow: _NOT_NOW,
    e.OutOfStock: _QUANTITY,
    e.RedemptionLimitReached: _QUANTITY,
    e.MemberLimitReached: _QUANTITY,
    e.CooldownRunning: _QUANTITY,
    e.SpendLimitReached: _QUANTITY,
    e.TierRequired: _NOT_FOR_CUSTOMER,
    e.TierExcluded: _NOT_FOR_CUSTOMER,
    e.NoMatchingCost: _NOT_FOR_CUSTOMER,
    e.RedemptionStatusWrong: _NOT_TO_BE_ROLLED_BACK,
    e.RefundTooLarge: _NOT_TO_BE_ROLLED_BACK,
}

_RANK = {refusal: place for place, refusal in enumerate(TABLE)}


def refusal_answer(refusals: Sequence[e.Refusal], named: Named) -> Answer:
    """Answer a refused command with the one of its refusals that the vendor checks first."""
    first = min(refusals, key=lambda refusal: _RANK[type(refusal)])
    kind = type(first)
    line = V1_TABLE.get(kind) if named.is_v1 else None
    return _answer(line or TABLE[kind], first, named)


def guerdon_error_answer(error: e.GuerdonError) -> Answer:
    """Answer an error by its class, or by the nearest class above it."""
    line = next(TABLE[each] for each in type(error).__mro__ if each in TABLE)
    return _answer(line, error, Named())


def _answer(line: Line, said: e.Refusal | e.GuerdonError, named: Named) -> Answer:
    if line.missing is not None:
        kind, field = line.missing
        return not_found_answer(kind, getattr(named, field))
    message = _say(line.message, said, named)
    return error_answer(
        line.status,
        line.key if isinstance(line.key, str) else line.key(said),
        message,
        None if line.details is None else _say(line.details, said, named),
        v1_message=message if named.is_v1 and line.status < 500 else None,
    )


def _say(text: _Text, said: e.Refusal | e.GuerdonError, named: Named) -> str:
    return text if isinstance(text, str) else text(said, named)
