"""What every call of this dialect may send back, in the vendor's words."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode
_WITH_FRACTION = len('"2026-03-04T10:20:30.123456Z"')
# What msgspec can encode.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class ErrorObject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`details` names fields; `limit` goes with `max_cart_redemptions_reached` alone."""

    name: str | None = None
    code: str | None = None
    message: str
    details: Mapping[str, str] | None = None
    limit: int | None = None


class ErrorDocument(Struct, frozen=True):
    error: ErrorObject


class Cursor(Struct, frozen=True):
    """Where the pages before and after begin; null where there is none."""

    prev: str | None = None
    next: str | None = None


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
