"""What every part of the program file is made of."""

from typing import Annotated

from msgspec import Meta, Struct

POINTS_MAX = 1_000_000_000_000

Slug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Points = Annotated[int, Meta(ge=0, le=POINTS_MAX)]
PointsAtLeastOne = Annotated[int, Meta(ge=1, le=POINTS_MAX)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; a key that is none of its own is refused."""
