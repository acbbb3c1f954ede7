"""The loops: groups of chores, each in its turn, merchant by merchant, and the dispatch."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress

import structlog
from structlog.typing import FilteringBoundLogger

from guerdon.domain.ids import MerchantId
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.offers import list_merchants
from guerdon.store.snapshot import snapshot
from guerdon.worker.dispatching import Dispatch
from guerdon.worker.retry import Patience
from guerdon.worker.timetable import TIMETABLE, Chore

# A merchant with a long backlog lets the others have their turn in between.
PORTIONS_PER_VISIT = 20

_log: FilteringBoundLogger = structlog.get_logger("guerdon.worker")


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM and SIGINT; what is under way is finished first."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def run(
    runtime: Runtime, stop: asyncio.Event, timetable: Sequence[Chore] = TIMETABLE
) -> None:
    """Do every chore when it is due, and dispatch events, until `stop` is set; then finish what is
    under way.

    Groups of chores go side by side. Several workers may run at once: a chore that two of them do
    is done once. Nothing that fails ends a loop; it is logged, and tried again after a while."""
    ledger = Ledger(runtime)
    groups: dict[str, list[Chore]] = {}
    for chore in timetable:
        groups.setdefault(chore.group, []).append(chore)
    _log.info("worker started", chores=[chore.name for chore in timetable])
    try:
        async with asyncio.TaskGroup() as loops:
            for chores in groups.values():
                loops.create_task(_do_in_turn(Worker(ledger, stop), stop, chores))
            if runtime.couriers:
                loops.create_task(Dispatch(ledger, stop).run())
    finally:
        await ledger.close()
        _log.info("worker stopped")


async def _do_in_turn(worker: "Worker", stop: asyncio.Event, chores: Sequence[Chore]) -> None:
    clock = asyncio.get_running_loop().time
    due_at = {chore.name: clock() for chore in chores}
    while not stop.is_set():
        for chore in chores:
            if stop.is_set() or due_at[chore.name] > clock():
                continue
            has_more = await worker.do(chore)
            due_at[chore.name] = clock() + (0 if has_more else chore.interval_seconds)
        pause = min(due_at.values()) - clock()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(pause, 0))


class Worker:
    """Goes from merchant to merchant; one that fails does not keep the others waiting."""

    def __init__(self, ledger: Ledger, stop: asyncio.Event) -> None:
        self.ledger = ledger
        self._stop = stop
        self._patience = Patience()

    async def do(self, chore: Chore) -> bool:
        """Do a chore for every merchant; say whether some of it is left to be done at once."""
        places = asyncio.Semaphore(chore.at_once)

        async def visit(merchant_id: MerchantId, slug: str) -> bool:
            async with places:
                return self._stop.is_set() or await self._visit(chore, merchant_id, slug)

        merchants = await self._merchants(chore)
        return any(await asyncio.gather(*(visit(*each) for each in merchants)))

    async def _merchants(self, chore: Chore) -> list[tuple[MerchantId, str]]:
        if not self._patience.may_try(chore.name, _now()):
            return []
        try:
            if chore.where is not None:
                merchants = [(each, str(each)) for each in await chore.where(self.ledger)]
            else:
                async with snapshot(self.ledger.runtime.pool) as view:
                    merchants = await list_merchants(view)
        except Exception:  # noqa: BLE001 -- the loop outlives whatever it is
            wait = self._patience.failed(chore.name, _now(), chore.rest_seconds_max)
            _log.warning("merchants unknown", chore=chore.name, retry_seconds=wait, exc_info=True)
            return []
        self._patience.succeeded(chore.name)
        return merchants

    async def _visit(self, chore: Chore, merchant_id: MerchantId, slug: str) -> bool:
        what = (chore.name, merchant_id)
        if not self._patience.may_try(what, _now()):
            return False
        done = 0
        has_more = True
        try:
            for _ in range(PORTIONS_PER_VISIT):
                portion = await chore.act(self.ledger, merchant_id, chore.limit)
                done += portion.done
                has_more = portion.has_more
                if not has_more or self._stop.is_set():
                    break
        except Exception:  # noqa: BLE001 -- the other merchants must have their turn
            wait = self._patience.failed(what, _now(), chore.rest_seconds_max)
            _log.warning(
                "chore failed", chore=chore.name, merchant=slug, retry_seconds=wait, exc_info=True
            )
            return False
        self._patience.succeeded(what)
        if done and not chore.is_quiet:
            _log.info("chore done", chore=chore.name, merchant=slug, done=done)
        return has_more


def _now() -> float:
    return asyncio.get_running_loop().time()
