"""Lists of members for those who follow them: by id, or by their last change."""

from datetime import datetime, timedelta

from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, ProgramId
from guerdon.store.connection import Connection
from guerdon.store.point_movements import ID_END, find_id_floor
from guerdon.store.statements import statements

_SQL = statements("member_lists")

# So few ids on end may be looked through for whom they are about.
_LOOKED_THROUGH_MAX = 20_000
_DAY = timedelta(days=1)


class MemberList(Struct, frozen=True, kw_only=True):
    """What of a program's members to list. `email_part` is looked for anywhere in the address,
    which is in lower case; each `…_from` counts itself in, each `…_until` does not."""

    program_id: ProgramId
    email_part: str | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    updated_from: datetime | None = None
    updated_until: datetime | None = None


class Span(Struct, frozen=True):
    """Ids between two, both left out."""

    floor: int
    end: int


class Listed(Struct, frozen=True, gc=False):
    """A member in a list. `place` is what the list is ordered by, and where to go on: the member's
    id, or that of their last change."""

    member_id: MemberId
    place: int


class Taken(Struct, frozen=True, gc=False):
    """How many rewards a member took, and how many of those they used."""

    rewards: int = 0
    rewards_used: int = 0


async def list_members_rising(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    span: Span,
    *,
    among: list[MemberId] | None,
    limit: int,
    offset: int,
) -> list[MemberId]:
    """List members by id, of all or among some."""
    sql = _SQL["list_members_rising"]
    rows = await view.fetch(sql, merchant_id, *_conditions(wanted, span), among, limit, offset)
    return [row[0] for row in rows]


async def list_members_falling(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    span: Span,
    *,
    among: list[MemberId] | None,
    limit: int,
    offset: int,
) -> list[MemberId]:
    """List members by id, the latest first, of all or among some."""
    sql = _SQL["list_members_falling"]
    rows = await view.fetch(sql, merchant_id, *_conditions(wanted, span), among, limit, offset)
    return [row[0] for row in rows]


async def list_changes_rising(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    span: Span,
    limit: int | None = None,
) -> list[Listed]:
    """List what changed members last; of one transaction a member may come twice."""
    sql = _SQL["list_changes_rising"]
    rows = await view.fetch(sql, merchant_id, *_conditions(wanted, span), limit)
    return [Listed(row[1], row[0]) for row in rows]


async def list_changes_falling(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    span: Span,
    limit: int | None = None,
) -> list[Listed]:
    """List what changed members last, the latest first; of one transaction a member may come
    twice."""
    sql = _SQL["list_changes_falling"]
    rows = await view.fetch(sql, merchant_id, *_conditions(wanted, span), limit)
    return [Listed(row[1], row[0]) for row in rows]


async def find_batch_floor(view: Connection, merchant_id: MerchantId, place: int) -> int:
    """Find the id after which the transaction began that an event is of. What is no event stands
    for itself: it is the coming of somebody imported."""
    floor: int | None = await view.fetchval(_SQL["find_batch_floor"], merchant_id, place)
    return place if floor is None else floor


async def list_changed_since(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, floor: int
) -> list[MemberId]:
    """List those whom anything happened to after an id; reads all that has."""
    rows = await view.fetch(_SQL["list_changed_since"], merchant_id, program_id, floor)
    return [row[0] for row in rows]


async def find_oldest_change(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId
) -> datetime | None:
    """Find when that member was changed who was not for the longest; reads all their wallets."""
    oldest: datetime | None = await view.fetchval(
        _SQL["find_oldest_change"], merchant_id, program_id
    )
    return oldest


async def get_next_id(view: Connection, merchant_id: MerchantId) -> int:
    """Give the id that is given out next."""
    next_id: int = await view.fetchval(_SQL["get_next_id"], merchant_id)
    return next_id


async def count_rewards_taken(
    view: Connection, merchant_id: MerchantId, ids: list[MemberId]
) -> dict[MemberId, Taken]:
    """Count the rewards of members; those who took none are left out."""
    rows = await view.fetch(_SQL["count_rewards_taken"], merchant_id, ids)
    return {row[0]: Taken(row[1], row[2]) for row in rows}


