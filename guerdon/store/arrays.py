"""How columns of a batch travel: as array literals in text.

The driver looks at every element of an array to see whether it is an array itself, which costs
more than all else that a batch does in Python. PostgreSQL reads the literals faster than that."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

# Between joined texts. JSON never holds a control character, and codes are refused that do.
SEPARATOR = "\x1f"

# JSON writes whole numbers, truth and null just as PostgreSQL reads them in an array.
_encode = msgspec.json.Encoder().encode


def literal(values: Sequence[int | None]) -> str:
    """Write a column of integers, booleans or nulls as PostgreSQL writes an array of them."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def numbers(values: Sequence[int | None]) -> str | None:
    """Write a column of integers or nulls; None for nulls alone, which unnest fills up."""
    return None if _is_blank(values) else literal(values)


def words(values: Sequence[str]) -> str:
    """Write a column of our own words, which hold nothing but letters and underscores."""
    return "{" + ",".join(values) + "}"


def instants(values: Sequence[datetime | None]) -> str | None:
    """Write a column of instants or nulls: JSON's quoted form is one that arrays take too."""
    return None if _is_blank(values) else "{" + _encode(values)[1:-1].decode() + "}"


def quoted(values: Sequence[str]) -> str:
    """Write a column of texts that hold neither quotes nor backslashes."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def texts(values: Sequence[str | None]) -> Sequence[str | None] | None:
    """Give a column of free text as it is, or None where it is all nulls."""
    return None if _is_blank(values) else values


def joined(values: Sequence[str]) -> str:
    """Join texts that cannot hold the separator, for `string_to_array`."""
    text = SEPARATOR.join(values)
    assert text.count(SEPARATOR) == len(values) - 1, "a joined text holds the separator"
    return text


def nested(values: Sequence[Sequence[int]]) -> str:
    """Write a column of arrays of integers, most of them one long: each as a literal, joined."""
    return SEPARATOR.join(
        [f"{{{each[0]}}}" if len(each) == 1 else literal(each) for each in values]
    )


def _is_blank(values: Sequence[object]) -> bool:
    # Counting runs in C; most columns that may be null are so for a whole batch.
    return values.count(None) == len(values)
