"""What Postscript takes and answers, in its own words."""

import msgspec
from msgspec import Struct

Scalar = str | int | float | bool
Properties = dict[str, Scalar]


class Event(Struct, frozen=True, kw_only=True):
    """Subscribers are found by e-mail. `occurred_at` is UTC, with a space in its middle."""

    type: str
    email: str
    occurred_at: str
    properties: Properties
    external_id: str


class _Problem(Struct, frozen=True):
    error_code: int | None = None


encode = msgspec.json.Encoder().encode
_problem = msgspec.json.Decoder(_Problem)


def read_error_code(body: bytes) -> int | None:
    """Read an error's code; a body that is not as published says nothing."""
    try:
        return _problem.decode(body).error_code
    except msgspec.DecodeError:
        return None
