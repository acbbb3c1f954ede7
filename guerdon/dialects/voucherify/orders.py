"""Orders and events of v1: what the shop tells of its customers, for which they earn."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.problems import Fault, invalid_payload, not_found
from guerdon.dialects.voucherify.wire import stamp
from guerdon.dialects.voucherify.wire_orders import (
    AMOUNT_MAX,
    Customer,
    CustomerRef,
    EventAnswer,
    EventBody,
    Order,
    OrderBody,
    OrderStatus,
)
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.command import Refused
from guerdon.domain.stated_order import Placed, Standing
from guerdon.engine.booking import Shopper, book_order
from guerdon.engine.completing import Deed, complete
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.connection import Connection
from guerdon.store.member_views import find_member_by_external_id
from guerdon.store.orders import OrderRecord, find_order_by_id, list_orders_by_key
from guerdon.store.snapshot import snapshot

METADATA_BYTES_MAX = 16_384
_encode = msgspec.json.Encoder().encode


async def create_order(call: Call) -> Answer:
    """Take an order in, or bring a known one up to date: one that is paid earns points in each
    program that its customer is a member of. It makes nobody a member."""
    body = call.decode(OrderBody)
    external_id = ids.OWN_MARK if body.customer is None else external_id_of(body.customer)
    key, fingerprint = call.idempotency()
    if body.source_id is not None and body.source_id.startswith(ids.OWN_MARK):
        raise _own_name(".source_id")
    order_key = body.source_id or _own_key(key)
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    programs = _open_programs(catalogue)
    if not programs:
        raise invalid_payload("Payload cannot be kept: the project has no program yet")
    placed = _placed(body, catalogue.merchant.currency)
    shopper = Shopper(
        external_id=external_id,
        email=None if body.customer is None else body.customer.email,
        is_guest=True,
        metadata=_metadata(body.metadata),
    )
    is_replay = False
    for place, program in enumerate(programs):
        booked = await book_order(
            call.ledger,
            call.merchant_id,
            program.id,
            order_key,
            placed,
            shopper=shopper,
            # No caller's key holds a space.
            key=key if key is None or place == 0 else f"{key} {program.id}",
            fingerprint=fingerprint,
        )
        if isinstance(booked, Refused):
            return refusal_answer(booked.refusals, Named(action="create order", is_v1=True))
        is_replay = is_replay or booked.is_replay
    async with snapshot(call.pool) as view:
        order = await find_order(call, view, order_key)
    assert order is not None, "it was just booked"
    return answer(200, order_to_wire(order), is_replay=is_replay)


async def get_order(call: Call) -> Answer:
    """Show an order, by our id or by the shop's."""
    async with snapshot(call.pool) as view:
        order = await find_order(call, view, call.path[0])
    if order is None:
        raise not_found("order", call.path[0])
    return answer(200, order_to_wire(order))


async def find_order(call: Call, view: Connection, named: str) -> OrderRecord | None:
    """Find an order by our id, else by the shop's own, in whichever program it is known first."""
    number = ids.read_id("order", named)
    if number is not None:
        return await find_order_by_id(view, call.merchant_id, number)
    catalogue = await call.catalogue(view)
    found = await list_orders_by_key(view, call.merchant_id, list(catalogue.programs), named)
    return found[0] if found else None


async def track_event(call: Call) -> Answer:
    """Award what rules for this event give, in each program that the customer is a member of."""
    body = call.decode(EventBody)
    external_id = external_id_of(body.customer)
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    key, fingerprint = call.idempotency()
    is_awarded = False
    for program in _open_programs(catalogue):
        async with snapshot(call.pool) as view:
            member_id = await find_member_by_external_id(
                view, call.merchant_id, program.id, external_id
            )
        rules = [
            rule
            for rule in catalogue.rules.values()
            if rule.program_id == program.id
            and rule.trigger == "custom"
            and rule.action_key == body.event
            and rule.is_active
            and rule.archived_at is None
        ]
        if member_id is None or not rules:
            continue
        deed = Deed(
            program_id=program.id, external_id=external_id, metadata=_metadata(body.metadata)
        )
        told = await complete(
            call.ledger,
            call.merchant_id,
            rules,
            deed,
            # The first has the key itself, so that a key used for something else is found out.
            key=key if key is None or not is_awarded else f"{key} {program.id}",
            fingerprint=fingerprint,
        )
        if isinstance(told, Refused):
            return refusal_answer(told.refusals, Named(action="track event", is_v1=True))
        is_awarded = True
    return answer(200, EventAnswer(type=body.event, customer=_customer(external_id)))


