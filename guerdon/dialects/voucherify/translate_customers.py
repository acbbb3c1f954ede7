"""Customers, between the vendor's words and ours."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from guerdon.dialects.voucherify import wire_customers as w
from guerdon.dialects.voucherify.ids import source_id_of, write_customer_id
from guerdon.dialects.voucherify.wire import Json, stamp, stamp_or_none
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.customer import Customer, CustomerChange
from guerdon.store.cards import Card

_object = msgspec.json.Decoder(dict[str, Json]).decode


def change_from_wire(body: w.CustomerBody) -> CustomerChange:
    """Give what a body states."""
    document: dict[str, object] = {}
    birthdate = body.birthday if body.birthdate is UNSET else body.birthdate
    if not isinstance(birthdate, UnsetType):
        document["birthdate"] = None if birthdate is None else birthdate.isoformat()
    if not isinstance(body.address, UnsetType):
        document["address"] = None if body.address is None else msgspec.to_builtins(body.address)
    return CustomerChange(
        email=body.email.strip().lower() if isinstance(body.email, str) else body.email,
        name=body.name,
        phone=body.phone,
        description=body.description,
        document=document or UNSET,
        metadata=UNSET if isinstance(body.metadata, UnsetType) else _metadata(body.metadata),
    )


def _metadata(given: dict[str, Json] | None) -> dict[str, object] | None:
    return None if given is None else dict(given)


def customer_to_wire(customer: Customer, cards: Iterable[Card], catalogue: Catalogue) -> w.Customer:
    """Show a customer with the points that they have as a member, if they are one."""
    document = _object(customer.document)
    birthdate = document.get("birthdate")
    address = document.get("address")
    points = 0
    campaigns: dict[str, Json] = {}
    for card in cards:
        points += card.balance
        program = catalogue.programs[card.program_id]
        if card.is_default:
            campaigns[program.name] = {"points": card.balance, "referred_customers": 0}
    return w.Customer(
        id=write_customer_id(customer.external_id),
        source_id=source_id_of(customer.external_id),
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        description=customer.description,
        birthday=birthdate if isinstance(birthdate, str) else None,
        birthdate=birthdate if isinstance(birthdate, str) else None,
        address=address if isinstance(address, dict) else None,
        metadata=_object(customer.metadata),
        loyalty=w.LoyaltySummary(points=points, campaigns=campaigns),
        created_at=stamp(customer.created_at),
        updated_at=stamp_or_none(customer.updated_at),
    )
