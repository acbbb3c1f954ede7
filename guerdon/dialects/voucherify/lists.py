"""Lists: v2's, which go on by a cursor, and v1's, which are counted in pages."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from msgspec import Struct, field

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.cursors import (
    Key,
    Prefix,
    expired,
    query_hash,
    read_cursor,
    write_cursor,
)
from guerdon.dialects.voucherify.filters import Field, Filters, Value, operators_of, read_filters
from guerdon.dialects.voucherify.ids import ID_MAX
from guerdon.dialects.voucherify.problems import invalid_query
from guerdon.dialects.voucherify.wire import Cursor
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter

T = TypeVar("T")
W = TypeVar("W")

LIMIT_MAX = 100
LIMIT_DEFAULT = 10
PAGE_MAX = 1_000_000
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


class Page(Struct, Generic[W], frozen=True, kw_only=True):
    """v2's list. `cursor` is null on the last page."""

    data: list[W]
    cursor: Cursor | None = None
    object: str = "list"


class Order(Struct, frozen=True):
    field: str
    is_falling: bool = False


class ListForm(Struct, frozen=True, kw_only=True):
    """What one list understands. `orders` are the fields it can be ordered by besides `id`; those
    of `as_id` have the order of ids, and are taken for it. `binds_limit`: a cursor is of use only
    with the limit it was made with."""

    cursor: Prefix
    orders: tuple[str, ...] = ("created_at",)
    as_id: tuple[str, ...] = ("created_at",)
    default: str = "-created_at"
    filters: Mapping[str, Field] = field(default_factory=dict)
    binds_limit: bool = False

    @property
    def allowed(self) -> tuple[str, ...]:
        names = dict.fromkeys((*self.orders, "id"))
        return tuple(sorted(sign + name for name in names for sign in ("-", "")))

    @property
    def query(self) -> tuple[Parameter, ...]:
        """Say it in the OpenAPI document."""
        told = [
            Parameter("limit", "integer", f"1 to {LIMIT_MAX}", default=LIMIT_DEFAULT),
            Parameter(
                "order",
                "string",
                "What to order by; a dash before it turns it round",
                default=self.default,
                values=self.allowed,
            ),
            Parameter("cursor", "string", f"Where to go on: {self.cursor}_…"),
        ]
        told += [
            Parameter(
                f"filters[{name}][conditions][$is]",
                "string",
                f"Likewise {', '.join(operators_of(field)[1:])}",
                values=field.values,
            )
            for name, field in self.filters.items()
        ]
        if len(self.filters) > 1:
            told.append(
                Parameter(
                    "filters[junction]",
                    "string",
                    "Whether the filters of all fields have to hold, or of any",
                    default="AND",
                    values=("AND", "OR"),
                )
            )
        return tuple(told)


class Listing(Struct, frozen=True, kw_only=True):
    """A list as it was asked for, its query checked and its cursor not yet.

    `order` ends with the id, always. Whoever reads it from a statement asks for `limit` + 1 rows
    after `resume()`, and hands them to `page_answer`."""

    form: ListForm
    limit: int
    order: tuple[Order, ...]
    filters: Filters
    cursor: str | None
    mark: bytes
    now: datetime

    @property
    def is_falling(self) -> bool:
        """Say whether the first of what the list is ordered by falls."""
        return self.order[0].is_falling

    def resume(self) -> Key | None:
        """Give the last row's values of what the list is ordered by, as `page_answer` was told
        them; None for the first page. To be asked after all look-ups of the path."""
        if self.cursor is None:
            return None
        last = read_cursor(self.form.cursor, self.mark, self.cursor, now=self.now)
        # Anybody can make one up: no statement may be given what is no place in the list.
        is_whole = len(last) == len(self.order) and isinstance(last[-1], int)
        if not is_whole or not all(_is_storable(each) for each in last):
            raise expired()
        return last


def _is_storable(value: str | int | None) -> bool:
    if isinstance(value, int):
        return 0 <= value <= ID_MAX
    return value is None or "\x00" not in value


def read_listing(call: Call, form: ListForm) -> Listing:
    """Read the query of a v2 list, or refuse it."""
    pairs = pairs_of(call)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(re.sub(r"\[\d{0,3}\]$", "", name), []).append(value)
    limit = _whole(given.get("limit", [""])[-1], "limit", LIMIT_DEFAULT, 1, LIMIT_MAX)
    order = _order(given.get("order", []), form)
    now = call.ledger.runtime.now()
    filters = read_filters(pairs, form.filters, now=now)
    asked = sorted(pair for pair in pairs if pair[0].startswith("filters"))
    shown = [f"{'-' if each.is_falling else ''}{each.field}" for each in order]
    bound = limit if form.binds_limit else None
    return Listing(
        form=form,
        limit=limit,
        order=order,
        filters=filters,
        cursor=_cursor(given.get("cursor", [""])[-1], form),
        mark=query_hash(call.merchant_id, call.route.path, call.path, shown, asked, bound),
        now=now,
    )


def page_answer(
    listing: Listing,
    rows: Sequence[T],
    key_of: Callable[[T], Key],
    to_wire: Callable[[T], Any],
) -> Answer:
    """Answer with rows read from a statement, one more than the limit where there are more.
    `key_of` gives a row's values of what the list is ordered by, the id last."""
    return answer(200, page(listing, rows, key_of, to_wire))


