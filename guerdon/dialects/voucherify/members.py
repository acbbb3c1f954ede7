"""Members: enrolled, listed, shown, changed, let go."""

from collections.abc import Callable

import msgspec

from guerdon.dialects.voucherify import wire_members as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.customers import find_customer
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.filters import Field, Filters
from guerdon.dialects.voucherify.ids import read_customer_id, write_customer_id
from guerdon.dialects.voucherify.lists import ListForm, Listing, page_answer, read_listing
from guerdon.dialects.voucherify.places import member_in, program_in
from guerdon.dialects.voucherify.problems import (
    Fault,
    invalid_payload,
    invalid_transition,
    not_found,
    refuse,
)
from guerdon.dialects.voucherify.translate_members import member_to_wire, member_with_cards
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.command import (
    Changed,
    ChangeMember,
    Command,
    Done,
    Enrol,
    Enrolled,
    Leave,
    Refused,
)
from guerdon.domain.customer import Customer, split_name
from guerdon.domain.enrolment import ERASED, LEFT
from guerdon.domain.ids import MemberId
from guerdon.domain.member import Member, MemberRef
from guerdon.engine.erasing import let_go
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.cards import list_cards
from guerdon.store.connection import Connection
from guerdon.store.program_members import (
    ID_END,
    MemberConditions,
    ProgramMember,
    Sorting,
    list_program_members_falling,
    list_program_members_rising,
    list_program_members_sorted,
)
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrsmbr",
    orders=("created_at", "status", "customer_id"),
    filters={
        "id": Field("id", "member"),
        "status": Field("enum", values=("ACTIVE", "INACTIVE")),
        "customer_id": Field("enum"),
        "created_at": Field("moment"),
    },
)
_encode = msgspec.json.Encoder().encode


async def enrol_member(call: Call) -> Answer:
    """Make a customer a member of a program, with a card for each of its card definitions."""
    body = call.decode(w.EnrolBody)
    named, is_source = identified_in(body)
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    async with snapshot(call.pool) as view:
        program = program_in(call, catalogue)
        customer = await customer_named(call, view, catalogue, named, is_source=is_source)
    if customer is None:
        raise not_found("customer", named)
    outcome = await call.submit(
        enrol_command(program, customer, body), Named(action="create member", program=call.path[0])
    )
    if isinstance(outcome, Answer):
        return outcome
    assert isinstance(outcome.result, Enrolled), "somebody was enrolled"
    if not outcome.result.is_new:
        raise already_member(named, call.path[0])
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        shown = await _show(call, view, catalogue, outcome.result.member)
    return answer(200, shown, is_replay=outcome.is_replay)


def identified_in(body: w.EnrolBody) -> tuple[str, bool]:
    """Give how a body names the customer, and whether that is the shop's own id."""
    given = body.customer_identification
    if given is None:
        if body.customer_id is None:
            raise invalid_payload("Payload must have required property 'customer_identification'")
        return body.customer_id, False
    named = given.customer_id if given.type == "customer_id" else given.customer_source_id
    if named is None:
        raise invalid_payload(
            f"Property .customer_identification must have required property '{given.type}'"
        )
    own = named if given.type == "customer_id" else write_customer_id(named)
    told = {own, given.customer_id or own, body.customer_id or own}
    if given.customer_source_id is not None:
        told.add(write_customer_id(given.customer_source_id))
    if len(told) > 1:
        raise invalid_payload("Property .customer_identification names several customers")
    return named, given.type == "customer_source_id"


async def customer_named(
    call: Call, view: Connection, catalogue: Catalogue, named: str, *, is_source: bool
) -> Customer | None:
    """Find a customer by the shop's own id, or by the API's."""
    if is_source:
        found = await find_customer(call, view, catalogue, named)
        return found if found is not None and found.external_id == named else None
    external_id = read_customer_id(named)
    if external_id is None:
        return None
    return await find_customer(call, view, catalogue, named)


def enrol_command(program: Program, customer: Customer, body: w.EnrolBody) -> Enrol:
    """Give the command that makes a customer a member, with what is known of them."""
    first_name, last_name = split_name(customer.name)
    return Enrol(
        program_id=program.id,
        external_id=customer.external_id,
        email=customer.email,
        first_name=first_name,
        last_name=last_name,
        birthday=customer.birthday,
        metadata=_encode(body.metadata).decode() if body.metadata else None,
        is_frozen=body.status == "INACTIVE",
    )


def already_member(named: str, program: str) -> Fault:
    return refuse(
        409,
        "member_already_exists",
        "Member already exists",
        already_member_text(named, program),
    )


def already_member_text(named: str, program: str) -> str:
    return f"Customer '{named}' already is a member of program '{program}'"


