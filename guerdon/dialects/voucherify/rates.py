"""How many calls a merchant may make in a minute, and the headers that tell so on every answer."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from guerdon.http.asgi import Header

# What the headers say where nothing is limited: clients read them from every answer.
_LIMIT_UNSET = 2000
_MERCHANTS_MAX = 65_536
_SECONDS = 60.0


class Rates:
    """Lets through so many calls of one merchant in any minute; 0 sets no limit."""

    def __init__(
        self,
        calls_max: int,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls_max = calls_max
        self._now = now
        self._clock = clock
        self._calls: OrderedDict[int, deque[float]] = OrderedDict()

    def take(self, merchant_id: int) -> tuple[int, tuple[Header, ...]]:
        """Count a call. Gives the seconds after which the next one is let through, 0 for this one,
        and the headers; a refused call does not count."""
        if not self._calls_max:
            return 0, self.unasked()
        now = self._clock()
        calls = self._calls.get(merchant_id)
        if calls is None:
            calls = self._calls[merchant_id] = deque()
            if len(self._calls) > _MERCHANTS_MAX:
                self._calls.popitem(last=False)
        while calls and now - calls[0] >= _SECONDS:
            calls.popleft()
        wait = 0
        if len(calls) < self._calls_max:
            calls.append(now)
        else:
            wait = math.ceil(_SECONDS - (now - calls[0]))
        return wait, self._headers(self._calls_max, self._calls_max - len(calls), wait)

    def unasked(self) -> tuple[Header, ...]:
        """Give the headers of an answer that no merchant's calls were counted for."""
        limit = self._calls_max or _LIMIT_UNSET
        return self._headers(limit, limit - 1, 0)

    def _headers(self, limit: int, remaining: int, wait: int) -> tuple[Header, ...]:
        return _written(limit, remaining, int(self._now().timestamp()) + wait)


@lru_cache(maxsize=64)
def _written(limit: int, remaining: int, retry_at: int) -> tuple[Header, ...]:
    # Unlimited, they are the same for a whole second.
    return (
        (b"x-rate-limit-limit", str(limit).encode()),
        (b"x-rate-limit-remaining", str(remaining).encode()),
        (b"x-rate-limit-retry", str(retry_at).encode()),
    )
