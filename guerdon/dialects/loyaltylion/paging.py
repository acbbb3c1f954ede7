"""Pages of a list: by cursor, by since_id, or by number, as the vendor has all three.

A list reads `page_of(call, filters)`, fetches one row more than `page.limit` in the order and from
the place that the page names, and gives the rows to `cut`, which says what is shown and what the
cursors are. Rows are ordered by (sort, id); `sort` is a column, and where it is `id` that alone."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from guerdon.dialects.loyaltylion.call import ID_MAX, Call, choice_of, integer_of
from guerdon.dialects.loyaltylion.errors import invalid
from guerdon.dialects.loyaltylion.wire import Cursor
from guerdon.http.asgi import Header
from guerdon.http.openapi import Parameter

R = TypeVar("R")

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
PAGE_MAX = 1_000_000
_CURSOR_LENGTH_MAX = 4096

LIMIT = Parameter("limit", "integer", f"From 1 to {LIMIT_MAX}", default=LIMIT_DEFAULT)
CURSOR = Parameter("cursor", "string", "A cursor of an earlier page; beside it only limit counts")
SINCE_ID = Parameter("since_id", "integer", "Only ids above this one, in rising order")
PAGE = Parameter("page", "integer", "Counts from 1. Deprecated: use cursor")


class Place(Struct, frozen=True):
    """Where a page begins: beyond the row with this id, and this instant in the sorted column."""

    id: Annotated[int, Meta(ge=0, le=ID_MAX)]
    at: datetime | None = None


class Page(Struct, frozen=True, kw_only=True):
    """What to fetch: `limit` rows and one more, beyond `beyond` (None: from the start), ordered by
    `sort` and then id, both rising if `is_rising`, leaving out the first `offset`.

    `is_backwards`: the page before was asked for, so `is_rising` is already turned round, and
    `cut` turns the rows back. `filters` are the list's own, as the caller wrote them."""

    limit: int
    sort: str
    is_rising: bool
    beyond: Place | None
    offset: int
    filters: dict[str, str]
    is_backwards: bool
    has_cursor: bool
    identity: bytes


class Cut(Struct, Generic[R], frozen=True):
    """What of the rows is shown, in the order it is shown in, and the cursors beside it."""

    rows: list[R]
    cursor: Cursor
    headers: tuple[Header, ...]


