"""Instants as the vendor writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from guerdon.dialects.loyaltylion.wire import stamp

_NOON = datetime(2026, 3, 4, 12, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (_NOON, "2026-03-04T12:00:07.000Z"),
        (_NOON.replace(microsecond=123_000), "2026-03-04T12:00:07.123Z"),
        (_NOON.replace(microsecond=999_999), "2026-03-04T12:00:07.999Z"),
        (_NOON.replace(microsecond=1), "2026-03-04T12:00:07.000Z"),
        (_NOON.replace(year=900, microsecond=70_000), "0900-03-04T12:00:07.070Z"),
        (_NOON.astimezone(timezone(timedelta(hours=-5))), "2026-03-04T12:00:07.000Z"),
    ],
)
def test_an_instant_has_milliseconds_and_is_in_utc(moment: datetime, written: str) -> None:
    assert stamp(moment) == written
