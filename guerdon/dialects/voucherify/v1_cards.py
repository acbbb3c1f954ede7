"""Loyalty cards in the older API: shown, listed, given, funded, and what happened on them."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_v1
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.customers import find_customer
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.ids import OWN_MARK, read_customer_id, read_id
from guerdon.dialects.voucherify.lists import pairs_of, read_page
from guerdon.dialects.voucherify.problems import (
    invalid_payload,
    invalid_query,
    not_found,
    refuse,
    unsupported,
)
from guerdon.dialects.voucherify.translate_customers import change_from_wire
from guerdon.dialects.voucherify.translate_v1 import (
    balance_to_wire,
    voucher_to_wire,
)
from guerdon.dialects.voucherify.v1_holders import (
    Holder,
    find_by_code,
    find_by_id,
    find_campaign,
    find_holder,
    list_holders,
)
from guerdon.dialects.voucherify.wire_customers import CustomerBody
from guerdon.domain.catalogue import Program
from guerdon.domain.command import Adjust, Adjusted, Done, Enrol, Enrolled, Part, Refused, Transfer
from guerdon.domain.customer import Customer, split_name
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import WalletId
from guerdon.engine.introducing import introduce, introduced
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store import loyalty_cards
from guerdon.store.card_transactions import list_cards_of
from guerdon.store.loyalty_cards import CardList
from guerdon.store.snapshot import snapshot

SOURCES_MAX = 20
_LISTED_BY = ("created_at", "-created_at", "updated_at", "-updated_at")
LIMIT = Parameter("limit", "integer", "1 to 100", default=10)
CARDS_QUERY = (
    LIMIT,
    Parameter("page", "integer", "Counts from 1", default=1),
    Parameter("order", "string", "What to order by", default="created_at", values=_LISTED_BY),
    Parameter("customer", "string", "Only the card of this customer, by either id"),
    Parameter("code", "string", "Only the card with this code"),
    Parameter("ids", "string", "Only the card with this id; may be given several times"),
    Parameter("created_at[before]", "string", "Only cards made before this date and time"),
    Parameter("created_at[after]", "string", "Only cards made after this date and time"),
    Parameter("updated_at[before]", "string", "Only cards changed last before this"),
    Parameter("updated_at[after]", "string", "Only cards changed last after this"),
)


async def get_card(call: Call) -> Answer:
    """Show a card, by its code alone."""
    return await _show(call, card=0)


async def get_campaign_card(call: Call) -> Answer:
    """Show a card of a campaign."""
    return await _show(call, card=1, campaign=0)


async def _show(call: Call, *, card: int, campaign: int | None = None) -> Answer:
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=card, campaign=campaign)
    return answer(200, voucher_to_wire(holder))


async def list_cards(call: Call) -> Answer:
    """List the cards of a campaign's members."""
    asked = read_page(call, orders=_LISTED_BY)
    pairs = pairs_of(call)
    _check_names(pairs)
    times = {
        f"{field}_{edge}": _moment(call, f"{field}_at[{word}]")
        for field in ("created", "updated")
        for word, edge in (("after", "from"), ("before", "until"))
    }
    order = asked.order or "created_at"
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        program = find_campaign(catalogue, call.path[0])
        wallet_ids: list[WalletId] | None = None
        named = [value for name, value in pairs if name.partition("[")[0] == "ids"]
        if named:
            wallet_ids = [WalletId(read_id("voucher", each) or 0) for each in named]
        if call.query.get("code"):
            holder = await find_by_code(call, view, catalogue, call.query["code"], program)
            known = [holder.card.id]
            wallet_ids = known if wallet_ids is None else [e for e in wallet_ids if e in known]
        external_id = call.query.get("customer") or None
        if external_id is not None:
            customer = await find_customer(call, view, catalogue, external_id)
            external_id = "" if customer is None else customer.external_id
        wanted = CardList(
            program_id=program.id, wallet_ids=wallet_ids, external_id=external_id, **times
        )
        total = await loyalty_cards.count_program_cards(view, call.merchant_id, wanted)
        found = await loyalty_cards.list_program_cards(
            view,
            call.merchant_id,
            wanted,
            by_change="updated" in order,
            is_falling=order.startswith("-"),
            limit=asked.limit,
            offset=asked.skip,
        )
        holders = await list_holders(call, view, catalogue, program.id, found)
    shown = [voucher_to_wire(holder) for holder in holders]
    return answer(200, wire_v1.Vouchers(vouchers=shown, total=total))


