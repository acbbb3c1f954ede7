"""What happened on a loyalty card of the older API, and when its points will expire."""

from guerdon.dialects.voucherify import wire_v1
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field, read_filters
from guerdon.dialects.voucherify.ids import read_id
from guerdon.dialects.voucherify.lists import pairs_of, read_page
from guerdon.dialects.voucherify.problems import invalid_query
from guerdon.dialects.voucherify.translate_v1 import bucket_to_wire, entry_to_wire
from guerdon.dialects.voucherify.v1_holders import find_holder
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store import loyalty_cards
from guerdon.store.card_transactions import Slice
from guerdon.store.snapshot import snapshot

_TRANSACTION_FILTERS = {"id": Field("id", "v1_transaction"), "created_at": Field("moment")}
TRANSACTIONS_QUERY = (
    Parameter("limit", "integer", "1 to 100", default=10),
    Parameter("order", "string", "The latest first or last", default="-id", values=("-id", "id")),
    Parameter("starting_after_id", "string", "Where to go on: vtx_…"),
    Parameter(
        "filters[created_at][conditions][$after]",
        "string",
        "Filters are filters[field][conditions][operator]=value, and fields id, created_at",
    ),
)


async def list_transactions(call: Call) -> Answer:
    """List what happened on a card."""
    return await _transactions(call, card=0)


async def list_campaign_transactions(call: Call) -> Answer:
    """List what happened on a card of a campaign."""
    return await _transactions(call, card=1, campaign=0)


async def _transactions(call: Call, *, card: int, campaign: int | None = None) -> Answer:
    asked = read_page(call, orders=("id", "-id"))
    is_rising = asked.order == "id"
    filters = read_filters(pairs_of(call), _TRANSACTION_FILTERS, now=call.ledger.runtime.now())
    if filters.is_any and len(filters.fields) > 1:
        raise invalid_query("Property .filters.junction must be AND")
    beyond = call.query.get("starting_after_id") or None
    place = None if beyond is None else read_id("v1_transaction", beyond)
    if beyond is not None and place is None:
        raise invalid_query('Property .starting_after_id must match pattern "^vtx_[a-f0-9]+$"')
    among, span = filters.among("id"), filters.span("created_at")
    wanted = Slice(
        is_rising=is_rising,
        limit=asked.limit + 1,
        beyond=place,
        any_of=among.any_of,
        none_of=among.none_of,
        since=span.since,
        before=span.before,
    )
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=card, campaign=campaign)
        found = await loyalty_cards.list_card_entries(
            view, call.merchant_id, holder.card.id, wanted
        )
        rows = found[: asked.limit]
        totals = await loyalty_cards.list_credited(
            view, call.merchant_id, holder.card.id, [row.id for row in rows]
        )
    shown = [entry_to_wire(row, holder, totals[row.id]) for row in rows]
    has_more = len(found) > asked.limit
    return answer(
        200,
        wire_v1.More[wire_v1.Transaction](
            data=shown, has_more=has_more, more_starting_after=shown[-1].id if has_more else None
        ),
    )


async def list_points_expiration(call: Call) -> Answer:
    """List the days at whose end a card's points expire."""
    asked = read_page(call)
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=1, campaign=0)
        found, total = await loyalty_cards.list_expiring(
            view,
            call.merchant_id,
            holder.card.id,
            timezone=holder.program.timezone,
            now=call.ledger.runtime.now(),
            limit=asked.limit,
            offset=asked.skip,
        )
    shown = [bucket_to_wire(bucket, holder) for bucket in found]
    return answer(200, wire_v1.PageOf[wire_v1.PointsBucket](data=shown, total=total))
