"""Orders paid with points."""

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.filters import Field
from guerdon.dialects.voucherify.lists import ListForm, page_answer, read_listing
from guerdon.dialects.voucherify.orders import find_order
from guerdon.dialects.voucherify.places import member_in, program_in
from guerdon.dialects.voucherify.problems import (
    Fault,
    error_answer,
    invalid_payload,
    not_found,
)
from guerdon.dialects.voucherify.translate_payments import payment_to_wire, simulated_to_wire
from guerdon.dialects.voucherify.wire_payments import (
    AmountLimit,
    DryPaymentAnswer,
    OrderRef,
    OrderTransaction,
    PaymentAnswer,
    PaymentBody,
    PointsLimit,
)
from guerdon.domain.catalogue import Program
from guerdon.domain.command import Done, Outcome, Paid, PayOrder, Refused
from guerdon.domain.ids import WalletId
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.order_payment import OrderPayment
from guerdon.engine.examining import examine
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import orders
from guerdon.store.card_transactions import Slice, find_card, list_cards_of
from guerdon.store.connection import Connection
from guerdon.store.order_payments import list_payments as list_stored
from guerdon.store.orders import OrderRecord
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrsotx",
    default="-id",
    filters={"id": Field("id", "order_transaction"), "created_at": Field("moment")},
    binds_limit=True,
)


async def create_payment(call: Call) -> Answer:
    """Pay for an order with as many points as it, the card and the caller allow. The debit is made
    at once, and told as pending, as it is at the vendor."""
    body = call.decode(PaymentBody)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        member = await member_in(call, view, program)
        wallet_id = WalletId(ids.read_id("card", body.card_id) or 0)
        card = await find_card(view, call.merchant_id, wallet_id)
        if card is None or card.member_id != member.id:
            raise not_found("card", body.card_id)
        order = await _find_order(call, view, program, body.order, member)
    limit = body.payment_limit
    command = PayOrder(
        program_id=program.id,
        member=MemberRef(id=member.id),
        point_type_id=card.point_type_id,
        order_key=order.order_key,
        order_total_minor=order.stated.total_minor - order.stated.refunded_minor,
        points_max=limit.points_limit.max if isinstance(limit, PointsLimit) else None,
        amount_max_minor=limit.amount_limit.max if isinstance(limit, AmountLimit) else None,
    )
    outcome: Outcome
    if body.mode == "DRY_RUN":
        (outcome,) = await examine(call.ledger, call.merchant_id, [command])
    else:
        outcome = await call.carry_out(command)
    if isinstance(outcome, Refused):
        named = Named(action="pay with points", program=call.path[0], member=call.path[1])
        return refusal_answer(outcome.refusals, named)
    payment = _payment_of(outcome)
    if body.mode == "DRY_RUN":
        simulated = simulated_to_wire(payment, card.point_type_id, order.id)
        return answer(200, DryPaymentAnswer(transaction=simulated))
    told = payment_to_wire(payment, card.point_type_id, order.id, is_new=True)
    return answer(202, PaymentAnswer(transaction=told), is_replay=outcome.is_replay)


async def list_payments(call: Call) -> Answer:
    """List what a member paid for with points."""
    listing = read_listing(call, LIST)
    among, span = listing.filters.among("id"), listing.filters.span("created_at")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        member_id = (await member_in(call, view, program)).id
        last = listing.resume()
        wanted = Slice(
            is_rising=not listing.is_falling,
            limit=listing.limit + 1,
            beyond=None if last is None else int(last[0] or 0),
            any_of=among.any_of,
            none_of=among.none_of,
            since=span.since,
            before=span.before,
            is_any=listing.filters.is_any and len(listing.filters.fields) > 1,
        )
        payments = await list_stored(view, call.merchant_id, member_id, wanted)
        cards = {card.id: card for card in await list_cards_of(view, call.merchant_id, [member_id])}
        found = await orders.list_orders_by_keys(
            view, call.merchant_id, program.id, {payment.order_key for payment in payments}
        )

    def to_wire(payment: OrderPayment) -> OrderTransaction:
        order = found.get(payment.order_key)
        point_type_id = cards[payment.wallet_id].point_type_id
        return payment_to_wire(payment, point_type_id, None if order is None else order.id)

    return page_answer(listing, payments, lambda payment: (payment.id,), to_wire)


def _payment_of(outcome: Done) -> OrderPayment:
    assert isinstance(outcome.result, Paid), "a payment was asked for"
    return outcome.result.payment


async def _find_order(
    call: Call, view: Connection, program: Program, named: OrderRef, member: Member
) -> OrderRecord:
    """Find the order as this program has it; our id wins over the shop's. Somebody else's order
    is none; one that was stated without a customer is whoever's pays."""
    if named.id is None and named.source_id is None:
        raise invalid_payload("Property .order must have required property 'id'")
    found = await find_order(call, view, named.id or str(named.source_id))
    if found is not None and found.program_id != program.id:
        found = await orders.find_order(view, call.merchant_id, program.id, found.order_key)
    if found is not None and (
        named.source_id not in (None, found.order_key)
        or found.external_id not in (ids.OWN_MARK, member.external_id)
    ):
        found = None
    if found is None and named.id is None:
        raise Fault(
            error_answer(
                404,
                "not_found",
                "Resource not found",
                f"Cannot find order with source_id {named.source_id}",
                resource_id=named.source_id,
                resource_type="order",
            )
        )
    if found is None:
        raise not_found("order", str(named.id))
    return found
