"""One request being answered: what every handler is given, and what it answers with."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct, field

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.body import convert
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.problems import Fault, invalid_payload, invalid_query, not_found
from guerdon.dialects.voucherify.wire import ResourceType
from guerdon.domain.command import Command, Done, Refused
from guerdon.domain.key import Key
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import Answer
from guerdon.http.call import BaseCall
from guerdon.http.openapi import Form

T = TypeVar("T")

PurchaseProfile = Literal["seed", "current"]
# Those of the vendor's that stand for something here.
OAuthScope = Literal[
    "async_actions",
    "campaigns",
    "customers",
    "events",
    "loyalties",
    "orders",
    "redemptions",
    "rewards",
    "vouchers",
]


class Settings(Struct, frozen=True, kw_only=True):
    """How the dialect is to answer: which of the vendor's generations a purchase has the form
    of."""

    purchase_profile: PurchaseProfile = "seed"


class Route(Struct, frozen=True, kw_only=True):
    """A line of the table in routes.py: who answers, and what the OpenAPI document says.

    `answers` maps each success status to its body's type, or a tuple of several; `refuses` lists
    the error statuses that are this operation's own. A route without a `body` takes none, or an
    empty object. `scope` is what a bearer token needs unless it has `api`, if not the first word of
    the path; a pair of keys needs none. `is_write` says whether a read-only key may not; a POST
    that changes nothing says `changes=False`. `takes_key`: the handler heeds an Idempotency-Key;
    elsewhere one is refused. Where not `needs_body` a body may be left out."""

    method: str
    path: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    summary: str
    answers: Mapping[int, Any]
    body: Any = None
    refuses: tuple[int, ...] = ()
    query: tuple[Any, ...] = field(default_factory=tuple)
    scope: OAuthScope | None = None
    changes: bool | None = None
    takes_key: bool = False
    needs_body: bool = True
    more_notes: str = ""
    tag: str = ""

    @property
    def is_write(self) -> bool:
        return self.method != "GET" if self.changes is None else self.changes

    @property
    def takes_body(self) -> bool:
        return self.method != "GET"

    @property
    def is_form(self) -> bool:
        return isinstance(self.body, Form)

    @property
    def needed_scope(self) -> str:
        return self.scope or self.path.split("/")[2].replace("-", "_")

    @property
    def notes(self) -> str:
        """Say in the OpenAPI document what there is to know besides."""
        if self.is_form:
            return self.more_notes
        return f"{self.more_notes} A token needs the scope `{self.needed_scope}`.".lstrip()


class Call(BaseCall):
    """A request that has passed this dialect's door. `base_url` is where the dialect is mounted, as
    the caller sees it, without a slash at the end."""

    __slots__ = ("base_url", "settings")
    dialect = "voucherify"

    def __init__(
        self,
        ledger: Ledger,
        key: Key,
        route: Route,
        path: tuple[str, ...],
        *,
        settings: Settings,
        base_url: str = "",
        query_string: bytes = b"",
        headers: list[tuple[bytes, bytes]],
        body: bytes = b"",
    ) -> None:
        super().__init__(
            ledger, key, route, path, query_string=query_string, headers=headers, body=body
        )
        self.settings = settings
        self.base_url = base_url

    @property
    def key_space(self) -> str:
        """A key belongs to a merchant here, and so do the ids that a path names programs by."""
        return self.dialect

    def invalid(self, name: str, why: str) -> Fault:
        if name == "body":
            return invalid_payload(f"Payload {why}")
        if name == "Idempotency-Key":
            return invalid_payload(f"Header {name} {why}")
        return invalid_query(f"Property .{name} {why}")

    def id(self, position: int, kind: ids.Kind, resource: ResourceType | None = None) -> int:
        """Give the number of the id in this free segment of the path; what can be no id of such a
        thing is not found. `resource` is what the answer calls it, where that is not `kind`."""
        text = self.path[position]
        number = ids.read_id(kind, text)
        if number is None:
            raise self.missing(position, resource or kind)  # type: ignore[arg-type]
        return number

    def missing(self, position: int, resource: ResourceType) -> Fault:
        """Say that nothing has the id in this free segment of the path."""
        return not_found(resource, self.path[position])

    def decode(self, wanted: type[T]) -> T:
        """Decode the body as a wire type, or refuse it, naming the property that is wrong. A body
        that is an array is decoded as `list[…]`."""
        return convert(self.value(), wanted)

    async def submit(self, command: Command, named: Named) -> "Done | Answer":
        """Carry out a command under the caller's idempotency key. Refused, it gives the answer."""
        outcome = await self.carry_out(command)
        if isinstance(outcome, Refused):
            return refusal_answer(outcome.refusals, named)
        return outcome


def empty_answer(status: int = 204) -> Answer:
    """Answer without anything to tell."""
    return Answer(status)
