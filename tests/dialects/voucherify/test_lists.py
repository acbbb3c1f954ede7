"""Lists: limits, orders, filters and cursors."""

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
import pytest

from guerdon.dialects.voucherify import programs
from guerdon.dialects.voucherify.call import Call, Route, Settings
from guerdon.dialects.voucherify.cursors import Key, write_cursor
from guerdon.dialects.voucherify.filters import Field, Filters, Span, read_filters
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.lists import (
    ListForm,
    Order,
    page_answer,
    page_of,
    read_listing,
    read_page,
)
from guerdon.dialects.voucherify.problems import Fault
from guerdon.domain import key as keys
from guerdon.engine.submitting import Ledger
from tests.builders.http import Clock
from tests.builders.vouch import PROGRAM_ID, ServedVouch

_PROGRAMS = "/v2/loyalties/programs"
_FORM = ListForm(
    cursor="lcrsrew",
    orders=("created_at", "name"),
    filters={
        "id": Field("id", "reward"),
        "name": Field("text"),
        "status": Field("enum", values=("DRAFT", "ACTIVE")),
        "created_at": Field("moment"),
        "day": Field("day"),
    },
    binds_limit=True,
)
_START = datetime(2026, 3, 10, tzinfo=UTC)
_NAMES = ("pear", "fig", "plum", None, "fig")
_THINGS = [
    {
        "id": number,
        "name": name,
        "status": "ACTIVE" if number % 2 else "DRAFT",
        "created_at": _START + timedelta(days=number),
        "day": None if number == 3 else date(2026, 3, 10 + number),
    }
    for number, name in enumerate(_NAMES, 1)
]
_ALLOWED = "must be equal to one of the allowed values"


def _call(clock: Clock, *pairs: tuple[str, str], merchant_id: int = 1, path: str = "x") -> Call:
    route = Route(method="GET", path="/v2/things/{id}", handler=_nothing, summary="", answers={})
    return Call(
        cast("Ledger", SimpleNamespace(runtime=SimpleNamespace(now=clock))),
        cast("keys.Key", SimpleNamespace(merchant_id=merchant_id)),
        route,
        (path,),
        settings=Settings(),
        query_string=urlencode(pairs).encode(),
        headers=[],
    )


async def _nothing(_: Call) -> Any: ...


def _page(
    *pairs: tuple[str, str], clock: Clock | None = None, **where: Any
) -> tuple[list[int], str | None]:
    listing = read_listing(_call(clock or Clock(), *pairs, **where), _FORM)
    answer = page_of(listing, _THINGS, lambda thing: thing, _id_of)
    body = msgspec.json.decode(answer.body)
    assert body["object"] == "list"
    return body["data"], body["cursor"] and body["cursor"]["next"]


def _id_of(thing: dict[str, Any]) -> int:
    number: int = thing["id"]
    return number


def _refused(*pairs: tuple[str, str], clock: Clock | None = None, **where: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        _page(*pairs, clock=clock, **where)
    body = msgspec.json.decode(caught.value.answer.body)
    assert body["code"] == 400
    return body["key"], body["details"]


def _filter(field: str, operator: str, value: str) -> tuple[str, str]:
    return (f"filters[{field}][conditions][{operator}]", value)


async def test_programs_are_listed(served: ServedVouch) -> None:
    response = await served.client.get(_PROGRAMS)
    assert response.status_code == 200
    body = response.json()
    assert [each["id"] for each in body["data"]] == [PROGRAM_ID]
    assert (body["cursor"], body["object"]) == (None, "list")
    shown = dict([_filter("id", "$is", write_id("program", 7))])
    assert (await served.client.get(_PROGRAMS, params=shown)).json()["data"] == []
    assert programs.LIST.cursor == "lcrsprg"


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ([], [5, 4, 3, 2, 1]),
        (["created_at"], [1, 2, 3, 4, 5]),
        (["id"], [1, 2, 3, 4, 5]),
        (["-id"], [5, 4, 3, 2, 1]),
        (["name"], [4, 2, 5, 1, 3]),
        (["-name"], [3, 1, 5, 2, 4]),
        (["name", "-id"], [4, 5, 2, 1, 3]),
        (["-created_at", "name"], [5, 4, 3, 2, 1]),
        (["null"], [5, 4, 3, 2, 1]),
    ],
)
def test_pages_join_into_the_whole_in_order(order: list[str], ids: list[int]) -> None:
    for limit in (1, 2, 5):
        pairs = [*(("order", each) for each in order), ("limit", str(limit))]
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            data, cursor = _page(*pairs, *([("cursor", cursor)] if cursor else []))
            assert len(data) <= limit
            seen += data
        assert seen == ids


