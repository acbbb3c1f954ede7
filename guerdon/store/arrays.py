"""Array literals for columns that unnest cannot carry."""

from collections.abc import Sequence


def literal(numbers: Sequence[int]) -> str:
    """Write integers as PostgreSQL writes an array of them."""
    return "{" + ",".join(map(str, numbers)) + "}"