async def list_by_id(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    *,
    is_rising: bool,
    beyond: int | None,
    limit: int,
    offset: int = 0,
) -> list[Listed]:
    """List a page of members by id, from either end or beyond an id.

    Ids rise in the order of commits: whoever follows the list rising and goes on where they stopped
    sees everyone who comes exactly once."""
    span = await _span_of(view, merchant_id, wanted.created_from, beyond, is_rising=is_rising)
    among = await _changed_lately(view, merchant_id, wanted)
    list_members = list_members_rising if is_rising else list_members_falling
    ids = await list_members(
        view, merchant_id, wanted, span, among=among, limit=limit, offset=offset
    )
    return [Listed(member_id, member_id) for member_id in ids]


async def list_by_change(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    *,
    is_rising: bool,
    beyond: int | None,
    limit: int,
    offset: int = 0,
) -> list[Listed]:
    """List a page of members by their last change, from either end or beyond a place.

    Changes are numbered in the order of commits: whoever follows the list rising and goes on where
    they stopped sees the last change of everyone, and nothing that they saw unless it has changed
    again. What one transaction did to a member is one change: its first event stands for it."""
    since = max(filter(None, (wanted.created_from, wanted.updated_from)), default=None)
    if is_rising and beyond is None and since is None:
        # Where everyone has changed since, nothing before that need be looked through. A day is
        # more than clocks are ever wrong by: nobody may be missing from a list without conditions.
        oldest = await find_oldest_change(view, merchant_id, wanted.program_id)
        since = None if oldest is None else oldest - _DAY
    span = await _span_of(view, merchant_id, since, beyond, is_rising=is_rising)
    if is_rising:
        found = await _follow_rising(view, merchant_id, wanted, span, beyond, offset + limit)
    else:
        found = await _follow_falling(view, merchant_id, wanted, span, offset + limit)
    return found[offset:]


async def _follow_rising(
    view: Connection,
    merchant_id: MerchantId,
    wanted: MemberList,
    span: Span,
    beyond: int | None,
    count: int,
) -> list[Listed]:
    seen: set[MemberId] = set()
    if beyond is not None:
        # Whoever was listed for an earlier event of the transaction that the place is in.
        before = Span(await find_batch_floor(view, merchant_id, beyond), beyond + 1)
        part = await list_changes_rising(view, merchant_id, wanted, before)
        seen = {each.member_id for each in part}
    found: list[Listed] = []
    while len(found) < count:
        part = await list_changes_rising(view, merchant_id, wanted, span, count)
        for each in part:
            if each.member_id not in seen:
                seen.add(each.member_id)
                found.append(each)
        if len(part) < count:
            break
        span = Span(part[-1].place, span.end)
    return found[:count]


async def _follow_falling(
    view: Connection, merchant_id: MerchantId, wanted: MemberList, span: Span, count: int
) -> list[Listed]:
    found: list[Listed] = []
    while len(found) < count:
        part = await list_changes_falling(view, merchant_id, wanted, span, count)
        is_all = len(part) < count
        if not is_all:
            # To the beginning of the last transaction, or nobody could tell who is first there.
            last = part[-1].place
            floor = max(await find_batch_floor(view, merchant_id, last), span.floor)
            part += await list_changes_falling(view, merchant_id, wanted, Span(floor, last))
            span = Span(span.floor, part[-1].place)
        firsts = {each.member_id: each for each in part}
        found += sorted(firsts.values(), key=lambda each: each.place, reverse=True)
        if is_all:
            break
    return found[:count]


async def _span_of(
    view: Connection,
    merchant_id: MerchantId,
    since: datetime | None,
    beyond: int | None,
    *,
    is_rising: bool,
) -> Span:
    floor = 0 if since is None else await find_id_floor(view, merchant_id, since)
    if beyond is None:
        return Span(floor, ID_END)
    return Span(max(floor, beyond), ID_END) if is_rising else Span(floor, beyond)


async def _changed_lately(
    view: Connection, merchant_id: MerchantId, wanted: MemberList
) -> list[MemberId] | None:
    """List who may have changed since the instant asked for; None where that is too long ago to
    say at less cost than looking at the members themselves."""
    if wanted.updated_from is None:
        return None
    floor = await find_id_floor(view, merchant_id, wanted.updated_from)
    if await get_next_id(view, merchant_id) - floor > _LOOKED_THROUGH_MAX:
        return None
    return await list_changed_since(view, merchant_id, wanted.program_id, floor)


def _conditions(wanted: MemberList, span: Span) -> tuple[int | str | datetime | None, ...]:
    return (
        wanted.program_id,
        span.floor,
        span.end,
        wanted.email_part,
        wanted.created_from,
        wanted.created_until,
        wanted.updated_from,
        wanted.updated_until,
    )
