"""Calendar intervals in a program's own time zone."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

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
