"""Customers: stated, shown, and found by either of their ids."""

from msgspec import UNSET

from guerdon.dialects.voucherify import wire_customers
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.ids import OWN_MARK, read_customer_id
from guerdon.dialects.voucherify.problems import invalid_payload, not_found
from guerdon.dialects.voucherify.translate_customers import change_from_wire, customer_to_wire
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Refused
from guerdon.domain.customer import Customer
from guerdon.domain.errors import NotFound
from guerdon.engine.introducing import introduce, introduced
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import customers, shoppers
from guerdon.store.cards import Card, list_cards
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot


async def state_customer(call: Call) -> Answer:
    """State a customer, or change what was stated; what is not in the body stays."""
    body = call.decode(wire_customers.CustomerBody)
    external_id = _named_in(body)
    birthdate = body.birthday if body.birthdate is UNSET else body.birthdate
    key, fingerprint = call.idempotency()
    try:
        stated = await introduce(
            call.ledger,
            call.merchant_id,
            external_id,
            change_from_wire(body),
            is_known=body.id is not None,
            birthday=birthdate,
            key=key,
            fingerprint=fingerprint,
        )
    except NotFound:
        raise not_found("customer", body.id or "") from None
    if isinstance(stated, Refused):
        return refusal_answer(stated.refusals, Named())
    async with snapshot(call.pool) as view:
        shown = await _show(call, view, introduced(stated))
    return answer(200, shown, is_replay=stated.is_replay)


def _named_in(body: wire_customers.CustomerBody) -> str | None:
    """Give the shop's own id of whom a body states; None for somebody new. The API's own id wins,
    as at the vendor."""
    if body.id is not None:
        external_id = read_customer_id(body.id)
        if external_id is None:
            raise not_found("customer", body.id)
        return external_id
    if body.source_id is not None and body.source_id.startswith(OWN_MARK):
        raise invalid_payload(f'Property .source_id must match pattern "^[^{OWN_MARK}]"')
    return body.source_id


async def get_customer(call: Call) -> Answer:
    """Show a customer, named by the API's own id or by the shop's."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        customer = await find_customer(call, view, catalogue, call.path[0])
        if customer is None:
            raise not_found("customer", call.path[0])
        return answer(200, await _show(call, view, customer))


async def find_customer(
    call: Call, view: Connection, catalogue: Catalogue, named: str
) -> Customer | None:
    """Find a customer by the API's own id or else by the shop's."""
    asked = [named] if not named.startswith(OWN_MARK) else []
    own = read_customer_id(named)
    if own is not None:
        asked.append(own)
    found = await customers.list_shoppers(view, call.merchant_id, catalogue.programs, asked)
    return (found.get(own) if own is not None else None) or found.get(named)


async def _show(call: Call, view: Connection, customer: Customer) -> wire_customers.Customer:
    catalogue = await call.catalogue(view)
    members = await shoppers.list_shoppers(
        view,
        call.merchant_id,
        [each.id for each in catalogue.programs.values() if each.archived_at is None],
        external_id=customer.external_id,
        email=None,
    )
    cards: list[Card] = []
    if members:
        now = call.ledger.runtime.now()
        ids = [member.id for member in members]
        for some in (await list_cards(view, call.merchant_id, ids, catalogue, now)).values():
            cards.extend(some)
    return customer_to_wire(customer, cards, catalogue)
