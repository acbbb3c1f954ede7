"""Letters to Postscript. It promises nothing of repeated events, so that a letter whose answer was
lost is uncertain, unless the merchant wants one repetition."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from guerdon.adapters.postscript import wire
from guerdon.adapters.postscript.client import PostscriptClient
from guerdon.adapters.postscript.translate import event_to_wire
from guerdon.domain.announcement import ANNOUNCED
from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.domain.event import EventKind
from guerdon.engine.carrying import one_by_one
from guerdon.engine.ports import Connected, Destination
from guerdon.http.calling import Answer, AnswerLost, Caller, NotSent
from guerdon.http.pacing import Pacer, Window, patient_seconds

# A key may make 15 calls in a second.
_WINDOWS = (Window(15, 1.0),)
_WAIT_SECONDS_MAX = 2.0
_AT_ONCE = 8
_BEGUN_WITHIN_SECONDS = 25.0
# After a refusal for too many calls, which never says for how long.
_REST_SECONDS = 1.0
# What the vendor says of itself: it has not acted. Any other 5xx is the word of a gateway, which
# does not know.
_NOT_DONE = frozenset((408, 429, 500, 503))


class PostscriptCourier:
    """Carries letters to Postscript, an event each."""

    repeats_safely = False
    # The last letter begins, waits for its place and has the time of a call.
    lease_seconds = 60.0

    def __init__(
        self,
        caller: Caller,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = PostscriptClient(caller)
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
            reason = "Postscript asked to be left alone"
            return Deferred(reason, patient_seconds(wait, letter.attempt))
        await self._sleep(wait)
        try:
            answer = await self._client.create_event(connected, event)
        except NotSent as failed:
            return Deferred(f"Postscript: {failed.reason}")
        except AnswerLost as failed:
            return _unknown(f"Postscript: {failed.reason}", connected, letter)
        verdict = _verdict_of(answer, connected, letter)
        if not isinstance(verdict, Deferred):
            return verdict
        asked = verdict.after_seconds
        if asked is not None or answer.status == 429:
            self._pacer.rest(account, asked or _REST_SECONDS)
        return Deferred(verdict.reason, patient_seconds(asked, letter.attempt))


def _verdict_of(answer: Answer, connected: Connected, letter: Letter) -> Verdict:
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    reason = f"Postscript answered {status}"
    if status in _NOT_DONE:
        return Deferred(reason, answer.retry_after_seconds())
    if status >= 500:
        return _unknown(reason, connected, letter)
    code = wire.read_error_code(answer.body)
    return Dropped(reason if code is None else f"{reason} with its error {code}")


def _unknown(reason: str, connected: Connected, letter: Letter) -> Verdict:
    """The event may have been taken. Only a first attempt is ever repeated, so that nobody hears
    of one thing more than twice."""
    if connected.definition.get("retry_uncertain") == "true" and letter.attempt == 1:
        return Deferred(reason)
    return Uncertain(reason)
