"""Gives values the forms that the schema describes: ids, money, lists in pages."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo

from guerdon.sandbox.shopify.failures import Fields, TopLevel

_GID = re.compile(r"gid://shopify/(\w+)/(\d{1,18})(?:\?.*)?")

PAGE_MAX = 250

# What graphql-core hands to every resolver; nothing of it is used here.
Info: TypeAlias = GraphQLResolveInfo[Any]
# A resolver of a root field.
Root = Callable[..., Any]


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def parse_gid(text: str) -> tuple[str, int]:
    """Take a global id apart; a plain number is none."""
    found = _GID.fullmatch(text)
    if found is None:
        raise TopLevel("argumentLiteralsIncompatible", f"Invalid global id '{text}'")
    return found[1], int(found[2])


def number_of(text: str, *kinds: str) -> int | None:
    """Give the number of a global id of one of these kinds; None of any other kind."""
    kind, number = parse_gid(text)
    return number if kind in kinds else None


def money(amount: Decimal, currency: str) -> Fields:
    return {"amount": amount, "currencyCode": currency}


Resolver = Callable[..., Fields]


def pages(nodes: Sequence[Fields]) -> Resolver:
    """Give the resolver of a connection over these nodes; filters are left to the caller."""

    def resolve(_info: Info, **arguments: Any) -> Fields:
        return page(nodes, **arguments)

    return resolve


def page(
    nodes: Sequence[Fields],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    reverse: bool = False,
    **_ignored: object,
) -> Fields:
    """Cut a page out of a list; a cursor is the place in it."""
    if first is None and last is None:
        raise TopLevel("BAD_REQUEST", "you must provide one of first or last")
    for size in (first, last):
        if size is not None and not 0 <= size <= PAGE_MAX:
            raise TopLevel("BAD_REQUEST", f"first and last are between 0 and {PAGE_MAX}")
    ordered = list(enumerate(reversed(nodes) if reverse else nodes))
    start = 0 if after is None else _place(after) + 1
    end = len(ordered) if before is None else _place(before)
    chosen = ordered[start:end]
    if first is not None:
        chosen = chosen[:first]
    if last is not None:
        chosen = chosen[max(0, len(chosen) - last) :]
    edges = [{"cursor": f"place-{place}", "node": node} for place, node in chosen]
    return {
        "nodes": [node for _, node in chosen],
        "edges": edges,
        "pageInfo": {
            "hasNextPage": bool(chosen) and chosen[-1][0] < len(ordered) - 1,
            "hasPreviousPage": bool(chosen) and chosen[0][0] > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


def _place(cursor: str) -> int:
    number = cursor.removeprefix("place-")
    if number == cursor or not number.isdecimal():
        raise TopLevel("BAD_REQUEST", "Invalid cursor for current pagination sort.")
    return int(number)
