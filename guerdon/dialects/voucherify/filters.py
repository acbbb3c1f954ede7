"""Filters of v2's lists: `filters[status][conditions][$in][0]=ACTIVE`, read into conditions."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, cast, get_args

from msgspec import Struct

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.problems import invalid_query

Operator = Literal[
    "$is",
    "$is_not",
    "$in",
    "$not_in",
    "$contains",
    "$not_contain",
    "$starts_with",
    "$ends_with",
    "$has_value",
    "$is_unknown",
    "$before",
    "$after",
    "$more_than",
    "$less_than",
]
_OPERATORS: tuple[Operator, ...] = get_args(Operator)
_SETS: tuple[Operator, ...] = ("$is", "$is_not", "$in", "$not_in")
_PRESENCE: tuple[Operator, ...] = ("$has_value", "$is_unknown")
_TEXTS: tuple[Operator, ...] = (
    *_SETS,
    "$contains",
    "$not_contain",
    "$starts_with",
    "$ends_with",
    *_PRESENCE,
)
_TIMES: tuple[Operator, ...] = (
    "$before",
    "$after",
    "$is",
    "$more_than",
    "$less_than",
    *_PRESENCE,
)
FieldType = Literal["id", "enum", "text", "moment", "day"]
_ALLOWED: dict[FieldType, tuple[Operator, ...]] = {
    "id": _SETS,
    "enum": _SETS,
    "text": _TEXTS,
    "moment": _TIMES,
    "day": _TIMES,
}
# What a filter is held against: ids as numbers, instants, days, else text.
Value = str | int | datetime | date | None

VALUES_MAX = 100
_NAME = re.compile(r"filters\[(\w+)\](?:\[conditions\]\[(\$?\w+)\](?:\[(?:\d{0,3})\])?)?", re.ASCII)
_DAYS = re.compile(r"[0-9]{1,6}")
_TICK = timedelta(milliseconds=1)
_NO_ID = 0


class Field(Struct, frozen=True):
    """What can be filtered by. An id says of what `kind` it is; an enum may list its `values`."""

    type: FieldType
    kind: ids.Kind | None = None
    values: tuple[str, ...] = ()


def operators_of(field: Field) -> tuple[Operator, ...]:
    """List what a field can be asked for, `$is` first."""
    return tuple(sorted(_ALLOWED[field.type], key=lambda operator: operator != "$is"))


class Condition(Struct, frozen=True):
    """One operator on one field. Times are given as spans: from the first up to, not with, the
    second; either may be None."""

    field: str
    operator: Operator
    values: tuple[Value, ...]


class Among(Struct, frozen=True):
    """What a reference may be: any of these (None: any at all) and none of those."""

    any_of: list[int] | None
    none_of: list[int]

    def allows(self, number: int) -> bool:
        return (self.any_of is None or number in self.any_of) and number not in self.none_of


class Span(Struct, frozen=True):
    """What a time may be: from the first on, and before the second; None leaves it open."""

    since: datetime | None
    before: datetime | None


class Filters(Struct, frozen=True):
    """Conditions on one field must hold together; the fields must all hold, or any with `is_any`.

    A list that is held in memory asks `match`. A statement is given each field's values as
    parameters; where `is_any` with more than one field it needs `has` of each field too:

        CASE WHEN $any THEN ($has_id AND m.id = ANY ($ids)) OR ($has_at AND …) ELSE … END"""

    conditions: tuple[Condition, ...] = ()
    is_any: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.field for each in self.conditions))

    def has(self, field: str) -> bool:
        return any(each.field == field for each in self.conditions)

    def of(self, field: str) -> list[Condition]:
        return [each for each in self.conditions if each.field == field]

    def match(self, facts: Mapping[str, Value]) -> bool:
        """Say whether something with these facts is to be shown."""
        held = (all(_holds(each, facts[field]) for each in self.of(field)) for field in self.fields)
        return any(held) if self.is_any and self.conditions else all(held)

    def among(self, field: str) -> Among:
        """Give the ids that a field of type id may have."""
        any_of: set[int] | None = None
        none_of: set[int] = set()
        for each in self.of(field):
            named = {value for value in each.values if isinstance(value, int)}
            if each.operator in ("$is", "$in"):
                any_of = named if any_of is None else any_of & named
            else:
                none_of |= named
        return Among(None if any_of is None else sorted(any_of), sorted(none_of))

    def words(self, field: str) -> tuple[list[str] | None, list[str]]:
        """Give the texts that a field of type enum may be (None: any at all) and may not be."""
        any_of: set[str] | None = None
        none_of: set[str] = set()
        for each in self.of(field):
            named = {value for value in each.values if isinstance(value, str)}
            if each.operator in ("$is", "$in"):
                any_of = named if any_of is None else any_of & named
            else:
                none_of |= named
        return None if any_of is None else sorted(any_of), sorted(none_of)

    def span(self, field: str) -> Span:
        """Give from when to when a field of type moment or day may be, one that always has a
        value. Where it may be at no time the span is empty."""
        since: datetime | None = None
        before: datetime | None = None
        for each in self.of(field):
            first, second = _span_of(each)
            since = first if since is None else since if first is None else max(since, first)
            before = second if before is None else before if second is None else min(before, second)
        return Span(since, before)


def _span_of(condition: Condition) -> tuple[datetime | None, datetime | None]:
    if condition.operator == "$has_value":
        return None, None
    if condition.operator == "$is_unknown":
        end = datetime.min.replace(tzinfo=UTC)
        return end, end
    first, second = cast("tuple[datetime | None, datetime | None]", condition.values)
    return first, second


def _holds(condition: Condition, fact: Value) -> bool:
    operator, values = condition.operator, condition.values
    if operator in _PRESENCE:
        return (fact is not None) == (operator == "$has_value")
    if operator in ("$before", "$after", "$more_than", "$less_than") or isinstance(fact, date):
        return _within(fact, _span_of(condition))
    if operator in ("$is", "$in"):
        return fact in values
    if operator in ("$is_not", "$not_in"):
        return fact not in values
    text = fact if isinstance(fact, str) else ""
    given = [str(value) for value in values]
    if operator == "$contains":
        return any(each in text for each in given)
    if operator == "$not_contain":
        return not any(each in text for each in given)
    if operator == "$starts_with":
        return any(text.startswith(each) for each in given)
    return any(text.endswith(each) for each in given)


def _within(fact: Value, span: tuple[datetime | None, datetime | None]) -> bool:
    if not isinstance(fact, date):
        return False
    moment = fact if isinstance(fact, datetime) else _midnight(fact)
    since, before = span
    return (since is None or moment >= since) and (before is None or moment < before)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def read_filters(
    pairs: Sequence[tuple[str, str]], allowed: Mapping[str, Field], *, now: datetime
) -> Filters:
    """Read the filters among a query's parameters; what this list does not know is refused."""
    is_any = False
    given: dict[tuple[str, Operator], list[str]] = {}
    for name, value in pairs:
        if name != "filters" and not name.startswith("filters["):
            continue
        if name == "filters[junction]":
            is_any = _junction(value)
            continue
        field, operator = _place(name, allowed)
        given.setdefault((field, operator), []).append(value)
    conditions = tuple(
        _condition(field, operator, values, allowed[field], now)
        for (field, operator), values in given.items()
    )
    return Filters(conditions, is_any)


