"""Card definitions and our point types, both ways."""

import re
import string
from datetime import date
from decimal import Decimal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_card_definitions as wire
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.problems import invalid_payload, unsupported
from guerdon.dialects.voucherify.translate_terms import (
    interval_from_wire,
    interval_to_wire,
    metadata_from_wire,
    metadata_to_wire,
    period_from_wire,
    unit_to_wire,
)
from guerdon.dialects.voucherify.wire import stamp_or_none
from guerdon.dialects.voucherify.wire_offers import PeriodUnit, Status
from guerdon.domain.card_code import LENGTH
from guerdon.domain.catalogue import SAFE_ALPHABET, Catalogue, PointType, PointTypeStatus
from guerdon.domain.point_terms import (
    Activity,
    CodeForm,
    Delay,
    Expiry,
    Rounding,
    SpendLimits,
    YearDay,
)
from guerdon.domain.terms import Period

STATUSES: dict[PointTypeStatus, Status] = {
    "draft": "DRAFT",
    "active": "ACTIVE",
    "archived": "DELETED",
}
_ALPHANUMERIC = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PATTERN = "#" * 10
# So that two cards hardly ever draw the same code.
_CODES_MIN = 10**9
_CODE_LENGTH_MAX = 100
_ROLLING: dict[PeriodUnit, int] = {"DAY": 90, "MONTH": 12, "YEAR": 5}
_SLIDING: dict[PeriodUnit, int] = {"DAY": 90, "MONTH": 12, "YEAR": 1}
_ROUNDINGS: dict[wire.RoundingType, Rounding] = {
    "END_OF_MONTH": "month",
    "END_OF_QUARTER": "quarter",
    "END_OF_HALF_YEAR": "half_year",
    "END_OF_YEAR": "year",
    "END_OF_PARTICULAR_MONTH": "particular_month",
}
_WIRE_ROUNDINGS = {ours: theirs for theirs, ours in _ROUNDINGS.items()}
_RATIO = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)


def terms_from_wire(point_type: PointType, body: wire.CardDefinitionTerms) -> PointType:
    """Give a point type with the terms that a body names; null is what holds without them."""
    changed = point_type
    if body.metadata is not UNSET:
        changed = replace(changed, metadata=metadata_from_wire(body.metadata))
    if body.code_config is not UNSET:
        changed = replace(changed, code=_code(body.code_config))
    if body.points_expiration is not UNSET:
        changed = replace(changed, expiry=_expiry(body.points_expiration))
    if body.pending_points is not UNSET:
        changed = replace(changed, delay=_delay(body.pending_points))
    if body.spending_limits is not UNSET:
        changed = replace(changed, spend_limits=_spend_limits(body.spending_limits))
    if body.pay_with_points is not UNSET:
        changed = replace(changed, exchange_ratio=_ratio(body.pay_with_points))
    if isinstance(body.balance_settings, wire.BalanceSettings) and (
        body.balance_settings.allow_negative
    ):
        raise unsupported(".balance_settings.allow_negative", "true is not supported here")
    return changed


def _code(given: wire.CodeConfig | None) -> CodeForm | None:
    if given is None:
        return None
    pattern = given.pattern or "#" * (given.length or len(_PATTERN))
    count = pattern.count("#")
    if given.length is not None and given.length != count:
        raise invalid_payload("Property .code_config.length must be the number of # in pattern")
    charset = given.charset or _ALPHANUMERIC
    if len(set(charset)) != len(charset):
        raise invalid_payload("Property .code_config.charset must NOT have duplicate items")
    if not (charset + pattern + (given.prefix or "") + (given.postfix or "")).isprintable():
        raise invalid_payload("Property .code_config must be printable characters")
    if len(charset) ** count < _CODES_MIN:
        raise invalid_payload("Property .code_config allows too few codes")
    form = CodeForm(
        pattern=pattern, charset=charset, prefix=given.prefix or "", postfix=given.postfix or ""
    )
    if len(form.prefix + form.pattern + form.postfix) > _CODE_LENGTH_MAX:
        raise invalid_payload("Property .code_config makes codes longer than 100 characters")
    return form


