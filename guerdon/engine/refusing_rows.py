"""Keeps the refused rows of an import in a file that can be corrected and imported."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from guerdon.engine.reading_members import BadRow


class RefusedRows:
    """The file of refused rows; what a run wrote and did not commit is cut off by the next."""

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path = path
        self._header = header

    def keep(self, size: int, bad: list[BadRow]) -> int:
        """Write refused rows behind the first `size` bytes; give how long the file is, on disk."""
        if not bad and not size:
            return 0
        with self.path.open("ab") as file:
            file.truncate(size)
            if not size:
                file.write(_as_csv([[*self._header, "line", "column", "reason"]]))
            file.write(_as_csv(self._fields(each) for each in bad))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def _fields(self, bad: BadRow) -> list[str]:
        width = len(self._header)
        missing = [""] * (width - len(bad.row))
        return [*bad.row[:width], *missing, str(bad.line), bad.column, bad.reason]


def _as_csv(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", errors="surrogateescape")
