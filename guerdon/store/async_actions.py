"""What callers were told will be done, and how far it is."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, ProgramId
from guerdon.store.arrays import texts
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("async_actions")


class NewEntry(Struct, frozen=True, kw_only=True):
    """A customer to be enrolled, as the caller named them. With an `error` nothing can come of
    it."""

    named: str
    is_source: bool
    external_id: str | None
    is_frozen: bool = False
    metadata: str | None = None
    error: str | None = None


class OpenEntry(Struct, frozen=True, kw_only=True):
    """An entry that is still to be done; `place` counts from 1."""

    action_id: int
    program_id: ProgramId
    place: int
    named: str
    is_source: bool
    external_id: str | None
    is_frozen: bool
    metadata: str | None


class ClosedEntry(Struct, frozen=True, kw_only=True):
    """What became of an entry: a member, or nothing, and why."""

    action_id: int
    place: int
    member_id: MemberId | None = None
    error: str | None = None


class ReportedEntry(Struct, frozen=True, kw_only=True):
    """An entry as a report tells of it."""

    place: int
    named: str
    is_source: bool
    is_open: bool
    member_id: MemberId | None
    error: str | None


class Action(Struct, frozen=True, kw_only=True):
    """What is to be done, and how far it is."""

    id: int
    program_id: ProgramId
    is_open: bool
    created_at: datetime
    updated_at: datetime | None
    entries: int
    entries_over: int
    entries_failed: int


async def insert_action(
    tx: Connection, merchant_id: MerchantId, action_id: int, program_id: ProgramId, now: datetime
) -> None:
    """Add what is to be done, whose entries come next."""
    await tx.execute(_SQL["insert_action"], merchant_id, action_id, program_id, now)


async def insert_action_entries(
    tx: Connection, merchant_id: MerchantId, action_id: int, entries: Sequence[NewEntry]
) -> None:
    """Add the entries of an action, in their order."""
    await tx.execute(
        _SQL["insert_action_entries"],
        merchant_id,
        action_id,
        list(range(1, len(entries) + 1)),
        [entry.named for entry in entries],
        [entry.is_source for entry in entries],
        texts([entry.external_id for entry in entries]),
        [entry.is_frozen for entry in entries],
        texts([entry.metadata for entry in entries]),
        texts([entry.error for entry in entries]),
    )


async def find_action(view: Connection, merchant_id: MerchantId, action_id: int) -> Action | None:
    """Find an action, with how far it is."""
    row = await view.fetchrow(_SQL["find_action"], merchant_id, action_id)
    return (
        None
        if row is None
        else Action(
            id=row[0],
            program_id=row[1],
            is_open=row[2],
            created_at=row[3],
            updated_at=row[4],
            entries=row[5],
            entries_over=row[6],
            entries_failed=row[7],
        )
    )


async def list_open_action_entries(
    view: Connection, merchant_id: MerchantId, limit: int
) -> list[OpenEntry]:
    """List what is to be done next, the oldest first."""
    rows = await view.fetch(_SQL["list_open_action_entries"], merchant_id, limit)
    return [
        OpenEntry(
            action_id=row[0],
            program_id=row[1],
            place=row[2],
            named=row[3],
            is_source=row[4],
            external_id=row[5],
            is_frozen=row[6],
            metadata=row[7],
        )
        for row in rows
    ]


async def close_action_entries(
    tx: Connection, merchant_id: MerchantId, closed: Sequence[ClosedEntry]
) -> None:
    """Write down what became of entries; one that is over stays as it is."""
    await tx.execute(
        _SQL["close_action_entries"],
        merchant_id,
        [each.action_id for each in closed],
        [each.place for each in closed],
        [each.member_id for each in closed],
        [each.error for each in closed],
    )


async def touch_actions(
    tx: Connection, merchant_id: MerchantId, action_ids: list[int], now: datetime
) -> None:
    """Write down that something was done of actions; those that have nothing left are over."""
    await tx.execute(_SQL["touch_actions"], merchant_id, action_ids, now)


async def list_action_entries(
    view: Connection, merchant_id: MerchantId, action_id: int, after: int, limit: int
) -> list[ReportedEntry]:
    """List an action's entries after a place."""
    rows = await view.fetch(_SQL["list_action_entries"], merchant_id, action_id, after, limit)
    return [
        ReportedEntry(
            place=row[0],
            named=row[1],
            is_source=row[2],
            is_open=row[3],
            member_id=row[4],
            error=row[5],
        )
        for row in rows
    ]


async def blank_action_entries(tx: Connection, merchant_id: MerchantId, external_id: str) -> None:
    """Take a customer out of entries; what was still to be done with them is not done."""
    await tx.execute(_SQL["blank_action_entries"], merchant_id, external_id)


async def delete_actions(
    tx: Connection, merchant_id: MerchantId, before: datetime, limit: int
) -> int:
    """Forget at most so many actions that were over before an instant; say how many they were."""
    done = await tx.execute(_SQL["delete_actions"], merchant_id, before, limit)
    return int(done.rpartition(" ")[2])


async def delete_all_actions(tx: Connection, merchant_id: MerchantId) -> None:
    """Forget everything that was to be done, over or not."""
    await tx.execute(_SQL["delete_all_actions"], merchant_id)