class _Token(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a cursor holds: as much as a query could say, so it needs no secrecy, only a check."""

    id: Annotated[int, Meta(ge=0, le=ID_MAX)]
    at: Annotated[datetime, Meta(tz=True)] | None = None
    sort: str = "id"
    is_rising: bool = False
    is_backwards: bool = False
    filters: dict[str, str] = {}
    check: str = ""


_encode = msgspec.json.Encoder(order="deterministic").encode
_decoder = msgspec.json.Decoder(_Token)


def page_of(
    call: Call,
    filters: Sequence[str] = (),
    *,
    sorts: Sequence[str] = ("id",),
    has_numbers: bool = True,
) -> Page:
    """Read which page of the list the query asks for; `filters` are the list's own parameters.

    Beside a cursor only `limit` counts. `since_id` makes the order rising by id. Values of filters
    are not judged here: the list reads them from `page.filters`, wherever they came from."""
    limit = integer_of(call, "limit", low=1, high=LIMIT_MAX) or LIMIT_DEFAULT
    identity = b"\x00".join([call.route.path.encode(), *(each.encode() for each in call.path)])
    identity += b"\x00%d" % call.program_id
    if "cursor" in call.query:
        return _page_at(_read(call.query["cursor"], identity, filters, sorts), limit, identity)
    since_id = integer_of(call, "since_id", low=0, high=ID_MAX)
    number = integer_of(call, "page", low=1, high=PAGE_MAX) if has_numbers else None
    sort = choice_of(call.query.get("sort_field"), "sort_field", *sorts) if len(sorts) > 1 else None
    rising = None
    if len(sorts) > 1:
        rising = choice_of(call.query.get("sort_direction"), "sort_direction", "asc", "desc")
    if since_id is not None:
        sort, rising = "id", "asc"
    return Page(
        limit=limit,
        sort=sort or "id",
        is_rising=rising == "asc",
        beyond=None if since_id is None else Place(since_id),
        offset=0 if number is None or since_id is not None else (number - 1) * limit,
        filters={name: call.query[name] for name in filters if name in call.query},
        is_backwards=False,
        has_cursor=False,
        identity=identity,
    )


def cut(call: Call, page: Page, rows: Sequence[R], place_of: Callable[[R], Place]) -> Cut[R]:
    """Cut what was fetched for a page, one row too many if there are so many, into what is shown.

    `place_of` gives a row's id, and its value in the sorted column where that is an instant."""
    shown = list(rows[: page.limit])
    has_more = len(rows) > page.limit
    if page.is_backwards:
        shown.reverse()
    before = after = None
    if shown:
        # Whoever came by a cursor left rows behind on that side.
        if page.has_cursor if not page.is_backwards else has_more:
            before = _write(page, place_of(shown[0]), is_backwards=True)
        if has_more if not page.is_backwards else True:
            after = _write(page, place_of(shown[-1]), is_backwards=False)
    cursor = Cursor(prev=before, next=after)
    return Cut(shown, cursor, _link(call, cursor))


def _page_at(token: _Token, limit: int, identity: bytes) -> Page:
    return Page(
        limit=limit,
        sort=token.sort,
        is_rising=token.is_rising != token.is_backwards,
        beyond=Place(token.id, token.at),
        offset=0,
        filters=token.filters,
        is_backwards=token.is_backwards,
        has_cursor=True,
        identity=identity,
    )


def _write(page: Page, place: Place, *, is_backwards: bool) -> str:
    token = _Token(
        id=place.id,
        at=place.at if page.sort != "id" else None,
        sort=page.sort,
        is_rising=page.is_rising != page.is_backwards,
        is_backwards=is_backwards,
        filters=page.filters,
    )
    return _text_of(msgspec.structs.replace(token, check=_check(token, page.identity)))


def _read(text: str, identity: bytes, filters: Sequence[str], sorts: Sequence[str]) -> _Token:
    token = _opened(text, identity)
    if (
        token is None
        or token.sort not in sorts
        or (token.sort == "id") != (token.at is None)
        or not set(token.filters) <= set(filters)
        or "\x00" in "".join(token.filters.values())
    ):
        raise invalid("cursor", "is not a cursor of this list")
    return token


def _opened(text: str, identity: bytes) -> _Token | None:
    if len(text) > _CURSOR_LENGTH_MAX:
        return None
    try:
        given = text.rstrip("=").encode("ascii")
        token = _decoder.decode(urlsafe_b64decode(given + b"=" * (-len(given) % 4)))
    except (ValueError, msgspec.DecodeError):
        return None
    check = _check(msgspec.structs.replace(token, check=""), identity)
    is_ours = hmac.compare_digest(token.check.encode("utf-8", "replace"), check.encode())
    # Decoding overlooks strange characters.
    return token if is_ours and _text_of(token).encode() == given else None


def _text_of(token: _Token) -> str:
    return urlsafe_b64encode(_encode(token)).rstrip(b"=").decode()


def _check(token: _Token, identity: bytes) -> str:
    """Tell damage, and cursors of other lists. It guards no secret: a cursor says nothing that a
    query could not say."""
    return hashlib.sha256(identity + b"\x01" + _encode(token)).hexdigest()[:16]


def _link(call: Call, cursor: Cursor) -> tuple[Header, ...]:
    """Name the neighbouring pages by their whole addresses, with the limit that was asked for."""
    path = call.raw_path.decode("latin-1")
    kept: Mapping[str, str] = {"limit": call.query["limit"]} if "limit" in call.query else {}
    links = [
        f'<{call.base_url}{path}?{urlencode({"cursor": token, **kept})}>; rel="{relation}"'
        for relation, token in (("prev", cursor.prev), ("next", cursor.next))
        if token is not None
    ]
    return ((b"link", ", ".join(links).encode("latin-1")),) if links else ()