def page(
    listing: Listing,
    rows: Sequence[T],
    key_of: Callable[[T], Key],
    to_wire: Callable[[T], W],
) -> Page[W]:
    """Make the page that `page_answer` answers with."""
    shown = rows[: listing.limit]
    cursor = None
    if len(rows) > listing.limit:
        last = key_of(shown[-1])
        cursor = write_cursor(listing.form.cursor, listing.mark, last, now=listing.now)
    return Page(data=[to_wire(row) for row in shown], cursor=cursor)


def page_of(
    listing: Listing,
    things: Iterable[T],
    facts_of: Callable[[T], Mapping[str, Value]],
    to_wire: Callable[[T], Any],
) -> Answer:
    """Answer with a page of things that are at hand, such as offers: they are filtered, ordered
    and cut here. Facts are `id` as a number, and each field that can be asked for."""
    known = [(facts_of(thing), thing) for thing in things]
    rows = [pair for pair in known if listing.filters.match(pair[0])]
    for order in reversed(listing.order):
        rows.sort(key=lambda pair: _rank(pair[0][order.field]), reverse=order.is_falling)
    last = listing.resume()
    if last is not None:
        try:
            rows = [pair for pair in rows if _is_after(listing, pair[0], last)]
        except TypeError:
            # One made up: a number stands where a text should, or the other way round.
            raise expired() from None
    return page_answer(
        listing,
        rows,
        lambda pair: tuple(_written(pair[0][each.field]) for each in listing.order),
        lambda pair: to_wire(pair[1]),
    )


def _is_after(listing: Listing, facts: Mapping[str, Value], last: Key) -> bool:
    for order, mark in zip(listing.order, last, strict=True):
        here, there = _rank(_written(facts[order.field])), _rank(mark)
        if here != there:
            return (here < there) if order.is_falling else (here > there)
    return False


def _written(value: Value) -> str | int | None:
    return value if value is None or isinstance(value, (str, int)) else value.isoformat()


def _rank(value: Value) -> tuple[bool, str | int]:
    """What has no value comes first."""
    written = _written(value)
    return (False, 0) if written is None else (True, written)


def pairs_of(call: Call) -> list[tuple[str, str]]:
    """Give the query's parameters as they stand, also those that are there several times."""
    # Reading the query once as a dictionary refuses what could not be stored.
    assert call.query is not None
    return parse_qsl(call.query_string.decode("latin-1"), keep_blank_values=True)


def _whole(text: str, name: str, default: int, low: int, high: int) -> int:
    """Read a number, rounded as the vendor does; nothing and `null` are the default."""
    if text in ("", "null"):
        return default
    if not _NUMBER.fullmatch(text):
        raise invalid_query(f"Property .{name} must be integer")
    number = round(float(text))
    if number < low:
        raise invalid_query(f"Property .{name} cannot be lower than {low}")
    if number > high:
        raise invalid_query(f"Property .{name} cannot be greater than {high}")
    return number


def _order(given: list[str], form: ListForm) -> tuple[Order, ...]:
    named = [name for name in given if name not in ("", "null")] or [form.default]
    found: dict[str, Order] = {}
    for name in named:
        if name not in form.allowed:
            allowed = ", ".join(form.allowed)
            raise invalid_query(
                f"Property .order must be equal to one of the allowed values [ {allowed} ]"
            )
        plain = name.removeprefix("-")
        order = Order("id" if plain in form.as_id else plain, name.startswith("-"))
        known = found.setdefault(order.field, order)
        if known.is_falling != order.is_falling:
            raise invalid_query(
                f"Query cannot be ordered by '{plain}' and '-{plain}' at the same time"
            )
    # Ties go the way of what is ordered by first.
    found.setdefault("id", Order("id", next(iter(found.values())).is_falling))
    # What comes after the id changes nothing, since no two rows share one.
    kept = list(found.values())
    return tuple(kept[: [each.field for each in kept].index("id") + 1])


def _cursor(text: str, form: ListForm) -> str | None:
    if text in ("", "null"):
        return None
    digits = text.removeprefix(f"{form.cursor}_")
    if digits == text or not _HEX.fullmatch(digits):
        raise invalid_query(f'Property .cursor must match pattern "^{form.cursor}_[a-f0-9]+$"')
    return text


class V1Page(Struct, frozen=True, kw_only=True):
    """A page of a v1 list as it was asked for: `skip` rows come before it."""

    limit: int
    page: int
    order: str | None

    @property
    def skip(self) -> int:
        return self.limit * (self.page - 1)


V1_QUERY = (
    Parameter("limit", "integer", f"1 to {LIMIT_MAX}", default=LIMIT_DEFAULT),
    Parameter("page", "integer", "Counts from 1", default=1),
)


def read_page(call: Call, *, orders: Sequence[str] = ()) -> V1Page:
    """Read the query of a v1 list; `orders` lists what it may be ordered by, dashes and all."""
    order = call.query.get("order") or None
    if order is not None and order not in orders:
        allowed = ", ".join(orders)
        raise invalid_query(
            f"Property .order must be equal to one of the allowed values [ {allowed} ]"
        )
    return V1Page(
        limit=_whole(call.query.get("limit", ""), "limit", LIMIT_DEFAULT, 1, LIMIT_MAX),
        page=_whole(call.query.get("page", ""), "page", 1, 1, PAGE_MAX),
        order=order,
    )


def v1_page_answer(data_ref: str, rows: Sequence[Any], *, total: int, **more: Any) -> Answer:
    """Answer with a page of a v1 list; `data_ref` names the array, `total` counts all pages."""
    return answer(
        200, {"object": "list", "data_ref": data_ref, data_ref: list(rows), "total": total, **more}
    )
