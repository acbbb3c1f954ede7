"""What every call of this dialect may send back, in the vendor's words."""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

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
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
