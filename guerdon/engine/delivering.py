"""Delivering: take what is due in hand, carry it with no transaction open, write what became of it.

What is in hand is written down before the first call, so that whatever a dead worker had in hand is
found, and is sent again only where that is the same as once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.domain.ids import DeliveryId, MemberId, MerchantId
from guerdon.engine.addressing import Address, courier_of
from guerdon.engine.claiming import Claimed, claim
from guerdon.engine.judging_webhooks import record_results
from guerdon.engine.lettering import write_letters
from guerdon.engine.ports import Courier
from guerdon.engine.retrying import ATTEMPTS_MAX
from guerdon.engine.ruling import rule
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import SealError
from guerdon.engine.submitting import Ledger
from guerdon.store import deliveries
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.transaction import CommitUnknown, transaction

LETTERS_MAX = 500
# What a worker has in hand when it dies is uncertain at these destinations, so that it is little.
LETTERS_MAX_UNSAFE = 20
# Beside the carrying, a lease leaves time to read, and to write again where the database was away.
_SPARE_SECONDS = 30.0
_WOKEN_MAX = 500
# How long what cannot be sent from here at all is put off.
_PUT_OFF_SECONDS = 60.0
_WRITE_ATTEMPTS = 6
_WRITE_BACKOFF_SECONDS = 0.1
_PASSING = ("collision", "lost", "busy")

_log = structlog.get_logger(__name__)


class Round(Struct, frozen=True):
    """What one claim came to. `has_more`: as much was found as was asked for. `is_down`: nothing
    was taken by the destination, and all of it is to be tried again."""

    claimed: int = 0
    delivered: int = 0
    has_more: bool = False
    is_down: bool = False


class _Hand(Struct, frozen=True, kw_only=True):
    """What was claimed together, under one lease."""

    merchant_id: MerchantId
    destination: str
    courier: Courier
    claimed: list[Claimed]
    leased_until: datetime


Verdicts = dict[DeliveryId, Verdict | None]


async def deliver(
    ledger: Ledger, merchant_id: MerchantId, destination: str, limit: int = LETTERS_MAX
) -> Round:
    """Carry at most so many of the letters that are due at one destination.

    In order for each member; a member whose letter has to wait keeps only their own waiting. What
    raises before the first call is given back as if never taken."""
    runtime = ledger.runtime
    courier = courier_of(runtime, destination)
    if courier is None:
        return Round()
    if not courier.repeats_safely:
        limit = min(limit, LETTERS_MAX_UNSAFE)
    hand, seen = await _take(runtime, merchant_id, destination, courier, limit)
    if not hand.claimed:
        return Round(has_more=seen >= limit)
    verdicts = _judge_abandoned(hand)
    try:
        bag = await write_letters(
            ledger, merchant_id, destination, [c for c in hand.claimed if c.id not in verdicts]
        )
    except SealError as error:
        _log.error("secret_unreadable", destination=destination, error=str(error))
        await _write(runtime, hand, verdicts, put_off_seconds=_PUT_OFF_SECONDS)
        return Round(len(hand.claimed), is_down=True)
    except BaseException:
        await _write(runtime, hand, verdicts)
        raise
    if bag.address is None:
        # Gone since. What waits for it is closed when that is looked after.
        await _write(runtime, hand, verdicts, put_off_seconds=_PUT_OFF_SECONDS)
        return Round(len(hand.claimed))
    for each in hand.claimed:
        if each.id not in verdicts and each.id not in bag.letters:
            verdicts[each.id] = Skipped("the member or the event is not there any more")
    await _carry(runtime, hand, bag.address, list(bag.letters.values()), verdicts)
    await _write(runtime, hand, verdicts)
    await _record(runtime, bag.address, hand, verdicts)
    return _round_of(hand, verdicts, has_more=seen >= limit)


async def _take(
    runtime: Runtime, merchant_id: MerchantId, destination: str, courier: Courier, limit: int
) -> tuple[_Hand, int]:
    """Claim, and commit the claim; give also how many deliveries were looked at."""
    now = runtime.now()
    leased_until = now + timedelta(seconds=courier.lease_seconds + _SPARE_SECONDS)
    async with transaction(runtime.pool) as tx:
        claimed, seen = await claim(
            tx, merchant_id, destination, now, limit=limit, leased_until=leased_until
        )
    hand = _Hand(
        merchant_id=merchant_id,
        destination=destination,
        courier=courier,
        claimed=claimed,
        leased_until=leased_until,
    )
    return hand, seen


def _judge_abandoned(hand: _Hand) -> Verdicts:
    """Judge what was in somebody's hand who is gone, where it may not be sent again."""
    verdicts: Verdicts = {}
    for each in hand.claimed:
        if not each.is_abandoned:
            continue
        if not hand.courier.repeats_safely:
            verdicts[each.id] = Uncertain("it was in hand when its worker died")
        elif each.attempt > ATTEMPTS_MAX:
            verdicts[each.id] = Dropped("it was in hand whenever its worker died")
    return verdicts


