"""Customers: listed, shown, enrolled, changed, and their points adjusted."""

import re
from datetime import UTC, date, datetime

from msgspec import UnsetType

from guerdon.dialects.mage import wire
from guerdon.dialects.mage.call import Call, convert, required_text
from guerdon.dialects.mage.errors import Fault, Named
from guerdon.dialects.mage.parameters import collection_answer, filter_of, page_of, sort_of
from guerdon.dialects.mage.translate import customer_resource, member_ref, shopify_id
from guerdon.domain.command import Adjust, Adjusted, Changed, ChangeMember, Enrol, Enrolled
from guerdon.domain.ids import MemberId
from guerdon.domain.member import MemberRef
from guerdon.engine.enrolling import ask_shop
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import member_views
from guerdon.store.connection import Connection
from guerdon.store.member_views import Figure, MemberFilter
from guerdon.store.snapshot import snapshot

_SHOPIFY_ID = re.compile(r"[0-9]{1,20}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T.+)?", re.ASCII)
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_FIGURES: dict[str, Figure] = {
    "points": "points_available",
    "lifetime_points": "points_lifetime",
    "redeemed_points": "points_redeemed",
}


def named_customer(call: Call) -> tuple[str, MemberRef]:
    """Read the customer that a path names; one who cannot exist is not found."""
    identifier = call.path[0]
    member = member_ref(identifier)
    if member is None:
        raise unknown_customer(identifier)
    return identifier, member


def unknown_customer(identifier: str) -> Fault:
    return Fault(404, f"Customer '{identifier}' not found")


async def find_customer(call: Call, view: Connection) -> MemberId:
    """Find the customer that a path names, or answer 404."""
    identifier, ref = named_customer(call)
    found = await _find(call, view, ref)
    if found is None:
        raise unknown_customer(identifier)
    return found


async def _find(call: Call, view: Connection, ref: MemberRef) -> MemberId | None:
    if ref.email is not None:
        return await member_views.find_member_by_email(
            view, call.merchant_id, call.program_id, ref.email
        )
    return await member_views.find_member_by_external_id(
        view, call.merchant_id, call.program_id, ref.external_id or ""
    )


async def list_customers(call: Call) -> Answer:
    """List members, excluded ones too unless filtered."""
    page = page_of(call)
    sort = sort_of(call, "created_at", *_FIGURES)
    status = filter_of(call, "loyalty_status", "member", "excluded")
    email_part = filter_of(call, "email")
    wanted = MemberFilter(
        program_id=call.program_id,
        email_part=email_part.lower() if email_part else None,
        is_frozen=None if status is None else status == "excluded",
    )
    async with snapshot(call.pool) as view:
        total = await member_views.count_members(view, call.merchant_id, wanted)
        ids = await _list_page(view, call, wanted, sort, page.size, page.offset)
        data = await _resources(call, view, ids)
    return collection_answer(page, total, data)


async def _list_page(
    view: Connection, call: Call, wanted: MemberFilter, sort: str, limit: int, offset: int
) -> list[MemberId]:
    merchant_id = call.merchant_id
    if sort == "-created_at":
        return await member_views.list_newest_members(
            view, merchant_id, wanted, limit=limit, offset=offset
        )
    if sort == "created_at":
        return await member_views.list_oldest_members(
            view, merchant_id, wanted, limit=limit, offset=offset
        )
    return await member_views.list_members_by_figure(
        view,
        merchant_id,
        wanted,
        _FIGURES[sort.removeprefix("-")],
        is_falling=sort.startswith("-"),
        limit=limit,
        offset=offset,
    )


async def _resources(
    call: Call, view: Connection, ids: list[MemberId], *, shows_tier: bool = True
) -> list[wire.Resource[wire.Customer]]:
    catalogue = await call.catalogue(view)
    now = call.ledger.runtime.now()
    views = await member_views.list_member_views(view, call.merchant_id, ids, now)
    return [customer_resource(each, catalogue, shows_tier=shows_tier) for each in views]


async def get_customer(call: Call) -> Answer:
    """Show one member, excluded or not."""
    shows_tier = call.query.get("exclude_vip") != "true"
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        (resource,) = await _resources(call, view, [member_id], shows_tier=shows_tier)
    return answer(200, wire.Document(resource))


async def _shown(call: Call, member_id: MemberId, status: int, *, is_replay: bool) -> Answer:
    async with snapshot(call.pool) as view:
        (resource,) = await _resources(call, view, [member_id])
    return answer(status, wire.Document(resource), is_replay=is_replay)


