"""The one path of everything that moves points: a queue per merchant, drained in batches."""

import asyncio
from collections import deque
from collections.abc import Sequence

from guerdon.domain.command import Command, Outcome, Submission
from guerdon.domain.errors import Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import MemberRef
from guerdon.engine.batching import Batches
from guerdon.engine.cataloguing import Catalogues
from guerdon.engine.connections import Connections
from guerdon.engine.runtime import Runtime


class Queue:
    """What waits for a merchant's next batch, how many of its batches are under way, and whom those
    name: another batch that named them too would only wait for their wallets."""

    __slots__ = ("busy", "lanes_busy", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[Submission, asyncio.Future[Outcome]]] = deque()
        self.lanes_busy = 0
        self.busy: set[MemberRef] = set()


class Ledger:
    """Takes commands and gives each its outcome once it is committed.

    Batching is natural: a batch is whatever arrived while the last ones were being written, so a
    lone command never waits for company."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.catalogues = Catalogues(runtime.pool)
        self.connections = Connections(runtime.pool, runtime.seal)
        self._batches = Batches(runtime, self.catalogues)
        self._queues: dict[MerchantId, Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(
        self,
        merchant_id: MerchantId,
        command: Command,
        *,
        key: str | None = None,
        fingerprint: bytes = b"",
    ) -> Outcome:
        """Carry out a command exactly once and give what came of it.

        With a `key`, the same request (by `fingerprint`) gets the first one's stored answer, and
        another request under that key is refused. Raises Unavailable where nothing was changed,
        OutcomeUnknown where that could not be found out."""
        queue = self._queues.get(merchant_id)
        if queue is None:
            queue = self._queues[merchant_id] = Queue()
        if len(queue.waiting) >= self.runtime.waiting_max:
            raise Unavailable("too many commands are waiting; nothing was changed")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queue.waiting.append((Submission(command, key, fingerprint), future))
        if self._opens_a_lane(queue):
            queue.lanes_busy += 1
            task = asyncio.create_task(self._drain(merchant_id, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    def _opens_a_lane(self, queue: Queue) -> bool:
        if queue.lanes_busy == 0:
            return True
        runtime = self.runtime
        return queue.lanes_busy < runtime.lanes and len(queue.waiting) >= runtime.lane_opens_at

    async def close(self) -> None:
        """Wait until everything submitted has its outcome."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _drain(self, merchant_id: MerchantId, queue: Queue) -> None:
        try:
            while queue.waiting:
                await _let_arrived_join(queue, self.runtime.batch_size)
                batch = _next_batch(queue, self.runtime.batch_size)
                if not batch:
                    # All that waits is for those whom other lanes are busy with; they go on.
                    break
                named = _whom(batch) if self.runtime.lanes > 1 else set()
                queue.busy |= named
                try:
                    await self._run(merchant_id, batch)
                finally:
                    queue.busy -= named
        finally:
            queue.lanes_busy -= 1
            if not queue.waiting and not queue.lanes_busy:
                self._queues.pop(merchant_id, None)

    async def _run(
        self,
        merchant_id: MerchantId,
        batch: Sequence[tuple[Submission, "asyncio.Future[Outcome]"]],
    ) -> None:
        try:
            outcomes = await self._batches.run(merchant_id, [submission for submission, _ in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, each caller must hear of it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


async def _let_arrived_join(queue: Queue, size: int) -> None:
    """Let requests that are in this process already, but not yet read, join the batch.

    A turn of the event loop reads what has come, the next one lets it be submitted; this goes on
    for as long as more comes. Without it, the first answered caller's next request would be a batch
    of its own, at the cost of a whole one."""
    seen = 0
    while seen < len(queue.waiting) < size:
        seen = len(queue.waiting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _next_batch(queue: Queue, size: int) -> list[tuple[Submission, "asyncio.Future[Outcome]"]]:
    """Take what waits, but for what nobody waits for any more, and for what names somebody whom
    another lane is busy with: that stays in front, in its order."""
    batch: list[tuple[Submission, asyncio.Future[Outcome]]] = []
    held_back: list[tuple[Submission, asyncio.Future[Outcome]]] = []
    busy = queue.busy
    while queue.waiting and len(batch) < size:
        waiting = queue.waiting.popleft()
        if waiting[1].done():
            continue
        if busy and _member_of(waiting[0]) in busy:
            held_back.append(waiting)
        else:
            batch.append(waiting)
    queue.waiting.extendleft(reversed(held_back))
    return batch


def _member_of(submission: Submission) -> MemberRef | None:
    ref: MemberRef | None = getattr(submission.command, "member", None)
    return ref


def _whom(batch: Sequence[tuple[Submission, "asyncio.Future[Outcome]"]]) -> set[MemberRef]:
    """Give those whom a batch names; nobody counts as busy by a command that names no one."""
    return {ref for submission, _ in batch if (ref := _member_of(submission)) is not None}
