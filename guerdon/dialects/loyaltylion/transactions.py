"""Transactions: every movement of points, listed for a program or for a customer."""

import re

from guerdon.dialects.loyaltylion.call import ID_MAX, Call, choice_of
from guerdon.dialects.loyaltylion.errors import invalid
from guerdon.dialects.loyaltylion.instants import before_of, from_of
from guerdon.dialects.loyaltylion.paging import CURSOR, LIMIT, SINCE_ID, Page, Place, cut, page_of
from guerdon.dialects.loyaltylion.rewards import find_customer, scene_of
from guerdon.dialects.loyaltylion.translate_transactions import (
    Background,
    transactions_to_csv,
    transactions_to_wire,
)
from guerdon.dialects.loyaltylion.wire_transactions import Transactions
from guerdon.domain.ids import MemberId
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.connection import Connection
from guerdon.store.earnings import list_earnings
from guerdon.store.member_views import list_member_views
from guerdon.store.offers import list_reward_versions
from guerdon.store.point_movements import MovementList, PointMovement, list_movements
from guerdon.store.redemptions import list_redemptions
from guerdon.store.snapshot import snapshot

_FILTERS = ("type", "created_at_min", "created_at_max")
_CSV = (b"content-type", b"text/csv; charset=utf-8")
_NUMBER = re.compile(r"[0-9]{1,16}")

CUSTOMER_QUERY = (
    LIMIT,
    CURSOR,
    SINCE_ID,
    Parameter("type", "string", "How the list is written", "json", ("json", "csv")),
    Parameter("created_at_min", "string", "Made at or after this instant, in ISO 8601"),
    Parameter("created_at_max", "string", "Made before this instant"),
)
QUERY = (*CUSTOMER_QUERY, Parameter("customer_id", "integer", "Only of the customer with this id"))


async def list_transactions(call: Call) -> Answer:
    """List all movements of points in the program."""
    page = page_of(call, (*_FILTERS, "customer_id"), has_numbers=False)
    member_id = _customer_of(page)
    async with snapshot(call.pool) as view:
        return await _list(call, view, page, member_id)


async def list_customer_transactions(call: Call) -> Answer:
    """List all movements of a customer's points."""
    page = page_of(call, _FILTERS, has_numbers=False)
    async with snapshot(call.pool) as view:
        return await _list(call, view, page, await find_customer(call, view))


def _customer_of(page: Page) -> MemberId | None:
    text = page.filters.get("customer_id")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= ID_MAX:
        raise invalid("customer_id", f"expected integer from 1 to {ID_MAX}")
    return MemberId(int(text))


async def _list(call: Call, view: Connection, page: Page, member_id: MemberId | None) -> Answer:
    form = choice_of(page.filters.get("type"), "type", "json", "csv")
    wanted = MovementList(
        program_id=call.program_id,
        member_id=member_id,
        created_from=from_of(page, "created_at_min"),
        created_until=before_of(page, "created_at_max"),
    )
    found = await list_movements(
        view,
        call.merchant_id,
        wanted,
        is_rising=page.is_rising,
        beyond=None if page.beyond is None else page.beyond.id,
        limit=page.limit + 1,
    )
    shown = cut(call, page, found, lambda each: Place(each.id))
    behind = await _background(call, view, shown.rows)
    transactions = transactions_to_wire(shown.rows, behind)
    if form == "csv":
        body = transactions_to_csv(transactions)
        return Answer(200, body, shown.headers, media_type=_CSV)
    return answer(200, Transactions(transactions, shown.cursor), headers=shown.headers)


async def _background(call: Call, view: Connection, found: list[PointMovement]) -> Background:
    """Fetch all that movements name."""
    merchant_id = call.merchant_id
    catalogue = await call.catalogue(view)
    scene = scene_of(call, catalogue.merchant)
    member_ids = list({each.member_id for each in found})
    earning_ids = list({each.earning_id for each in found if each.earning_id is not None})
    redemption_ids = list({each.redemption_id for each in found if each.redemption_id is not None})
    members = await list_member_views(view, merchant_id, member_ids, scene.now)
    earnings = await list_earnings(view, merchant_id, earning_ids, []) if earning_ids else []
    redemptions = (
        await list_redemptions(view, merchant_id, redemption_ids) if redemption_ids else []
    )
    versions = {reward.version_id: reward for reward in catalogue.rewards.values()}
    lacking = list({each.reward_version_id for each in redemptions} - versions.keys())
    if lacking:
        versions |= await list_reward_versions(view, merchant_id, lacking)
    return Background(
        scene=scene,
        catalogue=catalogue,
        members={each.member.id: each for each in members},
        earnings={each.id: each for each in earnings},
        redemptions={each.id: each for each in redemptions},
        versions=versions,
    )