async def enrol_customer(call: Call) -> Answer:
    """Make a shopper a member; one who is a member already is only shown."""
    body = call.decode(wire.EnrolBody)
    external_id = shopify_id(required_text(body.shopify_customer_id, "shopify_customer_id").strip())
    if not _SHOPIFY_ID.fullmatch(external_id):
        raise Fault(400, "shopify_customer_id must be a Shopify customer ID")
    # An address outside ASCII has no spelling in lower case that all agree on.
    if body.email is not None and not _EMAIL.fullmatch(body.email.strip()):
        raise Fault(400, "email must be an e-mail address")
    command = await _enrolment(call, external_id, body)
    done = await call.submit(command, Named(customer=external_id))
    if isinstance(done, Answer):
        return done
    assert isinstance(done.result, Enrolled)
    status = 201 if done.result.is_new else 200
    return await _shown(call, done.result.member.id, status, is_replay=done.is_replay)


async def _enrolment(call: Call, external_id: str, body: wire.EnrolBody) -> Enrol:
    """Complete who is to be enrolled with what the shop knows of them; 404 where it knows nobody.

    Only a shopper who is no member yet is asked about. With no shop to ask, somebody of whom
    nothing but an id is said is not known."""
    email, first_name, last_name = body.email, body.first_name, body.last_name
    async with snapshot(call.pool) as view:
        is_member = await _find(call, view, MemberRef(external_id=external_id)) is not None
    if not is_member:
        asked = await ask_shop(call.ledger, call.merchant_id, external_id)
        if asked is None:
            if email is None and first_name is None and last_name is None:
                raise unknown_customer(external_id)
        elif asked.entry is None:
            raise unknown_customer(external_id)
        else:
            known = asked.entry
            if email is None and known.email and _EMAIL.fullmatch(known.email):
                email = known.email
            first_name = known.first_name if first_name is None else first_name
            last_name = known.last_name if last_name is None else last_name
    return Enrol(
        program_id=call.program_id,
        external_id=external_id,
        email=email,
        first_name=first_name,
        last_name=last_name,
    )


async def update_customer(call: Call) -> Answer:
    """Change the dates of a member, exclude them or let them in again."""
    identifier, member = named_customer(call)
    body = call.json()
    if "data" in body:
        change = convert(body, wire.CustomerChangeDocument).data.attributes
    else:
        change = convert(body, wire.CustomerChange)
    command = ChangeMember(
        program_id=call.program_id,
        member=member,
        is_frozen=change.is_excluded,
        birthday=_date(change.date_of_birth, "date_of_birth"),
        anniversary=_date(change.anniversary_date, "anniversary_date"),
    )
    done = await call.submit(command, Named(customer=identifier))
    if isinstance(done, Answer):
        return done
    assert isinstance(done.result, Changed)
    return await _shown(call, done.result.member.id, 200, is_replay=done.is_replay)


def _date(text: str | None | UnsetType, name: str) -> date | None | UnsetType:
    """Read a date, alone or as a full timestamp, of which the day in UTC counts."""
    if text is None or isinstance(text, UnsetType):
        return text
    try:
        day = _day(text) if _DATE.fullmatch(text) else None
    except (ValueError, OverflowError):
        day = None
    if day is None:
        raise Fault(400, f"{name} must be an ISO 8601 date")
    return day


def _day(text: str) -> date:
    if len(text) == 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


async def adjust_points(call: Call) -> Answer:
    """Add or take points by hand; a balance is never taken below zero."""
    identifier, member = named_customer(call)
    body = call.decode(wire.AdjustmentBody)
    if body.adjustment == 0:
        raise Fault(400, "adjustment must be a non-zero integer")
    command = Adjust(
        program_id=call.program_id,
        member=member,
        points=body.adjustment,
        note=body.note,
        moves_lifetime=body.update_lifetime_points,
        floors_at_zero=True,
    )
    done = await call.submit(command, Named(customer=identifier))
    if isinstance(done, Answer):
        return done
    assert isinstance(done.result, Adjusted)
    async with snapshot(call.pool) as view:
        (shown,) = await _resources(call, view, [done.result.member_id])
    adjustment = wire.PointsAdjustment(
        shopify_customer_id=shown.id,
        adjustment=done.result.asked_points,
        points_before=done.result.points_before,
        points_after=done.result.points_after,
        current_points=done.result.points_after,
        note=body.note,
    )
    document = wire.Document(wire.Resource("points_adjustment", shown.id, adjustment))
    return answer(200, document, is_replay=done.is_replay)
