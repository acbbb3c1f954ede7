"""Calendar intervals, codes and money: small values with sharp edges."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.domain.catalogue import SAFE_ALPHABET
from guerdon.domain.clock import Interval, interval_start
from guerdon.domain.code import make_code
from guerdon.domain.ids import LotId
from guerdon.domain.lot import Lot, draw, in_draw_order
from guerdon.domain.money import minor_exponent, multiply_points, to_major, to_minor
from tests.builders.shop import make_shop


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("interval", "now", "timezone", "start"),
    [
        ("ever", "2026-11-21T12:00:00Z", "Europe/London", "1970-01-01T00:00:00Z"),
        ("day", "2026-11-21T12:00:00Z", "Europe/London", "2026-11-21T00:00:00Z"),
        ("day", "2026-07-01T23:30:00Z", "Europe/London", "2026-07-01T23:00:00Z"),
        ("day", "2026-07-01T22:59:59Z", "Europe/London", "2026-06-30T23:00:00Z"),
        # The day on which clocks go forward has 23 hours, and on which they go back 25.
        ("day", "2026-03-29T12:00:00Z", "Europe/London", "2026-03-29T00:00:00Z"),
        ("day", "2026-10-25T23:59:59Z", "Europe/London", "2026-10-24T23:00:00Z"),
        ("week", "2026-11-22T23:59:59Z", "Europe/London", "2026-11-16T00:00:00Z"),
        ("week", "2026-11-23T00:00:00Z", "Europe/London", "2026-11-23T00:00:00Z"),
        # A week that begins in summer time and ends in winter time.
        ("week", "2026-10-25T12:00:00Z", "Europe/London", "2026-10-18T23:00:00Z"),
        ("month", "2026-11-01T03:00:00Z", "America/New_York", "2026-10-01T04:00:00Z"),
        ("month", "2026-11-30T12:00:00Z", "America/New_York", "2026-11-01T04:00:00Z"),
        ("year", "2027-01-01T04:59:59Z", "America/New_York", "2026-01-01T05:00:00Z"),
        ("day", "2026-11-21T12:15:00Z", "Asia/Kathmandu", "2026-11-20T18:15:00Z"),
        # Midnight comes twice where clocks go back at one: the day has begun with the first.
        ("day", "2026-11-01T04:30:00Z", "America/Havana", "2026-11-01T04:00:00Z"),
        ("day", "2026-11-01T05:30:00Z", "America/Havana", "2026-11-01T04:00:00Z"),
        ("month", "2026-11-01T05:30:00Z", "America/Havana", "2026-11-01T04:00:00Z"),
        # Midnight does not come at all where clocks go forward at midnight.
        ("day", "2026-04-24T10:00:00Z", "Africa/Cairo", "2026-04-23T22:00:00Z"),
    ],
)
def test_an_interval_begins_by_the_calendar_of_its_zone(
    interval: Interval, now: str, timezone: str, start: str
) -> None:
    assert interval_start(interval, at(now), timezone) == at(start)


@given(
    st.sampled_from(["day", "week", "month", "year"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 -- made aware below
    st.sampled_from(
        ["UTC", "Europe/London", "America/Havana", "Africa/Cairo", "Pacific/Apia", "Asia/Beirut"]
    ),
)
def test_all_of_an_interval_has_one_beginning(
    interval: Interval, naive: datetime, timezone: str
) -> None:
    now = naive.replace(tzinfo=UTC)
    start = interval_start(interval, now, timezone)
    assert start <= now
    assert interval_start(interval, start, timezone) == start
    assert interval_start(interval, start + (now - start) / 2, timezone) == start
    assert interval_start(interval, start - timedelta(seconds=1), timezone) < start


def test_a_default_code_has_a_prefix_and_fifty_bits() -> None:
    code = make_code(make_shop().program, 2**128 - 1)
    assert re.fullmatch(f"MAGE-[{SAFE_ALPHABET}]{{10}}", code)
    assert len(set(SAFE_ALPHABET)) == 32
    assert not set(SAFE_ALPHABET) & set("01IO")


@given(st.integers(0, 2**128 - 1))
def test_six_characters_have_the_short_form(bits: int) -> None:
    program = make_shop(code_length=6).program
    assert re.fullmatch(r"MAGE-[A-Z0-9]{6}", make_code(program, bits))


def test_a_code_without_a_prefix_has_no_dash() -> None:
    program = make_shop(code_prefix="", code_alphabet="AB", code_length=7).program
    assert set(make_code(program, 12345)) <= {"A", "B"}
    assert len(make_code(program, 12345)) == 7


@pytest.mark.parametrize("length", [3, 4])
def test_every_code_of_an_alphabet_is_reached_and_by_one_run_of_bits(length: int) -> None:
    program = make_shop(code_prefix="", code_alphabet="ABC", code_length=length).program
    codes = {make_code(program, bits) for bits in range(9 ** ((length + 1) // 2))}
    assert len(codes) == 3**length


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("10", "GBP", 1000), ("0.01", "USD", 1), ("10", "JPY", 10), ("1.234", "KWD", 1234)],
)
def test_money_is_minor_units(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert Decimal(str(to_major(minor, currency))) == Decimal(amount)


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "GBP"), ("0.5", "JPY")])
def test_money_finer_than_its_currency_is_an_error(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="finer than"):
        to_minor(Decimal(amount), currency)


def test_whole_money_is_a_whole_number() -> None:
    assert isinstance(to_major(1000, "GBP"), int)
    assert to_major(1050, "GBP") == 10.5
    assert minor_exponent("GBP") == 2


@given(st.integers(0, 10**12), st.integers(0, 100_000))
def test_points_are_multiplied_rounding_half_up(points: int, permille: int) -> None:
    assert multiply_points(points, permille) == (points * permille * 2 + 1000) // 2000


def test_a_draw_of_more_than_there_is_is_our_own_mistake() -> None:
    lots = [Lot(LotId(1), 5, at("2026-01-01T00:00:00Z"), None)]
    with pytest.raises(AssertionError, match="fewer"):
        draw(lots, 6)


def test_soonest_expiry_puts_the_undying_last_and_the_older_first() -> None:
    now = at("2026-01-01T00:00:00Z")
    later, soon = now + timedelta(days=9), now + timedelta(days=1)
    lots = [
        Lot(LotId(1), 5, now, None),
        Lot(LotId(2), 5, now, later),
        Lot(LotId(3), 5, now, soon),
        Lot(LotId(4), 5, now + timedelta(hours=1), soon),
    ]
    assert [lot.id for lot in in_draw_order(lots, "soonest_expiry")] == [3, 4, 2, 1]
    assert [lot.id for lot in in_draw_order(lots, "fifo")] == [1, 2, 3, 4]