async def list_members(call: Call) -> Answer:
    """List a program's members, without their cards."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        program = program_in(call, await call.catalogue(view))
        rows = await _page(call, view, program, listing)
    return page_answer(
        listing,
        rows,
        lambda row: tuple(_facts(row)[order.field] for order in listing.order),
        lambda row: member_to_wire(row.member, is_frozen=row.is_frozen),
    )


def _facts(row: ProgramMember) -> dict[str, str | int]:
    return {
        "id": row.member.id,
        "status": "INACTIVE" if row.is_frozen else "ACTIVE",
        "customer_id": row.member.external_id,
    }


async def _page(
    call: Call, view: Connection, program: Program, listing: Listing
) -> list[ProgramMember]:
    wanted = _conditions(listing.filters)
    last, limit = listing.resume(), listing.limit + 1
    if listing.order[0].field == "id":
        list_some = (
            list_program_members_falling if listing.is_falling else list_program_members_rising
        )
        edge = ID_END if listing.is_falling else 0
        beyond = edge if last is None else int(last[0] or 0)
        return await list_some(view, call.merchant_id, program.id, wanted, beyond, limit)
    first, *rest = listing.order
    second = rest[0] if len(rest) > 1 else None
    after = None
    if last is not None:
        middle = str(last[1]) if second is not None else ""
        after = (str(last[0]), middle, int(last[-1] or 0))
    sorting = Sorting(
        first=first.field,
        first_falls=first.is_falling,
        second="" if second is None else second.field,
        second_falls=second is not None and second.is_falling,
        id_falls=rest[-1].is_falling,
        after=after,
    )
    return await list_program_members_sorted(
        view, call.merchant_id, program.id, wanted, sorting, limit
    )


def _conditions(filters: Filters) -> MemberConditions:
    ids, span = filters.among("id"), filters.span("created_at")
    statuses, no_statuses = filters.words("status")
    customers, no_customers = filters.words("customer_id")
    shown = {"ACTIVE", "INACTIVE"} if statuses is None else {*statuses}
    return MemberConditions(
        is_any=filters.is_any,
        asked=frozenset(filters.fields),
        any_ids=ids.any_of,
        no_ids=ids.none_of,
        frozen=[each == "INACTIVE" for each in sorted(shown - {*no_statuses})],
        any_external_ids=None if customers is None else _external_ids(customers),
        no_external_ids=_external_ids(no_customers),
        since=span.since,
        before=span.before,
    )


def _external_ids(customer_ids: list[str]) -> list[str]:
    found = [read_customer_id(each) for each in customer_ids]
    return [each for each in found if each is not None]


async def get_member(call: Call) -> Answer:
    """Show a member with all cards."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        member = await member_in(call, view, program)
        return answer(200, await _show(call, view, catalogue, member))


async def _show(
    call: Call, view: Connection, catalogue: Catalogue, member: Member
) -> w.MemberWithCards:
    now = call.ledger.runtime.now()
    found = await list_cards(view, call.merchant_id, [member.id], catalogue, now)
    cards = found[member.id]
    return member_with_cards(member, cards, catalogue, is_frozen=cards[0].is_frozen)


async def change_member(call: Call) -> Answer:
    """Change a member's metadata: keys are merged into what is there, null clears all."""
    body = call.decode(w.ChangeBody)
    metadata = None if body.metadata is None else _encode(body.metadata).decode()
    outcome = await _submit(
        call,
        lambda program, member: ChangeMember(
            program_id=program.id, member=member, metadata=metadata, merges_metadata=True
        ),
    )
    return outcome if isinstance(outcome, Answer) else _changed(outcome)


async def activate_member(call: Call) -> Answer:
    """Let a member earn and spend again."""
    return await _switch(call, is_frozen=False)


async def deactivate_member(call: Call) -> Answer:
    """Let a member neither earn nor spend."""
    return await _switch(call, is_frozen=True)


async def _switch(call: Call, *, is_frozen: bool) -> Answer:
    outcome = await _submit(
        call,
        lambda program, member: ChangeMember(
            program_id=program.id, member=member, is_frozen=is_frozen
        ),
    )
    if isinstance(outcome, Answer):
        return outcome
    assert isinstance(outcome.result, Changed), "a member was changed"
    if not outcome.result.has_switched:
        verb, status = ("deactivate", "INACTIVE") if is_frozen else ("activate", "ACTIVE")
        raise invalid_transition(verb, "member", status)
    return _changed(outcome)


async def delete_member(call: Call) -> Answer:
    """Let a member go: their history stays, and the customer may join again as a new member."""
    program = program_in(call, await call.ledger.catalogues.newest(call.merchant_id))
    member_id = MemberId(call.id(1, "member"))
    key, fingerprint = call.idempotency()
    outcome = await let_go(
        call.ledger,
        call.merchant_id,
        Leave(program_id=program.id, member=MemberRef(id=member_id)),
        member_id,
        key=key,
        fingerprint=fingerprint,
    )
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, _changing(call))
    assert isinstance(outcome.result, Changed), "a member was let go"
    if outcome.result.member.external_id.startswith((LEFT, ERASED)):
        raise call.missing(1, "member")
    told = member_to_wire(outcome.result.member, is_frozen=True)
    shown = msgspec.structs.replace(told, status="DELETED")
    return answer(200, shown, is_replay=outcome.is_replay)


async def _submit(call: Call, command_of: Callable[[Program, MemberRef], Command]) -> Done | Answer:
    """Carry out a command on the member that the path names. Who left is looked for before."""
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    program = program_in(call, catalogue)
    async with snapshot(call.pool) as view:
        await member_in(call, view, program)
    ref = MemberRef(id=MemberId(call.id(1, "member")))
    outcome = await call.carry_out(command_of(program, ref))
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, _changing(call))
    return outcome


def _changing(call: Call) -> Named:
    return Named(action="change member", program=call.path[0], member=call.path[1])


def _changed(outcome: Done) -> Answer:
    assert isinstance(outcome.result, Changed), "a member was changed"
    shown = member_to_wire(outcome.result.member, is_frozen=outcome.result.is_frozen)
    return answer(200, shown, is_replay=outcome.is_replay)
