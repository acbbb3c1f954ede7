"""Letters to Omnisend. It would act on a repeated live event once more, so that a letter whose
answer was lost is uncertain, unless the merchant wants one repetition."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from guerdon.adapters.omnisend import wire
from guerdon.adapters.omnisend.client import OmnisendClient
from guerdon.adapters.omnisend.translate import event_to_wire
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
from guerdon.http.calling import Answer, AnswerLost, Caller, NotSent, words_to_keep
from guerdon.http.pacing import Pacer, Window, patient_seconds

# A brand may make 400 calls in a sliding minute. Kept as 20 in three seconds, which is never more,
# and has a letter wait for a few seconds at most.
_WINDOWS = (Window(20, 3.0),)
_WAIT_SECONDS_MAX = 4.0
_AT_ONCE = 8
_BEGUN_WITHIN_SECONDS = 25.0
# After a refusal for too many calls that does not say for how long.
_REST_SECONDS = 3.0
# What the vendor says of itself: it has not acted. Any other 5xx is the word of a gateway, which
# does not know.
_NOT_DONE = frozenset((408, 429, 500, 503))


class OmnisendCourier:
    """Carries letters to Omnisend, an event each."""

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
        self._client = OmnisendClient(caller)
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
            reason = "Omnisend asked to be left alone"
            return Deferred(reason, patient_seconds(wait, letter.attempt))
        await self._sleep(wait)
        try:
            answer = await self._client.send_event(connected, event)
        except NotSent as failed:
            return Deferred(f"Omnisend: {failed.reason}")
        except AnswerLost as failed:
            return _unknown(f"Omnisend: {failed.reason}", connected, letter)
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
    problem = wire.read_problem(answer.body)
    reason = f"Omnisend answered {status}"
    if status in _NOT_DONE:
        asked = answer.retry_after_seconds()
        return Deferred(reason, problem.retry_after_seconds() if asked is None else asked)
    if status >= 500:
        return _unknown(reason, connected, letter)
    said = [words_to_keep(each.field, each.code) for each in problem.errors[:5]]
    return Dropped(" ".join([reason, *said]).strip())


def _unknown(reason: str, connected: Connected, letter: Letter) -> Verdict:
    """The event may have been taken. Only a first attempt is ever repeated, so that nobody hears
    of one thing more than twice."""
    if connected.definition.get("retry_uncertain") == "true" and letter.attempt == 1:
        return Deferred(reason)
    return Uncertain(reason)
