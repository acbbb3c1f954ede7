"""Card definitions: listed, shown, made, changed, opened and closed."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field, Value
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.offering import change, refuse_fixed
from guerdon.dialects.voucherify.translate_point_types import (
    STATUSES,
    point_type_to_wire,
    terms_from_wire,
)
from guerdon.dialects.voucherify.wire_card_definitions import (
    CardDefinitionBody,
    CardDefinitionChange,
)
from guerdon.domain import offer
from guerdon.domain.catalogue import PointType
from guerdon.domain.ids import PointTypeId
from guerdon.domain.point_terms import Expiry
from guerdon.domain.shelf import Shelf
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrscdef",
    orders=("created_at", "name", "type", "status"),
    filters={
        "id": Field("id", "card_definition"),
        "name": Field("text"),
        "type": Field("enum", values=("INDIVIDUAL",)),
        "status": Field("enum", values=("DRAFT", "ACTIVE")),
        "created_at": Field("moment"),
        "updated_at": Field("moment"),
    },
)
# What may still be changed once members may have points of it.
_FREE = frozenset({"name", "metadata", "pay_with_points"})
_NEW = PointType(id=PointTypeId(0), slug="", name="", expiry=Expiry(kind="never"), origin="api")


async def list_card_definitions(call: Call) -> Answer:
    """List a project's card definitions."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    there = [each for each in catalogue.point_types.values() if each.status != "archived"]
    return page_of(listing, there, _facts, lambda each: point_type_to_wire(each, catalogue))


def _facts(point_type: PointType) -> dict[str, Value]:
    return {
        "id": point_type.id,
        "name": point_type.name,
        "type": "INDIVIDUAL",
        "status": STATUSES[point_type.status],
        "created_at": point_type.created_at,
        "updated_at": point_type.updated_at,
    }


async def get_card_definition(call: Call) -> Answer:
    """Show one card definition."""
    number = call.id(0, "card_definition")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    found = catalogue.point_types.get(PointTypeId(number))
    if found is None or found.status == "archived":
        raise call.missing(0, "card_definition")
    return answer(200, point_type_to_wire(found, catalogue))


async def create_card_definition(call: Call) -> Answer:
    """Make a card definition."""
    body = call.decode(CardDefinitionBody)
    wanted = replace(
        terms_from_wire(_NEW, body),
        name=body.name,
        status="active" if body.status == "ACTIVE" else "draft",
    )
    return await _answer(call, lambda shelf: offer.create_point_type(shelf, wanted), "create")


async def update_card_definition(call: Call) -> Answer:
    """Change what the body names."""
    body = call.decode(CardDefinitionChange)
    number = call.id(0, "card_definition")

    def edit(known: PointType) -> PointType:
        if known.status != "draft":
            refuse_fixed(body, _FREE, STATUSES[known.status])
        changed = terms_from_wire(known, body)
        return changed if body.name is UNSET else replace(changed, name=body.name)

    return await _answer(call, lambda shelf: offer.change_point_type(shelf, number, edit), "update")


async def delete_card_definition(call: Call) -> Answer:
    """Delete a card definition that nothing rests on."""
    number = call.id(0, "card_definition")
    return await _answer(call, lambda shelf: offer.delete_point_type(shelf, number), "delete")


async def activate_card_definition(call: Call) -> Answer:
    """Open a draft."""
    number = call.id(0, "card_definition")
    return await _answer(call, lambda shelf: offer.activate_point_type(shelf, number), "activate")


async def draft_card_definition(call: Call) -> Answer:
    """Make a card definition a draft again."""
    number = call.id(0, "card_definition")
    return await _answer(call, lambda shelf: offer.draft_point_type(shelf, number), "draft")


async def deactivate_card_definition(call: Call) -> Answer:
    """Make a card definition a draft again, as an older generation asked for it."""
    number = call.id(0, "card_definition")
    return await _answer(call, lambda shelf: offer.draft_point_type(shelf, number), "deactivate")


async def _answer(call: Call, act: Callable[[Shelf], PointType], verb: str) -> Answer:
    changed = await change(call, act, verb)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    return answer(200, point_type_to_wire(changed, catalogue))
