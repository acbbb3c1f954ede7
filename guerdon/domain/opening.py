"""When what is offered may be had: its hours, and how long one member waits for the next."""

from datetime import datetime, timedelta

from guerdon.domain.clock import zone
from guerdon.domain.terms import OpenHours, Period

_DAYS_MAX = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}


def is_open(hours: tuple[OpenHours, ...], now: datetime, timezone: str) -> bool:
    """Say whether an instant is within one of these spans; without any, every instant is."""
    if not hours:
        return True
    local = now.astimezone(zone(timezone))
    day, minute = local.isoweekday() % 7, local.hour * 60 + local.minute
    return any(
        day in each.days and each.from_minute <= minute < each.until_minute for each in hours
    )


def longest(period: Period) -> timedelta:
    """Give a time that the period is no longer than, wherever and whenever it begins."""
    return timedelta(days=_DAYS_MAX[period.unit] * period.value + 1)
