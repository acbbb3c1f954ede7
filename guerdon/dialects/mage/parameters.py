"""What a query may ask for: pages, orders, filters; and how the OpenAPI document says it."""

from collections.abc import Sequence
from math import ceil
from typing import TypeVar

from msgspec import Struct

from guerdon.dialects.mage.call import Call
from guerdon.dialects.mage.errors import Fault
from guerdon.dialects.mage.wire import Collection, PageMeta, Resource
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter

A = TypeVar("A")

SIZE_DEFAULT = 20
SIZE_MAX = 100
# Far beyond any list, and still an offset that a statement can take.
NUMBER_MAX = 1_000_000_000

PAGING = (
    Parameter("page[number]", "integer", "Counts from 1", default=1),
    Parameter("page[size]", "integer", f"At most {SIZE_MAX}", default=SIZE_DEFAULT),
)


def sort_parameter(*fields: str) -> Parameter:
    """Document `sort`: each field rising, or falling with a minus before it."""
    words = tuple(word for field in fields for word in (field, f"-{field}"))
    return Parameter("sort", "string", "A minus before it means falling", "-created_at", words)


def filter_parameter(field: str, *values: str) -> Parameter:
    """Document `filter[field]`."""
    return Parameter(f"filter[{field}]", "string", f"Only those of this {field}", None, values)


class Page(Struct, frozen=True):
    """The part of a list that was asked for."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def page_of(call: Call) -> Page:
    """Read the page: what is no number from 1 up is as if it were not there; sizes are capped."""
    query = call.query
    number = _count(query.get("page[number]"), 1)
    size = _count(query.get("page[size]"), SIZE_DEFAULT)
    return Page(min(number, NUMBER_MAX), min(size, SIZE_MAX))


def _count(text: str | None, default: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return default
    return int(text) or default


def sort_of(call: Call, *fields: str, default: str = "-created_at") -> str:
    """Read the order, one of the fields with or without a minus; another word is refused."""
    sort = call.query.get("sort") or default
    if sort.removeprefix("-") not in fields:
        raise Fault(400, f"sort must be one of {', '.join(fields)}, with or without a minus")
    return sort


def filter_of(call: Call, field: str, *values: str) -> str | None:
    """Read a filter; where `values` are given, another one is refused."""
    value = call.query.get(f"filter[{field}]")
    if value is not None and values and value not in values:
        raise Fault(400, f"filter[{field}] must be one of {', '.join(values)}")
    return value


def flag_of(call: Call, field: str) -> bool | None:
    """Read a filter that is `true` or `false`."""
    value = filter_of(call, field, "true", "false")
    return None if value is None else value == "true"


def collection_answer(page: Page, total: int, data: list[Resource[A]]) -> Answer:
    """Answer with one page of a list."""
    meta = PageMeta(total, page.number, page.size, ceil(total / page.size))
    return answer(200, Collection(data, meta))


def slice_of(page: Page, items: Sequence[A]) -> Sequence[A]:
    """Take a page out of a list that is at hand whole."""
    return items[page.offset : page.offset + page.size]
