"""Reads the named queries of the store."""

import re
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"^-- name:\s*(\S+)\s*$")
_GLOBAL = re.compile(r"^-- global:\s*(.*?)\s*$")
_LOCAL = re.compile(r"^-- local:\s*(.*?)\s*$")


@dataclass(frozen=True, kw_only=True)
class NamedQuery:
    """One block of a `.sql` file."""

    path: Path
    line: int
    name: str
    description: str
    # Why the statement may look across merchants; None when it may not.
    global_reason: str | None
    local_reason: str | None
    statement: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} {self.name}"


class MalformedQueryFile(Exception):
    """A `.sql` file does not follow the named query format."""


def read_queries(path: Path) -> list[NamedQuery]:
    """Split a `.sql` file into its blocks, and refuse text that belongs to none.

    A block is `-- name: query_name`, `-- what it does`, then one statement ended by a semicolon.
    A line `-- global: reason` in the block's head lets the statement look across merchants, and
    `-- local: reason` lets it insert inside WITH, which a distributed database cannot route.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if _NAME.match(line)]
    for number, line in enumerate(lines[: starts[0] if starts else None]):
        if line.strip() and not line.startswith("--"):
            raise MalformedQueryFile(f"{path.name}:{number + 1}: text before the first name")
    ends = [*starts[1:], len(lines)]
    return [_read_block(path, lines, *span) for span in zip(starts, ends, strict=True)]


def _read_block(path: Path, lines: list[str], start: int, end: int) -> NamedQuery:
    where = f"{path.name}:{start + 1}"
    name = _NAME.match(lines[start])
    assert name is not None
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name[1]):
        raise MalformedQueryFile(f"{where}: {name[1]!r} is not a function's name")
    body = lines[start + 1 : end]
    description = body[0] if body else ""
    if not re.match(r"^-- [^\s].*", description) or _GLOBAL.match(description):
        raise MalformedQueryFile(f"{where}: {name[1]} has no description below its name")
    reasons = [found[1] for line in body if (found := _GLOBAL.match(line))]
    if len(reasons) > 1 or "" in reasons:
        raise MalformedQueryFile(f"{where}: {name[1]} needs one reason to be global")
    statement = "\n".join(line for line in body if not line.lstrip().startswith("--")).strip()
    if not statement.endswith(";"):
        raise MalformedQueryFile(f"{where}: {name[1]} does not end in a semicolon")
    return NamedQuery(
        path=path,
        line=start + 1,
        name=name[1],
        description=description.removeprefix("-- "),
        global_reason=reasons[0] if reasons else None,
        local_reason=next((found[1] for line in body if (found := _LOCAL.match(line))), None),
        statement=statement.removesuffix(";").rstrip(),
    )


def read_all_queries(store: Path) -> list[NamedQuery]:
    """Give every named query of a store folder; `schema.sql` is for readers and holds none."""
    paths = sorted(path for path in store.glob("*.sql") if path.name != "schema.sql")
    return [query for path in paths for query in read_queries(path)]
