"""What is remembered of a platform's things, changed by one message at a time."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from guerdon.domain.errors import OutcomeUnknown, Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.engine.runtime import Runtime
from guerdon.store import platform_objects
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.platform_objects import ObjectKind
from guerdon.store.transaction import CommitUnknown, transaction

_TRIES = 3
_T = TypeVar("_T")
_Thing = TypeVar("_Thing", bound=msgspec.Struct)


async def remember(
    runtime: Runtime,
    merchant_id: MerchantId,
    source: str,
    kind: ObjectKind,
    key: str,
    *,
    blank: _Thing,
    change: Callable[[Connection, _Thing, datetime], Awaitable[tuple[_Thing, str | None]]],
) -> _Thing:
    """Change what is remembered of a thing, under the lock of its row; give what it is then.

    `change` gets what is remembered, or `blank`, and gives it changed, with the customer whose it
    is; it is asked again after a collision, and must bear to be: a change whose commit got lost may
    have been made. Raises Unavailable or OutcomeUnknown; a repetition is then in order."""

    async def act() -> _Thing:
        async with transaction(runtime.pool) as tx:
            now = runtime.now()
            document = await platform_objects.lock_platform_object(
                tx, merchant_id, source, kind, key
            )
            if document is None:
                # Whoever comes second waits here, and finds the first one's row.
                text = msgspec.json.encode(blank).decode()
                await platform_objects.insert_platform_object(
                    tx, merchant_id, source, kind, key, document=text, now=now
                )
                document = await platform_objects.lock_platform_object(
                    tx, merchant_id, source, kind, key
                )
            known = blank if document is None else msgspec.json.decode(document, type=type(blank))
            changed, customer_key = await change(tx, known, now)
            if changed != known:
                await platform_objects.update_platform_object(
                    tx,
                    merchant_id,
                    source,
                    kind,
                    key,
                    document=msgspec.json.encode(changed).decode(),
                    customer_key=customer_key,
                    now=now,
                )
            return changed

    return await persist(act)


async def persist(act: Callable[[], Awaitable[_T]]) -> _T:
    """Carry out a write that may be repeated, again after a collision; faults in our words."""
    for _ in range(_TRIES):
        try:
            return await act()
        except CommitUnknown as error:
            raise OutcomeUnknown("the connection was lost while committing") from error
        except DRIVER_ERRORS as error:
            fault = fault_of(error)
            if fault in ("lost", "busy"):
                raise Unavailable("the database is busy or out of reach") from error
            if fault != "collision":
                raise
    raise Unavailable("the rows are too busy; nothing was changed")