def _expiry(given: wire.PointsExpiration | None) -> Expiry:
    path = ".points_expiration"
    if isinstance(given, wire.RollingExpiration):
        rolling = given.rolling_expiration
        where = f"{path}.rolling_expiration"
        period = _period(rolling.period, _ROLLING, where)
        if rolling.rounding is None:
            return Expiry(kind="rolling", period=period)
        is_particular = rolling.rounding.type == "END_OF_PARTICULAR_MONTH"
        month = rolling.rounding.value or None
        if is_particular != (month is not None):
            raise invalid_payload(
                f"Property {where}.rounding.value goes with END_OF_PARTICULAR_MONTH"
            )
        return Expiry(
            kind="rolling",
            period=period,
            rounding=_ROUNDINGS[rolling.rounding.type],
            rounding_month=month,
        )
    if isinstance(given, wire.CalendarExpiration):
        dates = given.calendar_expiration.expiration_dates
        where = f"{path}.calendar_expiration.expiration_dates"
        return Expiry(kind="calendar", dates=_dates(dates, where))
    if isinstance(given, wire.SlidingExpiration):
        return _sliding(given.sliding_expiration, f"{path}.sliding_expiration")
    return Expiry(kind="never")


def _sliding(given: wire.Sliding, path: str) -> Expiry:
    if given.custom_activity or given.custom_activity_types:
        raise unsupported(f"{path}.custom_activity")
    named: list[Activity] = []
    if given.earning_activity:
        named.append("earning")
    if given.spending_activity:
        named.append("spending")
    if not named:
        raise invalid_payload(f"Property {path} must name an activity")
    period = _period(given.period, _SLIDING, path)
    return Expiry(kind="sliding", period=period, resets_on=tuple(named))


def _period(given: wire.Period, limits: dict[PeriodUnit, int], path: str) -> Period:
    return period_from_wire(given.value, given.unit, limits, f"{path}.period")


def _dates(given: list[wire.YearDay], path: str) -> tuple[YearDay, ...]:
    for place, each in enumerate(given):
        try:
            # In a leap year, since the 29th of February is a day too.
            date(2024, each.month, each.day)
        except ValueError:
            raise invalid_payload(f"Property {path}[{place}] is no day of the year") from None
    days = {YearDay(each.day, each.month) for each in given}
    if len(days) != len(given):
        raise invalid_payload(f"Property {path} must NOT have duplicate items")
    return tuple(sorted(days, key=lambda each: (each.month, each.day)))


def _delay(given: wire.PendingPoints | None) -> Delay | None:
    if isinstance(given, wire.AfterPeriod):
        where = ".pending_points.period_based"
        return Delay(kind="period", period=_period(given.period_based.period, _ROLLING, where))
    if isinstance(given, wire.OnFixedDates):
        where = ".pending_points.fixed_dates.dates"
        return Delay(kind="dates", dates=_dates(given.fixed_dates.dates, where))
    return None


def _spend_limits(given: wire.SpendingLimits | None) -> SpendLimits:
    limits = SpendLimits()
    if given is None:
        return limits
    for name, each in (("global", given.overall), ("transactions", given.transactions)):
        if each is not None and (each.type == "LIMITED") != bool(each.limits):
            raise invalid_payload(f"Property .spending_limits.{name}.limits goes with LIMITED")
    for limit in [] if given.overall is None else given.overall.limits or []:
        if isinstance(limit, wire.TimeBased):
            limits = replace(
                limits,
                interval=interval_from_wire(limit.period),
                interval_points_max=limit.points.max,
            )
        else:
            limits = replace(limits, points_max=_max(limit, ".spending_limits.global.limits[0]"))
    for one in [] if given.transactions is None else given.transactions.limits or []:
        limits = replace(limits, at_once_max=_max(one, ".spending_limits.transactions.limits[0]"))
    return limits


def _max(given: wire.SpendingBased | wire.AtOnce, path: str) -> int:
    said = given.points.max if isinstance(given.points, wire.Bound) else given.max
    if isinstance(said, UnsetType):
        raise invalid_payload(f"Property {path} must have required property 'max'")
    return said


def _ratio(given: wire.PayWithPoints | None) -> str | None:
    if not isinstance(given, wire.ByExchangeRatio):
        return None
    formula = given.exchange_ratio.formula
    text = formula.strip() if isinstance(formula, str) else f"{Decimal(str(formula)):f}"
    path = ".pay_with_points.exchange_ratio.formula"
    if not _RATIO.fullmatch(text):
        raise unsupported(path, "must be a decimal number; no other formula is supported here")
    if not Decimal(text):
        raise invalid_payload(f"Property {path} must be greater than 0")
    return text