def _check_names(pairs: list[tuple[str, str]]) -> None:
    """Refuse a filter that would else change nothing."""
    known = {parameter.name for parameter in CARDS_QUERY}
    for name, _ in pairs:
        if name not in known and name.partition("[")[0] != "ids":
            raise invalid_query(f"Query must NOT have additional properties ('{name}')")


def _moment(call: Call, name: str) -> datetime | None:
    text = call.query.get(name)
    if not text:
        return None
    try:
        # In a query written by hand a plus is a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise invalid_query(f"Property .{name} must match format date-time") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


async def give_card(call: Call) -> Answer:
    """Make a customer a campaign's member, who so has a card. One who is gets the card shown."""
    body = call.decode(wire_v1.MemberBody)
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    program = find_campaign(catalogue, call.path[0])
    if body.source_id is not None:
        raise unsupported(".source_id")
    if body.voucher is not None:
        await _refuse_code(call, program, body.voucher)
    if program.status != "active":
        raise refuse(400, "campaign_not_active", "campaign is not active", program.name)
    customer = await _state(call, body.customer)
    first, last = split_name(customer.name)
    command = Enrol(
        program_id=program.id,
        external_id=customer.external_id,
        email=customer.email,
        first_name=first,
        last_name=last,
        metadata=msgspec.json.encode(body.metadata).decode() if body.metadata else None,
    )
    outcome = await call.ledger.submit(call.merchant_id, command)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named(action="publish voucher", is_v1=True))
    assert isinstance(outcome.result, Enrolled)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        cards = await list_cards_of(view, call.merchant_id, [outcome.result.member.id])
        first_card = next(e for e in cards if e.point_type_id == program.point_type_id)
        holder = await find_by_id(call, view, catalogue, first_card.id)
    return answer(200, voucher_to_wire(holder))


