"""The shape of the program file's point types."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from guerdon.cli.file_part import Name, Part, PointsAtLeastOne, Slug
from guerdon.domain.clock import Interval
from guerdon.domain.point_terms import Activity, Rounding
from guerdon.domain.terms import Unit

_Month = Annotated[int, Meta(ge=1, le=12)]


class PeriodPart(Part, frozen=True, kw_only=True):
    value: Annotated[int, Meta(ge=1, le=1000)]
    unit: Unit


class YearDayPart(Part, frozen=True, kw_only=True):
    day: Annotated[int, Meta(ge=1, le=31)]
    month: _Month


_YearDays = Annotated[tuple[YearDayPart, ...], Meta(max_length=20)]


class ExpiryPart(Part, frozen=True, kw_only=True):
    """`rolling` has a period and may be rounded up, `calendar` has dates, and `sliding` a period
    with what begins it anew."""

    kind: Literal["never", "rolling", "calendar", "sliding"]
    period: PeriodPart | None = None
    rounding: Rounding | None = None
    rounding_month: _Month | None = None
    dates: _YearDays = ()
    resets_on: tuple[Activity, ...] = ()


class DelayPart(Part, frozen=True, kw_only=True):
    kind: Literal["period", "dates"]
    period: PeriodPart | None = None
    dates: _YearDays = ()


class SpendLimitsPart(Part, frozen=True, kw_only=True):
    points_max: PointsAtLeastOne | None = None
    interval: Interval | None = None
    interval_points_max: PointsAtLeastOne | None = None
    at_once_max: PointsAtLeastOne | None = None


class CodeFormPart(Part, frozen=True, kw_only=True):
    """Each # of the pattern becomes a character of the charset."""

    pattern: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+\Z")]
    charset: Annotated[str, Meta(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9]+\Z")]
    prefix: Annotated[str, Meta(max_length=32, pattern=r"^[!-~]*\Z")] = ""
    postfix: Annotated[str, Meta(max_length=32, pattern=r"^[!-~]*\Z")] = ""


class PointTypePart(Part, frozen=True, kw_only=True):
    """`exchange_ratio` is the money, in major units, that one point pays of an order."""

    slug: Slug
    name: Name
    expiry: ExpiryPart | None = None
    delay: DelayPart | None = None
    spend_limits: SpendLimitsPart = SpendLimitsPart()
    exchange_ratio: Decimal | None = None
    code: CodeFormPart | None = None
