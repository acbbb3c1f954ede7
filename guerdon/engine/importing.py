"""Importing members with their points from a file, many at a time, so that a kill loses nothing."""

import asyncio
import csv
import hashlib
import io
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.domain.catalogue import SAFE_ALPHABET, Program
from guerdon.domain.errors import Conflict, Unavailable
from guerdon.domain.ids import LotId, MemberId, MerchantId, ProgramId, WalletId
from guerdon.engine.cataloguing import Catalogues
from guerdon.engine.reading_members import BadRow, Chunk, GoodRow, MemberRows
from guerdon.engine.runtime import Runtime
from guerdon.store import imports
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.imports import ImportKey, ImportState, NewMembers, NewWallets
from guerdon.store.sequences import take_ids
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

# The merchant's ids are locked while a chunk is written: large enough to be quick, small enough
# that a running shop waits well under a second.
CHUNK_ROWS = 10_000
FAULTS_SHOWN_MAX = 20
NOTE = "import"

_ATTEMPTS_MAX = 5
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
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = MemberRows(file, catalogue, catalogue.programs[program_id], runtime.now())
        if is_dry_run:
            return await _Rehearsal(runtime, key, rows).run(facts, on_progress)
        program = catalogue.programs[program_id]
        return await _Import(runtime, key, rows, program, path).run(facts, on_progress)


async def _hand_over(
    rows: MemberRows,
    take: Callable[[Chunk], Awaitable[None]],
    lines: int,
    on_progress: OnProgress | None,
) -> None:
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
        if on_progress is not None:
            on_progress(chunk.lines_done, lines)


class _Rehearsal:
    """Judges every row as an import would, and writes nothing."""

    def __init__(self, runtime: Runtime, key: ImportKey, rows: MemberRows) -> None:
        self._runtime = runtime
        self._key = key
        self._rows = rows
        self._faults: list[BadRow] = []
        # Hashes stand for the shoppers of earlier chunks: 8 bytes and not a name each.
        self._seen: set[int] = set()
        self._state = ImportState(created_at=runtime.now())

    async def run(self, facts: FileFacts, on_progress: OnProgress | None) -> ImportReport:
        await _hand_over(self._rows, self._take, facts.lines, on_progress)
        return ImportReport(state=self._state, is_dry_run=True, faults=self._faults)

    async def _take(self, chunk: Chunk) -> None:
        async with snapshot(self._runtime.pool) as view:
            good, bad = await _sort_out(view, self._key, chunk, self._state.created_at)
        fresh = []
        for row in good:
            mark = hash(row.external_id)
            if mark in self._seen:
                bad.append(_bad(row, _TWICE))
            else:
                self._seen.add(mark)
                fresh.append(row)
        self._faults += bad[: FAULTS_SHOWN_MAX - len(self._faults)]
        self._state = _moved_on(self._state, chunk, fresh, bad, 0)