async def _carry(
    runtime: Runtime,
    hand: _Hand,
    address: Address,
    letters: Sequence[Letter],
    verdicts: Verdicts,
) -> None:
    """Have letters carried, and add what became of each; whatever happens, each has a verdict."""
    courier = hand.courier
    seconds_left = (hand.leased_until - runtime.now()) / timedelta(seconds=1)
    if not letters or seconds_left < courier.lease_seconds:
        # Reading took so long that the lease might run out under way: nothing was sent.
        verdicts.update({letter.delivery_id: None for letter in letters})
        return
    try:
        async with asyncio.timeout(courier.lease_seconds):
            told = await courier.carry(address.destination, letters)
        for letter, verdict in zip(letters, told, strict=True):
            verdicts[letter.delivery_id] = verdict
    except asyncio.CancelledError:
        _lose(letters, verdicts, courier, "the worker was stopped")
        await _write(runtime, hand, verdicts)
        raise
    except TimeoutError:
        _lose(letters, verdicts, courier, f"no end within {courier.lease_seconds:g} s")
    except Exception as error:  # noqa: BLE001 -- what it sent is not known, and must be judged
        _log.exception("courier_failed", destination=hand.destination)
        _lose(letters, verdicts, courier, f"the courier failed: {type(error).__name__}")


def _lose(letters: Sequence[Letter], verdicts: Verdicts, courier: Courier, reason: str) -> None:
    verdict = Deferred(reason) if courier.repeats_safely else Uncertain(reason)
    verdicts.update({letter.delivery_id: verdict for letter in letters})


async def _write(
    runtime: Runtime, hand: _Hand, verdicts: Verdicts, *, put_off_seconds: float = 0.0
) -> None:
    """Write what became of all that is in hand, however often it takes; twice is once.

    What has no verdict counts as not tried, and is put off by so much. Raises the driver's error
    once the last attempt has failed; the lease then says that it was in hand."""
    for attempt in range(_WRITE_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_WRITE_BACKOFF_SECONDS * 3 ** (attempt - 1))
        try:
            await _write_once(runtime, hand, verdicts, put_off_seconds)
        except (CommitUnknown, *DRIVER_ERRORS) as error:
            is_passing = isinstance(error, CommitUnknown) or fault_of(error) in _PASSING
            if not is_passing or attempt == _WRITE_ATTEMPTS - 1:
                raise
            continue
        return


async def _write_once(
    runtime: Runtime, hand: _Hand, verdicts: Verdicts, put_off_seconds: float
) -> None:
    now = runtime.now()
    rulings = rule(hand.claimed, verdicts, now, runtime.bits, put_off_seconds)
    taken = [each.id for each in rulings if each.status == "delivered"]
    others = [each for each in rulings if each.status != "delivered"]
    over = _members_done(hand.claimed, verdicts)
    async with transaction(runtime.pool) as tx:
        written = 0
        if taken:
            written += await deliveries.close_delivered(
                tx, hand.merchant_id, now, hand.leased_until, taken
            )
        if others:
            written += await deliveries.write_verdicts(
                tx, hand.merchant_id, now, hand.leased_until, others
            )
        if over:
            await deliveries.wake_members(
                tx, hand.merchant_id, hand.destination, over, now, _WOKEN_MAX
            )
    if written < len(rulings):
        _log.warning("lease_lost", destination=hand.destination, deliveries=len(rulings) - written)
    for status in ("dead", "uncertain"):
        failed = [each for each in rulings if each.status == status]
        if failed:
            _log.warning(
                "deliveries_failed",
                merchant_id=hand.merchant_id,
                destination=hand.destination,
                status=status,
                deliveries=len(failed),
                error=failed[0].error,
            )


def _members_done(claimed: Sequence[Claimed], verdicts: Verdicts) -> list[MemberId]:
    """List the members of whom nothing in hand is left to be tried again."""
    done: dict[MemberId, bool] = {}
    for each in claimed:
        verdict = verdicts.get(each.id)
        is_over = verdict is not None and not isinstance(verdict, Deferred)
        done[each.member_id] = done.get(each.member_id, True) and is_over
    return [member_id for member_id, is_done in done.items() if is_done]


async def _record(runtime: Runtime, address: Address, hand: _Hand, verdicts: Verdicts) -> None:
    """Count a webhook's failures. Where that fails, they are counted another time."""
    subscription = address.destination.subscription
    if subscription is None:
        return
    told = [verdicts.get(each.id) for each in hand.claimed]
    try:
        await record_results(runtime, hand.merchant_id, subscription.id, told)
    except (CommitUnknown, *DRIVER_ERRORS):
        _log.warning("failures_not_counted", destination=hand.destination, exc_info=True)


def _round_of(hand: _Hand, verdicts: Verdicts, *, has_more: bool) -> Round:
    told = [each for each in verdicts.values() if each is not None]
    return Round(
        len(hand.claimed),
        sum(isinstance(each, Delivered) for each in told),
        has_more,
        bool(told) and all(isinstance(each, Deferred) for each in told),
    )
