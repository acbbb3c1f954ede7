"""When things are offered, for how long they count, and what is said beside: both ways."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from guerdon.dialects.voucherify import wire_offers as wire
from guerdon.dialects.voucherify.problems import invalid_payload
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_offers import PeriodUnit
from guerdon.domain.clock import Interval
from guerdon.domain.terms import OpenHours, Period, Unit

DAY_MINUTES = 24 * 60
JSON_BYTES_MAX = 16_384
# Clocks of every time zone can show what is between them.
_YEARS = (1970, 9000)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?", re.ASCII)
_LAST_MINUTE = "23:59"
_UNITS: dict[PeriodUnit, Unit] = {
    "HOUR": "hour",
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "YEAR": "year",
}
_WIRE_UNITS = {ours: theirs for theirs, ours in _UNITS.items()}
_INTERVALS: dict[wire.DayUnit, Interval] = {
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "QUARTER": "quarter",
    "YEAR": "year",
}
_WIRE_INTERVALS = {ours: theirs for theirs, ours in _INTERVALS.items()}


def instant_from_wire(moment: datetime | None, path: str) -> datetime | None:
    """Read an instant, as exact as answers are: in milliseconds, UTC."""
    if moment is None:
        return None
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        raise invalid_payload(f"Property {path} must be of the years {_YEARS[0]} to {_YEARS[1]}")
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def hours_from_wire(
    given: wire.ValidityHours | None, path: str = ".validity_hours"
) -> tuple[OpenHours, ...]:
    """Read validity hours; seconds are dropped, and what ends at 23:59 ends with the day."""
    if given is None or isinstance(given, wire.AnyTime):
        return ()
    spans = []
    for place, each in enumerate(given.daily):
        here = f"{path}.daily[{place}]"
        days = tuple(sorted(set(each.days_of_week)))
        if len(days) != len(each.days_of_week):
            raise invalid_payload(f"Property {here}.days_of_week must NOT have duplicate items")
        since = _minute(each.start_time, f"{here}.start_time")
        until = _minute(each.end_time, f"{here}.end_time")
        until = DAY_MINUTES if until == DAY_MINUTES - 1 else until
        if since >= until:
            raise invalid_payload(f"Property {here}.end_time must be after start_time")
        spans.append(OpenHours(days=days, from_minute=since, until_minute=until))
    return tuple(spans)


def _minute(text: str, path: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise invalid_payload(f'Property {path} must match pattern "HH:mm"')
    return 60 * int(found[1]) + int(found[2])


def hours_to_wire(hours: tuple[OpenHours, ...]) -> wire.ValidityHours:
    if not hours:
        return wire.AnyTime()
    return wire.DailyHours(
        daily=[
            wire.Daily(
                days_of_week=list(each.days),
                start_time=_clock(each.from_minute),
                end_time=_clock(each.until_minute),
            )
            for each in hours
        ]
    )


def _clock(minute: int) -> str:
    if minute >= DAY_MINUTES:
        return _LAST_MINUTE
    return f"{minute // 60:02}:{minute % 60:02}"


def period_from_wire(
    value: int, unit: PeriodUnit, limits: Mapping[PeriodUnit, int], path: str
) -> Period:
    """Read a period; `limits` says how long each unit may be at most."""
    if unit not in limits:
        allowed = ", ".join(limits)
        raise invalid_payload(
            f"Property {path}.unit must be equal to one of the allowed values [ {allowed} ]"
        )
    if value > limits[unit]:
        raise invalid_payload(f"Property {path}.value cannot be greater than {limits[unit]}")
    return Period(value, _UNITS[unit])


def unit_to_wire(period: Period) -> PeriodUnit:
    return _WIRE_UNITS[period.unit]


def interval_from_wire(period: wire.InCurrentPeriod) -> Interval:
    return _INTERVALS[period.current_period.unit]


def interval_to_wire(interval: Interval) -> wire.InCurrentPeriod:
    """Show a calendar interval. What the vendor has no word for, that is ever, is a year to it."""
    return wire.InCurrentPeriod(
        current_period=wire.CurrentPeriod(unit=_WIRE_INTERVALS.get(interval, "YEAR"))
    )


def metadata_from_wire(metadata: wire.Metadata | None) -> str | None:
    """Keep metadata as text; none is none at all."""
    return json_from_wire(metadata, ".metadata") if metadata else None


def json_from_wire(value: wire.Metadata, path: str) -> str:
    """Keep what is the caller's own as text, if it is not too long."""
    text = msgspec.json.encode(value)
    if len(text) > JSON_BYTES_MAX:
        raise invalid_payload(f"Property {path} must NOT be longer than {JSON_BYTES_MAX} bytes")
    return text.decode()


def metadata_to_wire(text: str | None) -> dict[str, Json]:
    if text is None:
        return {}
    metadata: dict[str, Json] = msgspec.json.decode(text)
    return metadata
