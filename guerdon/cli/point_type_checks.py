"""Checks the point types of a program file: when their points expire and are credited, what they
pay, and the codes of their cards."""

import calendar
from collections.abc import Iterable
from math import log2

from guerdon.cli.checking import Checks
from guerdon.cli.point_type_parts import (
    CodeFormPart,
    DelayPart,
    ExpiryPart,
    PeriodPart,
    PointTypePart,
    SpendLimitsPart,
    YearDayPart,
)
from guerdon.domain.catalogue import PointType
from guerdon.domain.ids import PointTypeId
from guerdon.domain.point_terms import CodeForm, Delay, Expiry, SpendLimits, YearDay
from guerdon.domain.terms import Period

# Any year that has all its days.
_LEAP_YEAR = 2028
_CODE_BITS_MIN = 32
# Which settings each kind of expiry has; the others are refused.
_OF_EXPIRY = {
    "never": (),
    "rolling": ("period", "rounding", "rounding_month"),
    "calendar": ("dates",),
    "sliding": ("period", "resets_on"),
}
_OF_DELAY = {"period": ("period",), "dates": ("dates",)}
_RATIO_DIGITS_MAX = 12


def wanted_point_type(checks: Checks, path: str, part: PointTypePart) -> PointType:
    ratio = part.exchange_ratio
    if ratio is not None and (
        not ratio.is_finite() or ratio <= 0 or len(ratio.as_tuple().digits) > _RATIO_DIGITS_MAX
    ):
        checks.refuse(
            f"{path}.exchange_ratio", f"{ratio} is not a number above 0 of so many digits"
        )
    return PointType(
        id=PointTypeId(0),
        slug=part.slug,
        name=part.name,
        expiry=_expiry(checks, f"{path}.expiry", part.expiry),
        delay=_delay(checks, f"{path}.delay", part.delay),
        spend_limits=_spend_limits(checks, f"{path}.spend_limits", part.spend_limits),
        exchange_ratio=None if ratio is None else f"{ratio:f}",
        code=_code_form(checks, f"{path}.code", part.code),
    )


def _expiry(checks: Checks, path: str, part: ExpiryPart | None) -> Expiry | None:
    if part is None:
        return None
    given = {
        "period": part.period is not None,
        "rounding": part.rounding is not None,
        "rounding_month": part.rounding_month is not None,
        "dates": bool(part.dates),
        "resets_on": bool(part.resets_on),
    }
    needed = [name for name in _OF_EXPIRY[part.kind] if not name.startswith("rounding")]
    _check_settings(checks, path, part.kind, given, _OF_EXPIRY[part.kind], needed)
    if given["rounding_month"] != (part.rounding == "particular_month"):
        said = "missing" if part.rounding == "particular_month" else "only particular_month has it"
        checks.refuse(f"{path}.rounding_month", said)
    if part.period is not None and part.period.unit == "hour":
        checks.refuse(f"{path}.period.unit", "points expire by the day; give days or more")
    return Expiry(
        kind=part.kind,
        period=_period(part.period),
        rounding=part.rounding,
        rounding_month=part.rounding_month,
        dates=_year_days(checks, f"{path}.dates", part.dates),
        resets_on=part.resets_on,
    )


def _delay(checks: Checks, path: str, part: DelayPart | None) -> Delay | None:
    if part is None:
        return None
    given = {"period": part.period is not None, "dates": bool(part.dates)}
    own = _OF_DELAY[part.kind]
    _check_settings(checks, path, part.kind, given, own, own)
    return Delay(
        kind=part.kind,
        period=_period(part.period),
        dates=_year_days(checks, f"{path}.dates", part.dates),
    )


def _check_settings(
    checks: Checks,
    path: str,
    kind: str,
    given: dict[str, bool],
    own: Iterable[str],
    needed: Iterable[str],
) -> None:
    for name, is_given in given.items():
        if is_given and name not in own:
            checks.refuse(f"{path}.{name}", f"{kind} has none")
        elif not is_given and name in needed:
            checks.refuse(f"{path}.{name}", f"missing; {kind} needs it")


def _spend_limits(checks: Checks, path: str, part: SpendLimitsPart) -> SpendLimits:
    if (part.interval is None) != (part.interval_points_max is None):
        name = "interval" if part.interval is None else "interval_points_max"
        checks.refuse(f"{path}.{name}", "missing; interval and interval_points_max go together")
    if part.interval == "ever":
        checks.refuse(f"{path}.interval", "points_max is what may be spent ever")
    return SpendLimits(
        points_max=part.points_max,
        interval=part.interval,
        interval_points_max=part.interval_points_max,
        at_once_max=part.at_once_max,
    )


def _code_form(checks: Checks, path: str, part: CodeFormPart | None) -> CodeForm | None:
    if part is None:
        return None
    if len(set(part.charset)) != len(part.charset):
        checks.refuse(f"{path}.charset", "its characters must be distinct")
    bits = part.pattern.count("#") * log2(len(part.charset))
    if bits < _CODE_BITS_MIN:
        checks.refuse(
            f"{path}.pattern",
            f"such codes have {bits:.0f} bits; {_CODE_BITS_MIN} or more keep them apart",
        )
    return CodeForm(
        pattern=part.pattern, charset=part.charset, prefix=part.prefix, postfix=part.postfix
    )


def _period(part: PeriodPart | None) -> Period | None:
    return None if part is None else Period(part.value, part.unit)


def _year_days(checks: Checks, path: str, parts: tuple[YearDayPart, ...]) -> tuple[YearDay, ...]:
    for index, part in enumerate(parts):
        if part.day > calendar.monthrange(_LEAP_YEAR, part.month)[1]:
            checks.refuse(f"{path}[{index}].day", f"month {part.month} has no day {part.day}")
    return tuple(YearDay(part.day, part.month) for part in parts)
