"""Letters to Klaviyo. It knows an event that it was told of before, so a letter may go again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from guerdon.adapters.klaviyo import wire
from guerdon.adapters.klaviyo.client import KlaviyoClient
from guerdon.adapters.klaviyo.translate import event_to_wire
from guerdon.domain.announcement import ANNOUNCED
from guerdon.domain.delivery import Deferred, Delivered, Dropped, Letter, Skipped, Verdict
from guerdon.domain.event import EventKind
from guerdon.engine.carrying import one_by_one
from guerdon.engine.ports import Connected, Destination
from guerdon.http.calling import Answer, Caller, CallFailed, words_to_keep
from guerdon.http.pacing import Pacer, Window, patient_seconds

# An account may make 350 calls in a second and 3,500 in a minute. The latter is kept as 350 in six
# seconds, which is never more, and has a letter wait for a few seconds at most.
_WINDOWS = (Window(350, 6.0),)
_WAIT_SECONDS_MAX = 7.0
# Enough for the limit at a quarter of a second each.
_AT_ONCE = 16
_BEGUN_WITHIN_SECONDS = 25.0
# After a refusal for too many calls that does not say for how long.
_REST_SECONDS = 1.0


class KlaviyoCourier:
    """Carries letters to Klaviyo, an event each."""

    repeats_safely = True
    # The last letter begins, waits for its place and has the time of a call.
    lease_seconds = 60.0

    def __init__(
        self,
        caller: Caller,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = KlaviyoClient(caller)
        self._pacer = Pacer(*_WINDOWS, clock=clock)
        self._sleep = sleep

    def wants(self, destination: Destination, kind: EventKind) -> bool:  # noqa: ARG002 -- the port's
        return kind in ANNOUNCED

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> list[Verdict | None]:
        connected = destination.connected
        assert connected is not None, "letters to a platform come with its connection"
        return await one_by_one(
            partial(self._send, connected),
            letters,
            at_once=_AT_ONCE,
            repeats_safely=self.repeats_safely,
            seconds_max=_BEGUN_WITHIN_SECONDS,
        )

    async def _send(self, connected: Connected, letter: Letter) -> Verdict:
        event = event_to_wire(letter)
        if isinstance(event, Skipped):
            return event
        account = connected.merchant_id
        wait = self._pacer.take(account, _WAIT_SECONDS_MAX)
        if wait > _WAIT_SECONDS_MAX:
            reason = "Klaviyo asked to be left alone"
            return Deferred(reason, patient_seconds(wait, letter.attempt))
        await self._sleep(wait)
        try:
            answer = await self._client.create_event(connected, event)
        except CallFailed as failed:
            return Deferred(f"Klaviyo: {failed.reason}")
        verdict = verdict_of(answer)
        if not isinstance(verdict, Deferred):
            return verdict
        asked = verdict.after_seconds
        if asked is not None or answer.status == 429:
            self._pacer.rest(account, asked or _REST_SECONDS)
        return Deferred(verdict.reason, patient_seconds(asked, letter.attempt))


def verdict_of(answer: Answer) -> Verdict:
    """Judge an answer."""
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    if status in (408, 429) or status >= 500:
        return Deferred(f"Klaviyo answered {status}", answer.retry_after_seconds())
    said = [
        words_to_keep(problem.code, problem.source and problem.source.pointer)
        for problem in wire.read_problems(answer.body)
    ]
    return Dropped(" ".join([f"Klaviyo answered {status}", *said[:5]]).strip())
