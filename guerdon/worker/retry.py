"""When to try again, and how long what keeps failing is left alone."""

from collections.abc import Hashable

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 300.0


def backoff_seconds(failures: int) -> float:
    """Give the wait after so many failures in a row: doubling from a second to five minutes."""
    # Bounded before it is raised: 2.0 ** 1024 overflows.
    return min(_FIRST_SECONDS * 2.0 ** min(failures - 1, 16), _LONGEST_SECONDS)


class Patience:
    """Remembers what failed, and when it may be tried again. A success forgets it."""

    def __init__(self, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._longest_seconds = longest_seconds
        self._failures: dict[Hashable, tuple[int, float]] = {}

    def may_try(self, what: Hashable, now: float) -> bool:
        return what not in self._failures or self._failures[what][1] <= now

    def failed(self, what: Hashable, now: float, longest_seconds: float | None = None) -> float:
        """Count a failure; give the seconds until the next try."""
        count = self._failures.get(what, (0, 0.0))[0] + 1
        wait = min(backoff_seconds(count), longest_seconds or self._longest_seconds)
        self._failures[what] = (count, now + wait)
        return wait

    def succeeded(self, what: Hashable) -> None:
        self._failures.pop(what, None)
