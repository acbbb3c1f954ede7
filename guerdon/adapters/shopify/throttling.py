"""Shopify's bucket of points as known here, so that a call waits instead of being thrown out."""

import math
from collections.abc import Callable, Mapping

from msgspec import Struct

# Before the first answer: what the smallest plan has, in points and in points a second.
_MAXIMUM = 1000.0
_RATE = 100.0
_COST_UNSEEN = 20.0


class Ticket(Struct, frozen=True):
    """The points that a call took, and how long it is to wait before it is sent."""

    document: str
    cost: float
    wait_seconds: float


class Bucket:
    """The points of one shop. A call takes what it is expected to cost before it is sent.

    Takers queue up: each takes at once, even below zero, and then waits until its points would have
    flowed in, so that many at once are sent one after the other and none is starved."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._maximum = _MAXIMUM
        self._rate = _RATE
        self._available = _MAXIMUM
        self._at = clock()
        self._under_way = 0.0
        self._costs: dict[str, float] = {}

    def cost_of(self, document: str) -> float:
        """Give what a document is expected to cost: what it cost last."""
        return self._costs.get(document, _COST_UNSEEN)

    def take(self, document: str, seconds_max: float) -> Ticket | None:
        """Take a call's points. None, and nothing is taken, where it would have to wait longer
        than `seconds_max`. A ticket is to be put back or settled."""
        wait = self.wait_of(document)
        if wait > seconds_max:
            return None
        cost = self.cost_of(document)
        self._available -= cost
        self._under_way += cost
        return Ticket(document, cost, wait)

    def wait_of(self, document: str) -> float:
        """Give how long a call would have to wait if it came now."""
        self._flow()
        lacking = self.cost_of(document) - self._available
        return max(lacking / self._rate, 0.0)

    def put_back(self, ticket: Ticket) -> None:
        """Give back the points of a call that was not sent after all."""
        self._flow()
        self._available = min(self._available + ticket.cost, self._maximum)
        self._under_way = max(self._under_way - ticket.cost, 0.0)

    def settle(self, ticket: Ticket, cost: Mapping[str, object] | None) -> None:
        """Learn from an answer's `extensions.cost`, or only that the call is over."""
        self._flow()
        self._under_way = max(self._under_way - ticket.cost, 0.0)
        if cost is None:
            return
        requested = _number(cost.get("requestedQueryCost"))
        if requested is not None:
            self._costs[ticket.document] = requested
        status = cost.get("throttleStatus")
        if not isinstance(status, Mapping):
            return
        self._maximum = _number(status.get("maximumAvailable")) or self._maximum
        self._rate = _number(status.get("restoreRate")) or self._rate
        available = _number(status.get("currentlyAvailable"))
        if available is not None:
            # Shopify does not know yet of what is on its way to it.
            self._available = available - self._under_way
            self._at = self._clock()

    def _flow(self) -> None:
        now = self._clock()
        restored = max(now - self._at, 0.0) * self._rate
        self._available = min(self._available + restored, self._maximum)
        self._at = now


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
