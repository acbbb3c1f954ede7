"""Customers: listed, shown, changed, and their points moved by hand."""

from msgspec import Struct

from guerdon.dialects.loyaltylion.call import Call, empty_answer
from guerdon.dialects.loyaltylion.errors import Named
from guerdon.dialects.loyaltylion.instants import from_of, through_of
from guerdon.dialects.loyaltylion.paging import (
    CURSOR,
    LIMIT,
    PAGE,
    SINCE_ID,
    Page,
    Place,
    cut,
    page_of,
)
from guerdon.dialects.loyaltylion.rewards import find_customer
from guerdon.dialects.loyaltylion.translate_customers import customer_to_wire, tiers_to_wire
from guerdon.dialects.loyaltylion.wire_customers import (
    Customer,
    CustomerChangeDocument,
    CustomerDocument,
    Customers,
    PointsBody,
    RemovePointsBody,
)
from guerdon.domain.command import Adjust, Changed, ChangeMember, Done
from guerdon.domain.ids import MemberId
from guerdon.domain.member import MemberRef
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.connection import Connection
from guerdon.store.member_lists import (
    Listed,
    MemberList,
    count_rewards_taken,
    list_by_change,
    list_by_id,
)
from guerdon.store.member_views import MemberView, list_member_views
from guerdon.store.snapshot import snapshot

_FILTERS = ("email", "created_at_min", "created_at_max", "updated_at_min", "updated_at_max")
_SORTS = ("id", "updated_at")
QUERY = (
    LIMIT,
    CURSOR,
    SINCE_ID,
    PAGE,
    Parameter("sort_field", "string", "What to order by", "id", _SORTS),
    Parameter("sort_direction", "string", "Which way", "desc", ("asc", "desc")),
    Parameter("email", "string", "Only those whose e-mail address contains this"),
    Parameter("created_at_min", "string", "Enrolled at or after this instant, in ISO 8601"),
    Parameter("created_at_max", "string", "Enrolled at or before this instant"),
    Parameter("updated_at_min", "string", "Changed at or after this instant"),
    Parameter("updated_at_max", "string", "Changed at or before this instant"),
)


class _Row(Struct, frozen=True, gc=False):
    """A customer in a list, and where in its order they are."""

    place: int
    view: MemberView


async def list_customers(call: Call) -> Answer:
    """List members, blocked ones too. By `updated_at` is by the order in which the last changes
    were made: of several processes' clocks one may be ahead."""
    page = page_of(call, _FILTERS, sorts=_SORTS)
    wanted = _wanted(call, page)
    async with snapshot(call.pool) as view:
        listed = await _list(call, view, page, wanted)
        shown = cut(call, page, listed, lambda row: _place(page, row))
        customers = await _shown(call, view, [row.view for row in shown.rows])
    return answer(200, Customers(customers, shown.cursor), headers=shown.headers)


def _wanted(call: Call, page: Page) -> MemberList:
    return MemberList(
        program_id=call.program_id,
        email_part=page.filters.get("email", "").strip().lower() or None,
        created_from=from_of(page, "created_at_min"),
        created_until=through_of(page, "created_at_max"),
        updated_from=from_of(page, "updated_at_min"),
        updated_until=through_of(page, "updated_at_max"),
    )


async def _list(call: Call, view: Connection, page: Page, wanted: MemberList) -> list[_Row]:
    list_some = list_by_id if page.sort == "id" else list_by_change
    listed: list[Listed] = await list_some(
        view,
        call.merchant_id,
        wanted,
        is_rising=page.is_rising,
        beyond=None if page.beyond is None else page.beyond.id,
        limit=page.limit + 1,
        offset=page.offset,
    )
    ids = [each.member_id for each in listed]
    views = await list_member_views(view, call.merchant_id, ids, call.ledger.runtime.now())
    return [_Row(each.place, member) for each, member in zip(listed, views, strict=True)]


def _place(page: Page, row: _Row) -> Place:
    return Place(row.place, None if page.sort == "id" else row.view.updated_at)


async def _shown(call: Call, view: Connection, members: list[MemberView]) -> list[Customer]:
    ids = [each.member.id for each in members]
    taken = await count_rewards_taken(view, call.merchant_id, ids)
    tiers = tiers_to_wire(await call.catalogue(view), call.program_id)
    return [
        customer_to_wire(each, taken.get(each.member.id), tiers, is_strict=call.is_strict)
        for each in members
    ]


async def get_customer(call: Call) -> Answer:
    """Show one customer. Not among the vendor's operations."""
    async with snapshot(call.pool) as view:
        return await _answer(call, view, await find_customer(call, view))


async def _answer(
    call: Call, view: Connection, member_id: MemberId, *, is_replay: bool = False
) -> Answer:
    now = call.ledger.runtime.now()
    members = await list_member_views(view, call.merchant_id, [member_id], now)
    (customer,) = await _shown(call, view, members)
    return answer(200, CustomerDocument(customer), is_replay=is_replay)


async def update_customer(call: Call) -> Answer:
    """Change a customer's birthday, block them or let them in again."""
    change = call.decode(CustomerChangeDocument).customer
    command = ChangeMember(
        program_id=call.program_id,
        member=MemberRef(external_id=call.path[0]),
        is_frozen=change.blocked,
        birthday=change.birthday,
    )
    done = await call.submit(command, Named(customer=call.path[0]))
    if not isinstance(done, Done):
        return done
    assert isinstance(done.result, Changed)
    async with snapshot(call.pool) as view:
        return await _answer(call, view, done.result.member.id, is_replay=done.is_replay)


async def add_points(call: Call) -> Answer:
    """Give a customer points by hand; they can be spent at once."""
    body = call.decode(PointsBody)
    return await _adjust(call, body.points, body.reason, status=201)


async def remove_points(call: Call) -> Answer:
    """Take points from a customer by hand: all of them or, where there are fewer, none."""
    body = call.decode(RemovePointsBody)
    return await _adjust(call, -body.points, body.reason, status=204)


async def _adjust(call: Call, points: int, reason: str | None, *, status: int) -> Answer:
    command = Adjust(
        program_id=call.program_id,
        member=MemberRef(external_id=call.path[0]),
        points=points,
        note=reason,
    )
    done = await call.submit(command, Named(customer=call.path[0]))
    if not isinstance(done, Done):
        return done
    return empty_answer(status, is_replay=done.is_replay)
