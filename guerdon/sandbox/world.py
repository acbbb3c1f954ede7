"""Everything the sandbox knows: shops, what the marketing tools and receivers were sent, calls."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from guerdon.sandbox.exchange import Fields
from guerdon.sandbox.faults import FaultList
from guerdon.sandbox.shopify.shop import Shop
from guerdon.sandbox.shopify.throttle import GENEROUS, Bucket, Rate

_CALLS_KEPT_MAX = 20_000
_FIRST_ID = 1_000_000_000_000
_IDS_PER_SHOP = 1_000_000_000


class Options(Struct, frozen=True, kw_only=True):
    """How a world behaves. `seed` moves the ids it gives; `bulk_seconds` is how long codes in bulk
    are on their way, `token_seconds` how long a token from client credentials lives."""

    seed: int = 0
    strict_customers: bool = False
    rate: Rate = GENEROUS
    bulk_seconds: float = 0.2
    token_seconds: int = 86_399


class Hook(Struct):
    """How one receiver's deliveries are signed; without a form nothing is verified."""

    form: str
    secret: str


class World:
    """One world. `POST /_control/reset` makes it new."""

    def __init__(self, now: Callable[[], datetime], options: Options) -> None:
        self.now = now
        self.options = options
        self.faults = FaultList()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the options."""
        self.faults.clear()
        self.shops: dict[str, Shop] = {}
        self.buckets: dict[tuple[str, str], Bucket] = {}
        self.tokens: dict[str, datetime] = {}
        self.events: dict[str, list[Fields]] = {"klaviyo": [], "omnisend": [], "postscript": []}
        # Klaviyo's, by their id, metric and profile.
        self.known_events: dict[tuple[str, str, str], Fields] = {}
        self.hooks: dict[str, Hook] = {}
        self.deliveries: dict[str, list[Fields]] = {}
        self.calls: list[Fields] = []
        self._next_id = _FIRST_ID + self.options.seed * _IDS_PER_SHOP * 1000

    def shop(self, domain: str) -> Shop:
        """Give a shop, which is there as soon as somebody calls it."""
        found = self.shops.get(domain)
        if found is None:
            found = self.shops[domain] = Shop(
                domain,
                now=self.now,
                first_id=self._next_id,
                strict_customers=self.options.strict_customers,
                bulk_seconds=self.options.bulk_seconds,
            )
            self._next_id += _IDS_PER_SHOP
        return found

    def bucket(self, domain: str, token: str) -> Bucket:
        """Give the bucket of one app in one shop."""
        key = (domain, token)
        if key not in self.buckets:
            self.buckets[key] = Bucket(self.options.rate, self.now)
        return self.buckets[key]

    def take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def note_call(self, service: str, name: str, fault: str | None, detail: str) -> None:
        """Keep a line on a call; of very many only the latest."""
        line = {
            "service": service,
            "name": name,
            "detail": detail,
            "at": self.stamp(),
            "fault": fault,
        }
        self.calls.append(line)
        if len(self.calls) > _CALLS_KEPT_MAX:
            del self.calls[: _CALLS_KEPT_MAX // 2]

    def stamp(self) -> str:
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
