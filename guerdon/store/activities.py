"""A program's earnings as what its members did, in pages: all but what was given by hand."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.earning import Earning
from guerdon.domain.ids import MemberId, MerchantId, ProgramId, RuleId
from guerdon.store.connection import Connection
from guerdon.store.earnings import earning_of
from guerdon.store.statements import statements

_SQL = statements("activities")
ID_END = 2**63 - 1


class ActivityFilter(Struct, frozen=True, kw_only=True):
    """Of a span of time the beginning belongs to it, and the end does not."""

    program_id: ProgramId
    created_from: datetime | None = None
    created_before: datetime | None = None
    updated_from: datetime | None = None
    updated_before: datetime | None = None


async def list_newest_activities(
    view: Connection,
    merchant_id: MerchantId,
    wanted: ActivityFilter,
    *,
    below: int = ID_END,
    limit: int,
    offset: int = 0,
) -> list[Earning]:
    """List a page of earnings below an id, the latest first. Ids rise in the order of commits."""
    rows = await view.fetch(
        _SQL["list_newest_activities"],
        merchant_id,
        wanted.program_id,
        0,
        below,
        wanted.created_from,
        wanted.created_before,
        wanted.updated_from,
        wanted.updated_before,
        limit,
        offset,
    )
    return [earning_of(row) for row in rows]


async def list_oldest_activities(
    view: Connection,
    merchant_id: MerchantId,
    wanted: ActivityFilter,
    *,
    above: int = 0,
    limit: int,
    offset: int = 0,
) -> list[Earning]:
    """List a page of earnings above an id, the first first. Ids rise in the order of commits."""
    rows = await view.fetch(
        _SQL["list_oldest_activities"],
        merchant_id,
        wanted.program_id,
        above,
        ID_END,
        wanted.created_from,
        wanted.created_before,
        wanted.updated_from,
        wanted.updated_before,
        limit,
        offset,
    )
    return [earning_of(row) for row in rows]


async def name_earning(
    tx: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    rule_id: RuleId,
    completion_key: str,
) -> None:
    """Give what a member earned by a rule the caller's own id, where it has none yet and no other
    earning of the rule has that id. Two at once may collide in earnings_action_key_unique."""
    await tx.execute(_SQL["name_earning"], merchant_id, member_id, rule_id, completion_key)