def _junction(value: str) -> bool:
    if value.upper() not in ("AND", "OR"):
        raise invalid_query(
            "Property .filters.junction must be equal to one of the allowed values [ AND, OR ]"
        )
    return value.upper() == "OR"


def _place(name: str, allowed: Mapping[str, Field]) -> tuple[str, Operator]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise invalid_query(f"Property .{name} must be filters[field][conditions][operator]")
    field, operator = found[1], found[2]
    if field not in allowed:
        raise invalid_query(f"Property .filters must NOT have additional properties ('{field}')")
    if operator is None:
        raise invalid_query(f"Property .filters.{field} must have required property 'conditions'")
    if operator not in _ALLOWED[allowed[field].type]:
        raise invalid_query(
            f"Property .filters.{field}.conditions must NOT have additional properties "
            f"('{operator}')"
        )
    return field, cast("Operator", operator)


def _condition(
    name: str, operator: Operator, given: list[str], field: Field, now: datetime
) -> Condition:
    where = f"Property .filters.{name}.conditions.{operator}"
    if len(given) > VALUES_MAX:
        raise invalid_query(f"{where} must NOT have more than {VALUES_MAX} items")
    if operator in _PRESENCE:
        return Condition(name, operator, ())
    if operator in ("$is", "$before", "$after", "$more_than", "$less_than") and len(given) > 1:
        raise invalid_query(f"{where} must be a single value")
    if field.type in ("moment", "day"):
        return Condition(name, operator, _read_span(where, operator, given[0], now))
    values = tuple(_read_value(where, each, field) for each in given)
    return Condition(name, operator, values)


def _read_value(where: str, text: str, field: Field) -> Value:
    if field.type == "id":
        assert field.kind is not None, "a field of type id says of what kind it is"
        return ids.read_id(field.kind, text) or _NO_ID
    if field.values and text not in field.values:
        allowed = ", ".join(field.values)
        raise invalid_query(f"{where} must be equal to one of the allowed values [ {allowed} ]")
    return text


def _read_span(
    where: str, operator: Operator, text: str, now: datetime
) -> tuple[datetime | None, datetime | None]:
    try:
        if operator in ("$more_than", "$less_than"):
            return _read_days(where, operator, text, now)
        # In a query written by hand a plus is a space.
        text = text.strip().replace(" ", "+") if "T" in text else text.strip()
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        length = timedelta(days=1) if "T" not in text else _TICK
        if operator == "$before":
            return None, moment
        return (moment, moment + length) if operator == "$is" else (moment + length, None)
    except (ValueError, OverflowError):
        raise invalid_query(f"{where} must match format date or date-time") from None


def _read_days(
    where: str, operator: Operator, text: str, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """More than so many days ago, or less."""
    if not _DAYS.fullmatch(text):
        raise invalid_query(f"{where} must be a number of days")
    then = now - timedelta(days=int(text))
    return (None, then) if operator == "$more_than" else (then + _TICK, None)
