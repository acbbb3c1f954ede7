"""Acting on what platforms told us, each message until it is done or has failed too often."""

import asyncio
import traceback
from collections.abc import Sequence
from datetime import timedelta

import structlog
from msgspec import Struct

from guerdon.domain.errors import GuerdonError
from guerdon.domain.ids import MerchantId
from guerdon.domain.incoming import (
    CustomerSeen,
    DisclosureAsked,
    ErasureAsked,
    InboxEvent,
    Incoming,
    PlatformLeft,
    ShopErasureAsked,
    subject_of,
)
from guerdon.domain.order import OrderSeen, RefundSeen
from guerdon.engine.disclosing import note_request
from guerdon.engine.disconnecting import disconnect, is_connected
from guerdon.engine.erasing import erase_all, erase_customer
from guerdon.engine.following import follow_customer
from guerdon.engine.ordering import follow_order
from guerdon.engine.portions import Portion
from guerdon.engine.ports import TryLater, Unreadable
from guerdon.engine.submitting import Ledger
from guerdon.store import inbox_events
from guerdon.store.inbox_events import Settled
from guerdon.store.transaction import transaction

LEASE = timedelta(minutes=5)
# The last try comes some ten hours after the first.
ATTEMPTS_MAX = 16
_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(hours=1)
_AT_ONCE_MAX = 8
# A shop may have more members than can be erased within a lease; and others' messages wait.
ERASING_SECONDS = 20.0
_ERROR_LENGTH_MAX = 300

_log = structlog.get_logger(__name__)


class _Read(Struct):
    event: InboxEvent
    news: Sequence[Incoming]


class _NotOver(Exception):
    """A part is done; the rest is for another turn."""


async def act_on_inbox(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Act on at most so many messages, those about one thing in the order in which they happened.

    Every act is the same twice as once, so that a worker that dies leaves nothing half done: when
    its lease is over, another one begins anew."""
    runtime = ledger.runtime
    now = runtime.now()
    async with transaction(runtime.pool) as tx:
        events = await inbox_events.claim_inbox_events(tx, merchant_id, now, limit, now + LEASE)
    if not events:
        return Portion(0, has_more=False)
    settled: list[Settled] = []
    subjects: dict[str, list[_Read]] = {}
    for event in sorted(events, key=lambda each: (each.triggered_at or each.received_at, each.id)):
        try:
            news = _read(ledger, event)
        except Unreadable as error:
            settled.append(_dead(ledger, event, str(error)))
            continue
        except Exception as error:  # noqa: BLE001 -- one that nobody foresaw must not stop the rest
            settled.append(_failed(ledger, event, error))
            continue
        subject = subject_of(news[0]) if news else f"message {event.id}"
        subjects.setdefault(subject, []).append(_Read(event, news))
    gate = asyncio.Semaphore(_AT_ONCE_MAX)

    async def act_in_turn(reads: list[_Read]) -> list[Settled]:
        async with gate:
            return [await _act(ledger, merchant_id, each) for each in reads]

    for some in await asyncio.gather(*(act_in_turn(reads) for reads in subjects.values())):
        settled.extend(some)
    async with transaction(runtime.pool) as tx:
        await inbox_events.settle_inbox_events(tx, merchant_id, runtime.now(), settled)
    done = sum(each.status != "waiting" for each in settled)
    return Portion(done, has_more=done > 0 and len(events) == limit)


def _read(ledger: Ledger, event: InboxEvent) -> Sequence[Incoming]:
    reader = ledger.runtime.readers.get(event.source)
    if reader is None:
        message = f"nobody here reads messages of {event.source}"
        raise Unreadable(message)
    return reader.read(event.topic, event.body, event.received_at)


async def _act(ledger: Ledger, merchant_id: MerchantId, read: _Read) -> Settled:
    event = read.event
    try:
        has_acted = False
        for news in read.news:
            has_acted = await _act_on(ledger, merchant_id, event, news) or has_acted
    except _NotOver:
        # However many turns it takes, none of them failed.
        return Settled(event.id, "waiting", ledger.runtime.now() + _FIRST_WAIT)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other messages have their turn
        return _failed(ledger, event, error)
    return Settled(event.id, "done" if has_acted else "ignored", event.next_at)


def _failed(ledger: Ledger, event: InboxEvent, error: Exception) -> Settled:
    """Try again later, unless that was done too often. Of a foreign exception only its kind is
    kept: its text may hold what the message said, and so may a traceback."""
    known = isinstance(error, GuerdonError | TryLater)
    said = f"{type(error).__name__}: {error}" if known else type(error).__name__
    if event.attempts >= ATTEMPTS_MAX:
        return _dead(ledger, event, said)
    place = _place_of(error)
    _log.warning("inbox_act_failed", inbox_id=event.id, topic=event.topic, error=said, at=place)
    wait = min(_FIRST_WAIT * 2 ** min(event.attempts - 1, 16), _LONGEST_WAIT)
    return Settled(event.id, "waiting", ledger.runtime.now() + wait, said[:_ERROR_LENGTH_MAX])


def _place_of(error: Exception) -> str:
    """Name the line that raised: without what stood in its variables."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"


def _dead(ledger: Ledger, event: InboxEvent, reason: str) -> Settled:
    _log.error("inbox_dead", inbox_id=event.id, topic=event.topic, reason=reason)
    return Settled(event.id, "dead", ledger.runtime.now(), reason[:_ERROR_LENGTH_MAX])


async def _act_on(
    ledger: Ledger, merchant_id: MerchantId, event: InboxEvent, news: Incoming
) -> bool:
    match news:
        case OrderSeen() | RefundSeen():
            return await follow_order(ledger, merchant_id, event.source, news)
        case CustomerSeen():
            return await follow_customer(ledger, merchant_id, event.source, news)
        case DisclosureAsked():
            return await note_request(
                ledger.runtime, merchant_id, event.source, news, event.received_at
            )
        case ErasureAsked():
            await erase_customer(
                ledger,
                merchant_id,
                event.source,
                external_id=news.external_id,
                email=news.email,
                inbox_id=event.id,
            )
            return True
        case PlatformLeft():
            return await disconnect(ledger, merchant_id, event)
        case ShopErasureAsked():
            if await is_connected(ledger, merchant_id, event.source):
                # The shop came back before the platform asked us to forget it.
                return False
            is_over = await erase_all(
                ledger,
                merchant_id,
                event.source,
                inbox_id=event.id,
                seconds_max=ERASING_SECONDS,
            )
            if not is_over:
                raise _NotOver
            return True
