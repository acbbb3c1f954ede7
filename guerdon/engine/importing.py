"""Importing members with their points from a file, many at a time, so that a kill loses nothing."""

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.domain.card_code import formed_code
from guerdon.domain.catalogue import SAFE_ALPHABET, Program
from guerdon.domain.errors import Conflict, Unavailable
from guerdon.domain.ids import MerchantId, PointTypeId, ProgramId
from guerdon.domain.point_terms import CodeForm
from guerdon.engine.cataloguing import Catalogues
from guerdon.engine.reading_members import BadRow, Chunk, MemberRows
from guerdon.engine.refusing_rows import RefusedRows
from guerdon.engine.runtime import Runtime
from guerdon.engine.sorting_rows import TWICE, Sorted, list_known, moved_on, sort_out
from guerdon.store import imports
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.imported_rows import (
    Admission,
    copy_rows,
    first_wallets,
    ids_per_member,
    lay_out,
)
from guerdon.store.imports import ImportKey, ImportState
from guerdon.store.sequences import claim_ids, take_ids
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

# Small enough that whoever enrols one of these very shoppers waits well under a second.
CHUNK_ROWS = 10_000
# One for each core would be more; a database beside a shop keeps some for the shop.
CHUNKS_AHEAD = 2
FAULTS_SHOWN_MAX = 20
NOTE = "import"

_ATTEMPTS_MAX = 5
# What the shop may take of the merchant's ids while a chunk is written ahead of its turn.
_IDS_LEFT_FREE = 100_000
_WAIT_MILLISECONDS = 500
_REFERRAL_LENGTH = 10
_TO_SAFE = bytes(ord(SAFE_ALPHABET[byte % len(SAFE_ALPHABET)]) for byte in range(256))


class ImportReport(Struct, kw_only=True):
    """What came of an import. `faults` are the first of the refused rows of this run; the other
    figures are of the whole file, runs before this one included."""

    state: ImportState
    is_dry_run: bool = False
    was_finished: bool = False
    rows_resumed: int = 0
    faults: list[BadRow] = field(default_factory=list)
    errors_path: Path | None = None


class FileFacts(Struct, frozen=True):
    """A file's digest and how many lines it has."""

    digest: bytes
    lines: int


OnProgress = Callable[[int, int], None]


def read_facts(path: Path) -> FileFacts:
    """Read a file once for its digest and its number of lines."""
    digest = hashlib.sha256()
    lines = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
    return FileFacts(digest.digest(), lines)


