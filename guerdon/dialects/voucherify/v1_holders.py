"""Which campaign and which card a path of the older API names."""

from collections.abc import Sequence

from msgspec import Struct

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.dialects.voucherify.places import is_gone
from guerdon.dialects.voucherify.problems import not_found
from guerdon.dialects.voucherify.translate_cards import code_of
from guerdon.domain.card_code import wallet_of_card
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.customer import Customer
from guerdon.domain.ids import MemberId, ProgramId, WalletId
from guerdon.domain.member import MemberRef
from guerdon.store import card_transactions
from guerdon.store.cards import Card, list_cards
from guerdon.store.connection import Connection
from guerdon.store.customers import list_shoppers
from guerdon.store.loyalty_cards import count_paid_for, find_wallet_by_code
from guerdon.store.member_views import MemberView, list_member_views


class Holder(Struct, frozen=True, kw_only=True):
    """A card with whose it is, as they stand. `taken` counts the rewards that it paid for."""

    card: Card
    view: MemberView
    customer: Customer
    program: Program
    catalogue: Catalogue
    taken: int

    @property
    def code(self) -> str:
        return code_of(self.card, self.catalogue)

    @property
    def ref(self) -> MemberRef:
        return MemberRef(id=self.view.member.id)


def find_campaign(catalogue: Catalogue, named: str) -> Program:
    """Find the program that a campaign's id, or its name, says; of one name the first."""
    number = read_id("campaign", named)
    for program in sorted(catalogue.programs.values(), key=lambda each: each.id):
        if program.archived_at is None and named_by(program, named, number):
            return program
    raise not_found("campaign", named)


def named_by(program: Program, named: str, number: int | None) -> bool:
    return program.id == number if number is not None else program.name == named


async def find_holder(
    call: Call, view: Connection, *, card: int, campaign: int | None = None
) -> Holder:
    """Find the card whose code stands in one free segment of the path; of the campaign, where
    another segment names one."""
    catalogue = await call.catalogue(view)
    program = None if campaign is None else find_campaign(catalogue, call.path[campaign])
    return await find_by_code(call, view, catalogue, call.path[card], program)


async def find_by_code(
    call: Call, view: Connection, catalogue: Catalogue, code: str, program: Program | None
) -> Holder:
    """Find the card that has a code; of a program, where one is given."""
    wallet_id = wallet_of_card(call.merchant_id, code)
    if wallet_id is None and "\x00" not in code:
        wallet_id = await find_wallet_by_code(view, call.merchant_id, code)
    holder = None if wallet_id is None else await _find(call, view, catalogue, wallet_id)
    if holder is None or holder.code != code or (program and holder.program.id != program.id):
        raise not_found("voucher", code)
    return holder


async def find_by_id(
    call: Call, view: Connection, catalogue: Catalogue, wallet_id: WalletId
) -> Holder:
    """Find the card of a wallet. It is gone where its holder has left, or its campaign ended."""
    holder = await _find(call, view, catalogue, wallet_id)
    if holder is None:
        raise not_found("voucher", write_id("voucher", wallet_id))
    return holder


async def _find(
    call: Call, view: Connection, catalogue: Catalogue, wallet_id: WalletId
) -> Holder | None:
    known = await card_transactions.find_card(view, call.merchant_id, wallet_id)
    if known is None:
        return None
    wanted = [(wallet_id, known.member_id)]
    holders = await list_holders(call, view, catalogue, known.program_id, wanted)
    return holders[0] if holders else None


async def list_holders(
    call: Call,
    view: Connection,
    catalogue: Catalogue,
    program_id: ProgramId,
    wanted: Sequence[tuple[WalletId, MemberId]],
) -> list[Holder]:
    """List cards of one program with whose they are, in the order asked for. Who has left is left
    out."""
    program = catalogue.programs.get(program_id)
    if program is None or program.archived_at is not None or not wanted:
        return []
    now = call.ledger.runtime.now()
    member_ids = list({member_id for _, member_id in wanted})
    cards = await list_cards(view, call.merchant_id, member_ids, catalogue, now)
    views = await list_member_views(view, call.merchant_id, member_ids, now)
    members = {each.member.id: each for each in views if not is_gone(each.member)}
    customers = await list_shoppers(
        view,
        call.merchant_id,
        catalogue.programs,
        [each.member.external_id for each in members.values()],
    )
    taken = await count_paid_for(view, call.merchant_id, member_ids)
    by_id = {card.id: card for some in cards.values() for card in some}
    return [
        Holder(
            card=by_id[wallet_id],
            view=members[member_id],
            customer=customers[members[member_id].member.external_id],
            program=program,
            catalogue=catalogue,
            taken=taken.get(wallet_id, 0),
        )
        for wallet_id, member_id in wanted
        if member_id in members
    ]
