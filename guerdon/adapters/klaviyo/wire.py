"""What Klaviyo takes and answers, in its own words."""

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

# The revision of the interface that these are the words of.
REVISION = "2026-07-15"

Scalar = str | int | float | bool
Properties = dict[str, Scalar]


class MetricAttributes(Struct, frozen=True):
    name: str


class Metric(Struct, frozen=True):
    attributes: MetricAttributes
    type: Literal["metric"] = "metric"


class MetricPart(Struct, frozen=True):
    data: Metric


class ProfileAttributes(Struct, frozen=True, kw_only=True):
    email: str
    external_id: str


class Profile(Struct, frozen=True):
    attributes: ProfileAttributes
    type: Literal["profile"] = "profile"


class ProfilePart(Struct, frozen=True):
    data: Profile


class EventAttributes(Struct, frozen=True, kw_only=True):
    """Of several with one `unique_id`, profile and metric only the first is recorded."""

    metric: MetricPart
    profile: ProfilePart
    properties: Properties
    time: str
    unique_id: str
    value: int | float | UnsetType = UNSET
    value_currency: str | UnsetType = UNSET


class Event(Struct, frozen=True):
    attributes: EventAttributes
    type: Literal["event"] = "event"


class EventDocument(Struct, frozen=True):
    data: Event


class _Source(Struct, frozen=True):
    pointer: str | None = None
    parameter: str | None = None


class Problem(Struct, frozen=True):
    code: str | None = None
    source: _Source | None = None


class _Problems(Struct, frozen=True):
    errors: list[Problem] = []


encode = msgspec.json.Encoder().encode
_problems = msgspec.json.Decoder(_Problems)


def read_problems(body: bytes) -> list[Problem]:
    """Read an error's body; one that is not as published says nothing."""
    try:
        return _problems.decode(body).errors
    except msgspec.DecodeError:
        return []
