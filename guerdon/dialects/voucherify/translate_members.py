"""Our members, in the vendor's words."""

from typing import Literal

import msgspec

from guerdon.dialects.voucherify import wire_members as w
from guerdon.dialects.voucherify.ids import write_customer_id, write_id
from guerdon.dialects.voucherify.translate_cards import card_to_wire, tier_progress_to_wire
from guerdon.dialects.voucherify.wire import Json, stamp
from guerdon.domain.catalogue import Catalogue, Program, ProgramStatus
from guerdon.domain.member import Member
from guerdon.store.cards import Card

_metadata = msgspec.json.Decoder(dict[str, Json]).decode
_PROGRAM_STATUSES: dict[ProgramStatus, Literal["DRAFT", "ACTIVE", "INACTIVE"]] = {
    "draft": "DRAFT",
    "active": "ACTIVE",
    "inactive": "INACTIVE",
}


def metadata_of(text: str | None) -> w.Metadata:
    """Give the shop's own JSON as an object."""
    return _metadata(text) if text else {}


def member_to_wire(member: Member, *, is_frozen: bool) -> w.Member:
    """Show a member without cards."""
    return w.Member(
        id=write_id("member", member.id),
        customer_id=write_customer_id(member.external_id),
        program_id=write_id("program", member.program_id),
        status="INACTIVE" if is_frozen else "ACTIVE",
        metadata=metadata_of(member.metadata),
        created_at=stamp(member.created_at),
        updated_at=_changed(member),
    )


def member_with_cards(
    member: Member, cards: list[Card], catalogue: Catalogue, *, is_frozen: bool
) -> w.MemberWithCards:
    """Show a member with all cards."""
    told = member_to_wire(member, is_frozen=is_frozen)
    return w.MemberWithCards(
        id=told.id,
        customer_id=told.customer_id,
        program_id=told.program_id,
        status=told.status,
        metadata=told.metadata,
        cards=[member_card(card, catalogue) for card in cards],
        created_at=told.created_at,
        updated_at=told.updated_at,
    )


def member_card(card: Card, catalogue: Catalogue, *, with_tiers: bool = False) -> w.MemberCard:
    """Show a card as its member's."""
    progress = tier_progress_to_wire(card, catalogue) if with_tiers else None
    return w.MemberCard(
        created_at=stamp(card.created_at),
        card=card_to_wire(card, catalogue),
        tier_progress=msgspec.UNSET if progress is None else progress,
    )


def membership_to_wire(
    member: Member,
    cards: list[Card],
    catalogue: Catalogue,
    *,
    is_frozen: bool,
    with_tiers: bool,
) -> w.Membership:
    """Show what a customer has in one program."""
    return w.Membership(
        member=member_to_wire(member, is_frozen=is_frozen),
        program=simple_program(catalogue.programs[member.program_id]),
        cards=[member_card(card, catalogue, with_tiers=with_tiers) for card in cards],
    )


def simple_program(program: Program) -> w.SimpleProgram:
    """Show a program as what belongs to it names it."""
    return w.SimpleProgram(
        id=write_id("program", program.id),
        name=program.name,
        status=_PROGRAM_STATUSES[program.status],
        metadata=metadata_of(program.metadata),
    )


def _changed(member: Member) -> str | None:
    return None if member.updated_at == member.created_at else stamp(member.updated_at)
