"""How each way of saying no is said in this dialect: one table, in the order they are answered."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from guerdon.dialects.mage.wire import ErrorDocument, ErrorObject
from guerdon.domain import errors as e
from guerdon.http.asgi import Answer, Header


class Named(Struct, frozen=True, kw_only=True):
    """What the caller asked about, as they wrote it."""

    customer: str = ""
    reward: str = ""
    rule: str = ""


class Fault(Exception):
    """Interrupts a call with an error answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.answer = error_answer(status, detail, title=title, headers=headers)


_encode = msgspec.json.Encoder().encode


def error_answer(
    status: int, detail: str, *, title: str | None = None, headers: tuple[Header, ...] = ()
) -> Answer:
    """Make the vendor's error envelope; the title is the reason phrase unless given."""
    # What was echoed from a path may hold what JSON cannot.
    shown = detail.encode("utf-8", "replace").decode()
    error = ErrorObject(status=str(status), title=title or HTTPStatus(status).phrase, detail=shown)
    return Answer(status, _encode(ErrorDocument(errors=[error])), headers)


NOT_FOUND = error_answer(404, "The requested resource does not exist")
NO_CREDENTIAL = error_answer(401, "Missing Authorization header")
BAD_CREDENTIAL = error_answer(401, "Invalid API key")
READ_ONLY = error_answer(403, "This API key is read-only and cannot perform write operations")
TOO_MANY = error_answer(
    429,
    "Rate limit exceeded. Please retry after a short delay.",
    headers=((b"retry-after", b"1"),),
)
# Written out: the standard phrase for 413 changed between versions of Python.
TOO_LARGE = error_answer(413, "The request body is too large", title="Payload Too Large")
BROKEN = error_answer(500, "An unexpected error occurred")


class Line(Struct, frozen=True):
    """How a refusal or an error is answered."""

    status: int
    detail: str | Callable[[Any, Named], str]
    title: str | None = None


_POINTS = "Insufficient Points"
_LIMIT = "Redemption Limit Reached"

# The order is that of the vendor's validations: of several refusals the first here is answered.
TABLE: dict[type[e.Refusal] | type[e.GuerdonError], Line] = {
    e.KeyConflict: Line(409, "Idempotency-Key was used before with a different request"),
    e.PointsInvalid: Line(400, "adjustment must be a non-zero integer within range"),
    e.MemberUnknown: Line(404, lambda r, n: f"Customer '{n.customer or r.named}' not found"),
    e.MemberFrozen: Line(403, "Customer is excluded from the loyalty program"),
    e.WalletUnknown: Line(404, lambda _, n: f"Customer '{n.customer}' has no points account"),
    e.RewardUnknown: Line(404, lambda _, n: f"Reward '{n.reward}' not found"),
    e.RewardInactive: Line(404, lambda _, n: f"Reward '{n.reward}' not found"),
    e.RewardOutsideWindow: Line(404, lambda _, n: f"Reward '{n.reward}' not found"),
    e.ProgramInactive: Line(403, "The loyalty program is not active"),
    e.ProgramOutsideWindow: Line(403, "The loyalty program is not active"),
    e.RuleUnknown: Line(404, lambda _, n: f"Earning rule '{n.rule}' not found"),
    e.RuleNotAwardable: Line(
        422, lambda r, _: f"Earning rules of category '{r.category}' cannot be awarded"
    ),
    e.AlreadyAwarded: Line(409, "Customer has already been awarded points for this earning rule"),
    e.TierRequired: Line(403, "Customer is not on the required VIP tier"),
    e.NoMatchingCost: Line(403, "This reward is not offered to this customer"),
    e.TierExcluded: Line(403, "This reward is not offered to the customer's VIP tier"),
    # Orders are not paid with points over this dialect.
    e.PaymentNotOffered: Line(422, "Points do not pay for orders"),
    e.ExchangeRatioInvalid: Line(422, "Points do not pay for orders"),
    e.BalanceEmpty: Line(422, "Customer has no points", _POINTS),
    e.NothingToPay: Line(422, "Nothing of the order is left to be paid"),
    e.SpendLimitExhausted: Line(422, "Customer has spent as many points as they may", _LIMIT),
    e.PaymentTooSmall: Line(422, "The payment is too small"),
    e.InsufficientPoints: Line(
        422,
        lambda r, _: f"Customer has {r.available} points but this reward costs {r.asked}",
        _POINTS,
    ),
    e.RedemptionLimitReached: Line(
        422, "This reward has reached its maximum number of redemptions", _LIMIT
    ),
    e.OutOfStock: Line(422, "This reward is out of stock", _LIMIT),
    e.MemberLimitReached: Line(
        422, "Customer has reached the redemption limit for this reward", _LIMIT
    ),
    e.CooldownRunning: Line(422, "Customer has redeemed this reward a short time ago", _LIMIT),
    e.SpendLimitReached: Line(422, "Customer would spend more points than may be spent", _LIMIT),
    e.UnitsOutOfBounds: Line(400, "This reward cannot be purchased in this quantity"),
    # No operation of this dialect names a session or a variant.
    e.SessionLimitReached: Line(
        422, "This reward has reached its redemption limit for this session", _LIMIT
    ),
    e.VariantRequired: Line(400, "A variant must be chosen for this reward"),
    e.VariantInvalid: Line(400, "This reward is not for this variant"),
    e.FulfilmentUnavailable: Line(503, "Unable to connect to Shopify"),
    # No operation of this dialect names a redemption or an earning of its own.
    e.RedemptionUnknown: Line(404, "Reward history entry not found"),
    e.RedemptionStatusWrong: Line(409, "The reward history entry does not allow this"),
    e.RedemptionNotDue: Line(409, "The reward history entry is not due"),
    e.RefundNotAllowed: Line(409, "The reward is not refundable"),
    e.RefundTooLarge: Line(422, "More would be refunded than was spent"),
    e.EarningUnknown: Line(404, "Earning history entry not found"),
    e.EarningStatusWrong: Line(409, "The earning history entry does not allow this"),
    e.EarningNotDue: Line(409, "The earning history entry is not due"),
    e.Invalid: Line(400, lambda r, _: str(r)),
    e.NotFound: Line(404, "The requested resource does not exist"),
    e.Conflict: Line(409, lambda r, _: str(r)),
    e.OutcomeUnknown: Line(503, "The outcome is unknown; retry with the same Idempotency-Key"),
    e.Unavailable: Line(503, "The service is temporarily unavailable; nothing was changed"),
    e.GuerdonError: Line(500, "An unexpected error occurred"),
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
    detail = line.detail if isinstance(line.detail, str) else line.detail(said, named)
    return error_answer(line.status, detail, title=line.title)
