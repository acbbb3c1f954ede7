"""What Omnisend takes and answers, in its own words."""

from typing import Literal

import msgspec
from msgspec import Struct, field

# The generation of the interface that these are the words of; the one before it says the same in
# the same body.
GENERATION = "2026-03-15"
GENERATION_BEFORE = "v5"

Scalar = str | int | float | bool
Properties = dict[str, Scalar]

_RETRY_AFTER_SECONDS_MAX = 86_400.0


class Contact(Struct, frozen=True):
    """Whom the event is of. Without consents: having points is none."""

    email: str


class Event(Struct, frozen=True, kw_only=True):
    """An event of our own; only predefined ones have a version."""

    name: str = field(name="eventName")
    id: str = field(name="eventID")
    time: str = field(name="eventTime")
    origin: Literal["api"] = "api"
    contact: Contact
    properties: Properties


class FieldProblem(Struct, frozen=True):
    field: str | None = None
    code: str | None = None


class Problem(Struct, frozen=True, rename="camel"):
    """RFC 9457; `retry_after` is in seconds."""

    retry_after: float | None = None
    errors: list[FieldProblem] = []

    def retry_after_seconds(self) -> float | None:
        asked = self.retry_after
        return None if asked is None or asked < 0 else min(asked, _RETRY_AFTER_SECONDS_MAX)


encode = msgspec.json.Encoder().encode
_problem = msgspec.json.Decoder(Problem)


def read_problem(body: bytes) -> Problem:
    """Read an error's body; one that is not as published says nothing."""
    try:
        return _problem.decode(body)
    except msgspec.DecodeError:
        return Problem()
