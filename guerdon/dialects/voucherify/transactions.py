"""The transactions of cards, and what they are shown with."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from guerdon.dialects.voucherify.behind import Behind
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field
from guerdon.dialects.voucherify.lists import ListForm, Listing, page_answer, read_listing
from guerdon.dialects.voucherify.places import card_in, member_in, program_in
from guerdon.dialects.voucherify.translate_results import Cards
from guerdon.dialects.voucherify.translate_transactions import card_transaction
from guerdon.dialects.voucherify.wire_transactions import CardTransaction
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.ids import EarningId, EntryId, LotId
from guerdon.domain.redemption import Redemption
from guerdon.http.asgi import Answer
from guerdon.store.card_transactions import (
    Card,
    Happening,
    Slice,
    list_card_transactions,
    list_cards_of,
    list_credits,
)
from guerdon.store.connection import Connection
from guerdon.store.earnings import list_earnings
from guerdon.store.lots import list_lot_origins
from guerdon.store.offers import list_reward_versions
from guerdon.store.order_payments import list_payments_by_entry
from guerdon.store.orders import list_orders_by_keys
from guerdon.store.purchases import find_last_refund
from guerdon.store.redemptions import list_redemptions
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrsctx",
    filters={
        "id": Field("id", "card_transaction"),
        "created_at": Field("moment"),
        "card_definition_id": Field("id", "card_definition"),
    },
    binds_limit=True,
)
_NONE_AT_ALL: list[int] = []


async def list_transactions(call: Call) -> Answer:
    """List all that happened on a card, of every kind and whatever came of it."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = program_in(call, catalogue)
        card = await card_in(call, view, await member_in(call, view, program))
        wanted = _slice(listing, card)
        found = await list_card_transactions(view, call.merchant_id, card, wanted)
        behind = await look_behind(call, view, catalogue, card, found)
    return page_answer(
        listing,
        found,
        lambda happening: (happening.id,),
        lambda happening: card_transaction(happening, card, behind),
    )


async def show_pending(
    call: Call, view: Connection, catalogue: Catalogue, card: Card, happening_id: int
) -> CardTransaction:
    """Show what was just made on a card, as it was taken on: still to be processed."""
    wanted = Slice(is_rising=True, limit=1, any_of=[happening_id])
    found = await list_card_transactions(view, call.merchant_id, card, wanted)
    behind = await look_behind(call, view, catalogue, card, found)
    return card_transaction(found[0], card, behind, status="PENDING")


def _slice(listing: Listing, card: Card) -> Slice:
    """Read the filters. What a card's definition is holds for all of its transactions or none."""
    filters = listing.filters
    fields = {*filters.fields}
    ids, span = filters.among("id"), filters.span("created_at")
    any_of, none_of = ids.any_of, ids.none_of
    since, before = span.since, span.before
    if "card_definition_id" in fields:
        fields.discard("card_definition_id")
        suits = filters.among("card_definition_id").allows(card.point_type_id)
        if filters.is_any and suits:
            fields, any_of, none_of, since, before = set(), None, [], None, None
        elif not suits and not (filters.is_any and fields):
            any_of = _NONE_AT_ALL
    last = listing.resume()
    return Slice(
        is_rising=not listing.is_falling,
        limit=listing.limit + 1,
        beyond=None if last is None else int(last[0] or 0),
        any_of=any_of,
        none_of=none_of,
        since=since,
        before=before,
        is_any=filters.is_any and len(fields) > 1,
    )


async def look_behind(
    call: Call,
    view: Connection,
    catalogue: Catalogue,
    card: Card,
    happenings: Sequence[Happening] = (),
    redemptions: Sequence[Redemption] = (),
) -> Behind:
    """Read all that transactions of one member name: few statements, however many there are."""
    merchant_id = call.merchant_id
    known = {each.id: each for each in redemptions}
    redemption_ids = {each.redemption_id for each in happenings if each.redemption_id is not None}
    if redemption_ids:
        for each in await list_redemptions(view, merchant_id, list(redemption_ids - known.keys())):
            known[each.id] = each
    versions = {reward.version_id: reward for reward in catalogue.rewards.values()}
    lacking = {each.reward_version_id for each in known.values()} - versions.keys()
    if lacking:
        versions |= await list_reward_versions(view, merchant_id, list(lacking))
    of_points = [
        each.id
        for each in known.values()
        if versions[each.reward_version_id].fulfil_by == "points" and each.status != "pending"
    ]
    earning_ids = _earnings_of(happenings)
    lot_ids = {lot_id for each in happenings if each.kind != "redeemed" for lot_id in each.lot_ids}
    paid = [EntryId(each.id) for each in happenings if each.kind == "paid"]
    earnings = await list_earnings(view, merchant_id, earning_ids, []) if earning_ids else []
    origins = await list_lot_origins(view, merchant_id, list(lot_ids)) if lot_ids else {}
    payments = await list_payments_by_entry(view, merchant_id, card.member_id, paid) if paid else {}
    reversed_ids = [
        each.redemption_id
        for each in happenings
        if each.kind == "adjusted" and each.points < 0 and each.redemption_id is not None
    ]
    refunds = [await find_last_refund(view, merchant_id, known[each]) for each in reversed_ids]
    order_keys = {each.order_key for each in payments.values()}
    orders = (
        await list_orders_by_keys(view, merchant_id, card.program_id, order_keys)
        if order_keys
        else {}
    )
    return Behind(
        profile=call.settings.purchase_profile,
        catalogue=catalogue,
        now=call.ledger.runtime.now(),
        delay=timedelta(seconds=call.ledger.runtime.queue_delay_seconds),
        cards=cards_of(await list_cards_of(view, merchant_id, [card.member_id])),
        redemptions=known,
        versions=versions,
        credits=await list_credits(view, merchant_id, card.member_id, of_points),
        refunds={each.redemption_id: each for each in refunds if each is not None},
        expiries={LotId(lot_id): origin[1] for lot_id, origin in origins.items()},
        earnings={each.id: each for each in earnings},
        payments=payments,
        orders={order_key: order.id for order_key, order in orders.items()},
    )


def cards_of(cards: Iterable[Card]) -> Cards:
    return Cards({(each.member_id, each.point_type_id): each.id for each in cards})


def _earnings_of(happenings: Sequence[Happening]) -> list[EarningId]:
    """List the earnings by a rule; what was done by hand has a record too, that adds nothing."""
    return [
        each.earning_id
        for each in happenings
        if each.earning_id is not None
        and each.kind in ("earned", "pending", "declined", "reversed")
    ]
