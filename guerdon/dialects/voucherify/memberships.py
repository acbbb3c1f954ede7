"""What one customer has: in all programs, or in one, with the progress on its tiers."""

from guerdon.dialects.voucherify import wire_members as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.customers import find_customer
from guerdon.dialects.voucherify.ids import (
    read_customer_id,
    read_id,
    source_id_of,
    write_customer_id,
)
from guerdon.dialects.voucherify.places import is_gone, program_in
from guerdon.dialects.voucherify.problems import invalid_query
from guerdon.dialects.voucherify.translate_members import membership_to_wire
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.ids import MemberId
from guerdon.domain.member import Member
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store import members, shoppers
from guerdon.store.cards import list_cards
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

_TYPES: tuple[w.IdentificationType, ...] = ("customer_id", "customer_source_id", "member_id")
QUERY = (
    Parameter(
        "identification_type",
        "string",
        "What the id in the path is",
        default="customer_id",
        values=_TYPES,
    ),
)


async def list_memberships(call: Call) -> Answer:
    """Show a customer's memberships of all programs, with cards; by a member's id, that one's."""
    asked = _identification_type(call)
    named = call.path[0]
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        if asked == "member_id":
            member = await member_by_id(call, view, named)
            if member is None:
                raise call.missing(0, "member")
            found, external_id = [member], member.external_id
        else:
            external_id, found = await _members_of(call, view, catalogue, asked, 0)
        shown = await _show(call, view, catalogue, found, with_tiers=False)
    customer = w.MembershipCustomer(
        id=write_customer_id(external_id), source_id=source_id_of(external_id)
    )
    return answer(200, w.Memberships(customer=customer, memberships=shown))


async def get_membership(call: Call) -> Answer:
    """Show a customer's membership of a program, with cards and the progress on tiers."""
    asked = _identification_type(call)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        if asked == "member_id":
            member = await member_by_id(call, view, call.path[1])
            found = [] if member is None else [member]
        else:
            external_id = _external_id(asked, call.path[1])
            found = await members_by(call, view, catalogue, external_id)
        mine = [member for member in found if member.program_id == program.id]
        if not mine:
            raise call.missing(1, "member")
        (shown,) = await _show(call, view, catalogue, mine, with_tiers=True)
    return answer(200, shown)


def _identification_type(call: Call) -> w.IdentificationType:
    asked = call.query.get("identification_type") or "customer_id"
    for known in _TYPES:
        if asked == known:
            return known
    allowed = ", ".join(_TYPES)
    raise invalid_query(
        f"Property .identification_type must be equal to one of the allowed values [ {allowed} ]"
    )


def _external_id(asked: w.IdentificationType, named: str) -> str | None:
    """Give the shop's own id of whom a path names; None where it can be nobody's."""
    if asked == "customer_id":
        return read_customer_id(named)
    return named if source_id_of(named) is not None else None


async def _members_of(
    call: Call, view: Connection, catalogue: Catalogue, asked: w.IdentificationType, position: int
) -> tuple[str, list[Member]]:
    """List a customer's members; a customer who is no member has none, whom nobody knows is not
    found."""
    external_id = _external_id(asked, call.path[position])
    if external_id is None:
        raise call.missing(position, "customer")
    found = await members_by(call, view, catalogue, external_id)
    if not found:
        named = write_customer_id(external_id)
        known = await find_customer(call, view, catalogue, named)
        if known is None or known.external_id != external_id:
            raise call.missing(position, "customer")
    return external_id, found


async def members_by(
    call: Call, view: Connection, catalogue: Catalogue, external_id: str | None
) -> list[Member]:
    """List what somebody, by the shop's own id, is a member of."""
    if external_id is None:
        return []
    programs = [each.id for each in catalogue.programs.values() if each.archived_at is None]
    found = await shoppers.list_shoppers(
        view, call.merchant_id, programs, external_id=external_id, email=None
    )
    return [member for member in found if not is_gone(member)]


async def member_by_id(call: Call, view: Connection, named: str) -> Member | None:
    """Find a member by this API's own id; who left is none."""
    number = read_id("member", named)
    if number is None:
        return None
    found = await members.list_members(view, call.merchant_id, [MemberId(number)])
    return found[0] if found and not is_gone(found[0]) else None


async def _show(
    call: Call, view: Connection, catalogue: Catalogue, found: list[Member], *, with_tiers: bool
) -> list[w.Membership]:
    ids = [member.id for member in found]
    now = call.ledger.runtime.now()
    cards = await list_cards(view, call.merchant_id, ids, catalogue, now) if ids else {}
    return [
        membership_to_wire(
            member,
            cards[member.id],
            catalogue,
            is_frozen=cards[member.id][0].is_frozen,
            with_tiers=with_tiers,
        )
        for member in found
    ]
