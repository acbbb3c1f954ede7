"""Dispatching: events handed on and letters carried, many merchants and destinations at once."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from guerdon.domain.ids import MerchantId
from guerdon.engine.addressing import hand_on
from guerdon.engine.delivering import LETTERS_MAX, deliver
from guerdon.engine.submitting import Ledger
from guerdon.store.outbox_cursors import list_due_destinations, list_merchants_behind
from guerdon.store.snapshot import snapshot
from guerdon.worker.retry import Patience

# Events handed on in one transaction.
_EVENTS_MAX = 5000
_HANDING_ON_MAX = 8
# Claims under way at once, to one destination and in all. One slow letter keeps its claim to the
# end, so that there is more than one.
_LANES_MAX = 3
_CARRIES_MAX = 200
# A destination that takes nothing is asked with so few letters at a time, and left alone for so
# long at most: the others' letters behind them would only use up their attempts.
_PROBE_LETTERS = 8
_PATIENCE_SECONDS_MAX = 5.0
# It is looked for work so often, and for no more than a tenth of the time.
_LOOK_SECONDS = 0.1
_LOOK_SHARE = 10
# One look that took long, as where the machine or the database stood still, is no reason to go on
# standing still.
_PAUSE_SECONDS_MAX = 5.0
# Less than the worker itself is given.
_STOP_SECONDS = 8.0

_log: FilteringBoundLogger = structlog.get_logger("guerdon.worker")


class Key(Struct, frozen=True, order=True):
    """A destination of a merchant."""

    merchant_id: MerchantId
    destination: str


class Dispatch:
    """Looks where there is work, by two statements for all merchants, and has it done side by side.

    No destination waits for another, nor for the handing on of events, and a failing one only for
    itself. Several workers may dispatch at once."""

    def __init__(self, ledger: Ledger, stop: asyncio.Event) -> None:
        self._ledger = ledger
        self._stop = stop
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handing_on: set[MerchantId] = set()
        # With whom the next look begins.
        self._next_behind = Key(MerchantId(0), "")
        self._next_due = Key(MerchantId(0), "")
        self._lanes: Counter[Key] = Counter()
        self._letters: dict[Key, int] = {}
        self._patience = Patience()
        self._down = Patience(_PATIENCE_SECONDS_MAX)

    async def run(self) -> None:
        """Dispatch until told to stop, then let what is under way come to its end for a while."""
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while not self._stop.is_set():
                self._wake.clear()
                began = _now()
                await self._look()
                pause = _pause_after(_now() - began)
                woken = asyncio.create_task(self._wake.wait())
                await asyncio.wait(
                    (stopped, woken), timeout=pause, return_when=asyncio.FIRST_COMPLETED
                )
                woken.cancel()
        finally:
            stopped.cancel()
            await self._finish()

    async def _look(self) -> None:
        if not self._patience.may_try("look", _now()):
            return
        try:
            async with snapshot(self._ledger.runtime.pool) as view:
                behind = await list_merchants_behind(view)
                due = await list_due_destinations(view, self._ledger.runtime.now())
        except Exception:  # noqa: BLE001 -- the loop outlives whatever it is
            wait = self._patience.failed("look", _now())
            _log.warning("outbox out of reach", retry_seconds=wait, exc_info=True)
            return
        self._patience.succeeded("look")
        # Whoever had no place the last time comes first, or the busiest of the first merchants
        # would leave none for those behind them.
        for key in _from([Key(each, "") for each in behind], self._next_behind):
            if not self._begin_handing_on(key.merchant_id):
                self._next_behind = key
                break
        for key in _from([Key(*each) for each in due], self._next_due):
            if not self._begin_carrying(key):
                self._next_due = key
                break

    def _begin_handing_on(self, merchant_id: MerchantId) -> bool:
        """Hand on, unless that is under way or has to wait; say False where no place is left."""
        if merchant_id in self._handing_on or not self._patience.may_try(merchant_id, _now()):
            return True
        if len(self._handing_on) >= _HANDING_ON_MAX:
            return False
        self._handing_on.add(merchant_id)
        self._start(self._hand_on(merchant_id))
        return True

    def _begin_carrying(self, key: Key) -> bool:
        """Carry, unless that is under way or has to wait; say False where no place is left."""
        now = _now()
        lanes_max = 1 if self._letters.get(key, LETTERS_MAX) < LETTERS_MAX else _LANES_MAX
        if self._lanes[key] >= lanes_max:
            return True
        if not (self._patience.may_try(key, now) and self._down.may_try(key, now)):
            return True
        if self._lanes.total() >= _CARRIES_MAX:
            return False
        self._lanes[key] += 1
        self._start(self._carry(key))
        return True

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_on(self, merchant_id: MerchantId) -> None:
        try:
            while not self._stop.is_set():
                portion = await hand_on(self._ledger, merchant_id, _EVENTS_MAX)
                if portion.done:
                    self._wake.set()
                if not portion.has_more:
                    break
        except Exception:  # noqa: BLE001 -- the other merchants must have their turn
            wait = self._patience.failed(merchant_id, _now())
            _log.warning(
                "events not handed on", merchant_id=merchant_id, retry_seconds=wait, exc_info=True
            )
        else:
            self._patience.succeeded(merchant_id)
        finally:
            self._handing_on.discard(merchant_id)

    async def _carry(self, key: Key) -> None:
        try:
            while not self._stop.is_set() and await self._carry_once(key):
                pass
        except Exception:  # noqa: BLE001 -- the other destinations must have their turn
            wait = self._patience.failed(key, _now())
            _log.warning(
                "delivering failed",
                merchant_id=key.merchant_id,
                destination=key.destination,
                retry_seconds=wait,
                exc_info=True,
            )
        else:
            self._patience.succeeded(key)
        finally:
            self._lanes[key] -= 1
            if not self._lanes[key]:
                del self._lanes[key]

    async def _carry_once(self, key: Key) -> bool:
        """Carry one claim; say whether to go on at once."""
        limit = self._letters.get(key, LETTERS_MAX)
        done = await deliver(self._ledger, key.merchant_id, key.destination, limit)
        if done.is_down:
            self._letters[key] = _PROBE_LETTERS
            self._down.failed(key, _now())
            return False
        if done.delivered:
            self._down.succeeded(key)
            if limit < LETTERS_MAX:
                self._letters[key] = limit * 2
                if limit * 2 >= LETTERS_MAX:
                    del self._letters[key]
        return done.has_more

    async def _finish(self) -> None:
        """Wait for what is under way; what takes too long is stopped and judged as lost."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _from(keys: Sequence[Key], first: Key) -> list[Key]:
    """Sort keys in a ring that begins with `first`, or what comes after it."""
    ring = sorted(keys)
    place = bisect_left(ring, first)
    return ring[place:] + ring[:place]


def _pause_after(look_seconds: float) -> float:
    """Give the wait until the next look, after one that took so long."""
    return min(max(_LOOK_SECONDS, look_seconds * _LOOK_SHARE), _PAUSE_SECONDS_MAX)


def _now() -> float:
    return asyncio.get_running_loop().time()
