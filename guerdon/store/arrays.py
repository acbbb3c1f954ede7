"""How columns of a batch travel: as array literals in text.

The driver looks at every element of an array to see whether it is an array itself, which costs
more than all else that a batch does in Python. PostgreSQL reads the literals faster than that."""

from collections.abc import Iterable, Sequence
from datetime import datetime

# Between joined texts. JSON never holds a control character, and codes are refused that do.
SEPARATOR = "\x1f"


def literal(numbers: Iterable[int]) -> str:
    """Write integers as PostgreSQL writes an array of them."""
    return "{" + ",".join(map(str, numbers)) + "}"


def numbers(values: Sequence[int | None]) -> str | None:
    """Write a column of integers or nulls; None for a column of nulls, which unnest fills up."""
    if None not in values:
        return "{" + ",".join(map(str, values)) + "}"
    if all(value is None for value in values):
        return None
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def flags(values: Sequence[bool]) -> str:
    """Write a column of booleans."""
    return "{" + ",".join("t" if value else "f" for value in values) + "}"


def words(values: Sequence[str]) -> str:
    """Write a column of our own words, which hold nothing but letters and underscores."""
    return "{" + ",".join(values) + "}"


def instants(values: Sequence[datetime | None]) -> str | None:
    """Write a column of instants or nulls."""
    if all(value is None for value in values):
        return None
    return "{" + ",".join("NULL" if value is None else value.isoformat() for value in values) + "}"


def texts(values: Sequence[str | None]) -> Sequence[str | None] | None:
    """Give a column of free text as it is, or None where it is all nulls."""
    return None if all(value is None for value in values) else values


def joined(values: Sequence[str]) -> str:
    """Join texts that cannot hold the separator, for `string_to_array`."""
    text = SEPARATOR.join(values)
    assert text.count(SEPARATOR) == len(values) - 1, "a joined text holds the separator"
    return text
