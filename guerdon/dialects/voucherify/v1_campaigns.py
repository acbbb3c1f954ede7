"""Campaigns in the older API, which are programs: listed, shown, made, changed, ended."""

from datetime import UTC, datetime

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_v1_offers as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.lists import read_page
from guerdon.dialects.voucherify.problems import invalid_payload, unsupported
from guerdon.dialects.voucherify.translate_terms import metadata_from_wire, metadata_to_wire
from guerdon.dialects.voucherify.translate_v1_offers import campaign_to_wire, point_type_of
from guerdon.dialects.voucherify.v1_holders import find_campaign
from guerdon.dialects.voucherify.v1_offering import change
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.ids import ProgramId
from guerdon.domain.offer import (
    assign_point_types,
    change_program,
    create_point_type,
    create_program,
    delete_program,
)
from guerdon.domain.shelf import Shelf
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.connection import Connection
from guerdon.store.loyalty_cards import CardList, count_program_cards
from guerdon.store.snapshot import snapshot

_ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at")
LIST_QUERY = (
    Parameter("limit", "integer", "1 to 100", default=10),
    Parameter("page", "integer", "Counts from 1", default=1),
    Parameter("order", "string", "What to order by", default="-created_at", values=_ORDERS),
)
# What cards and points would have to keep to, and do not here.
_REFUSED = (
    "auto_join",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
    "activity_duration_after_publishing",
    "category",
    "category_id",
    "access_settings",
    "loyalty_tiers_expiration",
)


async def list_campaigns(call: Call) -> Answer:
    """List campaigns: the programs that there are."""
    asked = read_page(call, orders=_ORDERS)
    order = asked.order or "-created_at"
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        programs = [each for each in catalogue.programs.values() if each.archived_at is None]
        programs.sort(key=_by_change if "updated" in order else _by_id)
        if order.startswith("-"):
            programs.reverse()
        rows = programs[asked.skip : asked.skip + asked.limit]
        shown = [await _show(call, view, catalogue, program) for program in rows]
    return answer(200, w.Campaigns(campaigns=shown, total=len(programs)))


def _by_id(program: Program) -> tuple[datetime, int]:
    return datetime.min.replace(tzinfo=UTC), program.id


def _by_change(program: Program) -> tuple[datetime, int]:
    return program.updated_at or datetime.min.replace(tzinfo=UTC), program.id


async def get_campaign(call: Call) -> Answer:
    """Show a campaign, by its id or its name."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        shown = await _show(call, view, catalogue, find_campaign(catalogue, call.path[0]))
    return answer(200, shown)


async def _show(call: Call, view: Connection, catalogue: Catalogue, program: Program) -> w.Campaign:
    wanted = CardList(program_id=program.id)
    cards = await count_program_cards(view, call.merchant_id, wanted)
    return campaign_to_wire(program, catalogue, cards)


async def create_campaign(call: Call) -> Answer:
    """Make a program with points of its own, open from the beginning."""
    body = call.decode(w.CampaignBody)
    _refuse_unkept(body)
    if body.type == "STATIC":
        raise unsupported(".type", "can be AUTO_UPDATE alone: cards are made with their holders")
    if body.vouchers_count:
        raise unsupported(".vouchers_count", "is not supported: cards are made with their holders")
    if body.use_voucher_metadata_schema:
        raise unsupported(".use_voucher_metadata_schema")
    _check_span(body.start_date, body.expiration_date)

    def act(shelf: Shelf) -> Program:
        point_type = create_point_type(shelf, point_type_of(body.name, body.voucher))
        wanted = Program(
            id=ProgramId(0),
            slug="",
            name=body.name,
            timezone=shelf.merchant.timezone,
            draw_order="soonest_expiry",
            starts_at=body.start_date,
            ends_at=body.expiration_date,
            metadata=metadata_from_wire(body.metadata),
            description=body.description,
        )
        program = create_program(shelf, wanted)
        program = assign_point_types(shelf, program.id, assign=[point_type.id])
        # A campaign needs no earning rule to be open, as a program of the newer API does.
        return shelf.put_program(replace(program, status="active", updated_at=None))

    return await _answer(call, await change(call, act, "create"))


async def update_campaign(call: Call) -> Answer:
    """Change a campaign; what is not said stays."""
    body = call.decode(w.CampaignChange)
    _refuse_unkept(body)
    if body.type == "STATIC":
        raise unsupported(".type", "can be AUTO_UPDATE alone: cards are made with their holders")
    if body.options:
        raise unsupported(".options")
    number = await _find(call)

    def edit(known: Program) -> Program:
        changed = known
        if body.description is not UNSET:
            changed = replace(changed, description=body.description)
        if body.start_date is not UNSET:
            changed = replace(changed, starts_at=body.start_date)
        if body.expiration_date is not UNSET:
            changed = replace(changed, ends_at=body.expiration_date)
        metadata = metadata_to_wire(changed.metadata)
        if body.metadata is not UNSET:
            metadata = {} if body.metadata is None else {**metadata, **body.metadata}
        for name in body.unset_metadata_fields or ():
            metadata.pop(name, None)
        _check_span(changed.starts_at, changed.ends_at)
        return replace(changed, metadata=metadata_from_wire(metadata))

    def act(shelf: Shelf) -> Program:
        return change_program(shelf, number, edit)

    return await _answer(call, await change(call, act, "update"))


async def delete_campaign(call: Call) -> Answer:
    """End a campaign for good. Cards are not found any more; their history stays."""
    number = await _find(call)
    await change(call, lambda shelf: delete_program(shelf, number), "delete")
    return answer(200, w.CampaignGone())


async def _find(call: Call) -> ProgramId:
    async with snapshot(call.pool) as view:
        return find_campaign(await call.catalogue(view), call.path[0]).id


async def _answer(call: Call, program: Program) -> Answer:
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        shown = await _show(call, view, catalogue, program)
    return answer(200, shown)


def _refuse_unkept(body: w.CampaignBody | w.CampaignChange) -> None:
    """Refuse what could be stored and not kept to."""
    for name in _REFUSED:
        if getattr(body, name):
            raise unsupported(f".{name}")
    if body.join_once is False:
        raise unsupported(".join_once", "is always true: a customer has one card")


def _check_span(starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise invalid_payload("Property .expiration_date must be after start_date")
