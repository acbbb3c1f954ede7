"""Forgetting people: their points and history stay, what tells who they are goes."""

import asyncio

import msgspec

from guerdon.domain.command import Done, EraseMember, Leave, Outcome
from guerdon.domain.enrolment import ERASED
from guerdon.domain.ids import InboxId, MemberId, MerchantId
from guerdon.domain.member import Member, MemberRef
from guerdon.engine.ordering import find_members
from guerdon.engine.remembering import persist
from guerdon.engine.submitting import Ledger
from guerdon.store import (
    async_actions,
    customers,
    email_unsubscribes,
    idempotency_records,
    inbox_events,
    orders,
    platform_objects,
    privacy,
    refused_adjustments,
    shoppers,
)
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

_PAGE = 100
_encode = msgspec.json.Encoder().encode


async def erase_customer(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    *,
    external_id: str,
    email: str | None,
    inbox_id: InboxId | None = None,
) -> int:
    """Erase a customer in every program, and what else is kept of them; say how many members.

    Who has the shop's id is meant, or where nobody has it, who has the e-mail. `inbox_id` is the
    message that asks for it: it is emptied too, last of all, since whoever goes on after a crash
    reads there who is meant. Erasing twice is erasing once."""
    catalogue = await ledger.catalogues.newest(merchant_id)
    async with snapshot(ledger.runtime.pool) as view:
        members = await find_members(
            view, merchant_id, catalogue, external_id=external_id, email=email
        )
    exact = [each for each in members.values() if each.external_id == external_id]
    for member in exact or members.values():
        await erase_member(ledger, merchant_id, source, member, but=inbox_id)
    await _forget(ledger, merchant_id, source, external_id, email, but=inbox_id)
    if inbox_id is not None:
        await _blank(ledger, merchant_id, inbox_id)
    return len(members)


async def erase_member(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    member: Member,
    *,
    but: InboxId | None = None,
) -> None:
    """Erase one member. What names the person in the ledger's surroundings goes first, so that a
    repetition after a crash still knows whom to look for. The message `but` is left as it is."""

    async def delete_orders() -> None:
        async with transaction(ledger.runtime.pool) as tx:
            await orders.delete_orders_of_member(tx, merchant_id, member.id)

    await _blank_texts(ledger, merchant_id, member.id)
    await persist(delete_orders)
    await _forget(ledger, merchant_id, source, member.external_id, member.email, but=but)
    erase = EraseMember(program_id=member.program_id, member=MemberRef(id=member.id))
    await ledger.submit(merchant_id, erase)
    # Nothing can come to a member who is erased, but something may have while this went on.
    await _blank_texts(ledger, merchant_id, member.id)
    await persist(delete_orders)


async def let_go(
    ledger: Ledger,
    merchant_id: MerchantId,
    leave: Leave,
    member_id: MemberId,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Outcome:
    """Carry out a Leave, and take what names the member out of their history: once they have left,
    nobody finds it by the shop's id any more. Whoever repeats it does what a crash left."""
    outcome = await ledger.submit(merchant_id, leave, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Done):
        await _blank_texts(ledger, merchant_id, member_id)
    return outcome


async def _blank_texts(ledger: Ledger, merchant_id: MerchantId, member_id: MemberId) -> None:
    """Take from a member's history what points to the person; figures stay."""

    async def act() -> None:
        async with transaction(ledger.runtime.pool) as tx:
            wallet_ids = await privacy.list_wallet_ids(tx, merchant_id, member_id)
            await privacy.blank_earnings(tx, merchant_id, member_id)
            await privacy.blank_entries(tx, merchant_id, wallet_ids)
            await privacy.blank_redemptions(tx, merchant_id, member_id)
            await privacy.blank_order_payments(tx, merchant_id, member_id)
            await refused_adjustments.blank_refused_adjustments(
                tx, merchant_id, member_id, wallet_ids
            )

    await persist(act)


async def erase_all(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    *,
    inbox_id: InboxId | None,
    seconds_max: float,
) -> bool:
    """Erase every member of a merchant, or as many as the time allows; say whether that is all.

    Who was erased before is not looked at again."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds_max
    after = MemberId(0)
    while True:
        async with snapshot(ledger.runtime.pool) as view:
            page = await shoppers.list_unerased_members(view, merchant_id, after, ERASED, _PAGE)
        for member in page:
            await erase_member(ledger, merchant_id, source, member, but=inbox_id)
            if clock() >= ends_at:
                return False
        if len(page) < _PAGE:
            break
        after = page[-1].id
    await _forget_stated(ledger, merchant_id)
    if inbox_id is not None:
        await _blank(ledger, merchant_id, inbox_id)
    return True


async def _forget_stated(ledger: Ledger, merchant_id: MerchantId) -> None:
    """Forget the customers who are no members, and lists of those who were to be."""

    async def act() -> None:
        async with transaction(ledger.runtime.pool) as tx:
            await customers.delete_all_customers(tx, merchant_id)
            await async_actions.delete_all_actions(tx, merchant_id)

    await persist(act)


async def _forget(
    ledger: Ledger,
    merchant_id: MerchantId,
    source: str,
    external_id: str,
    email: str | None,
    *,
    but: InboxId | None,
) -> None:
    """Forget what platforms told of a person: orders, messages, requests."""
    runtime = ledger.runtime
    parts = _names_of(external_id, email)

    async def act() -> None:
        async with transaction(runtime.pool) as tx:
            await platform_objects.delete_platform_objects_of_customer(
                tx, merchant_id, source, external_id
            )
            await orders.delete_orders_of_customer(tx, merchant_id, external_id)
            await customers.delete_customers(tx, merchant_id, external_id)
            told = b'"external_id":' + _encode(external_id)
            await idempotency_records.delete_own_key_records(tx, merchant_id, told)
            await async_actions.blank_action_entries(tx, merchant_id, external_id)
            await privacy.delete_privacy_requests(tx, merchant_id, external_id)
            if email:
                await email_unsubscribes.delete_email_unsubscribes(tx, merchant_id, email.lower())
            await inbox_events.blank_inbox_events(
                tx, merchant_id, runtime.now(), source, parts, but=but
            )

    await persist(act)


def _names_of(external_id: str, email: str | None) -> list[bytes]:
    """Write what a message says of a person, as JSON does: an id as the value of an id, so that
    neither a longer number nor a quantity is taken for it."""
    number = external_id.encode()
    ids = [number + end for end in (b",", b"}")] + [b'"' + number + b'"']
    parts = [
        b'"' + name + b'":' + space + each
        for name in (b"id", b"customer_id")
        for space in (b"", b" ")
        for each in ids
    ]
    parts.append(b"/Customer/" + number + b'"')
    if email:
        parts.append(b'"' + email.encode() + b'"')
    return parts


async def _blank(ledger: Ledger, merchant_id: MerchantId, inbox_id: InboxId) -> None:
    async def act() -> None:
        async with transaction(ledger.runtime.pool) as tx:
            await inbox_events.blank_inbox_event(tx, merchant_id, inbox_id)

    await persist(act)
