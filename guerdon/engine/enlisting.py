"""Many customers made members one after another, by a worker, after the caller has gone."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from guerdon.domain.command import Enrol, Enrolled, Outcome, Refused
from guerdon.domain.customer import Customer, split_name
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.portions import Portion
from guerdon.engine.repeating import Answer, once
from guerdon.engine.submitting import Ledger
from guerdon.store import async_actions, customers, sequences
from guerdon.store.async_actions import ClosedEntry, NewEntry, OpenEntry
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

# Why nothing came of an entry, where it is no refusal's code.
CUSTOMER_UNKNOWN = "customer_unknown"
MEMBER_EXISTS = "member_exists"

# How long it can be asked what became of an action.
ACTIONS_KEPT = timedelta(days=30)


async def enlist(
    ledger: Ledger,
    merchant_id: MerchantId,
    program_id: ProgramId,
    entries: Sequence[NewEntry],
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Answer | Refused:
    """Write down whom a worker is to enrol; `action_of` gives the id under which to ask."""

    async def act(tx: Connection, now: datetime) -> bytes:
        action_id = await sequences.take_ids(tx, merchant_id, 1)
        await async_actions.insert_action(tx, merchant_id, action_id, program_id, now)
        await async_actions.insert_action_entries(tx, merchant_id, action_id, entries)
        if all(entry.error is not None for entry in entries):
            await async_actions.touch_actions(tx, merchant_id, [action_id], now)
        return str(action_id).encode()

    return await once(ledger.runtime, merchant_id, act, key=key, fingerprint=fingerprint)


def action_of(answer: Answer) -> int:
    """Give the id of what was written down."""
    return int(answer.stored)


async def enrol_listed(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Enrol at most so many of those whom calls have listed, the oldest first.

    Each is enrolled under a key of its own, so whoever goes on after a crash learns what the one
    before did; and two workers at once enrol nobody twice."""
    runtime = ledger.runtime
    async with snapshot(runtime.pool) as view:
        entries = await async_actions.list_open_action_entries(view, merchant_id, limit)
        if not entries:
            return Portion(0, has_more=False)
        catalogue = await ledger.catalogues.see(view, merchant_id)
        named = {entry.external_id for entry in entries if entry.external_id is not None}
        known = await customers.list_shoppers(view, merchant_id, catalogue.programs, named)
    results = await asyncio.gather(
        *(_enrol(ledger, merchant_id, entry, known) for entry in entries), return_exceptions=True
    )
    closed = [each for each in results if isinstance(each, ClosedEntry)]
    if closed:
        async with transaction(runtime.pool) as tx:
            await async_actions.close_action_entries(tx, merchant_id, closed)
            touched = sorted({each.action_id for each in closed})
            await async_actions.touch_actions(tx, merchant_id, touched, runtime.now())
    for each in results:
        if isinstance(each, BaseException):
            raise each
    return Portion(len(closed), has_more=len(entries) == limit)


async def purge_actions(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Forget at most so many actions that were over a month ago."""
    before = ledger.runtime.now() - ACTIONS_KEPT
    async with transaction(ledger.runtime.pool) as tx:
        done = await async_actions.delete_actions(tx, merchant_id, before, limit)
    return Portion(done, has_more=done == limit)


async def _enrol(
    ledger: Ledger, merchant_id: MerchantId, entry: OpenEntry, known: dict[str, Customer]
) -> ClosedEntry:
    customer = None if entry.external_id is None else known.get(entry.external_id)
    if customer is None:
        return _closed(entry, error=CUSTOMER_UNKNOWN)
    first_name, last_name = split_name(customer.name)
    command = Enrol(
        program_id=entry.program_id,
        external_id=customer.external_id,
        email=customer.email,
        first_name=first_name,
        last_name=last_name,
        birthday=customer.birthday,
        metadata=entry.metadata,
        is_frozen=entry.is_frozen,
    )
    # No caller's key holds a space.
    key = f"action {entry.action_id} entry {entry.place}"
    return _judged(entry, await ledger.submit(merchant_id, command, key=key))


def _judged(entry: OpenEntry, outcome: Outcome) -> ClosedEntry:
    if isinstance(outcome, Refused):
        return _closed(entry, error=outcome.refusals[0].code)
    assert isinstance(outcome.result, Enrolled), "somebody was enrolled"
    if not outcome.result.is_new:
        return _closed(entry, error=MEMBER_EXISTS)
    return ClosedEntry(
        action_id=entry.action_id, place=entry.place, member_id=outcome.result.member.id
    )


def _closed(entry: OpenEntry, *, error: str) -> ClosedEntry:
    return ClosedEntry(action_id=entry.action_id, place=entry.place, error=error)
