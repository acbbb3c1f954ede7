"""One request being answered: what every handler is given, and what it answers with."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct, field

from guerdon.dialects.loyaltylion.errors import Fault, Named, invalid, refusal_answer
from guerdon.dialects.loyaltylion.scopes import Scope
from guerdon.dialects.loyaltylion.shape import convert
from guerdon.domain.command import Command, Done, Refused
from guerdon.domain.key import Key
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import Answer
from guerdon.http.call import REPLAYED, BaseCall

T = TypeVar("T")

ID_MAX = 2**53 - 1
_NUMBER = re.compile(r"[0-9]{1,16}")
_FREE = re.compile(r"{(\w+)}")


class Route(Struct, frozen=True, kw_only=True):
    """A line of the table in routes.py: who answers, and what the OpenAPI document says.

    `scope` is what the key must be allowed; None asks for nothing but a key. `is_for_pairs`: a
    token and secret may call it too. `answers` maps each success status to its body's type;
    `refuses` lists the error statuses that are this operation's own."""

    method: str
    path: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    summary: str
    scope: Scope | None
    answers: Mapping[int, Any]
    is_for_pairs: bool = True
    body: Any = None
    refuses: tuple[int, ...] = ()
    query: tuple[Any, ...] = field(default_factory=tuple)

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def takes_key(self) -> bool:
        return self.is_write

    @property
    def needs_body(self) -> bool:
        return True

    @property
    def tag(self) -> str:
        return ""

    @property
    def notes(self) -> str:
        """Say in the OpenAPI document who may call."""
        needed = f"Needs the scope `{self.scope}`." if self.scope else "Needs no scope."
        return needed if self.is_for_pairs else f"{needed} Not for a token and secret."


class Call(BaseCall):
    """A request that has passed this dialect's door.

    `is_strict`: only those keys are shown that the vendor's first document has."""

    __slots__ = ("_locate", "is_strict", "raw_path")
    dialect = "loyaltylion"

    def __init__(
        self,
        ledger: Ledger,
        key: Key,
        route: Route,
        path: tuple[str, ...],
        *,
        locate: Callable[[], str] = str,
        raw_path: bytes = b"",
        query_string: bytes = b"",
        headers: list[tuple[bytes, bytes]],
        body: bytes = b"",
        is_strict: bool = False,
    ) -> None:
        super().__init__(
            ledger, key, route, path, query_string=query_string, headers=headers, body=body
        )
        self._locate = locate
        self.raw_path = raw_path
        self.is_strict = is_strict

    def invalid(self, name: str, why: str) -> Fault:
        return invalid(name, why)

    @property
    def base_url(self) -> str:
        """Say where the dialect is mounted, as the caller sees it, without a slash at the end."""
        return self._locate()

    def number(self, position: int) -> int:
        """Give the free segment at this position as an id of ours, or refuse it."""
        text = self.path[position]
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= ID_MAX:
            name = _FREE.findall(self.route.path)[position]
            raise invalid(name, "expected integer from 1 up")
        return int(text)

    def decode(self, wanted: type[T]) -> T:
        """Decode the body as a wire type, or refuse it, naming the fields that are wrong."""
        return convert(self.json(), wanted)

    async def submit(self, command: Command, named: Named) -> "Done | Answer":
        """Carry out a command under the caller's idempotency key. Refused, it gives the answer."""
        outcome = await self.carry_out(command)
        if isinstance(outcome, Refused):
            return refusal_answer(outcome.refusals, named)
        return outcome


def empty_answer(status: int, *, is_replay: bool = False) -> Answer:
    """Answer without anything to tell: nothing for a 204, else an empty string of JSON."""
    headers = (REPLAYED,) if is_replay else ()
    return Answer(status, b"" if status == 204 else b'""', headers)


def integer_of(call: Call, name: str, *, low: int, high: int) -> int | None:
    """Read a whole number of the query; another text is refused, its absence is None."""
    text = call.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise invalid(name, f"expected integer from {low} to {high}")
    return int(text)


def choice_of(value: str | None, name: str, *choices: str) -> str | None:
    """Check a word of the query; another one is refused."""
    if value is not None and value not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}")
    return value


def moment_of(value: str | None, name: str) -> datetime | None:
    """Read an ISO 8601 instant; without an offset it is UTC, and a date alone is its midnight."""
    if value is None:
        return None
    # In a query written by hand a plus is a space.
    text = value.strip().replace(" ", "+") if "T" in value else value.strip()
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, "expected ISO 8601 date and time") from None