async def _refuse_code(call: Call, program: Program, code: str) -> None:
    """No card is made before it has a holder: a code is somebody's, or nobody's."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        await find_by_code(call, view, catalogue, code, program)
    raise refuse(400, "voucher_already_published", "voucher already published", code)


async def _state(call: Call, body: CustomerBody) -> Customer:
    """Give the customer of a body, stated by it where they are new or it says more."""
    external_id = body.source_id
    if body.id is not None:
        external_id = read_customer_id(body.id)
        if external_id is None:
            raise not_found("customer", body.id)
    elif external_id is not None and external_id.startswith(OWN_MARK):
        raise invalid_payload(f'Property .customer.source_id must match pattern "^[^{OWN_MARK}]"')
    birthdate = body.birthday if body.birthdate is msgspec.UNSET else body.birthdate
    try:
        stated = await introduce(
            call.ledger,
            call.merchant_id,
            external_id,
            change_from_wire(body),
            is_known=body.id is not None,
            birthday=birthdate,
        )
    except NotFound:
        raise not_found("customer", body.id or "") from None
    assert not isinstance(stated, Refused), "without a key there is nothing to refuse"
    return introduced(stated)


async def adjust_balance(call: Call) -> Answer:
    """Add points to a card, or take some."""
    return await _adjust(call, card=0)


async def adjust_campaign_balance(call: Call) -> Answer:
    """Add points to a card of a campaign, or take some."""
    return await _adjust(call, card=1, campaign=0)


async def _adjust(call: Call, *, card: int, campaign: int | None = None) -> Answer:
    body = call.decode(wire_v1.BalanceBody)
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=card, campaign=campaign)
    command = Adjust(
        program_id=holder.program.id,
        member=holder.ref,
        points=body.points,
        note=body.reason,
        point_type_id=holder.card.point_type_id,
        expires_at=_expires_at(call, body, holder),
        expires_never=body.expiration_type == "NON_EXPIRING",
        metadata=None
        if body.source_id is None
        else msgspec.json.encode({"source_id": body.source_id}).decode(),
    )
    outcome = await call.submit(command, _named(holder, "adjust balance"))
    if not isinstance(outcome, Done):
        return outcome
    assert isinstance(outcome.result, Adjusted)
    entry_id = outcome.result.entry_id
    assert entry_id is not None, "what is not refused is an entry"
    async with snapshot(call.pool) as view:
        totals = await loyalty_cards.list_credited(
            view, call.merchant_id, holder.card.id, [entry_id]
        )
    shown = balance_to_wire(
        holder.card.id,
        points=outcome.result.points,
        total=totals[entry_id],
        balance=outcome.result.points_after,
    )
    return answer(200, shown, is_replay=outcome.is_replay)


def _expires_at(call: Call, body: wire_v1.BalanceBody, holder: Holder) -> datetime | None:
    """Read until when added points live; a date alone is its end, in the program's time zone."""
    is_dated = body.expiration_type == "CUSTOM_DATE"
    if body.points < 0 and body.expiration_type not in (None, "PROGRAM_RULES"):
        raise unsupported(".expiration_type", "is for points that are added")
    if body.expiration_date is None:
        if is_dated:
            raise invalid_payload("Payload must have required property 'expiration_date'")
        return None
    if not is_dated:
        raise unsupported(".expiration_date", "needs .expiration_type CUSTOM_DATE")
    try:
        moment = _end_of(body.expiration_date.strip(), ZoneInfo(holder.program.timezone))
    except (ValueError, OverflowError):
        raise invalid_payload(
            "Property .expiration_date must match format date or date-time"
        ) from None
    if not call.ledger.runtime.now() < moment < datetime(9999, 1, 1, tzinfo=UTC):
        raise invalid_payload("Property .expiration_date must be in the future")
    return moment


def _end_of(text: str, zone: ZoneInfo) -> datetime:
    if "T" not in text and len(text) <= len("2026-01-01"):
        day = date.fromisoformat(text) + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


async def transfer_points(call: Call) -> Answer:
    """Move points from other cards to this one: from all of them, or none."""
    parts = call.decode(list[wire_v1.TransferBody])
    if not 1 <= len(parts) <= SOURCES_MAX:
        raise invalid_payload(f"Payload must have 1 to {SOURCES_MAX} items")
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=1, campaign=0)
        gives = [
            Part(
                source=(
                    await find_by_code(call, view, holder.catalogue, part.code, holder.program)
                ).ref,
                points=part.points,
                note=part.reason,
            )
            for part in parts
        ]
    command = Transfer(
        program_id=holder.program.id,
        source=gives[0].source,
        points=gives[0].points,
        note=gives[0].note,
        target=holder.ref,
        point_type_id=holder.card.point_type_id,
        further=tuple(gives[1:]),
    )
    named = replace(_named(holder, "transfer points"), card=parts[0].code)
    outcome = await call.submit(command, named)
    if not isinstance(outcome, Done):
        return outcome
    async with snapshot(call.pool) as view:
        holder = await find_by_id(call, view, holder.catalogue, holder.card.id)
    shown = replace(
        voucher_to_wire(holder),
        active=msgspec.UNSET,
        validity_timeframe={},
        validity_day_of_week=[],
    )
    return answer(200, shown, is_replay=outcome.is_replay)


def _named(holder: Holder, action: Literal["adjust balance", "transfer points"]) -> Named:
    return Named(action=action, card=holder.code, is_v1=True)