def point_type_to_wire(point_type: PointType, catalogue: Catalogue) -> wire.CardDefinition:
    return wire.CardDefinition(
        id=write_id("card_definition", point_type.id),
        name=point_type.name,
        status=STATUSES[point_type.status],
        code_config=code_to_wire(point_type.code),
        points_expiration=_expiry_to_wire(_expiry_of(point_type, catalogue)),
        pending_points=_delay_to_wire(point_type.delay),
        spending_limits=_limits_to_wire(point_type.spend_limits),
        pay_with_points=wire.NoPayments()
        if point_type.exchange_ratio is None
        else wire.ByExchangeRatio(
            exchange_ratio=wire.ExchangeRatio(formula=point_type.exchange_ratio)
        ),
        metadata=metadata_to_wire(point_type.metadata),
        created_at=stamp_or_none(point_type.created_at),
        updated_at=stamp_or_none(point_type.updated_at),
    )


def _expiry_of(point_type: PointType, catalogue: Catalogue) -> Expiry:
    """What is left to programs is shown as the first of them has it."""
    if point_type.expiry is not None:
        return point_type.expiry
    for _, program in sorted(catalogue.programs.items()):
        if point_type.id in program.point_type_ids and program.points_expiry_days is not None:
            return Expiry(kind="rolling", period=Period(program.points_expiry_days, "day"))
    return Expiry(kind="never")


def code_to_wire(form: CodeForm | None) -> wire.CodeConfig:
    """Cards without a form of their own have codes in ours."""
    if form is None:
        form = CodeForm(pattern="#" * LENGTH, charset=SAFE_ALPHABET)
    return wire.CodeConfig(
        pattern=form.pattern,
        length=form.pattern.count("#"),
        charset=form.charset,
        prefix=form.prefix,
        postfix=form.postfix,
    )


def _expiry_to_wire(expiry: Expiry) -> wire.PointsExpiration:
    if expiry.kind == "rolling" and expiry.period is not None:
        rounding = None
        if expiry.rounding is not None:
            rounding = wire.Rounding(
                type=_WIRE_ROUNDINGS[expiry.rounding], value=expiry.rounding_month or UNSET
            )
        period = _period_to_wire(expiry.period)
        return wire.RollingExpiration(
            rolling_expiration=wire.Rolling(period=period, rounding=rounding)
        )
    if expiry.kind == "calendar":
        dates = _dates_to_wire(expiry.dates)
        return wire.CalendarExpiration(calendar_expiration=wire.Calendar(expiration_dates=dates))
    if expiry.kind == "sliding" and expiry.period is not None:
        return wire.SlidingExpiration(
            sliding_expiration=wire.Sliding(
                earning_activity="earning" in expiry.resets_on,
                spending_activity="spending" in expiry.resets_on,
                custom_activity=False,
                custom_activity_types=[],
                period=_period_to_wire(expiry.period),
            )
        )
    return wire.NoExpiration()


def _delay_to_wire(delay: Delay | None) -> wire.PendingPoints:
    if delay is not None and delay.period is not None:
        period = _period_to_wire(delay.period)
        return wire.AfterPeriod(period_based=wire.PeriodBased(period=period))
    if delay is not None:
        return wire.OnFixedDates(fixed_dates=wire.FixedDates(dates=_dates_to_wire(delay.dates)))
    return wire.Immediate()


def _period_to_wire(period: Period) -> wire.Period:
    return wire.Period(value=period.value, unit=unit_to_wire(period))


def _dates_to_wire(dates: tuple[YearDay, ...]) -> list[wire.YearDay]:
    return [wire.YearDay(day=each.day, month=each.month) for each in dates]


def _limits_to_wire(limits: SpendLimits) -> wire.SpendingLimits:
    overall: list[wire.SpendingBased | wire.TimeBased] = []
    if limits.points_max is not None:
        overall.append(wire.SpendingBased(max=limits.points_max))
    if limits.interval is not None and limits.interval_points_max is not None:
        points = wire.Bound(max=limits.interval_points_max)
        period = interval_to_wire(limits.interval)
        overall.append(wire.TimeBased(period=period, points=points))
    at_once = [] if limits.at_once_max is None else [wire.AtOnce(max=limits.at_once_max)]
    return wire.SpendingLimits(
        overall=wire.GlobalLimits(
            type="LIMITED" if overall else "NO_LIMIT", limits=overall or UNSET
        ),
        transactions=wire.TransactionLimits(
            type="LIMITED" if at_once else "NO_LIMIT", limits=at_once or UNSET
        ),
    )
