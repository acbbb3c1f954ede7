"""Describes a dialect's routes as an OpenAPI document, from the same table that serves them."""

from typing import Literal

from msgspec import Struct


class Parameter(Struct, frozen=True):
    """One parameter of a query."""

    name: str
    type: Literal["string", "integer"]
    description: str
    default: str | int | None = None
    values: tuple[str, ...] = ()
