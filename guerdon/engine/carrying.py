"""Carrying letters one call each: members side by side, each member's in order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog

from guerdon.domain.delivery import Deferred, Letter, Uncertain, Verdict
from guerdon.domain.ids import MemberId

_log = structlog.get_logger(__name__)

Send = Callable[[Letter], Awaitable[Verdict]]


async def one_by_one(
    send: Send,
    letters: Sequence[Letter],
    *,
    at_once: int,
    repeats_safely: bool = False,
    seconds_max: float | None = None,
) -> list[Verdict | None]:
    """Send each letter by a call of its own, at most `at_once` at a time; give verdicts in order.

    The letters of one member follow each other; after one that was Deferred the member's later
    ones are left alone (None). `send` ought not to raise: a letter of which it does is Deferred
    where a repetition is safe, else Uncertain, and the other letters go on. No letter is begun
    once `seconds_max` are over, so that a courier can end within its lease with all that it
    learned."""
    verdicts: list[Verdict | None] = [None] * len(letters)
    clock = asyncio.get_running_loop().time
    ends_at = None if seconds_max is None else clock() + seconds_max
    members = iter(_places_by_member(letters))

    async def carry_members() -> None:
        for places in members:
            for place in places:
                if ends_at is not None and clock() >= ends_at:
                    return
                verdict = await _sent(send, letters[place], repeats_safely=repeats_safely)
                verdicts[place] = verdict
                if isinstance(verdict, Deferred):
                    break

    async with asyncio.TaskGroup() as carriers:
        for _ in range(min(at_once, len(letters))):
            carriers.create_task(carry_members())
    return verdicts


def _places_by_member(letters: Sequence[Letter]) -> Iterator[list[int]]:
    places: dict[MemberId, list[int]] = {}
    for place, letter in enumerate(letters):
        places.setdefault(letter.event.member_id, []).append(place)
    return iter(places.values())


async def _sent(send: Send, letter: Letter, *, repeats_safely: bool) -> Verdict:
    try:
        return await send(letter)
    except Exception as error:  # noqa: BLE001 -- one letter's mishap is not the others'
        reason = f"the courier failed: {type(error).__name__}"
        _log.exception("courier_failed", delivery_id=letter.delivery_id)
        return Deferred(reason) if repeats_safely else Uncertain(reason)
