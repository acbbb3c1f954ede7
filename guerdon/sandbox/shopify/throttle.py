"""The leaky bucket of cost points that each app has in each shop."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from guerdon.sandbox.shopify.failures import Fields

_DOCUMENTATION = "https://shopify.dev/api/usage/rate-limits"


class Rate(Struct, frozen=True):
    """How much a bucket holds, and how much comes back in a second."""

    maximum: float
    restored: float


# What a development shop was seen to have, and what hinders no test.
REAL = Rate(maximum=2000.0, restored=100.0)
GENEROUS = Rate(maximum=1_000_000.0, restored=500_000.0)


class Bucket:
    """One app's points in one shop."""

    def __init__(self, rate: Rate, now: Callable[[], datetime]) -> None:
        self._rate = rate
        self._now = now
        self._left = rate.maximum
        self._at = now()

    @property
    def rate(self) -> Rate:
        return self._rate

    def takes(self, cost: float) -> bool:
        """Take points out, unless there are too few."""
        self._refill()
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def give_back(self, points: float) -> None:
        self._left = min(self._rate.maximum, self._left + points)

    def shown(self) -> Fields:
        self._refill()
        return {
            "maximumAvailable": self._rate.maximum,
            "currentlyAvailable": int(self._left),
            "restoreRate": self._rate.restored,
        }

    def _refill(self) -> None:
        now = self._now()
        passed = max(0.0, (now - self._at).total_seconds())
        self._left = min(self._rate.maximum, self._left + passed * self._rate.restored)
        self._at = now


def cost_of(requested: int, actual: int | None, bucket: Bucket) -> Fields:
    """Write the `extensions.cost` of an answer."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": bucket.shown(),
    }


def throttled_body(requested: int, bucket: Bucket) -> Fields:
    """Write the answer to a call that there are too few points for; it was not acted on."""
    return {
        "errors": [
            {
                "message": "Throttled",
                "extensions": {"code": "THROTTLED", "documentation": _DOCUMENTATION},
            }
        ],
        "extensions": {"cost": cost_of(requested, None, bucket)},
    }
