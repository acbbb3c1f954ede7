"""What the ids in a path name: found in the order in which the vendor looks, or not found."""

from guerdon.dialects.voucherify.call import Call
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.enrolment import ERASED
from guerdon.domain.ids import MemberId, ProgramId, WalletId
from guerdon.domain.member import Member
from guerdon.store.card_transactions import Card, find_card
from guerdon.store.connection import Connection
from guerdon.store.members import list_members


def program_in(call: Call, catalogue: Catalogue, position: int = 0) -> Program:
    """Find the program that this free segment of the path names; one deleted is none."""
    program = catalogue.programs.get(ProgramId(call.id(position, "program")))
    if program is None or program.archived_at is not None:
        raise call.missing(position, "program")
    return program


async def member_in(call: Call, view: Connection, program: Program, position: int = 1) -> Member:
    """Find the member of a program that this free segment of the path names; who left is none."""
    member_id = MemberId(call.id(position, "member"))
    found = await list_members(view, call.merchant_id, [member_id])
    if not found or found[0].program_id != program.id or is_gone(found[0]):
        raise call.missing(position, "member")
    return found[0]


async def card_in(call: Call, view: Connection, member: Member, position: int = 2) -> Card:
    """Find the card of a member that this free segment of the path names."""
    card = await find_card(view, call.merchant_id, WalletId(call.id(position, "card")))
    if card is None or card.member_id != member.id:
        raise call.missing(position, "card")
    return card


def is_gone(member: Member) -> bool:
    """Say whether somebody is a member no more, though their history stays."""
    return member.left_at is not None or member.external_id.startswith(ERASED)