@pytest.mark.parametrize(
    ("pairs", "ids"),
    [
        ([("filters[id][conditions][$is]", write_id("reward", 2))], [2]),
        ([("filters[id][conditions][$is]", write_id("member", 2))], []),
        ([("filters[id][conditions][$not_in][0]", write_id("reward", 2))], [5, 4, 3, 1]),
        (
            [
                ("filters[id][conditions][$in][0]", write_id("reward", 2)),
                ("filters[id][conditions][$in][1]", write_id("reward", 5)),
            ],
            [5, 2],
        ),
        ([_filter("status", "$is", "ACTIVE")], [5, 3, 1]),
        ([_filter("status", "$is_not", "ACTIVE")], [4, 2]),
        ([_filter("name", "$is", "fig")], [5, 2]),
        ([_filter("name", "$contains", "l")], [3]),
        ([_filter("name", "$not_contain", "p")], [5, 4, 2]),
        ([_filter("name", "$starts_with", "p")], [3, 1]),
        ([_filter("name", "$ends_with", "g")], [5, 2]),
        ([_filter("name", "$has_value", "")], [5, 3, 2, 1]),
        ([_filter("name", "$is_unknown", "true")], [4]),
        ([_filter("created_at", "$before", "2026-03-12")], [1]),
        ([_filter("created_at", "$after", "2026-03-12")], [5, 4, 3]),
        ([_filter("created_at", "$after", "2026-03-12T00:00:00.000Z")], [5, 4, 3]),
        ([_filter("created_at", "$after", "2026-03-11T23:59:59.999+00:00")], [5, 4, 3, 2]),
        ([_filter("created_at", "$is", "2026-03-12")], [2]),
        ([_filter("created_at", "$is", "2026-03-12T00:00:01Z")], []),
        ([_filter("created_at", "$more_than", "2")], [2, 1]),
        ([_filter("created_at", "$less_than", "2")], [5, 4, 3]),
        ([_filter("created_at", "$is_unknown", "")], []),
        ([_filter("day", "$is", "2026-03-12")], [2]),
        ([_filter("day", "$is_unknown", "")], [3]),
        ([_filter("name", "$is", "fig"), _filter("status", "$is", "ACTIVE")], [5]),
        (
            [
                _filter("name", "$is", "fig"),
                _filter("status", "$is", "ACTIVE"),
                ("filters[junction]", "OR"),
            ],
            [5, 3, 2, 1],
        ),
    ],
)
def test_filters_leave_what_they_name(pairs: list[tuple[str, str]], ids: list[int]) -> None:
    assert _page(*pairs)[0] == ids


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("limit", "0")], "Property .limit cannot be lower than 1"),
        ([("limit", "101")], "Property .limit cannot be greater than 100"),
        ([("limit", "many")], "Property .limit must be integer"),
        (
            [("order", "price")],
            f"Property .order {_ALLOWED} [ -created_at, -id, -name, created_at, id, name ]",
        ),
        (
            [("order[0]", "name"), ("order[1]", "-name")],
            "Query cannot be ordered by 'name' and '-name' at the same time",
        ),
        (
            [("cursor", "lcrsctx_00")],
            'Property .cursor must match pattern "^lcrsrew_[a-f0-9]+$"',
        ),
        ([("cursor", "lcrsrew_0")], 'Property .cursor must match pattern "^lcrsrew_[a-f0-9]+$"'),
        ([_filter("price", "$is", "1")], "Property .filters must NOT have additional properties"),
        (
            [_filter("id", "$contains", "1")],
            "Property .filters.id.conditions must NOT have additional properties ('$contains')",
        ),
        ([("filters[id]", "1")], "Property .filters.id must have required property 'conditions'"),
        ([("filters[junction]", "XOR")], f"Property .filters.junction {_ALLOWED} [ AND, OR ]"),
        ([("filters", "1")], "Property .filters must be filters[field][conditions][operator]"),
        (
            [_filter("status", "$is", "LOST")],
            f"Property .filters.status.conditions.$is {_ALLOWED} [ DRAFT, ACTIVE ]",
        ),
        (
            [_filter("name", "$is", "a"), _filter("name", "$is", "b")],
            "Property .filters.name.conditions.$is must be a single value",
        ),
        (
            [_filter("name", "$in", str(number)) for number in range(101)],
            "Property .filters.name.conditions.$in must NOT have more than 100 items",
        ),
        (
            [_filter("created_at", "$before", "soon")],
            "Property .filters.created_at.conditions.$before must match format date or date-time",
        ),
        (
            [_filter("created_at", "$after", "9999-12-31")],
            "Property .filters.created_at.conditions.$after must match format date or date-time",
        ),
        (
            [_filter("created_at", "$more_than", "-1")],
            "Property .filters.created_at.conditions.$more_than must be a number of days",
        ),
        ([("limit", "1\x00")], "Property .limit holds a NUL character"),
    ],
)
def test_what_a_list_does_not_know_is_refused(pairs: list[tuple[str, str]], said: str) -> None:
    key, details = _refused(*pairs)
    assert key == "invalid_query_params"
    assert details.startswith(said)