async def import_members(
    runtime: Runtime,
    merchant_id: MerchantId,
    program_id: ProgramId,
    path: Path,
    *,
    is_dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Make members of a file's good rows; write the others to `<file>.errors.csv`.

    Each chunk is one transaction, which also writes down how far the file has come: run again after
    a kill, the import goes on there, and run again when finished it changes nothing. Rows of
    shoppers who are members already are refused. An import announces nothing: it writes no events,
    awards no signup points and grants no rewards of tiers. Raises BadFile for a bad header and
    Conflict where another process imports the same file."""
    facts = await asyncio.to_thread(read_facts, path)
    catalogue = await Catalogues(runtime.pool).get(merchant_id)
    key = ImportKey(merchant_id, program_id, facts.digest)

    def tell(chunk: Chunk) -> None:
        if on_progress is not None:
            on_progress(chunk.lines_done, facts.lines)

    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = MemberRows(file, catalogue, catalogue.programs[program_id], runtime.now())
        if is_dry_run:
            return await _Rehearsal(runtime, key, rows, tell).run()
        program = catalogue.programs[program_id]
        forms = {
            each: form
            for each in program.point_type_ids
            if (form := catalogue.point_types[each].code) is not None
        }
        return await _Import(runtime, key, rows, program, forms, path, tell).run()


async def _hand_over(rows: MemberRows, take: Callable[[Chunk], Awaitable[None]]) -> None:
    """Hand over chunk after chunk; the next one is read while the last one is written."""
    reading = asyncio.create_task(asyncio.to_thread(rows.next_chunk, CHUNK_ROWS))
    while (chunk := await reading) is not None:
        reading = asyncio.create_task(asyncio.to_thread(rows.next_chunk, CHUNK_ROWS))
        try:
            await take(chunk)
        except BaseException:
            # The file is about to be closed under the reader.
            await asyncio.gather(reading, return_exceptions=True)
            raise


class _Rehearsal:
    """Judges every row as an import would, and writes nothing."""

    def __init__(
        self, runtime: Runtime, key: ImportKey, rows: MemberRows, tell: Callable[[Chunk], None]
    ) -> None:
        self._runtime = runtime
        self._key = key
        self._rows = rows
        self._tell = tell
        self._faults: list[BadRow] = []
        # Hashes stand for the shoppers of earlier chunks: 8 bytes and not a name each.
        self._seen: set[int] = set()
        self._state = ImportState(created_at=runtime.now())

    async def run(self) -> ImportReport:
        await _hand_over(self._rows, self._take)
        return ImportReport(state=self._state, is_dry_run=True, faults=self._faults)

    async def _take(self, chunk: Chunk) -> None:
        async with snapshot(self._runtime.pool) as view:
            known = await list_known(view, self._key, chunk)
        rows = sort_out(chunk, known, self._state)
        fresh = []
        bad = list(rows.bad)
        for place in rows.places:
            mark = hash(chunk.members.external_ids[place])
            if mark in self._seen:
                bad.append(chunk.refuse(place, TWICE))
            else:
                self._seen.add(mark)
                fresh.append(place)
        self._faults += bad[: FAULTS_SHOWN_MAX - len(self._faults)]
        members = chunk.members.pick(fresh)
        self._state = moved_on(self._state, chunk, Sorted(members, fresh, bad), 0)
        self._tell(chunk)


class _Overtaken(Exception):
    """A chunk written ahead cannot stay: one before it failed, or its ids were given out."""


class _Ahead(Struct):
    """A chunk that is being written before its turn to commit."""

    chunk: Chunk
    names: set[str]
    turn: "asyncio.Future[bool]"
    writing: "asyncio.Task[tuple[ImportState, list[BadRow]]]"


class _Import:
    """One run over a file, from where the last one stood.

    Some chunks are written at the same time, under ids that nobody has taken yet. At its turn, in
    the order of the file, a chunk takes them and commits. A chunk that cannot takes those after it
    along; then each is written in turn, under ids that are its own from the start."""

    def __init__(
        self,
        runtime: Runtime,
        key: ImportKey,
        rows: MemberRows,
        program: Program,
        card_forms: Mapping[PointTypeId, CodeForm],
        path: Path,
        tell: Callable[[Chunk], None],
    ) -> None:
        self._runtime = runtime
        self._key = key
        self._rows = rows
        self._program = program
        self._ids_each = ids_per_member(program)
        self._card_forms = card_forms
        self._path = path
        self._tell = tell
        self._refused = RefusedRows(path.with_name(f"{path.name}.errors.csv"), rows.header)
        self._faults: list[BadRow] = []
        self._ahead: deque[_Ahead] = deque()
        # Whether to ask for members before writing: not until one was met.
        self._was_refused = False

    async def run(self) -> ImportReport:
        now = self._runtime.now()
        async with transaction(self._runtime.pool) as tx:
            await imports.insert_import(tx, self._key, self._path.name, now)
            state = await imports.lock_import(tx, self._key)
            self._next_id = await take_ids(tx, self._key.merchant_id, 0)
        if state.is_finished:
            return ImportReport(state=state, was_finished=True)
        self._state = state
        await asyncio.to_thread(self._rows.skip, state.rows_done)
        try:
            await _hand_over(self._rows, self._take)
            while self._ahead:
                await self._settle()
        finally:
            await self._abandon()
        await self._finish()
        return ImportReport(
            state=self._state,
            rows_resumed=state.rows_done,
            faults=self._faults,
            errors_path=self._refused.path if self._state.rows_refused else None,
        )

    async def _take(self, chunk: Chunk) -> None:
        """Begin to write a chunk, once there is room and no shopper of it is being written."""
        names = set(chunk.members.external_ids)
        while len(self._ahead) >= CHUNKS_AHEAD or not all(
            names.isdisjoint(each.names) for each in self._ahead
        ):
            await self._settle()
        first_id = self._next_id + _IDS_LEFT_FREE
        self._next_id = first_id + self._ids_each * len(chunk.members.points)
        turn = asyncio.get_running_loop().create_future()
        writing = asyncio.create_task(self._write_ahead(chunk, first_id, turn))
        self._ahead.append(_Ahead(chunk, names, turn, writing))

    async def _settle(self) -> None:
        """Let the foremost chunk commit; where it cannot, write all that were begun in turn."""
        foremost = self._ahead[0]
        foremost.turn.set_result(True)
        is_unknown = False
        try:
            state, bad = await foremost.writing
        except CommitUnknown:
            is_unknown = True
        except _Overtaken:
            pass
        except DRIVER_ERRORS as error:
            if fault_of(error) == "other":
                raise
            self._was_refused |= fault_of(error) == "constraint"
        else:
            self._ahead.popleft()
            self._pass(foremost.chunk, state, bad)
            return
        chunks = [each.chunk for each in self._ahead]
        await self._abandon()
        for chunk in chunks:
            await self._write_in_turn(chunk, is_unknown=is_unknown)
            is_unknown = False

    async def _abandon(self) -> None:
        """Roll back every chunk that is written ahead."""
        for each in self._ahead:
            if not each.turn.done():
                each.turn.set_result(False)
        await asyncio.gather(*(each.writing for each in self._ahead), return_exceptions=True)
        self._ahead.clear()

    def _pass(self, chunk: Chunk, state: ImportState, bad: list[BadRow]) -> None:
        self._state = state
        self._faults += bad[: FAULTS_SHOWN_MAX - len(self._faults)]
        self._tell(chunk)

    async def _write_ahead(
        self, chunk: Chunk, first_id: int, turn: "asyncio.Future[bool]"
    ) -> tuple[ImportState, list[BadRow]]:
        """Write a chunk under ids that are free now; take them at its turn, just before the commit.

        A shop that goes on meanwhile waits for that commit alone. Gives up soon where it has to
        wait itself, since those it waits for may be waiting for it."""
        async with transaction(self._runtime.pool) as tx:
            await imports.limit_waiting(tx, _WAIT_MILLISECONDS)
            known = await list_known(tx, self._key, chunk) if self._was_refused else {}
            rows = sort_out(chunk, known, self._state)
            await self._copy(tx, rows, first_id)
            if not await turn:
                raise _Overtaken
            state = await imports.lock_import(tx, self._key)
            self._check_place(state, chunk)
            state = await self._keep_place(tx, state, chunk, rows)
            end_id = first_id + self._ids_each * len(rows.places)
            if not await claim_ids(tx, self._key.merchant_id, first_id, end_id):
                raise _Overtaken
        return state, rows.bad

    async def _write_in_turn(self, chunk: Chunk, *, is_unknown: bool) -> None:
        """Write a chunk with its ids taken first, which nothing can overtake. `is_unknown` where
        it may have been committed before."""
        for attempt in range(_ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep(0.1 * 2**attempt)
            try:
                state, bad = await self._write(chunk, is_unknown=is_unknown)
            except CommitUnknown:
                is_unknown = True
            except DRIVER_ERRORS as error:
                # A rival enrolled one of these shoppers meanwhile: they are found the next time.
                if fault_of(error) == "other":
                    raise
            else:
                self._pass(chunk, state, bad)
                return
        raise Unavailable(
            f"the database is busy or out of reach after {self._state.rows_done} rows; run the "
            "import again to go on"
        )

    async def _write(self, chunk: Chunk, *, is_unknown: bool) -> tuple[ImportState, list[BadRow]]:
        """Lock the file, then the merchant's ids, and write a chunk; all in one transaction."""
        merchant_id = self._key.merchant_id
        async with transaction(self._runtime.pool) as tx:
            state = await imports.lock_import(tx, self._key)
            if is_unknown and state.rows_done == chunk.rows_end:
                return state, []
            self._check_place(state, chunk)
            first_id = await take_ids(tx, merchant_id, self._ids_each * len(chunk.members.points))
            self._next_id = first_id + self._ids_each * len(chunk.members.points)
            known = await list_known(tx, self._key, chunk)
            rows = sort_out(chunk, known, state)
            await self._copy(tx, rows, first_id)
            state = await self._keep_place(tx, state, chunk, rows)
        return state, rows.bad

    def _check_place(self, state: ImportState, chunk: Chunk) -> None:
        if state.rows_done != chunk.rows_start:
            raise Conflict("another process is importing this file")

    async def _copy(self, tx: Connection, rows: Sorted, first_id: int) -> None:
        if not rows.places:
            return
        admission = Admission(
            merchant_id=self._key.merchant_id,
            program_id=self._key.program_id,
            point_type_id=self._program.point_type_id,
            further_point_types=self._program.further_point_type_ids,
            begun_at=self._state.created_at,
            now=self._runtime.now(),
            note=NOTE,
        )
        count = len(rows.places)
        codes = _referral_codes(count)
        await copy_rows(
            tx, await asyncio.to_thread(lay_out, admission, rows.members, codes, first_id)
        )
        firsts = first_wallets(admission, count, first_id)
        for point_type_id, form in self._card_forms.items():
            made = [formed_code(form, secrets.randbits(128)) for _ in range(count)]
            await imports.put_card_codes(tx, self._key.merchant_id, firsts[point_type_id], made)

    async def _keep_place(
        self, tx: Connection, state: ImportState, chunk: Chunk, rows: Sorted
    ) -> ImportState:
        """Write down how far the file has come. What is refused goes to the file of refused rows
        just before the commit; a run that did not get so far is cut off it by the next one."""
        size = await asyncio.to_thread(self._refused.keep, state.errors_bytes, rows.bad)
        state = moved_on(state, chunk, rows, size)
        await imports.update_import(tx, self._key, state, self._runtime.now())
        return state

    async def _finish(self) -> None:
        now = self._runtime.now()
        async with transaction(self._runtime.pool) as tx:
            state = replace(await imports.lock_import(tx, self._key), is_finished=True)
            await imports.update_import(tx, self._key, state, now)
        self._state = state


def _referral_codes(count: int) -> list[str]:
    """Make codes as an enrolment does, from one call for random bytes."""
    text = secrets.token_bytes(count * _REFERRAL_LENGTH).translate(_TO_SAFE).decode("ascii")
    return [text[at : at + _REFERRAL_LENGTH] for at in range(0, len(text), _REFERRAL_LENGTH)]
