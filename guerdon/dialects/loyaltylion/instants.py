"""Instants in queries, read as callers see them: to the millisecond that answers show."""

from datetime import UTC, datetime, timedelta

from guerdon.dialects.loyaltylion.call import moment_of
from guerdon.dialects.loyaltylion.paging import Page

_LAST = datetime.max.replace(tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def from_of(page: Page, name: str) -> datetime | None:
    """Read a bound that is at or after an instant: give the first instant that counts."""
    return _at_or_after(moment_of(page.filters.get(name), name))


def before_of(page: Page, name: str) -> datetime | None:
    """Read a bound that is before an instant: give the first instant that does not count."""
    return _at_or_after(moment_of(page.filters.get(name), name))


def through_of(page: Page, name: str) -> datetime | None:
    """Read a bound that is at or before an instant: give the first instant that does not count."""
    moment = moment_of(page.filters.get(name), name)
    if moment is None:
        return None
    shown = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return shown + _MILLISECOND if shown < _LAST - _MILLISECOND else _LAST


def _at_or_after(moment: datetime | None) -> datetime | None:
    """Give the first instant that is shown as this one or a later one."""
    if moment is None or moment.microsecond % 1000 == 0:
        return moment
    shown = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return shown + _MILLISECOND if shown < _LAST - _MILLISECOND else _LAST
