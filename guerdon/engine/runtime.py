"""The things the engine is given: connections, the clock, randomness, the outside world."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from guerdon.domain.catalogue import FulfilBy
from guerdon.engine.ports import Fulfiller
from guerdon.store.connection import Pool


def utc_now() -> datetime:
    """Give the time, in whole milliseconds: what the dialects show is then what is stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Handed to every act. A test gives its own clock and its own randomness.

    `lanes` is how many batches of one merchant a process has under way at once: while one is being
    written, the next one loads. `batch_size` bounds a batch, `waiting_max` a merchant's queue."""

    pool: Pool
    now: Callable[[], datetime] = utc_now
    bits: Callable[[], int] = lambda: secrets.randbits(128)
    fulfillers: Mapping[FulfilBy, Fulfiller] = field(default_factory=dict)
    lanes: int = 2
    batch_size: int = 256
    waiting_max: int = 20_000
