"""How each way of saying no is said in this dialect: one table, in the order they are answered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from guerdon.dialects.loyaltylion.wire import ErrorDocument, ErrorObject
from guerdon.domain import errors as e
from guerdon.http.asgi import Answer, Header


class Named(Struct, frozen=True, kw_only=True):
    """What the caller asked about, as they wrote it."""

    customer: str = ""
    reward: str = ""
    claimed_reward: str = ""
    activity: str = ""


class Fault(Exception):
    """Interrupts a call with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_encode = msgspec.json.Encoder().encode


def error_answer(
    status: int,
    message: str,
    *,
    code: str | None = None,
    name: str | None = None,
    details: Mapping[str, str] | None = None,
    limit: int | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """Make the vendor's error envelope."""
    error = ErrorObject(
        name=name,
        code=code,
        message=_shown(message),
        details=details and {_shown(field): _shown(why) for field, why in details.items()},
        limit=limit,
    )
    return Answer(status, _encode(ErrorDocument(error)), headers)


def _shown(text: str) -> str:
    """What was echoed from a request may hold what JSON cannot."""
    return text.encode("utf-8", "replace").decode()


def invalid(field: str, why: str, **more: str) -> Fault:
    """Refuse a request whose shape is wrong, naming the field, and more fields."""
    return Fault(invalid_answer({field: why, **more}))


def invalid_answer(details: Mapping[str, str]) -> Answer:
    return error_answer(
        400, "Invalid request", name="ValidationError", code="invalid_request", details=details
    )


def not_found(what: str) -> Fault:
    """Say that there is no such thing: `what` begins the sentence, as "Customer 'C-1'"."""
    return Fault(
        error_answer(404, f"{what} not found", name="NotFoundError", code="not_found"),
    )


def unprocessable(code: str, name: str, message: str, *, limit: int | None = None) -> Fault:
    """Refuse a request that is well formed and cannot be carried out."""
    return Fault(error_answer(422, message, name=name, code=code, limit=limit))


NOT_FOUND = error_answer(
    404, "The requested resource does not exist", name="NotFoundError", code="not_found"
)
UNAUTHENTICATED = error_answer(
    401,
    "Authentication is required",
    name="AuthenticationError",
    code="unauthorized",
    headers=((b"www-authenticate", b'Bearer realm="guerdon"'),),
)
NOT_FOR_PAIRS = error_answer(
    403,
    "This endpoint is not available to a token and secret; use an API key",
    name="ForbiddenError",
    code="forbidden",
)
READ_ONLY = error_answer(403, "This API key may only read", name="ForbiddenError", code="forbidden")
TOO_MANY = error_answer(
    429,
    "Too many requests; retry after a short delay",
    name="TooManyRequestsError",
    code="rate_limited",
    headers=((b"retry-after", b"1"),),
)
TOO_LARGE = error_answer(
    413, "The request body is too large", name="PayloadTooLargeError", code="payload_too_large"
)
BROKEN = error_answer(
    500, "An unexpected error occurred", name="InternalServerError", code="internal_error"
)


def scope_missing(scope: str) -> Answer:
    return error_answer(
        403, f"This API key lacks the scope {scope}", name="ForbiddenError", code="forbidden"
    )


class Line(Struct, frozen=True):
    """How a refusal or an error is answered. `field`: the message goes under it, as a detail."""

    status: int
    code: str | Callable[[Any], str]
    name: str | Callable[[Any], str]
    message: str | Callable[[Any, Named], str]
    field: str | None = None


_MISSING = ("not_found", "NotFoundError")
_BLOCKED = ("customer_blocked", "CustomerBlockedError", "Customer is blocked")
_DISABLED = (
    "reward_not_enabled_for_customer",
    "RewardNotEnabledError",
    "Reward is not enabled for this customer",
)
_SOLD_OUT = ("reward_out_of_stock", "RewardOutOfStockError", "Reward is out of stock")
_NOT_ACTIVE = ("program_not_active", "ProgramNotActiveError", "The loyalty program is not active")
_NOT_DUE = ("not_due", "NotDueError")


def _by_status(refusal: e.RedemptionStatusWrong) -> tuple[str, str, str]:
    """Say why a claimed reward cannot be taken back."""
    if refusal.status == "used":
        return "reward_already_used", "RewardAlreadyUsedError", "Reward was used already"
    if refusal.status == "void":
        return (
            "reward_already_refunded",
            "RewardAlreadyRefundedError",
            "Reward was refunded already",
        )
    return (
        "reward_not_refundable",
        "RewardNotRefundableError",
        f"Reward cannot be refunded: it is {refusal.status}",
    )


def _unpaid(message: str) -> Line:
    return Line(422, "unprocessable_entity", "UnprocessableEntityError", message)


# The order is that of the vendor's checks: of several refusals the first here is answered.
TABLE: dict[type[e.Refusal] | type[e.GuerdonError], Line] = {
    e.KeyConflict: Line(
        409,
        "idempotency_key_conflict",
        "IdempotencyKeyConflictError",
        "Idempotency-Key was used before with a different request",
    ),
    e.PointsInvalid: Line(
        400, "invalid_request", "ValidationError", "must be a whole number in range", "points"
    ),
    e.MemberUnknown: Line(
        404, *_MISSING, lambda r, n: f"Customer '{n.customer or r.named}' not found"
    ),
    e.WalletUnknown: Line(404, *_MISSING, lambda _, n: f"Customer '{n.customer}' not found"),
    e.RewardUnknown: Line(
        404, *_MISSING, lambda r, n: f"Reward '{n.reward or r.reward_id}' not found"
    ),
    e.RuleUnknown: Line(404, *_MISSING, lambda _, n: f"Rule '{n.activity}' not found"),
    e.RedemptionUnknown: Line(
        404,
        *_MISSING,
        lambda r, n: f"Claimed reward '{n.claimed_reward or r.redemption_id}' not found",
    ),
    e.EarningUnknown: Line(
        404, *_MISSING, lambda r, n: f"Activity '{n.activity or r.earning_id}' not found"
    ),
    e.ProgramInactive: Line(422, *_NOT_ACTIVE),
    e.ProgramOutsideWindow: Line(422, *_NOT_ACTIVE),
    e.MemberFrozen: Line(422, *_BLOCKED),
    e.RewardInactive: Line(422, *_DISABLED),
    e.RewardOutsideWindow: Line(422, *_DISABLED),
    e.TierRequired: Line(422, *_DISABLED),
    e.TierExcluded: Line(422, *_DISABLED),
    e.NoMatchingCost: Line(422, *_DISABLED),
    e.CooldownRunning: Line(
        422,
        "reward_limit_reached",
        "RewardLimitReachedError",
        "Customer has claimed this reward a short time ago",
    ),
    e.MemberLimitReached: Line(
        422,
        "reward_limit_reached",
        "RewardLimitReachedError",
        "Customer has claimed this reward as often as allowed",
    ),
    e.SessionLimitReached: Line(
        422,
        "max_cart_redemptions_reached",
        "MaxCartRedemptionsReachedError",
        lambda r, _: f"This reward may be claimed {r.limit} times in one session",
    ),
    e.OutOfStock: Line(422, *_SOLD_OUT),
    e.RedemptionLimitReached: Line(422, *_SOLD_OUT),
    e.UnitsOutOfBounds: Line(
        422,
        "invalid_multiplier",
        "InvalidMultiplierError",
        lambda r, _: f"multiplier must be from {r.units_min} to {r.units_max}, not {r.units}",
    ),
    e.VariantRequired: Line(
        422, "invalid_variant_id", "VariantRequiredError", "variant_id is required for this reward"
    ),
    e.VariantInvalid: Line(
        422,
        "invalid_variant_id",
        "ShopifyVariantNotFoundError",
        lambda r, _: f"variant_id {r.variant_id} is not among the products of this reward",
    ),
    # Orders are not paid with points over this dialect.
    e.PaymentNotOffered: _unpaid("Points do not pay for orders"),
    e.ExchangeRatioInvalid: _unpaid("Points do not pay for orders"),
    e.BalanceEmpty: _unpaid("Customer has no points"),
    e.NothingToPay: _unpaid("Nothing of the order is left to be paid"),
    e.SpendLimitExhausted: _unpaid("Customer has spent as many points as they may"),
    e.PaymentTooSmall: _unpaid("The payment is too small"),
    e.InsufficientPoints: Line(
        422,
        "insufficient_points",
        "InsufficientPointsError",
        lambda r, _: f"Customer has {r.available} points, {r.asked} required",
    ),
    e.RedemptionStatusWrong: Line(
        422,
        lambda r: _by_status(r)[0],
        lambda r: _by_status(r)[1],
        lambda r, _: _by_status(r)[2],
    ),
    e.SpendLimitReached: Line(
        422,
        "spend_limit_reached",
        "SpendLimitReachedError",
        lambda r, _: f"Customer may spend {r.points_left} points more, {r.asked} required",
    ),
    e.RefundNotAllowed: Line(
        422,
        "reward_not_refundable",
        "RewardNotRefundableError",
        "Reward cannot be refunded",
    ),
    e.RefundTooLarge: Line(
        422,
        "reward_already_refunded",
        "RewardAlreadyRefundedError",
        "More would be refunded than was spent",
    ),
    e.RedemptionNotDue: Line(422, *_NOT_DUE, "The claimed reward is not due"),
    e.RuleNotAwardable: Line(
        422,
        "rule_kind_mismatch",
        "RuleKindMismatchError",
        "Points of this rule cannot be awarded by a call",
    ),
    e.AlreadyAwarded: Line(
        422,
        "rule_limit_reached",
        "RuleLimitReachedError",
        "Customer already has the points of this rule",
    ),
    e.EarningStatusWrong: Line(
        422,
        "activity_state_conflict",
        "ActivityStateConflictError",
        lambda r, _: f"The activity does not allow this: it is {r.status}",
    ),
    e.EarningNotDue: Line(422, *_NOT_DUE, "The activity is not due"),
    e.FulfilmentUnavailable: Line(
        503,
        "fulfilment_unavailable",
        "FulfilmentUnavailableError",
        "The reward could not be handed over just now; nothing was taken",
    ),
    e.Invalid: Line(400, "invalid_request", "ValidationError", lambda r, _: str(r)),
    e.NotFound: Line(404, *_MISSING, "The requested resource does not exist"),
    e.Conflict: Line(409, "conflict", "ConflictError", lambda r, _: str(r)),
    e.OutcomeUnknown: Line(
        503,
        "outcome_unknown",
        "OutcomeUnknownError",
        "The outcome is unknown; retry with the same Idempotency-Key",
    ),
    e.Unavailable: Line(
        503,
        "unavailable",
        "ServiceUnavailableError",
        "The service is temporarily unavailable; nothing was changed",
    ),
    e.GuerdonError: Line(
        500, "internal_error", "InternalServerError", "An unexpected error occurred"
    ),
}

_RANK = {refusal: place for place, refusal in enumerate(TABLE)}


def refusal_answer(refusals: Sequence[e.Refusal], named: Named) -> Answer:
    """Answer a refused command with the one of its refusals that the vendor checks first."""
    first = min(refusals, key=lambda refusal: _RANK[type(refusal)])
    return _answer(TABLE[type(first)], first, named)


def guerdon_error_answer(error: e.GuerdonError) -> Answer:
    """Answer an error by its class, or by the nearest class above it."""
    line = next(TABLE[each] for each in type(error).__mro__ if each in TABLE)
    return _answer(line, error, Named())


def _answer(line: Line, said: e.Refusal | e.GuerdonError, named: Named) -> Answer:
    message = line.message if isinstance(line.message, str) else line.message(said, named)
    if line.field is not None:
        return invalid_answer({line.field: message})
    return error_answer(
        line.status,
        message,
        code=line.code if isinstance(line.code, str) else line.code(said),
        name=line.name if isinstance(line.name, str) else line.name(said),
        limit=said.limit if isinstance(said, e.SessionLimitReached) else None,
    )
