"""When something is offered, and what it costs."""

from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import PointTypeId

Unit = Literal["hour", "day", "week", "month", "year"]


class Period(Struct, frozen=True):
    """So many calendar units; months and years end on the same day, or the month's last."""

    value: int
    unit: Unit


class OpenHours(Struct, frozen=True, kw_only=True):
    """A span of every one of these days, in the program's time zone. `days` count from 0, Sunday.
    Minutes count from midnight; the last one is not in it."""

    days: tuple[int, ...]
    from_minute: int = 0
    until_minute: int = 1440


class Cost(Struct, frozen=True, kw_only=True):
    """What one unit of a reward costs, in points of one type. `condition` is JSON that
    `domain.condition` reads; None holds for everybody."""

    points: int
    point_type_id: PointTypeId
    name: str | None = None
    condition: str | None = None
