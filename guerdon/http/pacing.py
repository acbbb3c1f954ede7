"""Keeps our own calls within what a server allows."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from msgspec import Struct

_ACCOUNTS_MAX = 4096
_LONGEST_SECONDS = 3600.0


def patient_seconds(asked_seconds: float | None, attempt: int) -> float | None:
    """Give the wait after the so-manieth attempt where a server asked for one: never less, and
    ever longer while it goes on asking, so that a busy hour does not use up all attempts."""
    if asked_seconds is None:
        return None
    # Bounded before it is raised, so that it cannot overflow.
    return max(asked_seconds, min(2.0 ** min(attempt - 1, 32), _LONGEST_SECONDS))


class Window(Struct, frozen=True):
    """So many calls in any so many seconds."""

    calls: int
    seconds: float


class _Account:
    __slots__ = ("places", "resting_until")

    def __init__(self, calls: int) -> None:
        self.places: deque[float] = deque(maxlen=calls)
        self.resting_until = 0.0


class Pacer:
    """Gives out places in time, an account at a time. One process's calls: others have their own
    pacer, so the server's own word (`rest`) is still to be heard."""

    def __init__(self, *windows: Window, clock: Callable[[], float] = time.monotonic) -> None:
        self._windows = windows
        self._clock = clock
        self._kept = max(window.calls for window in windows)
        self._accounts: OrderedDict[Hashable, _Account] = OrderedDict()

    def take(self, account: Hashable, wait_seconds_max: float) -> float:
        """Take the next place; give in how many seconds it is. If that is more than
        `wait_seconds_max`, none was taken."""
        now = self._clock()
        known = self._account(account)
        places = known.places
        place = max(now, known.resting_until)
        for window in self._windows:
            if len(places) >= window.calls:
                place = max(place, places[-window.calls] + window.seconds)
        wait = place - now
        if wait <= wait_seconds_max:
            places.append(place)
        return wait

    def rest(self, account: Hashable, seconds: float) -> None:
        """Give no place in the next `seconds`: the server asked to be left alone."""
        known = self._account(account)
        known.resting_until = max(known.resting_until, self._clock() + seconds)

    def _account(self, account: Hashable) -> _Account:
        known = self._accounts.get(account)
        if known is None:
            known = self._accounts[account] = _Account(self._kept)
            if len(self._accounts) > _ACCOUNTS_MAX:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(account)
        return known
