"""Writes rows in the binary form of COPY, whole columns at a time.

A row of a fixed shape is a pattern of bytes; a column of whole numbers is laid over the patterns of
all rows by slices, at a cost of nanoseconds a row."""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INT8 = 20
_LENGTHS = [struct.pack(">i", length) for length in range(2048)]


def head(fields: int) -> bytes:
    """Begin a row of so many fields."""
    return struct.pack(">h", fields)


def whole(value: int) -> bytes:
    """Write a bigint."""
    return struct.pack(">iq", 8, value)


def flag(*, value: bool) -> bytes:
    """Write a boolean."""
    return struct.pack(">i?", 1, value)


def instant(value: datetime | None) -> bytes:
    """Write a timestamptz, cut to whole milliseconds, or a null."""
    if value is None:
        return NULL
    return whole((value - _EPOCH) // timedelta(milliseconds=1) * 1000)


def text(value: str | None) -> bytes:
    """Write a text, or a null."""
    if value is None:
        return NULL
    data = value.encode()
    if len(data) < len(_LENGTHS):
        return _LENGTHS[len(data)] + data
    return struct.pack(">i", len(data)) + data


def texts(values: Sequence[str | None]) -> tuple[Iterable[bytes], ...]:
    """Write a column of texts, as columns whose parts stand side by side."""
    if None in values:
        return (map(text, values),)
    encoded = [value.encode() for value in values if value is not None]
    if max(map(len, encoded), default=0) >= len(_LENGTHS):
        return (map(text, values),)
    return map(_LENGTHS.__getitem__, map(len, encoded)), encoded


def wholes(values: Iterable[int]) -> "array[int]":
    """Make a column of bigints."""
    column = array("q", values)
    if sys.byteorder == "little":
        column.byteswap()
    return column


# What stands before the one value of a bigint[]: its length, one dimension, no nulls, the type of
# what it holds, how many there are, where they begin to count, and how long one is.
ONE_WHOLE = struct.pack(">iiiiiii", 32, 1, 0, _INT8, 1, 1, 8)
NO_WHOLES = struct.pack(">iiii", 12, 0, 0, _INT8)
BEFORE_WHOLE = _LENGTHS[8]


def lay(rows: int, parts: Sequence["bytes | array[int]"]) -> bytes:
    """Lay constants and columns side by side, so many rows of them.

    A column is bare: the constant before it ends with its length, or with ONE_WHOLE."""
    pattern = b"".join(part if isinstance(part, bytes) else bytes(8) for part in parts)
    laid = bytearray(pattern * rows)
    width = len(pattern)
    place = 0
    for part in parts:
        if isinstance(part, bytes):
            place += len(part)
            continue
        data = part.tobytes()
        for byte in range(8):
            laid[place + byte :: width] = data[byte::8]
        place += 8
    return bytes(laid)
