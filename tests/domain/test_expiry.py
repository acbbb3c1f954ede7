"""When points expire and are credited: time zones, leap days, ends of months, roundings."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from guerdon.domain.clock import day_after, day_end, day_start, moment_after
from guerdon.domain.expiry import (
    credited_at,
    expires_at,
    kept_by,
    lot_expires_at,
    next_day,
    slid_out_at,
    slid_out_before,
)
from guerdon.domain.point_terms import Delay, Expiry, Rounding, YearDay
from guerdon.domain.terms import Period, Unit
from tests.builders.shop import make_point_type, make_shop

LONDON = "Europe/London"
ZONES = ("UTC", LONDON, "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu")
LEAP_DAY = YearDay(29, 2)
MOMENTS = st.integers(0, 20 * 366 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
PERIODS = st.builds(Period, st.integers(1, 90), st.just("day")) | st.builds(
    Period, st.integers(1, 14), st.sampled_from(["week", "month", "year"])
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rolling(
    value: int, unit: Unit, rounding: Rounding | None = None, rounding_month: int | None = None
) -> Expiry:
    return Expiry(
        kind="rolling", period=Period(value, unit), rounding=rounding, rounding_month=rounding_month
    )


@pytest.mark.parametrize(
    ("day", "value", "unit", "later"),
    [
        ("2027-01-31", 1, "month", "2027-02-28"),
        ("2028-01-31", 1, "month", "2028-02-29"),
        ("2027-12-31", 2, "month", "2028-02-29"),
        ("2028-02-29", 1, "year", "2029-02-28"),
        ("2028-02-29", 4, "year", "2032-02-29"),
        ("2027-03-31", 12, "month", "2028-03-31"),
        ("2027-11-30", 1, "month", "2027-12-30"),
        ("2027-12-15", 1, "month", "2028-01-15"),
        ("2028-02-28", 2, "day", "2028-03-01"),
        ("2027-12-30", 1, "week", "2028-01-06"),
    ],
)
def test_a_period_later_is_the_same_day_or_the_last(
    day: str, value: int, unit: Unit, later: str
) -> None:
    assert day_after(date.fromisoformat(day), Period(value, unit)).isoformat() == later


def test_hours_pass_and_days_go_by_the_calendar() -> None:
    # The clocks go forward in London on 28 March 2027, at one in the morning.
    before = at("2027-03-27T12:00")
    assert moment_after(before, Period(24, "hour"), LONDON) == at("2027-03-28T12:00")
    assert moment_after(before, Period(1, "day"), LONDON) == at("2027-03-28T11:00")
    assert moment_after(before, Period(1, "month"), LONDON) == at("2027-04-27T11:00")


@pytest.mark.parametrize(
    ("expiry", "credited", "expires"),
    [
        (Expiry(kind="never"), "2027-05-05T10:00", None),
        # The rest of the day is theirs, by the shop's clocks: summer time in London.
        (rolling(30, "day"), "2027-05-05T10:00", "2027-06-04T23:00"),
        (rolling(30, "day"), "2027-05-05T23:30", "2027-06-05T23:00"),
        (rolling(1, "month"), "2027-01-31T10:00", "2027-03-01T00:00"),
        (rolling(1, "year"), "2028-02-29T10:00", "2029-03-01T00:00"),
        (rolling(1, "month", "month"), "2027-01-01T10:00", "2027-03-01T00:00"),
        (rolling(1, "month", "month"), "2027-01-31T10:00", "2027-03-01T00:00"),
        (rolling(10, "day", "month"), "2027-06-20T10:00", "2027-06-30T23:00"),
        (rolling(1, "day", "quarter"), "2027-03-31T10:00", "2027-06-30T23:00"),
        (rolling(1, "day", "quarter"), "2027-11-30T10:00", "2028-01-01T00:00"),
        (rolling(1, "day", "half_year"), "2027-01-01T10:00", "2027-06-30T23:00"),
        (rolling(6, "month", "half_year"), "2027-01-01T10:00", "2028-01-01T00:00"),
        (rolling(1, "year", "year"), "2027-07-07T10:00", "2029-01-01T00:00"),
        (rolling(1, "day", "year"), "2027-12-31T10:00", "2029-01-01T00:00"),
        (
            rolling(1, "day", "particular_month", rounding_month=2),
            "2027-02-10T10:00",
            "2027-03-01T00:00",
        ),
        (
            rolling(1, "month", "particular_month", rounding_month=2),
            "2027-02-10T10:00",
            "2028-03-01T00:00",
        ),
        (
            rolling(1, "month", "particular_month", rounding_month=12),
            "2027-11-10T10:00",
            "2028-01-01T00:00",
        ),
        # A year's day that is today ends with today.
        (Expiry(kind="calendar", dates=(YearDay(31, 12),)), "2027-12-31T10:00", "2028-01-01T00:00"),
        (Expiry(kind="calendar", dates=(YearDay(31, 12),)), "2028-01-01T00:00", "2029-01-01T00:00"),
        (
            Expiry(kind="calendar", dates=(YearDay(1, 1), YearDay(1, 7))),
            "2027-06-30T22:59",
            "2027-07-01T23:00",
        ),
        (Expiry(kind="calendar", dates=(LEAP_DAY,)), "2027-01-01T10:00", "2027-03-01T00:00"),
        (Expiry(kind="calendar", dates=(LEAP_DAY,)), "2028-02-28T10:00", "2028-03-01T00:00"),
        (
            Expiry(kind="sliding", period=Period(1, "month"), resets_on=("earning",)),
            "2027-05-05T10:00",
            None,
        ),
    ],
)
def test_points_expire_at_the_end_of_a_day(
    expiry: Expiry, credited: str, expires: str | None
) -> None:
    found = expires_at(expiry, at(credited), LONDON)
    assert found == (None if expires is None else at(expires))


@given(
    moment=MOMENTS,
    period=PERIODS,
    zone=st.sampled_from(ZONES),
    rounding=st.sampled_from([None, "month", "quarter", "half_year", "year", "particular_month"]),
    month=st.integers(1, 12),
)
def test_points_live_for_their_period_at_least(
    moment: datetime, period: Period, zone: str, rounding: Rounding | None, month: int
) -> None:
    expiry = Expiry(kind="rolling", period=period, rounding=rounding, rounding_month=month)
    found = expires_at(expiry, moment, zone)
    assert found is not None
    # A day less for months that are cut short, and an hour for the clocks.
    assert found > moment_after(moment, period, zone) - timedelta(seconds=1)
    plain = expires_at(replace(expiry, rounding=None), moment, zone)
    assert plain is not None
    assert plain <= found < plain + timedelta(days=367)


@pytest.mark.parametrize(
    ("delay", "earned", "credited"),
    [
        (Delay(kind="period", period=Period(2, "hour")), "2027-05-05T10:00", "2027-05-05T12:00"),
        (Delay(kind="period", period=Period(14, "day")), "2027-05-05T10:00", "2027-05-19T10:00"),
        (Delay(kind="period", period=Period(1, "month")), "2027-01-31T10:00", "2027-02-28T10:00"),
        (Delay(kind="dates", dates=(YearDay(1, 6),)), "2027-05-05T10:00", "2027-05-31T23:00"),
        # What is earned on the day itself waits for the next one.
        (Delay(kind="dates", dates=(YearDay(1, 6),)), "2027-06-01T10:00", "2028-05-31T23:00"),
        (
            Delay(kind="dates", dates=(YearDay(1, 6), YearDay(15, 6))),
            "2027-05-31T23:00",
            "2027-06-14T23:00",
        ),
        (Delay(kind="dates", dates=(LEAP_DAY,)), "2027-01-05T10:00", "2027-02-28T00:00"),
    ],
)
def test_earned_points_are_credited_later(delay: Delay, earned: str, credited: str) -> None:
    assert credited_at(delay, at(earned), LONDON) == at(credited)


def test_the_next_of_several_days_may_be_next_years() -> None:
    days = (YearDay(1, 3), YearDay(30, 9))
    assert next_day(days, date(2027, 3, 1)) == date(2027, 3, 1)
    assert next_day(days, date(2027, 3, 2)) == date(2027, 9, 30)
    assert next_day(days, date(2027, 10, 1)) == date(2028, 3, 1)


@given(
    last=MOMENTS,
    period=PERIODS,
    zone=st.sampled_from(ZONES),
    hours=st.integers(-50, 50),
)
def test_who_did_nothing_since_is_who_has_slid_out(
    last: datetime, period: Period, zone: str, hours: int
) -> None:
    expiry = Expiry(kind="sliding", period=period, resets_on=("earning",))
    ends_at = slid_out_at(expiry, last, zone)
    now = ends_at + timedelta(hours=hours)
    assert (ends_at <= now) == (last < slid_out_before(expiry, now, zone))


def test_sliding_points_are_kept_by_what_resets_them() -> None:
    expiry = Expiry(kind="sliding", period=Period(1, "day"), resets_on=("earning", "spending"))
    assert kept_by(expiry) == ["earned", "redeemed", "paid"]
    assert kept_by(replace(expiry, resets_on=("spending",))) == ["redeemed", "paid"]


def test_a_point_type_that_says_nothing_leaves_it_to_the_program() -> None:
    program = make_shop(points_expiry_days=30).program
    now = at("2027-05-05T10:00")
    assert lot_expires_at(program, None, now) == now + timedelta(days=30)
    assert lot_expires_at(program, make_point_type(), now) == now + timedelta(days=30)
    never = make_point_type(expiry=Expiry(kind="never"))
    assert lot_expires_at(program, never, now) is None
    assert lot_expires_at(make_shop().program, None, now) is None


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_a_gap(zone: str) -> None:
    day = date(2026, 1, 1)
    for _ in range(800):
        assert day_end(day, zone) == day_start(day + timedelta(days=1), zone)
        assert timedelta(hours=23) <= day_end(day, zone) - day_start(day, zone)
        day += timedelta(days=1)
