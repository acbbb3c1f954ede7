"""A fuse: a shop that does not answer is left alone for a while."""

from collections.abc import Callable

FAILURES_MAX = 5
# Short at first, since a shop that hiccuped is back at once; doubled with each further failure.
OPEN_SECONDS_FIRST = 0.5
OPEN_SECONDS = 10.0


class Breaker:
    """Opens after so many failures in a row; then lets one call through at a time, as a probe,
    whose success closes it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None

    def admit(self) -> float | None:
        """Let a call through (None), or give the seconds for which none is let through.

        Whoever is let through must say how it went."""
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        if left > 0:
            return left
        # The probe: until it says how it went, or is taken for lost, the others are held back.
        self._open_until = self._clock() + OPEN_SECONDS
        return None

    def succeeded(self) -> None:
        """Close: the shop answers."""
        self._failures = 0
        self._open_until = None

    def failed(self) -> None:
        """Count a call that the shop did not answer."""
        self._failures += 1
        more = self._failures - FAILURES_MAX
        if more >= 0:
            # Bounded before it is raised: 2.0 ** 1024 overflows.
            seconds = min(OPEN_SECONDS_FIRST * 2.0 ** min(more, 16), OPEN_SECONDS)
            self._open_until = self._clock() + seconds
