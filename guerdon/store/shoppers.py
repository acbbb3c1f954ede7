"""Finding whom and what a platform's message is about."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import (
    EarningId,
    EntryId,
    MemberId,
    MerchantId,
    ProgramId,
    RedemptionId,
    RewardId,
)
from guerdon.domain.member import Member
from guerdon.domain.redemption import RedemptionStatus
from guerdon.store.connection import Connection
from guerdon.store.members import member_of
from guerdon.store.statements import statements

_SQL = statements("shoppers")


class UsedCode(Struct, frozen=True):
    """A redemption found by its code."""

    redemption_id: RedemptionId
    reward_id: RewardId
    status: RedemptionStatus


class Debt(Struct, frozen=True):
    """Points that were to be taken back and were not there any more."""

    entry_id: EntryId
    member_id: MemberId
    earning_id: EarningId | None
    order_id: str | None
    points_owed: int
    created_at: datetime


async def list_shoppers(
    view: Connection,
    merchant_id: MerchantId,
    program_ids: list[ProgramId],
    *,
    external_id: str | None,
    email: str | None,
) -> list[Member]:
    """List whom the shop knows by this id, and those who have this e-mail, in lower case."""
    rows = await view.fetch(_SQL["list_shoppers"], merchant_id, external_id, email, program_ids)
    return [member_of(row) for row in rows]


async def list_redemptions_of_codes(
    view: Connection, merchant_id: MerchantId, codes: list[str]
) -> list[UsedCode]:
    """List the redemptions that carry one of these codes."""
    rows = await view.fetch(_SQL["list_redemptions_of_codes"], merchant_id, codes)
    return [UsedCode(row[0], row[1], row[2]) for row in rows]


async def list_redemptions_used(
    view: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    codes: list[str],
    ids: list[RedemptionId],
) -> list[UsedCode]:
    """List the redemptions of a program that carry one of these codes, or are of these ids."""
    rows = await view.fetch(_SQL["list_redemptions_used"], merchant_id, program_id, codes, ids)
    return [UsedCode(row[0], row[1], row[2]) for row in rows]


async def list_unerased_members(
    view: Connection, merchant_id: MerchantId, after: MemberId, erased_prefix: str, limit: int
) -> list[Member]:
    """List members who are still somebody, after an id."""
    rows = await view.fetch(_SQL["list_unerased_members"], merchant_id, after, erased_prefix, limit)
    return [member_of(row) for row in rows]


async def list_debts(view: Connection, merchant_id: MerchantId, limit: int) -> list[Debt]:
    """List points that could not be taken back, the newest first."""
    rows = await view.fetch(_SQL["list_debts"], merchant_id, limit)
    return [Debt(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
