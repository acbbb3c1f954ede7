"""When points of a type expire, and when those that were earned are credited."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from guerdon.domain.catalogue import PointType, Program
from guerdon.domain.clock import day_after, day_end, day_start, local_day, moment_after
from guerdon.domain.ledger import EntryKind
from guerdon.domain.point_terms import Activity, Delay, Expiry, Rounding, YearDay

_ROUNDED_MONTHS: dict[Rounding, int] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
# What a member does that keeps sliding points alive.
_ACTS: dict[Activity, tuple[EntryKind, ...]] = {
    "earning": ("earned",),
    "spending": ("redeemed", "paid"),
}


def lot_expires_at(
    program: Program, point_type: PointType | None, credited_at: datetime
) -> datetime | None:
    """Give when points credited at an instant will expire by themselves. Sliding points do not:
    it is for how long nothing was done that ends them."""
    expiry = None if point_type is None else point_type.expiry
    if expiry is not None:
        return expires_at(expiry, credited_at, program.timezone)
    days = program.points_expiry_days
    return credited_at + timedelta(days=days) if days else None


def expires_at(expiry: Expiry, credited_at: datetime, timezone: str) -> datetime | None:
    """Give the end of the last day on which points credited at an instant can be spent."""
    today = local_day(credited_at, timezone)
    if expiry.kind == "rolling":
        assert expiry.period is not None, "a rolling expiry has its period"
        return day_end(_rounded(day_after(today, expiry.period), expiry), timezone)
    if expiry.kind == "calendar":
        return day_end(next_day(expiry.dates, today), timezone)
    return None


def credited_at(delay: Delay, earned_at: datetime, timezone: str) -> datetime:
    """Give when points earned at an instant are credited, which is later."""
    if delay.kind == "period":
        assert delay.period is not None, "a delay by a period has it"
        return moment_after(earned_at, delay.period, timezone)
    tomorrow = local_day(earned_at, timezone) + timedelta(days=1)
    return day_start(next_day(delay.dates, tomorrow), timezone)


def next_day(days: Iterable[YearDay], today: date) -> date:
    """Give the first of these days of the year that is today or comes after it."""
    return min(
        each
        for year in (today.year, today.year + 1)
        for each in (_in_year(day, year) for day in days)
        if each >= today
    )


def slid_out_at(expiry: Expiry, last_act_at: datetime, timezone: str) -> datetime:
    """Give when sliding points end, if nothing is done after an instant that keeps them."""
    assert expiry.period is not None, "a sliding expiry has its period"
    return day_end(day_after(local_day(last_act_at, timezone), expiry.period), timezone)


def slid_out_on(
    expiry: Expiry, credited_on: date, last_act_at: datetime | None, timezone: str
) -> date:
    """Give the last day of sliding points that were credited on a day, if nothing is done that
    keeps them after what was done last."""
    assert expiry.period is not None, "a sliding expiry has its period"
    last = credited_on if last_act_at is None else local_day(last_act_at, timezone)
    return day_after(max(credited_on, last), expiry.period)


def slid_out_before(expiry: Expiry, now: datetime, timezone: str) -> datetime:
    """Give the instant before which the last act must lie for sliding points to end by now."""
    assert expiry.period is not None, "a sliding expiry has its period"
    today = local_day(now, timezone)
    # Close by, but months differ in length: so look for the first day that is too late.
    day = today - (day_after(today, expiry.period) - today) - timedelta(days=4)
    while day_after(day, expiry.period) < today:
        day += timedelta(days=1)
    return day_start(day, timezone)


def kept_by(expiry: Expiry) -> list[EntryKind]:
    """List the kinds of entries that keep sliding points alive."""
    return [kind for activity in expiry.resets_on for kind in _ACTS[activity]]


def _rounded(day: date, expiry: Expiry) -> date:
    """Give the last day of the month, quarter, half-year, year or next such month that a day is
    in."""
    if expiry.rounding is None:
        return day
    if expiry.rounding == "particular_month":
        assert expiry.rounding_month is not None, "which month it is goes with it"
        months = (expiry.rounding_month - day.month) % 12
    else:
        months = -day.month % _ROUNDED_MONTHS[expiry.rounding]
    first_of_next = day.year * 12 + day.month + months
    return date(first_of_next // 12, first_of_next % 12 + 1, 1) - timedelta(days=1)


def _in_year(day: YearDay, year: int) -> date:
    try:
        return date(year, day.month, day.day)
    except ValueError:
        # The 29th of February, in a year that has none.
        return date(year, day.month, day.day - 1)