def test_limits_are_rounded_and_have_a_default() -> None:
    for text, limit in (("", 10), ("null", 10), ("2.4", 2), ("100", 100)):
        assert read_listing(_call(Clock(), ("limit", text)), _FORM).limit == limit


def test_a_cursor_is_of_its_query_and_its_time() -> None:
    clock = Clock()
    pairs = [("limit", "2"), _filter("status", "$is", "ACTIVE")]
    data, cursor = _page(*pairs, clock=clock)
    assert (data, cursor is not None) == ([5, 3], True)
    assert cursor is not None
    assert re.fullmatch("lcrsrew_[a-f0-9]+", cursor)
    again = ("cursor", cursor)
    assert _page(*pairs, again, clock=clock) == ([1], None)
    for other in (
        [("limit", "3"), pairs[1]],
        [pairs[0]],
        [*pairs, ("order", "id")],
    ):
        assert _refused(*other, again, clock=clock)[0] == "cursor_and_query_mismatch"
    assert _refused(*pairs, again, clock=clock, path="y")[0] == "cursor_and_query_mismatch"
    assert _refused(*pairs, again, clock=clock, merchant_id=2)[0] == "cursor_and_query_mismatch"
    for broken in (f"{cursor[:-2]}00", cursor[:-2], f"{cursor}00", "lcrsrew_00"):
        key, details = _refused(*pairs, ("cursor", broken), clock=clock)
        assert key == "invalid_or_expired_cursor"
        assert details == "The provided cursor is invalid or has expired"
    clock.advance(minutes=15, seconds=1)
    assert _refused(*pairs, again, clock=clock)[0] == "invalid_or_expired_cursor"


@pytest.mark.parametrize(
    ("order", "last"),
    [
        ("id", ("5",)),
        ("id", ()),
        ("id", (5, 5)),
        ("id", (None,)),
        ("id", (-1,)),
        ("id", (2**63,)),
        ("name", (5, 5)),
        ("name", ("\x00", 5)),
        ("name", ("fig", "5")),
    ],
)
def test_a_cursor_made_up_is_no_place_in_a_list(order: str, last: Key) -> None:
    clock = Clock()
    asked = ("order", order)
    mark = read_listing(_call(clock, asked), _FORM).mark
    cursor = write_cursor("lcrsrew", mark, last, now=clock()).next
    key, _ = _refused(asked, ("cursor", cursor), clock=clock)
    assert key == "invalid_or_expired_cursor"


def test_rows_of_a_statement_make_a_page() -> None:
    listing = read_listing(_call(Clock(), ("limit", "2"), ("order", "created_at")), _FORM)
    assert listing.order == (Order("id"),)
    assert (listing.is_falling, listing.resume()) == (False, None)
    answer = page_answer(listing, [1, 2, 3], lambda row: (row,), str)
    body = msgspec.json.decode(answer.body)
    assert body["data"] == ["1", "2"]
    onward = _call(
        Clock(), ("limit", "2"), ("order", "created_at"), ("cursor", body["cursor"]["next"])
    )
    assert read_listing(onward, _FORM).resume() == (2,)


def test_statements_are_given_sets_and_spans() -> None:
    one, two = write_id("reward", 1), write_id("reward", 2)
    filters = _read(
        ("filters[id][conditions][$in][]", one),
        ("filters[id][conditions][$in][]", two),
        _filter("id", "$is_not", two),
        _filter("status", "$is", "ACTIVE"),
        _filter("created_at", "$after", "2026-03-12"),
        _filter("created_at", "$before", "2026-03-20"),
        _filter("created_at", "$has_value", ""),
    )
    among = filters.among("id")
    assert (among.any_of, among.none_of) == ([1, 2], [2])
    assert filters.words("status") == (["ACTIVE"], [])
    assert filters.span("created_at") == Span(_START + timedelta(days=3), _START.replace(day=20))
    assert (filters.has("id"), filters.has("name")) == (True, False)
    assert _read().span("created_at") == Span(None, None)
    never = _read(_filter("created_at", "$is_unknown", "")).span("created_at")
    assert never.since == never.before is not None


def _read(*pairs: tuple[str, str]) -> Filters:
    return read_filters(pairs, _FORM.filters, now=_START)


def test_pages_of_v1_are_counted() -> None:
    page = read_page(
        _call(Clock(), ("limit", "20"), ("page", "3"), ("order", "-id")), orders=["-id"]
    )
    assert (page.limit, page.skip, page.order) == (20, 40, "-id")
    for pair in (("page", "0"), ("limit", "101"), ("order", "id")):
        with pytest.raises(Fault):
            read_page(_call(Clock(), pair), orders=["-id"])
