"""Imports: how far each file has come, and members added many at a time."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("imports")


class ImportKey(Struct, frozen=True):
    """A file imported into a program; `digest` is that of its bytes."""

    merchant_id: MerchantId
    program_id: ProgramId
    digest: bytes


class ImportState(Struct, frozen=True, kw_only=True):
    """`rows_done` counts all rows passed, good or not; `errors_bytes` is how long the file of
    refused rows was when they were."""

    rows_done: int = 0
    rows_refused: int = 0
    members_made: int = 0
    points_made: int = 0
    errors_bytes: int = 0
    is_finished: bool = False
    created_at: datetime


async def find_import(view: Connection, key: ImportKey) -> ImportState | None:
    """Find how far a file has come."""
    row = await view.fetchrow(_SQL["find_import"], key.merchant_id, key.program_id, key.digest)
    return None if row is None else _state(row)


async def lock_import(tx: Connection, key: ImportKey) -> ImportState:
    """Lock a file that was begun, and give how far it has come."""
    row = await tx.fetchrow(_SQL["lock_import"], key.merchant_id, key.program_id, key.digest)
    assert row is not None, "a file is begun before its rows are written"
    return _state(row)


def _state(row: Record) -> ImportState:
    return ImportState(
        rows_done=row[0],
        rows_refused=row[1],
        members_made=row[2],
        points_made=row[3],
        errors_bytes=row[4],
        is_finished=row[5],
        created_at=row[6],
    )


async def insert_import(tx: Connection, key: ImportKey, file_name: str, now: datetime) -> None:
    """Begin a file; nothing happens where it was begun before."""
    await tx.execute(
        _SQL["insert_import"], key.merchant_id, key.program_id, key.digest, file_name, now
    )


async def update_import(tx: Connection, key: ImportKey, state: ImportState, now: datetime) -> None:
    """Write down how far a file has come. Call under `lock_import`."""
    await tx.execute(
        _SQL["update_import"],
        key.merchant_id,
        key.program_id,
        key.digest,
        state.rows_done,
        state.rows_refused,
        state.members_made,
        state.points_made,
        state.errors_bytes,
        state.is_finished,
        now,
    )


async def list_known_members(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, external_ids: list[str]
) -> dict[str, datetime]:
    """Say which shoppers are members already, and when they were made so."""
    rows = await view.fetch(_SQL["list_known_members"], merchant_id, program_id, external_ids)
    return {row[0]: row[1] for row in rows}


async def limit_waiting(tx: Connection, milliseconds: int) -> None:
    """Let this transaction wait so long for a lock, and no longer."""
    await tx.execute(_SQL["limit_waiting"], f"{milliseconds}ms")


async def put_card_codes(
    tx: Connection, merchant_id: MerchantId, first_wallet: int, codes: list[str]
) -> None:
    """Give the wallets from an id on, which were just added, the codes of their cards."""
    await tx.execute(_SQL["put_card_codes"], merchant_id, first_wallet, codes)
