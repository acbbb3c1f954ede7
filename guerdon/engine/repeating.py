"""Carries out writes that are not ledger commands exactly once, also when they are sent twice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct

from guerdon.domain.command import Refused
from guerdon.domain.errors import KeyConflict, OutcomeUnknown, Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.engine.runtime import Runtime
from guerdon.store import idempotency_records
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.transaction import CommitUnknown, transaction

ATTEMPTS_MAX = 6
BACKOFF_SECONDS = 0.02

Act = Callable[[Connection, datetime], Awaitable[bytes]]


class Answer(Struct, frozen=True):
    """What an act answered. `is_replay`: it was carried out before, under the same key."""

    stored: bytes
    is_replay: bool = False


async def once(
    runtime: Runtime,
    merchant_id: MerchantId,
    act: Act,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Answer | Refused:
    """Run `act` with an open transaction and the time, and keep its answer under the key.

    The key is claimed before the act, so a rival with the same key waits and then gets the answer
    stored by the first; another request under that key is refused with KeyConflict. What the act
    raises undoes the claim. A commit whose fate is unknown is asked about by claiming again: the
    claim waits for it to end. Without a key a fresh one is used, to the same end. Raises
    Unavailable where nothing was changed, OutcomeUnknown where that could not be found out."""
    claimed = key if key is not None else f"once:{runtime.bits():032x}"
    is_unknown = False
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            await asyncio.sleep(BACKOFF_SECONDS * 3 ** (attempt - 1))
        try:
            answer = await _attempt(runtime, merchant_id, act, claimed, fingerprint)
        except CommitUnknown:
            is_unknown = True
            continue
        except DRIVER_ERRORS as error:
            if fault_of(error) not in ("collision", "lost", "busy"):
                raise
            continue
        if answer is None:
            continue
        if is_unknown and key is None and isinstance(answer, Answer):
            # Found under a key that nobody else has: it is this call's own first answer.
            return Answer(answer.stored)
        return answer
    if is_unknown:
        raise OutcomeUnknown(OutcomeUnknown.__doc__)
    raise Unavailable("the database is busy or out of reach; nothing was changed")


async def _attempt(
    runtime: Runtime, merchant_id: MerchantId, act: Act, key: str, fingerprint: bytes
) -> Answer | Refused | None:
    """Claim the key and act, or read what is there; None where that was purged just now."""
    async with transaction(runtime.pool) as tx:
        now = runtime.now()
        if await idempotency_records.claim_key(tx, merchant_id, key, fingerprint, now):
            stored = await act(tx, now)
            await idempotency_records.fill_key(tx, merchant_id, key, stored)
            return Answer(stored)
        record = (await idempotency_records.list_key_records(tx, merchant_id, [key])).get(key)
    if record is None:
        return None
    if record.fingerprint != fingerprint:
        return Refused((KeyConflict(key),))
    return Answer(record.answer, is_replay=True)
