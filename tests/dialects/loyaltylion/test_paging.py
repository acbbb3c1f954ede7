"""Pages of a list: each row is seen once, whichever way the list is walked."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from guerdon.dialects.loyaltylion.call import Call
from guerdon.dialects.loyaltylion.errors import Fault
from guerdon.dialects.loyaltylion.paging import Cut, Page, Place, cut, page_of
from guerdon.dialects.loyaltylion.routes import ROUTES
from guerdon.domain.ids import KeyId, MerchantId, ProgramId
from guerdon.domain.key import Key

_ROUTE = next(route for route in ROUTES if route.path == "/v2/webhooks" and not route.is_write)
_START = datetime(2026, 3, 14, tzinfo=UTC)
_FILTERS = ("email", "created_at_min")
_SORTS = ("id", "updated_at")


class Row(Struct, frozen=True):
    id: int
    at: datetime


def _call(query: str = "", *, program_id: int = 5, path: tuple[str, ...] = ()) -> Call:
    key = Key(
        id=KeyId(1),
        merchant_id=MerchantId(3),
        program_id=ProgramId(program_id),
        dialect="loyaltylion",
        name="a key",
        app_id=None,
        secret_hash=b"",
        secret_hint="",
        access="full",
        scopes=(),
        is_managed=False,
        created_at=_START,
        revoked_at=None,
    )
    return Call(
        cast("Any", None),  # Pages are read without a ledger.
        key,
        _ROUTE,
        path,
        locate=lambda: "https://points.example/loyaltylion",
        raw_path=b"/v2/webhooks",
        query_string=query.encode(),
        headers=[],
    )


def _page(query: str = "", **about: Any) -> Page:
    return page_of(_call(query, **about), _FILTERS, sorts=_SORTS)


def _fetch(page: Page, table: Sequence[Row]) -> list[Row]:
    """Fetch as a statement would."""

    def place(row: Row) -> tuple[Any, ...]:
        return (row.id,) if page.sort == "id" else (row.at, row.id)

    rows = sorted(table, key=place, reverse=not page.is_rising)
    if page.beyond is not None:
        beyond = Row(page.beyond.id, page.beyond.at or _START)
        rows = [
            row
            for row in rows
            if (place(row) > place(beyond) if page.is_rising else place(row) < place(beyond))
        ]
    return rows[page.offset : page.offset + page.limit + 1]


def _ask(query: str, table: Sequence[Row]) -> Cut[Row]:
    page = _page(query)
    rows = _fetch(page, table)
    return cut(
        _call(query), page, rows, lambda row: Place(row.id, row.at if page.sort != "id" else None)
    )


def _table(count: int) -> list[Row]:
    """Make rows, of which several changed at the same moment."""
    return [Row(number, _START + timedelta(hours=number % 3)) for number in range(1, count + 1)]


@given(
    count=st.integers(0, 25),
    limit=st.integers(1, 7),
    sort=st.sampled_from(_SORTS),
    direction=st.sampled_from(["asc", "desc"]),
)
def test_walking_there_and_back_shows_every_row_once(
    count: int, limit: int, sort: str, direction: str
) -> None:
    table = _table(count)
    first = _ask(f"limit={limit}&sort_field={sort}&sort_direction={direction}", table)
    pages = [first]
    while pages[-1].cursor.next is not None:
        pages.append(_ask(f"limit={limit}&cursor={pages[-1].cursor.next}", table))
    seen = [row for page in pages for row in page.rows]
    key = (lambda row: row.id) if sort == "id" else (lambda row: (row.at, row.id))
    assert seen == sorted(table, key=key, reverse=direction == "desc")
    assert first.cursor.prev is None
    back = [pages[-1]]
    while back[-1].cursor.prev is not None:
        back.append(_ask(f"limit={limit}&cursor={back[-1].cursor.prev}", table))
    assert [row for page in back[::-1] for row in page.rows] == seen


def test_rows_that_come_meanwhile_move_nothing() -> None:
    table = _table(6)
    first = _ask("limit=4", table)
    assert [row.id for row in first.rows] == [6, 5, 4, 3]
    second = _ask(f"limit=4&cursor={first.cursor.next}", _table(9))
    assert [row.id for row in second.rows] == [2, 1]
    again = _ask(f"limit=4&cursor={second.cursor.prev}", _table(9))
    assert [row.id for row in again.rows] == [6, 5, 4, 3]
    newest = _ask(f"limit=4&cursor={again.cursor.prev}", _table(9))
    assert [row.id for row in newest.rows] == [9, 8, 7]
    assert newest.cursor.prev is None


def test_since_id_rises_and_leaves_out_what_is_known() -> None:
    first = _ask("since_id=2&limit=3&sort_field=updated_at&sort_direction=desc&page=4", _table(9))
    assert [row.id for row in first.rows] == [3, 4, 5]
    second = _ask(f"cursor={first.cursor.next}", _table(9))
    assert [row.id for row in second.rows] == [6, 7, 8, 9]
    assert second.cursor.next is None


def test_pages_by_number() -> None:
    assert [row.id for row in _ask("page=2&limit=4", _table(9)).rows] == [5, 4, 3, 2]
    assert _ask("page=4&limit=4", _table(9)).rows == []


def test_a_list_has_a_hundred_rows_unless_told() -> None:
    assert _page().limit == 100
    assert _page("limit=500").limit == 500


def test_a_cursor_keeps_the_filters_and_hears_only_the_limit() -> None:
    first = _ask(f"limit=2&{urlencode({'email': 'ana@', 'page': 1})}", _table(9))
    later = _page(f"cursor={first.cursor.next}&limit=5&email=omar@&sort_field=updated_at&page=x")
    assert later.filters == {"email": "ana@"}
    assert (later.limit, later.sort, later.offset) == (5, "id", 0)
    assert _page(f"cursor={first.cursor.next}").limit == 100


def test_neighbours_are_named_by_their_whole_addresses() -> None:
    first = _ask("limit=4", _table(9))
    second = _ask(f"limit=4&cursor={first.cursor.next}", _table(9))
    assert second.cursor.prev
    assert second.cursor.next
    (name, value), *others = second.headers
    assert (name, others) == (b"link", [])
    told = {}
    for link in value.decode().split(", "):
        address, relation = link.split("; ")
        split = urlsplit(address.strip("<>"))
        assert address.startswith("<https://points.example/loyaltylion/v2/webhooks?")
        told[relation] = parse_qs(split.query)
    assert told == {
        'rel="prev"': {"cursor": [second.cursor.prev], "limit": ["4"]},
        'rel="next"': {"cursor": [second.cursor.next], "limit": ["4"]},
    }
    assert _ask("limit=9", _table(9)).headers == ()


def _refused(query: str, **about: Any) -> list[str]:
    with pytest.raises(Fault) as caught:
        _page(query, **about)
    assert caught.value.answer.status == 400
    return list(json.loads(caught.value.answer.body)["error"]["details"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=5.0", "limit"),
        ("limit=", "limit"),
        ("limit=+5", "limit"),
        ("page=0", "page"),
        ("since_id=-1", "since_id"),
        ("since_id=99999999999999999999", "since_id"),
        ("sort_field=email", "sort_field"),
        ("sort_direction=up", "sort_direction"),
        ("cursor=", "cursor"),
        ("cursor=e30", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%F0%9F%92%A9", "cursor"),
        (f"cursor={'a' * 5000}", "cursor"),
        (f"cursor={base64.urlsafe_b64encode(b'[' * 900).decode()}", "cursor"),
    ],
)
def test_what_makes_no_sense_is_named(query: str, field: str) -> None:
    assert _refused(query) == [field]


def test_a_tampered_cursor_is_refused() -> None:
    cursor = _ask("limit=2&email=a", _table(9)).cursor.next
    assert cursor is not None
    for place in range(len(cursor)):
        for other in ("A", "_", "!"):
            if cursor[place] != other:
                tampered = cursor[:place] + other + cursor[place + 1 :]
                assert _refused(urlencode({"cursor": tampered})) == ["cursor"]
    for wrong in (cursor[:-1], cursor + "A", "A" + cursor, cursor[: len(cursor) // 2]):
        assert _refused(urlencode({"cursor": wrong})) == ["cursor"]
    fields = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps(fields | {"id": 8}).encode()).decode()
    assert _refused(urlencode({"cursor": forged})) == ["cursor"]


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = _ask("limit=2", _table(9)).cursor.next
    assert _refused(f"cursor={cursor}", program_id=6) == ["cursor"]
    assert _refused(f"cursor={cursor}", path=("C-1",)) == ["cursor"]


def test_a_cursor_by_a_column_that_the_list_has_not_is_refused() -> None:
    cursor = _ask("limit=2&sort_field=updated_at", _table(9)).cursor.next
    with pytest.raises(Fault):
        page_of(_call(f"cursor={cursor}"), _FILTERS)
    filtered = _ask("limit=2&email=a", _table(9)).cursor.next
    with pytest.raises(Fault):
        page_of(_call(f"cursor={filtered}"), ("created_at_min",), sorts=_SORTS)
