"""Calendar intervals in a program's own time zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from guerdon.domain.terms import Period

Interval = Literal["day", "week", "month", "quarter", "year", "ever"]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Give the named time zone; the name was checked when the program was applied."""
    return ZoneInfo(name)


def interval_start(interval: Interval, now: datetime, timezone: str) -> datetime:
    """Give the instant at which the running day, ISO week, month, quarter or year began there."""
    if interval == "ever":
        return BEGINNING
    midnight = now.astimezone(zone(timezone)).replace(
        # The earlier one, where clocks going back at one o'clock make two midnights.
        hour=0,
        minute=0,
        second=0,
        microsecond=0,
        fold=0,
    )
    if interval == "week":
        midnight -= timedelta(days=midnight.weekday())
    elif interval == "month":
        midnight = midnight.replace(day=1)
    elif interval == "quarter":
        midnight = midnight.replace(month=(midnight.month - 1) // 3 * 3 + 1, day=1)
    elif interval == "year":
        midnight = midnight.replace(month=1, day=1)
    return midnight.astimezone(UTC)


def local_day(moment: datetime, timezone: str) -> date:
    """Give the day that it is there."""
    return moment.astimezone(zone(timezone)).date()


def day_start(day: date, timezone: str) -> datetime:
    """Give the instant at which a day begins there."""
    # The earlier midnight of two; of none, the moment at which clocks were put forward.
    return datetime.combine(day, time(), zone(timezone)).astimezone(UTC)


def day_end(day: date, timezone: str) -> datetime:
    """Give the instant at which a day is over there: the first that is not in it."""
    return day_start(day + timedelta(days=1), timezone)


def day_after(day: date, period: Period) -> date:
    """Give the day that comes a period later; hours make as many whole days as they hold."""
    if period.unit in ("month", "year"):
        months = period.value * (12 if period.unit == "year" else 1)
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    if period.unit == "hour":
        return day + timedelta(days=period.value // 24)
    return day + timedelta(days=period.value * (7 if period.unit == "week" else 1))


def moment_after(moment: datetime, period: Period, timezone: str) -> datetime:
    """Give the instant a period later: hours as they pass, days and more by the calendar there."""
    if period.unit == "hour":
        return moment + timedelta(hours=period.value)
    local = moment.astimezone(zone(timezone))
    later = datetime.combine(day_after(local.date(), period), local.time(), zone(timezone))
    # Of a time that the clocks show twice, the one it was.
    return later.replace(fold=local.fold).astimezone(UTC)
