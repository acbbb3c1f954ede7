"""Waits until nothing is left to do, letting time pass wherever somebody waits for it."""

import asyncio
from datetime import datetime

import asyncpg
from msgspec import Struct

from tests.chaos.town import FULFIL_SECONDS, SECONDS_MAX, Town

# What nobody moved for so long waits for the clock.
_STILL_SECONDS = 0.15
# What waits behind something else is looked at every few seconds; time then passes in ever longer
# steps, up to these.
_STEP_SECONDS = 4.0
_STEP_SECONDS_MAX = 120.0
_LOOK_SECONDS = 0.05
# When a worker takes over what a dead process began.
_ORPHANED_SECONDS = FULFIL_SECONDS + 7

_OPEN = f"""
WITH open AS (
    SELECT 'redemption' AS what, r.merchant_id, r.id,
           r.updated_at + interval '{_ORPHANED_SECONDS} s' AS due_at, r.updated_at AS mark
    FROM redemptions r
    WHERE r.status = 'pending' AND NOT EXISTS (SELECT 1 FROM fulfilments f
        WHERE f.merchant_id = r.merchant_id AND f.redemption_id = r.id AND f.is_open)
    UNION ALL
    SELECT 'fulfilment', merchant_id, redemption_id, greatest(next_at, leased_until), updated_at
    FROM fulfilments WHERE is_open
    UNION ALL
    SELECT 'delivery ' || destination, merchant_id, id, greatest(next_at, leased_until), updated_at
    FROM deliveries WHERE is_open
    UNION ALL
    SELECT 'message', merchant_id, id, greatest(next_at, leased_until), updated_at
    FROM inbox_events WHERE is_open
    UNION ALL
    SELECT 'event', e.merchant_id, e.id, e.created_at, e.created_at
    FROM events e LEFT JOIN outbox_cursors c ON c.merchant_id = e.merchant_id
    WHERE e.id > coalesce(c.last_event_id, 0)
)
SELECT what, merchant_id, id, due_at, mark FROM open ORDER BY due_at, what, merchant_id, id
"""  # noqa: S608 -- our own number


class Left(Struct, frozen=True):
    """Something that is left to do, and when."""

    what: str
    merchant_id: int
    id: int
    due_at: datetime
    mark: datetime


async def list_left(pool: asyncpg.Pool) -> list[Left]:
    """List what is left to do, the first due first."""
    return [Left(*row) for row in await pool.fetch(_OPEN)]


async def until_quiet(town: Town, pool: asyncpg.Pool, *, only: str = "") -> None:
    """Let time pass until all is done, or all whose name begins with `only`. It passes only while
    the outside world has no call in hand that may yet act: that takes its real time."""
    loop = asyncio.get_running_loop()
    seen: list[Left] = []
    step = _STEP_SECONDS
    since = moved_at = loop.time()
    while True:
        left = [each for each in await list_left(pool) if each.what.startswith(only)]
        is_busy = town.counting.in_hand > 0
        if not left and not is_busy:
            return
        if left != seen or is_busy:
            if len(left) != len(seen):
                step, moved_at = _STEP_SECONDS, loop.time()
            seen, since = left, loop.time()
        elif loop.time() - since >= _STILL_SECONDS and left:
            ahead = (left[0].due_at - town.clock()).total_seconds()
            if ahead > 0:
                town.clock.advance(max(ahead + 0.1, step))
                step = min(step * 2, _STEP_SECONDS_MAX)
        assert loop.time() < moved_at + SECONDS_MAX, f"nothing moves any more: {left[:5]}"
        await asyncio.sleep(_LOOK_SECONDS)
