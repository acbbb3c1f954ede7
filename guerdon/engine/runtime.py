"""The things the engine is given: connections, the clock, randomness, the outside world."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.subscription import FailureRule
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.ports import (
    Courier,
    Directory,
    Fulfiller,
    InboxReader,
    PoolMinter,
    Prober,
    Publisher,
)
from guerdon.engine.sealing import Seal
from guerdon.store.connection import Pool


def utc_now() -> datetime:
    """Give the time, in whole milliseconds: what the dialects show is then what is stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class RandomBits:
    """The operating system's randomness, fetched a page at a time."""

    __slots__ = ("_at", "_page")

    def __init__(self) -> None:
        self._page = b""
        self._at = 0

    def __call__(self) -> int:
        if self._at >= len(self._page):
            self._page = os.urandom(4096)
            self._at = 0
        taken = self._page[self._at : self._at + 16]
        self._at += 16
        return int.from_bytes(taken, "big")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Handed to every act. A test gives its own clock and its own randomness.

    `lanes` is how many batches of one merchant a process has under way at once: while one is being
    written, the next one loads. Another lane opens only once `lane_opens_at` commands wait: fewer
    are better served together by the one that is busy. `batch_size` bounds a batch, `waiting_max`
    a merchant's queue.
    `readers` read the inbox, by the platform that messages come from.
    `couriers` are by the kind of destination: a platform's name, or 'webhook'. `failure_rules`, by
    dialect, say what becomes of webhooks that fail.
    `fulfil_seconds` is how long a caller may be kept waiting for a platform to hand over.
    `queue_delay_seconds` is how long a queued redemption waits at least.
    `goes_unlocked`: redemptions are tried without locks first.
    Without a `seal` no act that must keep a secret can be carried out."""

    pool: Pool
    now: Callable[[], datetime] = utc_now
    bits: Callable[[], int] = field(default_factory=RandomBits)
    fulfillers: Mapping[FulfilBy, Fulfiller] = field(default_factory=dict)
    couriers: Mapping[str, Courier] = field(default_factory=dict)
    failure_rules: Mapping[str, FailureRule] = field(default_factory=dict)
    directory: Directory | None = None
    readers: Mapping[str, InboxReader] = field(default_factory=dict)
    minters: Mapping[FulfilBy, PoolMinter] = field(default_factory=dict)
    probers: Mapping[FulfilBy, Prober] = field(default_factory=dict)
    publisher: Publisher | None = None
    seal: Seal | None = None
    webhook_urls: UrlRules = field(default_factory=UrlRules)
    fulfil_seconds: float = 8.0
    queue_delay_seconds: float = 0.0
    goes_unlocked: bool = True
    lanes: int = 2
    lane_opens_at: int = 64
    batch_size: int = 256
    waiting_max: int = 20_000
