"""Parts the rows that make a new member from those that do not."""

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.engine.reading_members import BadRow, Chunk, GoodRow
from guerdon.store import imports
from guerdon.store.connection import Connection
from guerdon.store.imports import ImportKey, ImportState

TWICE = "comes earlier in this file"
_KNOWN = "is a member already"


class Sorted(Struct):
    """A chunk's rows, in the order of the file: those to import, and those to refuse."""

    good: list[GoodRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


async def sort_out(view: Connection, key: ImportKey, chunk: Chunk, begun: ImportState) -> Sorted:
    """Refuse the shoppers who are members already or come twice.

    All members of one import bear the instant at which it was begun, so they are told from those
    who were members before."""
    known = await imports.list_known_members(
        view, key.merchant_id, key.program_id, [row.external_id for row in chunk.good]
    )
    fresh = {row.external_id: row for row in reversed(chunk.good)}
    if not known and len(fresh) == len(chunk.good):
        return Sorted(chunk.good, chunk.bad)
    bad = list(chunk.bad)
    good: list[GoodRow] = []
    for row in chunk.good:
        since = known.get(row.external_id)
        if since is not None:
            bad.append(refused(row, TWICE if since == begun.created_at else _KNOWN))
        elif fresh[row.external_id] is not row:
            bad.append(refused(row, TWICE))
        else:
            good.append(row)
    bad.sort(key=lambda each: each.line)
    return Sorted(good, bad)


def refused(row: GoodRow, reason: str) -> BadRow:
    """Refuse a row for whose shopper it is."""
    return BadRow(row.line, "external_id", reason, row.row)


def moved_on(state: ImportState, chunk: Chunk, rows: Sorted, errors_bytes: int) -> ImportState:
    """Say how far the file has come after a chunk."""
    return replace(
        state,
        rows_done=chunk.rows_end,
        rows_refused=state.rows_refused + len(rows.bad),
        members_made=state.members_made + len(rows.good),
        points_made=state.points_made + sum(row.points for row in rows.good),
        errors_bytes=errors_bytes,
    )
