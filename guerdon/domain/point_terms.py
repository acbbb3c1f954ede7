"""What holds for the points of one type: when they expire, count, and may be spent."""

from typing import Literal

from msgspec import Struct

from guerdon.domain.clock import Interval
from guerdon.domain.terms import Period

Rounding = Literal["month", "quarter", "half_year", "year", "particular_month"]
Activity = Literal["earning", "spending"]


class YearDay(Struct, frozen=True):
    """A day of every year; the 29th of February is the 28th where there is none."""

    day: int
    month: int


class Expiry(Struct, frozen=True, kw_only=True):
    """`never`; `rolling`: a `period` after they were credited, at the end of the program's day or,
    rounded, of the month, quarter, half-year, year, or next `rounding_month`; `calendar`: at the
    end of the next of `dates`; `sliding`: a `period` after the last activity of `resets_on`."""

    kind: Literal["never", "rolling", "calendar", "sliding"]
    period: Period | None = None
    rounding: Rounding | None = None
    rounding_month: int | None = None
    dates: tuple[YearDay, ...] = ()
    resets_on: tuple[Activity, ...] = ()


class Delay(Struct, frozen=True, kw_only=True):
    """When earned points are credited: a `period` later, or at the next of `dates`."""

    kind: Literal["period", "dates"]
    period: Period | None = None
    dates: tuple[YearDay, ...] = ()


class SpendLimits(Struct, frozen=True, kw_only=True):
    """What one wallet may spend: ever, in a calendar `interval`, and at once."""

    points_max: int | None = None
    interval: Interval | None = None
    interval_points_max: int | None = None
    at_once_max: int | None = None


UNLIMITED = SpendLimits()


class CodeForm(Struct, frozen=True, kw_only=True):
    """The form of card codes: each # of `pattern` is a random character of `charset`."""

    pattern: str
    charset: str
    prefix: str = ""
    postfix: str = ""
