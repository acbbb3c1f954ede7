"""When something is offered, and what it costs."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from guerdon.domain.clock import zone
from guerdon.domain.ids import PointTypeId

Unit = Literal["hour", "day", "week", "month", "year"]


class Period(Struct, frozen=True):
    """So many calendar units; months and years end on the same day, or the month's last."""

    value: int
    unit: Unit


class OpenHours(Struct, frozen=True, kw_only=True):
    """A span of every one of these days, in the program's time zone. `days` count from 0, Sunday.
    Minutes count from midnight; the last one is not in it."""

    days: tuple[int, ...]
    from_minute: int = 0
    until_minute: int = 1440


class Cost(Struct, frozen=True, kw_only=True):
    """What one unit of a reward costs, in points of one type. `condition` is JSON that
    `domain.condition` reads; None holds for everybody."""

    points: int
    point_type_id: PointTypeId
    name: str | None = None
    condition: str | None = None


def end_of(period: Period, start: datetime, timezone: str) -> datetime:
    """Give the instant at which a period is over that began at another, as the calendar there has
    it; hours are of sixty minutes each."""
    if period.unit == "hour":
        return start + timedelta(hours=period.value)
    local = start.astimezone(zone(timezone))
    if period.unit in ("day", "week"):
        days = period.value * (7 if period.unit == "week" else 1)
        return (local + timedelta(days=days)).astimezone(UTC)
    months = local.month - 1 + period.value * (12 if period.unit == "year" else 1)
    year, month = local.year + months // 12, months % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def longest(period: Period) -> timedelta:
    """Give a time that the period is no longer than, wherever."""
    days = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}[period.unit]
    return timedelta(days=days * period.value + 1)


def is_open(hours: tuple[OpenHours, ...], now: datetime, timezone: str) -> bool:
    """Say whether an instant is within one of these spans; without any, every instant is."""
    if not hours:
        return True
    local = now.astimezone(zone(timezone))
    day, minute = local.isoweekday() % 7, local.hour * 60 + local.minute
    return any(
        day in each.days and each.from_minute <= minute < each.until_minute for each in hours
    )
