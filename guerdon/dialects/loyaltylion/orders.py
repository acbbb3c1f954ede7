"""Orders: told by the shop, listed and shown."""

from msgspec.structs import replace

from guerdon.dialects.loyaltylion import wire_orders
from guerdon.dialects.loyaltylion.call import Call, empty_answer, moment_of
from guerdon.dialects.loyaltylion.errors import (
    Named,
    invalid,
    not_found,
    refusal_answer,
)
from guerdon.dialects.loyaltylion.paging import Place, cut, page_of
from guerdon.dialects.loyaltylion.shoppers import email_of, metadata_of
from guerdon.dialects.loyaltylion.translate_orders import (
    minor_of,
    order_detail_to_wire,
    order_from_wire,
    order_to_wire,
    standing_from_wire,
)
from guerdon.domain.command import Refused
from guerdon.domain.errors import NotFound
from guerdon.domain.stated_order import MorePaid, MoreRefunded, News, Standing
from guerdon.engine.booking import Shopper, book_order
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store import orders
from guerdon.store.connection import Connection
from guerdon.store.member_views import list_member_views
from guerdon.store.orders import ID_END, OrderFilter, OrderRecord
from guerdon.store.snapshot import snapshot

FILTERS = ("created_at_min", "created_at_max", "updated_at_min", "updated_at_max")
FILTER_PARAMETERS = (
    Parameter("created_at_min", "string", "Created at or after this instant, in ISO 8601"),
    Parameter("created_at_max", "string", "Created at or before this instant"),
    Parameter("updated_at_min", "string", "Changed at or after this instant"),
    Parameter("updated_at_max", "string", "Changed at or before this instant"),
)


async def list_orders(call: Call) -> Answer:
    """List the program's orders, the latest first, or with `since_id` the first first."""
    page = page_of(call, FILTERS)
    created_from, created_to, updated_from, updated_to = (
        moment_of(page.filters.get(name), name) for name in FILTERS
    )
    wanted = OrderFilter(
        program_id=call.program_id,
        created_from=created_from,
        created_to=created_to,
        updated_from=updated_from,
        updated_to=updated_to,
    )
    async with snapshot(call.pool) as view:
        if page.is_rising:
            rows = await orders.list_oldest_orders(
                view,
                call.merchant_id,
                wanted,
                above=0 if page.beyond is None else page.beyond.id,
                limit=page.limit + 1,
                offset=page.offset,
            )
        else:
            rows = await orders.list_newest_orders(
                view,
                call.merchant_id,
                wanted,
                below=ID_END if page.beyond is None else page.beyond.id,
                limit=page.limit + 1,
                offset=page.offset,
            )
        shown = cut(call, page, rows, lambda row: Place(row.id))
        documents = await _shown(call, view, shown.rows)
    return answer(200, wire_orders.Orders(documents, shown.cursor), headers=shown.headers)


async def _shown(call: Call, view: Connection, rows: list[OrderRecord]) -> list[wire_orders.Order]:
    ids = list({row.member_id for row in rows if row.member_id is not None})
    members = await list_member_views(view, call.merchant_id, ids, call.ledger.runtime.now())
    by_id = {each.member.id: each for each in members}
    return [
        order_to_wire(row, None if row.member_id is None else by_id[row.member_id]) for row in rows
    ]


async def get_order(call: Call) -> Answer:
    """Show one order, by the shop's own id."""
    async with snapshot(call.pool) as view:
        order = await orders.find_order(view, call.merchant_id, call.program_id, call.path[0])
    if order is None:
        raise not_found(f"Order '{call.path[0]}'")
    return answer(200, order_detail_to_wire(order))


async def create_order(call: Call) -> Answer:
    """Take an order in. One that is known is brought up to date."""
    body = call.decode(wire_orders.OrderBody)
    placed = order_from_wire(body, await _currency(call))
    placed = replace(placed, ordered_at=moment_of(body.date, "date"))
    shopper = Shopper(
        external_id=str(body.customer_id),
        email=email_of(body.customer_email, "customer_email"),
        is_guest=body.guest,
        metadata=metadata_of(body.metadata, "metadata"),
    )
    return await _book(call, str(body.merchant_id), placed, 201, shopper)


async def update_order(call: Call) -> Answer:
    """Bring an order to where it stands now."""
    body = call.decode(wire_orders.OrderUpdateBody)
    standing = standing_from_wire(body, await _currency(call))
    return await _book(call, call.path[0], standing, 204)


async def cancel_order(call: Call) -> Answer:
    """An older way to say that an order was cancelled. Whatever body there is says nothing."""
    return await _book(call, call.path[0], Standing(is_cancelled=True), 204)


async def pay_order(call: Call) -> Answer:
    """An older way to say that all of an order was paid."""
    return await _book(call, call.path[0], Standing(payment="paid"), 204)


async def refund_order(call: Call) -> Answer:
    """An older way to say that all of an order was refunded."""
    return await _book(call, call.path[0], Standing(refund="refunded"), 204)


async def add_payment(call: Call) -> Answer:
    """An older way to say that more of an order was paid."""
    return await _book(call, call.path[0], MorePaid(await _amount(call)), 201)


async def add_refund(call: Call) -> Answer:
    """An older way to say that more of an order was refunded."""
    return await _book(call, call.path[0], MoreRefunded(await _amount(call)), 201)


async def _amount(call: Call) -> int:
    body = call.decode(wire_orders.AmountBody)
    amount = minor_of(body.amount, "amount", await _currency(call))
    if amount == 0:
        raise invalid("amount", "must be more than zero")
    return amount


async def _currency(call: Call) -> str:
    return (await call.ledger.catalogues.get(call.merchant_id)).merchant.currency


async def _book(
    call: Call, order_key: str, news: News, status: int, shopper: Shopper | None = None
) -> Answer:
    key, fingerprint = call.idempotency()
    try:
        booked = await book_order(
            call.ledger,
            call.merchant_id,
            call.program_id,
            order_key,
            news,
            shopper=shopper,
            key=key,
            fingerprint=fingerprint,
        )
    except NotFound:
        raise not_found(f"Order '{order_key}'") from None
    if isinstance(booked, Refused):
        return refusal_answer(booked.refusals, Named())
    return empty_answer(status, is_replay=booked.is_replay)
