"""One request being answered: what every handler is given, and what it answers with."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
from guerdon.domain.command import Command, Done, Refused
from guerdon.http.asgi import Answer
from guerdon.http.call import BaseCall

T = TypeVar("T")


class Route(Struct, frozen=True, kw_only=True):
    """A line of the table at the foot of app.py: who answers, and what the OpenAPI document says.

    `answers` maps each success status to its body's type; `refuses` lists the error statuses that
    are this operation's own; `query` names parameters of parameters.py."""

    method: str
    path: str
    handler: "Callable[[Call], Awaitable[Answer]]"
    summary: str
    answers: Mapping[int, Any]
    body: Any = None
    refuses: tuple[int, ...] = ()
    query: tuple[Any, ...] = field(default_factory=tuple)
    notes: str = ""

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


class Call(BaseCall):
    """A request that has passed this dialect's door."""

    __slots__ = ()
    dialect = "mage"

    def invalid(self, name: str, why: str) -> Fault:
        place = "Invalid JSON body: it" if name == "body" else name
        return Fault(400, f"{place} {why}")

    def decode(self, wanted: type[T]) -> T:
        """Decode the body as a wire type, or refuse it, naming the field that is wrong."""
        return convert(self.json(), wanted)

    async def submit(self, command: Command, named: Named) -> "Done | Answer":
        """Carry out a command under the caller's idempotency key. Refused, it gives the answer."""
        outcome = await self.carry_out(command)
        if isinstance(outcome, Refused):
            return refusal_answer(outcome.refusals, named)
        return outcome


def convert(value: object, wanted: type[T]) -> T:
    """Check the shape of decoded JSON; a fault names the first field that is wrong."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise Fault(400, _say(str(error))) from None


_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at `\$(\S*)`)?")
_WRONG = re.compile(r"(.*?)(?: - at `(?:key in )?\$(\S*)`)?", re.DOTALL)
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_TYPES = {
    "str": "a string",
    "int": "an integer",
    "bool": "a boolean",
    "float": "a number",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _say(message: str) -> str:
    """Turn the decoder's message into the vendor's manner: the field's name first."""
    missing = _MISSING.fullmatch(message)
    if missing:
        place = (missing[2] or "").lstrip(".")
        return f"{place}.{missing[1]} is required" if place else f"{missing[1]} is required"
    wrong = _WRONG.fullmatch(message)
    if wrong is None:
        return message
    place = (wrong[2] or "").lstrip(".") or "The body"
    kind = _TYPE.match(wrong[1])
    if kind is None:
        return f"{place} is invalid: {wrong[1]}"
    words = [_TYPES.get(word.strip(), word.strip()) for word in kind[1].split("|")]
    return f"{place} must be {' or '.join(words)}"


def required_text(value: str | None, name: str) -> str:
    """Take a text that may not be blank."""
    if value is None or not value.strip():
        raise Fault(400, f"{name} is required")
    return value
