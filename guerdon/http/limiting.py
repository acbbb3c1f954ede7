"""Counts calls in a sliding window."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

_CALLERS_MAX = 65_536


class SlidingWindow:
    """Lets through so many calls of one caller in any `seconds`; 0 sets no limit."""

    def __init__(
        self,
        calls_max: int,
        *,
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls_max = calls_max
        self._seconds = seconds
        self._clock = clock
        self._calls: OrderedDict[int, deque[float]] = OrderedDict()

    def admits(self, caller: int) -> bool:
        """Count a call, and say whether it is within the limit; a refused one does not count."""
        if not self.calls_max:
            return True
        now = self._clock()
        calls = self._calls.get(caller)
        if calls is None:
            calls = self._calls[caller] = deque(maxlen=self.calls_max)
            if len(self._calls) > _CALLERS_MAX:
                self._calls.popitem(last=False)
        if len(calls) == self.calls_max and now - calls[0] < self._seconds:
            return False
        calls.append(now)
        return True
