"""Customers that the shop tells of before, or without, making them members."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from guerdon.domain.command import ChangeMember, Refused
from guerdon.domain.customer import OWN_MARK, Customer, CustomerChange, split_name
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import CustomerId, MerchantId
from guerdon.domain.member import Member, MemberRef
from guerdon.engine.portions import submit_all
from guerdon.engine.repeating import Answer, once
from guerdon.engine.submitting import Ledger
from guerdon.store import customers, sequences, shoppers
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

_OBJECT = msgspec.json.Decoder(dict[str, object]).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Customer).decode


async def introduce(
    ledger: Ledger,
    merchant_id: MerchantId,
    external_id: str | None,
    change: CustomerChange,
    *,
    is_known: bool = False,
    birthday: date | None | UnsetType = UNSET,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Answer | Refused:
    """State a customer, or change what was stated; `introduced` gives the customer of the answer.

    Without an external id they get one of our own. What is told of name, e-mail and birthday is
    told of their memberships too, afterwards: a repetition does what is left of that. Raises
    NotFound where the customer has to be known and is not."""
    catalogue = await ledger.catalogues.newest(merchant_id)

    async def act(tx: Connection, now: datetime) -> bytes:
        first = None
        known = None
        if external_id is not None:
            known = await customers.lock_customer(tx, merchant_id, external_id)
        if known is None:
            # Whoever states the same one at the same time waits here, and then finds them.
            first = await sequences.take_ids(tx, merchant_id, 1)
        if known is None and external_id is not None:
            known = await customers.lock_customer(tx, merchant_id, external_id)
            if known is None:
                known = await customers.find_shopper(
                    tx, merchant_id, catalogue.programs, external_id
                )
                if known is None and is_known:
                    raise NotFound(NotFound.__doc__)
        if known is None:
            named = external_id or f"{OWN_MARK}{first}"
            known = Customer(id=None, external_id=named, created_at=now)
        stated = _stated(known, change)
        if stated.id is None:
            stated = replace(stated, id=CustomerId(first or 0), updated_at=None)
            await customers.insert_customer(tx, merchant_id, stated)
        elif stated != known:
            stated = replace(stated, updated_at=now)
            await customers.update_customer(tx, merchant_id, stated)
        return _encode(stated)

    answer = await once(ledger.runtime, merchant_id, act, key=key, fingerprint=fingerprint)
    if isinstance(answer, Answer):
        await _tell_members(ledger, merchant_id, introduced(answer), change, birthday)
    return answer


def introduced(answer: Answer) -> Customer:
    """Give the customer as the act left them."""
    return _decode(answer.stored)


def _stated(known: Customer, change: CustomerChange) -> Customer:
    plain = {
        name: getattr(change, name)
        for name in ("email", "name", "phone", "description")
        if getattr(change, name) is not UNSET
    }
    return replace(
        known,
        document=_merged(known.document, change.document),
        metadata=_merged(known.metadata, change.metadata),
        **plain,
    )


def _merged(text: str, change: Mapping[str, object] | None | UnsetType) -> str:
    """Merge the members of an object into another's; None clears it."""
    if isinstance(change, UnsetType):
        return text
    return _encode({} if change is None else {**_OBJECT(text), **change}).decode()


async def _tell_members(
    ledger: Ledger,
    merchant_id: MerchantId,
    customer: Customer,
    change: CustomerChange,
    birthday: date | None | UnsetType,
) -> None:
    """Bring the customer's memberships to what was stated."""
    catalogue = await ledger.catalogues.get(merchant_id)
    async with snapshot(ledger.runtime.pool) as view:
        # As they are by now, since a repetition must not bring back what was changed since.
        for newer in await customers.list_customers(view, merchant_id, [customer.external_id]):
            customer = newer
        members = await shoppers.list_shoppers(
            view,
            merchant_id,
            list(catalogue.programs),
            external_id=customer.external_id,
            email=None,
        )
    first, last = split_name(customer.name)
    commands = []
    for member in members:
        command = ChangeMember(
            program_id=member.program_id,
            member=MemberRef(id=member.id),
            email=UNSET if change.email is UNSET else _lower(customer.email),
            first_name=UNSET if change.name is UNSET else first,
            last_name=UNSET if change.name is UNSET else last,
            birthday=birthday,
        )
        if _differs(member, command):
            commands.append(command)
    await submit_all(ledger, merchant_id, commands)


def _lower(email: str | None) -> str | None:
    return email.strip().lower() if email else None


def _differs(member: Member, command: ChangeMember) -> bool:
    return any(
        getattr(command, name) not in (UNSET, getattr(member, name))
        for name in ("email", "first_name", "last_name", "birthday")
    )
