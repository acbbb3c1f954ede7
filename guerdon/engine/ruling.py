"""From what a courier says of a letter to how its delivery stands."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    DeliveryStatus,
    Dropped,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.domain.ids import DeliveryId, MemberId
from guerdon.engine.claiming import Claimed
from guerdon.engine.retrying import ATTEMPTS_MAX, retry_seconds
from guerdon.store.deliveries import Ruling

_ERROR_CHARACTERS_MAX = 500


def rule(
    claimed: Sequence[Claimed],
    verdicts: Mapping[DeliveryId, Verdict | None],
    now: datetime,
    bits: Callable[[], int],
    put_off_seconds: float = 0.0,
) -> list[Ruling]:
    """Give how each of these shall stand. They come in order.

    One without a verdict was not tried. It waits as long as the member's letter before it, or is
    put off by so much."""
    rulings = []
    waits: dict[MemberId, datetime] = {}
    put_off = now + timedelta(seconds=put_off_seconds) if put_off_seconds else None
    for each in claimed:
        verdict = verdicts.get(each.id)
        if verdict is None:
            ruling = Ruling(
                id=each.id,
                attempt=each.attempt,
                status="waiting",
                attempts_after=each.attempt - 1,
                next_at=waits.get(each.member_id, put_off),
            )
        else:
            ruling = _ruling(each, verdict, now, bits)
            if ruling.next_at is not None:
                waits[each.member_id] = ruling.next_at
        rulings.append(ruling)
    return rulings


def _ruling(claimed: Claimed, verdict: Verdict, now: datetime, bits: Callable[[], int]) -> Ruling:
    match verdict:
        case Delivered():
            return _closed(claimed, "delivered", None)
        case Skipped(reason):
            return _closed(claimed, "skipped", reason)
        case Dropped(reason):
            return _closed(claimed, "dead", reason)
        case Uncertain(reason):
            return _closed(claimed, "uncertain", reason)
        case Deferred(reason, after_seconds):
            if claimed.attempt >= ATTEMPTS_MAX:
                return _closed(
                    claimed, "dead", f"{reason}, at the last of {claimed.attempt} attempts"
                )
            wait = retry_seconds(claimed.attempt, bits(), after_seconds)
            return Ruling(
                id=claimed.id,
                attempt=claimed.attempt,
                status="waiting",
                attempts_after=claimed.attempt,
                next_at=now + timedelta(seconds=wait),
                error=_shortened(reason),
            )
        case _:
            assert_never(verdict)


def _closed(claimed: Claimed, status: DeliveryStatus, reason: str | None) -> Ruling:
    return Ruling(
        id=claimed.id,
        attempt=claimed.attempt,
        status=status,
        attempts_after=claimed.attempt,
        error=None if reason is None else _shortened(reason),
    )


def _shortened(reason: str) -> str:
    """Fit a reason for its column. PostgreSQL has no place for a zero in a text."""
    return reason[:_ERROR_CHARACTERS_MAX].replace("\0", "")