def external_id_of(customer: CustomerRef) -> str:
    """Give the shop's own id of a customer that a body names; our id wins if both agree."""
    if customer.id is None:
        if customer.source_id is None:
            raise invalid_payload("Property .customer must have required property 'source_id'")
        if customer.source_id.startswith(ids.OWN_MARK):
            raise _own_name(".customer.source_id")
        return customer.source_id
    external_id = ids.read_customer_id(customer.id)
    if external_id is None:
        raise not_found("customer", customer.id)
    if customer.source_id not in (None, external_id):
        raise invalid_payload("Property .customer.source_id is not that of .customer.id")
    return external_id


def _own_name(place: str) -> Fault:
    """Say that so begin the names that were made here, for what was stated without one."""
    return invalid_payload(f'Property {place} must match pattern "^[^{ids.OWN_MARK}]"')


def order_to_wire(order: OrderRecord) -> Order:
    """Show an order. Its amounts are in minor units, as they were stated."""
    stated = order.stated
    is_known = order.external_id != ids.OWN_MARK
    initial = stated.total_minor + stated.discounts_minor
    return Order(
        id=ids.write_id("order", order.id),
        source_id=ids.source_id_of(order.order_key),
        status=_status(order),
        amount=initial,
        initial_amount=initial,
        discount_amount=stated.discounts_minor,
        total_discount_amount=stated.discounts_minor,
        total_amount=stated.total_minor,
        customer_id=ids.write_customer_id(order.external_id) if is_known else None,
        customer=_customer(order.external_id) if is_known else None,
        metadata={} if order.metadata is None else msgspec.json.decode(order.metadata),
        created_at=stamp(order.created_at),
        updated_at=stamp(order.updated_at) if order.revision > 1 else None,
    )


def _status(order: OrderRecord) -> OrderStatus:
    if order.stated.is_cancelled:
        return "CANCELED"
    return "PAID" if order.stated.payment == "paid" else "CREATED"


def _customer(external_id: str) -> Customer:
    return Customer(id=ids.write_customer_id(external_id), source_id=ids.source_id_of(external_id))


def _own_key(key: str | None) -> str:
    """Make up an id for an order that was stated without one: the same for a repetition."""
    if key is None:
        return f"{ids.OWN_MARK}{secrets.token_hex(12)}"
    return f"{ids.OWN_MARK}{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def _open_programs(catalogue: Catalogue) -> Sequence[Program]:
    return [each for each in catalogue.programs.values() if each.status != "draft"]


def _placed(body: OrderBody, currency: str) -> Placed:
    amount = body.amount
    if amount is None:
        items = body.items or []
        amount = sum(
            each.amount if each.amount is not None else (each.price or 0) * each.quantity
            for each in items
        )
    if amount > AMOUNT_MAX:
        raise invalid_payload(f"Property .items cannot come to more than {AMOUNT_MAX}")
    if body.discount_amount > amount:
        raise invalid_payload("Property .discount_amount cannot be greater than .amount")
    is_paid = body.status in ("PAID", "FULFILLED")
    return Placed(
        currency=currency,
        total_minor=amount - body.discount_amount,
        discounts_minor=body.discount_amount,
        standing=Standing(
            payment="paid" if is_paid else None, is_cancelled=body.status == "CANCELED" or None
        ),
    )


def _metadata(value: dict[str, Any] | None) -> str | None:
    if not value:
        return None
    encoded = _encode(value)
    if len(encoded) > METADATA_BYTES_MAX:
        raise invalid_payload(
            f"Property .metadata must be at most {METADATA_BYTES_MAX} bytes of JSON"
        )
    return encoded.decode()
