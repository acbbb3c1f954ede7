"""Reads a file of members: rows that are good as columns, the others with what is wrong."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import TextIO

from msgspec import Struct

from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.errors import Invalid
from guerdon.engine.guarding_cells import unguard_cell
from guerdon.engine.judging_rows import COLUMNS, Fault, Judged, RowRules
from guerdon.store.imported_rows import NewMembers

# A quote that is never closed would else swallow the rest of the file.
FIELD_LENGTH_MAX = 10_000

_PARSED_AT_ONCE = 400

# A field that may have been kept from a spreadsheet.
_MARKED = re.compile(r"""(?:\A|[,"\r\n])'""")


class BadFile(Invalid):
    """The file as a whole cannot be imported."""

    code = "bad_file"


class BadRow(Struct, frozen=True):
    """A row that is left out. `line` is where it begins, counted from 1, the header included."""

    line: int
    column: str
    reason: str
    row: list[str]


class Chunk(Struct):
    """So many rows of the file on end; `rows_start` were read before them. `lines` and `rows` say
    where each of `members` comes from; a row that is a line by itself is not kept in pieces."""

    rows_start: int
    rows_count: int
    lines_done: int
    members: NewMembers
    lines: Sequence[int]
    rows: Sequence[list[str] | str]
    bad: list[BadRow]

    @property
    def rows_end(self) -> int:
        return self.rows_start + self.rows_count

    def refuse(self, place: int, reason: str) -> BadRow:
        """Refuse a row for whose shopper it is."""
        row = self.rows[place]
        if isinstance(row, str):
            (row,) = csv.reader([row])
        return BadRow(self.lines[place], "external_id", reason, row)


class Lines:
    """Hands a file's lines to the CSV reader, and takes back those a broken row has swallowed."""

    def __init__(self, file: TextIO) -> None:
        self._file = iter(file)
        self._returned: deque[str] = deque()
        self._of_row: list[str] = []
        self.done = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._file)
        self._of_row.append(line)
        return line

    def take(self, count: int) -> list[str]:
        """Take up to so many lines at once, past the CSV reader."""
        self.begin_row()
        lines = [self._returned.popleft() for _ in range(min(count, len(self._returned)))]
        lines += islice(self._file, count - len(lines))
        self.done += len(lines)
        return lines

    def give_back(self, lines: list[str]) -> None:
        """Undo the last taking."""
        self._returned.extendleft(reversed(lines))
        self.done -= len(lines)

    def begin_row(self) -> None:
        """Count the lines of the row before."""
        self.done += len(self._of_row)
        self._of_row.clear()

    def break_row(self) -> str:
        """End a row that cannot be read with its first line, and give that line."""
        self._returned.extendleft(reversed(self._of_row[1:]))
        del self._of_row[1:]
        return self._of_row[0].rstrip("\r\n")


