"""Members as callers read them: who they are together with what they hold."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, ProgramId, TierId
from guerdon.domain.member import Member
from guerdon.store.connection import Connection
from guerdon.store.members import member_of
from guerdon.store.statements import statements

_SQL = statements("member_views")

Figure = Literal["points_available", "points_lifetime", "points_redeemed"]


class MemberView(Struct, frozen=True, kw_only=True, gc=False):
    """`points_available` leaves out what has expired, swept or not; `next_expires_at` is when the
    next of it will. `updated_at` is the later of the member's and the wallet's. `tier_entered_at`
    is None where they began on their tier."""

    member: Member
    is_frozen: bool
    tier_id: TierId | None
    points_available: int
    points_held: int
    points_pending: int
    points_lifetime: int
    points_redeemed: int
    next_expires_at: datetime | None
    updated_at: datetime
    tier_entered_at: datetime | None = None


class MemberFilter(Struct, frozen=True, kw_only=True):
    """`email_part` is looked for anywhere in the address, which is in lower case."""

    program_id: ProgramId
    email_part: str | None = None
    is_frozen: bool | None = None


async def find_member_by_external_id(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, external_id: str
) -> MemberId | None:
    """Find a member by the shop's own id."""
    found: MemberId | None = await view.fetchval(
        _SQL["find_member_by_external_id"], merchant_id, program_id, external_id
    )
    return found


async def find_member_by_email(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, email: str
) -> MemberId | None:
    """Find a member by e-mail address in lower case; of several the first enrolled."""
    found: MemberId | None = await view.fetchval(
        _SQL["find_member_by_email"], merchant_id, program_id, email
    )
    return found


async def list_member_views(
    view: Connection, merchant_id: MerchantId, ids: list[MemberId], now: datetime
) -> list[MemberView]:
    """List members as they stand at `now`, in the order of `ids`."""
    found: dict[MemberId, MemberView] = {}
    for row in await view.fetch(_SQL["list_member_views"], merchant_id, ids, now):
        member = member_of(row)
        found[member.id] = MemberView(
            member=member,
            is_frozen=row["is_frozen"],
            tier_id=row["tier_id"],
            points_available=row["points_available"],
            points_held=row["points_held"],
            points_pending=row["points_pending"],
            points_lifetime=row["points_lifetime"],
            points_redeemed=row["points_redeemed"],
            next_expires_at=row["next_expires_at"],
            updated_at=max(member.updated_at, row["wallet_updated_at"]),
            tier_entered_at=row["tier_entered_at"],
        )
    return [found[member_id] for member_id in ids]


async def count_members(view: Connection, merchant_id: MerchantId, wanted: MemberFilter) -> int:
    """Count the members that a filter lets through."""
    count: int = await view.fetchval(
        _SQL["count_members"],
        merchant_id,
        wanted.program_id,
        wanted.email_part,
        wanted.is_frozen,
    )
    return count


async def list_newest_members(
    view: Connection, merchant_id: MerchantId, wanted: MemberFilter, *, limit: int, offset: int
) -> list[MemberId]:
    """List a page of members, the latest first. Stops at the page's end, however many follow."""
    rows = await view.fetch(
        _SQL["list_newest_members"],
        merchant_id,
        wanted.program_id,
        wanted.email_part,
        wanted.is_frozen,
        limit,
        offset,
    )
    return [row[0] for row in rows]


async def list_oldest_members(
    view: Connection, merchant_id: MerchantId, wanted: MemberFilter, *, limit: int, offset: int
) -> list[MemberId]:
    """List a page of members, the first enrolled first."""
    rows = await view.fetch(
        _SQL["list_oldest_members"],
        merchant_id,
        wanted.program_id,
        wanted.email_part,
        wanted.is_frozen,
        limit,
        offset,
    )
    return [row[0] for row in rows]


async def list_members_by_figure(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberFilter,
    figure: Figure,
    *,
    is_falling: bool,
    limit: int,
    offset: int,
) -> list[MemberId]:
    """List a page of members by a figure, then by id. Sorts all members that the filter lets
    through. Points that have expired and were not swept yet still count for the order."""
    rows = await view.fetch(
        _SQL["list_members_by_figure"],
        merchant_id,
        wanted.program_id,
        wanted.email_part,
        wanted.is_frozen,
        limit,
        offset,
        figure,
        -1 if is_falling else 1,
    )
    return [row[0] for row in rows]
