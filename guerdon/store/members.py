"""Members: who they are."""

from collections.abc import Collection
from datetime import datetime

from guerdon.domain.ids import MemberId, MerchantId
from guerdon.domain.member import Member
from guerdon.store.arrays import instants, texts
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("members")


def member_of(row: Record) -> Member:
    """Turn a row with every column, by name, into a member."""
    return Member(
        id=row["id"],
        program_id=row["program_id"],
        external_id=row["external_id"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        birthday=row["birthday"],
        anniversary=row["anniversary"],
        referral_code=row["referral_code"],
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        left_at=row["left_at"],
    )


async def insert_members(
    tx: Connection, merchant_id: MerchantId, now: datetime, batch: int, members: list[Member]
) -> None:
    """Add members under the random mark of their transaction; one already there under the shop's
    id refuses this by its constraint."""
    await tx.execute(
        _SQL["insert_members"],
        merchant_id,
        now,
        [member.id for member in members],
        [member.program_id for member in members],
        [member.external_id for member in members],
        [member.email for member in members],
        [member.first_name for member in members],
        [member.last_name for member in members],
        [member.birthday for member in members],
        [member.anniversary for member in members],
        [member.referral_code for member in members],
        batch,
        texts([member.metadata for member in members]),
    )


async def list_members(
    tx: Connection, merchant_id: MerchantId, ids: list[MemberId]
) -> list[Member]:
    """List members by id."""
    return [member_of(row) for row in await tx.fetch(_SQL["list_members"], merchant_id, ids)]


async def update_members(
    tx: Connection, merchant_id: MerchantId, members: Collection[Member]
) -> None:
    """Change what is known of members; their own `updated_at` is written."""
    await tx.execute(
        _SQL["update_members"],
        merchant_id,
        [member.id for member in members],
        [member.external_id for member in members],
        [member.email for member in members],
        [member.first_name for member in members],
        [member.last_name for member in members],
        [member.birthday for member in members],
        [member.anniversary for member in members],
        [member.referral_code for member in members],
        [member.updated_at for member in members],
        texts([member.metadata for member in members]),
        instants([member.left_at for member in members]),
    )
