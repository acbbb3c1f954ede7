"""Reads the named statements of a .sql file."""

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(plural: str) -> dict[str, str]:
    """Give the statements of `<plural>.sql` by name; each loses its heading comments."""
    text = resources.files("guerdon.store").joinpath(f"{plural}.sql").read_text("utf-8")
    pieces = _NAME.split(text)[1:]
    found = {}
    for name, body in zip(pieces[::2], pieces[1::2], strict=True):
        lines = body.strip().splitlines()
        sql = "\n".join(line for line in lines if not line.startswith("--"))
        found[name] = sql.strip().rstrip(";")
    return found
