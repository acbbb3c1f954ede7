"""What every call of this dialect may send back, in the vendor's words."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode
_WITH_FRACTION = len('"2026-03-04T10:20:30.123456Z"')
# Whatever JSON can hold: the schema's maker takes no alias that names itself.
Json = Any

ResourceType = Literal[
    "program",
    "member",
    "reward",
    "card",
    "card_definition",
    "order",
    "customer",
    "reward_transaction",
    "card_pending_points_bucket",
    "card_points_bucket",
    "tier_structure",
    "tier",
    "earning_rule",
    "benefit",
    "campaign",
    "voucher",
    "redemption",
    "reward_assignment",
    "async_action",
    "token",
]


class ErrorMessage(Struct, frozen=True):
    message: str


class ErrorResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What does not apply is left out. `error` comes with v1's refusals alone."""

    code: int
    key: str
    message: str
    details: str | None = None
    request_id: str
    resource_id: str | None = None
    resource_type: ResourceType | None = None
    related_object_ids: list[str] | None = None
    related_object_type: str | None = None
    related_object_total: int | None = None
    error: ErrorMessage | None = None


class TooLarge(Struct, frozen=True, rename={"status_code": "statusCode"}):
    """The one error with a form of its own."""

    status_code: int
    error: str
    message: str


class Cursor(Struct, frozen=True):
    """Where the next page begins, and until when that is known."""

    next: str
    expires_at: str


def stamp(moment: datetime) -> str:
    """Write an instant as the vendor does: UTC, milliseconds, Z."""
    # Long lists hold many, and this is four times as fast as isoformat. What the database and the
    # clock give is in UTC already. Without a fraction of a second none is written.
    written = _encode(moment if moment.tzinfo is UTC else moment.astimezone(UTC))
    if len(written) == _WITH_FRACTION:
        return f"{written[1:24].decode()}Z"
    return f"{written[1:20].decode()}.000Z"


def stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