class MemberRows:
    """Gives the rows of a file, a chunk at a time; only a chunk is kept in memory."""

    def __init__(self, file: TextIO, catalogue: Catalogue, program: Program, now: datetime) -> None:
        csv.field_size_limit(FIELD_LENGTH_MAX)
        self._lines = Lines(file)
        self._reader = csv.reader(self._lines, strict=True)
        self._rules = RowRules(catalogue, program, now)
        self.header = self._read_header()
        places = {name: place for place, name in enumerate(self.header)}
        # A column that is not there is read from the empty field put behind every row.
        self._pick = itemgetter(*(places.get(name, len(self.header)) for name in COLUMNS))
        self._rows_read = 0

    def skip(self, rows: int) -> None:
        """Pass over rows that were done before."""
        for _ in self._rows(rows):
            pass

    def next_chunk(self, size: int) -> Chunk | None:
        """Read up to so many rows and judge them; None at the end of the file.

        Rows that show nothing unusual are judged all at once. Any doubt, and each is judged by
        itself, which alone can say what is wrong with it."""
        start = self._rows_read
        lines = self._lines.take(size)
        members = self._judge_all(lines)
        if members is not None:
            count = len(lines)
            self._rows_read += count
            done = self._lines.done
            return Chunk(start, count, done, members, range(done - count + 1, done + 1), lines, [])
        self._lines.give_back(lines)
        return self._next_by_row(start, size)

    def _next_by_row(self, start: int, size: int) -> Chunk | None:
        bad: list[BadRow] = []
        good: list[Judged] = []
        lines: list[int] = []
        rows: list[list[str]] = []
        for line, row, reason in self._rows(size):
            if reason is not None:
                bad.append(BadRow(line, "", reason, row))
                continue
            if not row:
                continue  # an empty line
            try:
                good.append(self._judge(row))
            except Fault as fault:
                bad.append(BadRow(line, fault.column, fault.reason, row))
            else:
                lines.append(line)
                rows.append(row)
        self._lines.begin_row()
        if self._rows_read == start:
            return None
        count = self._rows_read - start
        return Chunk(start, count, self._lines.done, _in_columns(good), lines, rows, bad)

    def _judge_all(self, lines: list[str]) -> NewMembers | None:
        columns = _columns_of(lines, len(self.header))
        if columns is None:
            return None
        text = "".join(lines)
        if "\0" in text or ("'" in text and _MARKED.search(text)):
            return None
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
        return self._rules.judge_all(self._pick([*columns, [""] * len(lines)]))

    def _rows(self, count: int) -> Iterator[tuple[int, list[str], str | None]]:
        for _ in range(count):
            self._lines.begin_row()
            line = self._lines.done + 1
            row: list[str] = []
            reason = None
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                row = [self._lines.break_row()]
                reason = f"cannot be read: {error}"
            self._rows_read += 1
            yield line, row, reason

    def _judge(self, row: list[str]) -> Judged:
        if len(row) != len(self.header):
            raise Fault("", f"has {len(row)} fields, the header {len(self.header)}")
        text = "".join(row)
        if not text.isascii():
            _require_unicode(self.header, row)
        if "\0" in text:
            raise Fault(_first_with(self.header, row, "\0"), "holds a NUL character")
        # An export may have marked texts that a spreadsheet would run.
        fields = [unguard_cell(each) for each in row] if "'" in text else row
        return self._rules.judge(self._pick([*fields, ""]))

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip().lower() for name in next(self._reader, [])]
        except csv.Error as error:
            raise BadFile(f"line 1: {error}") from error
        if not header:
            raise BadFile("line 1: the header is missing")
        for name in header:
            if name not in COLUMNS:
                raise BadFile(f"line 1: there is no column {name!r}, only {', '.join(COLUMNS)}")
            if header.count(name) > 1:
                raise BadFile(f"line 1: the column {name!r} is there twice")
        if "external_id" not in header:
            raise BadFile("line 1: the column 'external_id' is missing")
        return header


def _require_unicode(header: list[str], row: list[str]) -> None:
    """Refuse bytes that are not UTF-8, which reading has turned into lone surrogates."""
    for name, text in zip(header, row, strict=True):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Fault(name, "is not UTF-8") from None


def _first_with(header: list[str], row: list[str], character: str) -> str:
    return next(name for name, text in zip(header, row, strict=True) if character in text)


def _columns_of(lines: list[str], width: int) -> list[list[str]] | None:
    """Give the columns of lines, unless some row is not just one line or is not so wide."""
    columns: list[list[str]] = [[] for _ in range(width)]
    # The collector looks again and again at many rows that live at once; a few escape it.
    for start in range(0, len(lines), _PARSED_AT_ONCE):
        part = lines[start : start + _PARSED_AT_ONCE]
        try:
            rows = list(csv.reader(part, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(part) or set(map(len, rows)) != {width}:
            return None
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


def _in_columns(good: list[Judged]) -> NewMembers:
    columns = list(zip(*good, strict=True)) or [()] * len(NewMembers.__struct_fields__)
    return NewMembers(**dict(zip(NewMembers.__struct_fields__, columns, strict=True)))
