"""A clock that a test moves ahead, in its own process and in those that it started at once.

Leases, waits and repetitions of hours are over in a moment so, with no setting of ours changed."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

from guerdon.engine import runtime

_AHEAD = struct.Struct("d")


class SharedClock:
    """Reads the real time, and adds the seconds that are written in a file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_AHEAD.pack(0.0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _AHEAD.size)

    def __call__(self) -> datetime:
        return runtime.utc_now()

    @property
    def ahead_seconds(self) -> float:
        seconds: float
        (seconds,) = _AHEAD.unpack_from(self._memory)
        return seconds

    def advance(self, seconds: float) -> None:
        """Let so much time pass for everybody."""
        assert seconds >= 0, "time does not run backwards"
        _AHEAD.pack_into(self._memory, 0, self.ahead_seconds + seconds)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have this process read its time here."""
        clock = self

        class Ahead(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(seconds=clock.ahead_seconds)

        with patch.object(runtime, "datetime", Ahead):
            yield
