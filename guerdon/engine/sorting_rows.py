"""Parts the rows that make a new member from those that do not."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from guerdon.engine.reading_members import BadRow, Chunk
from guerdon.store import imports
from guerdon.store.connection import Connection
from guerdon.store.imported_rows import NewMembers
from guerdon.store.imports import ImportKey, ImportState

TWICE = "comes earlier in this file"
_KNOWN = "is a member already"


class Sorted(Struct):
    """Which rows of a chunk to import, by their places in it, and which to refuse; both in the
    order of the file."""

    members: NewMembers
    places: Sequence[int]
    bad: list[BadRow]


async def list_known(view: Connection, key: ImportKey, chunk: Chunk) -> dict[str, datetime]:
    """Say which shoppers of a chunk are members already, and since when."""
    names = list(chunk.members.external_ids)
    return await imports.list_known_members(view, key.merchant_id, key.program_id, names)


def sort_out(chunk: Chunk, known: dict[str, datetime], begun: ImportState) -> Sorted:
    """Refuse the shoppers who are members already or come twice.

    All members of one import bear the instant at which it was begun, so they are told from those
    who were members before."""
    names = chunk.members.external_ids
    seen = set(known)
    if not seen and len(set(names)) == len(names):
        return Sorted(chunk.members, range(len(names)), chunk.bad)
    bad = list(chunk.bad)
    places: list[int] = []
    for place, name in enumerate(names):
        if name not in seen:
            seen.add(name)
            places.append(place)
            continue
        reason = TWICE if known.get(name, begun.created_at) == begun.created_at else _KNOWN
        bad.append(chunk.refuse(place, reason))
    bad.sort(key=lambda each: each.line)
    return Sorted(chunk.members.pick(places), places, bad)


def moved_on(state: ImportState, chunk: Chunk, rows: Sorted, errors_bytes: int) -> ImportState:
    """Say how far the file has come after a chunk."""
    return replace(
        state,
        rows_done=chunk.rows_end,
        rows_refused=state.rows_refused + len(rows.bad),
        members_made=state.members_made + len(rows.places),
        points_made=state.points_made + sum(rows.members.points),
        errors_bytes=errors_bytes,
    )
