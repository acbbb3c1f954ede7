"""Imports: how far each file has come, and members added many at a time."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import LotId, MemberId, MerchantId, PointTypeId, ProgramId, TierId, WalletId
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


class NewMembers(Struct, kw_only=True):
    """Members to add, as columns of equal length."""

    external_ids: list[str]
    emails: list[str | None]
    first_names: list[str | None]
    last_names: list[str | None]
    referral_codes: list[str]


class NewWallets(Struct, kw_only=True):
    """Their wallets, in the same order."""

    points: list[int]
    points_lifetime: list[int]
    tier_ids: list[TierId | None]
    are_frozen: list[bool]


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


async def insert_imported_members(
    tx: Connection,
    key: ImportKey,
    first_id: MemberId,
    created_at: datetime,
    members: NewMembers,
) -> None:
    """Add members with the ids from `first_id` on."""
    await tx.execute(
        _SQL["insert_imported_members"],
        key.merchant_id,
        key.program_id,
        first_id,
        created_at,
        members.external_ids,
        members.emails,
        members.first_names,
        members.last_names,
        members.referral_codes,
    )


async def insert_imported_wallets(
    tx: Connection,
    key: ImportKey,
    point_type_id: PointTypeId,
    first_member_id: MemberId,
    first_id: WalletId,
    now: datetime,
    wallets: NewWallets,
) -> None:
    """Add the default wallets of members whose ids run from `first_member_id` on."""
    await tx.execute(
        _SQL["insert_imported_wallets"],
        key.merchant_id,
        key.program_id,
        point_type_id,
        first_member_id,
        first_id,
        now,
        wallets.points,
        wallets.points_lifetime,
        wallets.tier_ids,
        wallets.are_frozen,
    )


async def insert_imported_lots(
    tx: Connection,
    merchant_id: MerchantId,
    first_id: LotId,
    now: datetime,
    lots: Sequence[tuple[WalletId, int, datetime | None]],
) -> None:
    """Add lots, given as (wallet, points, expiry), with the ids from `first_id` on."""
    await tx.execute(
        _SQL["insert_imported_lots"],
        merchant_id,
        first_id,
        now,
        [wallet_id for wallet_id, _, _ in lots],
        [points for _, points, _ in lots],
        [expires_at for _, _, expires_at in lots],
    )


async def insert_imported_entries(
    tx: Connection,
    merchant_id: MerchantId,
    first_id: int,
    now: datetime,
    note: str,
    entries: Sequence[tuple[WalletId, int, int, LotId | None]],
) -> None:
    """Add entries, given as (wallet, points, lifetime points, lot), from `first_id` on."""
    await tx.execute(
        _SQL["insert_imported_entries"],
        merchant_id,
        first_id,
        now,
        note,
        [entry[0] for entry in entries],
        [entry[1] for entry in entries],
        [entry[2] for entry in entries],
        [entry[3] for entry in entries],
    )