class _Import:
    """One run over a file, from where the last one stood."""

    def __init__(
        self,
        runtime: Runtime,
        key: ImportKey,
        rows: MemberRows,
        program: Program,
        path: Path,
    ) -> None:
        self._runtime = runtime
        self._key = key
        self._rows = rows
        self._program = program
        self._path = path
        self._errors_path = path.with_name(f"{path.name}.errors.csv")
        self._faults: list[BadRow] = []

    async def run(self, facts: FileFacts, on_progress: OnProgress | None) -> ImportReport:
        now = self._runtime.now()
        async with transaction(self._runtime.pool) as tx:
            await imports.insert_import(tx, self._key, self._path.name, now)
            state = await imports.lock_import(tx, self._key)
        if state.is_finished:
            return ImportReport(state=state, was_finished=True)
        self._state = state
        rows_resumed = state.rows_done
        await asyncio.to_thread(self._rows.skip, rows_resumed)
        await _hand_over(self._rows, self._take, facts.lines, on_progress)
        await self._finish()
        return ImportReport(
            state=self._state,
            rows_resumed=rows_resumed,
            faults=self._faults,
            errors_path=self._errors_path if self._state.rows_refused else None,
        )

    async def _take(self, chunk: Chunk) -> None:
        for attempt in range(_ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep(0.1 * 2**attempt)
            try:
                state, bad = await self._write(chunk)
            except CommitUnknown:
                found = await self._find_state()
                if found.rows_done == chunk.rows_end:
                    self._state = found
                    return
            except DRIVER_ERRORS as error:
                # A rival enrolled one of these shoppers meanwhile: they are found the next time.
                if fault_of(error) == "other":
                    raise
            else:
                self._state = state
                self._faults += bad[: FAULTS_SHOWN_MAX - len(self._faults)]
                return
        raise Unavailable(
            f"the database is busy or out of reach after {self._state.rows_done} rows; run the "
            "import again to go on"
        )

    async def _write(self, chunk: Chunk) -> tuple[ImportState, list[BadRow]]:
        """Write a chunk and how far the file has come, in one transaction.

        Locks the file, then the merchant's ids. What is refused goes to the file of errors just
        before the commit; a run that did not get so far is cut off it by the next one."""
        now = self._runtime.now()
        async with transaction(self._runtime.pool) as tx:
            state = await imports.lock_import(tx, self._key)
            if state.rows_done != chunk.rows_start:
                raise Conflict("another process is importing this file")
            good, bad = await _sort_out(tx, self._key, chunk, state.created_at)
            if good:
                await self._insert(tx, good, state.created_at, now)
            errors_bytes = await asyncio.to_thread(self._keep_errors, state.errors_bytes, bad)
            state = _moved_on(state, chunk, good, bad, errors_bytes)
            await imports.update_import(tx, self._key, state, now)
        return state, bad

    async def _insert(
        self, tx: Connection, good: list[GoodRow], created_at: datetime, now: datetime
    ) -> None:
        key, count = self._key, len(good)
        with_lots = sum(1 for row in good if row.points)
        with_entries = sum(1 for row in good if row.points_lifetime)
        first = await take_ids(tx, key.merchant_id, 2 * count + with_lots + with_entries)
        first_wallet = WalletId(first + count)
        first_lot = first + 2 * count
        members, wallets = _columns(good)
        await imports.insert_imported_members(tx, key, MemberId(first), created_at, members)
        await imports.insert_imported_wallets(
            tx, key, self._program.point_type_id, MemberId(first), first_wallet, now, wallets
        )
        lots, entries = _movements(good, first_wallet, first_lot)
        await imports.insert_imported_lots(tx, key.merchant_id, LotId(first_lot), now, lots)
        await imports.insert_imported_entries(
            tx, key.merchant_id, first_lot + with_lots, now, NOTE, entries
        )

    def _keep_errors(self, errors_bytes: int, bad: list[BadRow]) -> int:
        """Write refused rows behind those of the chunks before; give how long the file is."""
        if not bad and not errors_bytes:
            return 0
        with self._errors_path.open("ab") as file:
            file.truncate(errors_bytes)
            if not errors_bytes:
                file.write(_as_csv([[*self._rows.header, "line", "column", "reason"]]))
            width = len(self._rows.header)
            file.write(
                _as_csv(
                    [
                        *each.row[:width],
                        *[""] * (width - len(each.row)),
                        str(each.line),
                        each.column,
                        each.reason,
                    ]
                    for each in bad
                )
            )
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    async def _find_state(self) -> ImportState:
        async with snapshot(self._runtime.pool) as view:
            found = await imports.find_import(view, self._key)
        assert found is not None, "the file was begun"
        return found

    async def _finish(self) -> None:
        now = self._runtime.now()
        async with transaction(self._runtime.pool) as tx:
            state = replace(await imports.lock_import(tx, self._key), is_finished=True)
            await imports.update_import(tx, self._key, state, now)
        self._state = state


_TWICE = "comes earlier in this file"
_KNOWN = "is a member already"


def _bad(row: GoodRow, reason: str) -> BadRow:
    return BadRow(row.line, "external_id", reason, row.row)


async def _sort_out(
    view: Connection, key: ImportKey, chunk: Chunk, begun_at: datetime
) -> tuple[list[GoodRow], list[BadRow]]:
    """Part the rows that make a new member from the refused ones, in the order of the file.

    All members of one import bear the instant at which it was begun, so they are told from those
    who were members before."""
    known = await imports.list_known_members(
        view, key.merchant_id, key.program_id, [row.external_id for row in chunk.good]
    )
    bad = list(chunk.bad)
    fresh: dict[str, GoodRow] = {}
    for row in chunk.good:
        since = known.get(row.external_id)
        if since is not None:
            bad.append(_bad(row, _TWICE if since == begun_at else _KNOWN))
        elif row.external_id in fresh:
            bad.append(_bad(row, _TWICE))
        else:
            fresh[row.external_id] = row
    bad.sort(key=lambda each: each.line)
    return list(fresh.values()), bad


def _moved_on(
    state: ImportState, chunk: Chunk, good: list[GoodRow], bad: list[BadRow], errors_bytes: int
) -> ImportState:
    return replace(
        state,
        rows_done=chunk.rows_end,
        rows_refused=state.rows_refused + len(bad),
        members_made=state.members_made + len(good),
        points_made=state.points_made + sum(row.points for row in good),
        errors_bytes=errors_bytes,
    )


def _columns(good: list[GoodRow]) -> tuple[NewMembers, NewWallets]:
    members = NewMembers(
        external_ids=[row.external_id for row in good],
        emails=[row.email for row in good],
        first_names=[row.first_name for row in good],
        last_names=[row.last_name for row in good],
        referral_codes=_referral_codes(len(good)),
    )
    wallets = NewWallets(
        points=[row.points for row in good],
        points_lifetime=[row.points_lifetime for row in good],
        tier_ids=[row.tier_id for row in good],
        are_frozen=[row.is_frozen for row in good],
    )
    return members, wallets


def _referral_codes(count: int) -> list[str]:
    """Make codes as an enrolment does, from one call for random bytes."""
    text = secrets.token_bytes(count * _REFERRAL_LENGTH).translate(_TO_SAFE).decode("ascii")
    return [text[at : at + _REFERRAL_LENGTH] for at in range(0, len(text), _REFERRAL_LENGTH)]


def _movements(
    good: list[GoodRow], first_wallet: int, first_lot: int
) -> tuple[
    list[tuple[WalletId, int, datetime | None]], list[tuple[WalletId, int, int, LotId | None]]
]:
    """Give the lots and the entries; lifetime points alone make an entry without a lot."""
    lots: list[tuple[WalletId, int, datetime | None]] = []
    entries: list[tuple[WalletId, int, int, LotId | None]] = []
    for place, row in enumerate(good):
        wallet_id = WalletId(first_wallet + place)
        lot_id = None
        if row.points:
            lot_id = LotId(first_lot + len(lots))
            lots.append((wallet_id, row.points, row.expires_at))
        if row.points_lifetime:
            entries.append((wallet_id, row.points, row.points_lifetime, lot_id))
    return lots, entries


def _as_csv(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", errors="surrogateescape")
