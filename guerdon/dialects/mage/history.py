"""What a customer earned and what they bought, in pages."""

from typing import cast

from guerdon.dialects.mage.call import Call
from guerdon.dialects.mage.customers import find_customer
from guerdon.dialects.mage.parameters import collection_answer, filter_of, page_of, sort_of
from guerdon.dialects.mage.translate import earning_resource, history_resource
from guerdon.domain.earning import EarningStatus
from guerdon.http.asgi import Answer
from guerdon.store import earning_views, offers, redemption_views
from guerdon.store.redemption_views import SeenStatus
from guerdon.store.snapshot import snapshot

_EARNING_ORDERS: dict[str, earning_views.Order] = {
    "created_at": "created_at",
    "-created_at": "-created_at",
    "points": "points",
    "-points": "-points",
    "points_given_at": "given_at",
    "-points_given_at": "-given_at",
}
_REWARD_ORDERS: dict[str, redemption_views.Order] = {
    "created_at": "created_at",
    "-created_at": "-created_at",
    "points_spent": "points_cost",
    "-points_spent": "-points_cost",
}


async def list_reward_history(call: Call) -> Answer:
    """List what a customer bought or was granted."""
    page = page_of(call)
    order = _REWARD_ORDERS[sort_of(call, "created_at", "points_spent")]
    status = cast("SeenStatus | None", filter_of(call, "status", "active", "used", "expired"))
    now = call.ledger.runtime.now()
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        total = await redemption_views.count_redemption_views(
            view, call.merchant_id, member_id, status, now
        )
        found = await redemption_views.list_redemption_views(
            view,
            call.merchant_id,
            member_id,
            status,
            now,
            order=order,
            limit=page.size,
            offset=page.offset,
        )
        wanted = list({each.reward_version_id for each in found})
        versions = await offers.list_reward_versions(view, call.merchant_id, wanted)
    data = [history_resource(each, versions[each.reward_version_id], now) for each in found]
    return collection_answer(page, total, data)


async def list_earning_history(call: Call) -> Answer:
    """List what a customer earned, adjustments by hand included."""
    page = page_of(call)
    order = _EARNING_ORDERS[sort_of(call, "created_at", "points", "points_given_at")]
    status = cast(
        "EarningStatus | None", filter_of(call, "status", "pending", "approved", "rejected")
    )
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        total = await earning_views.count_earning_views(view, call.merchant_id, member_id, status)
        found = await earning_views.list_earning_views(
            view,
            call.merchant_id,
            member_id,
            status,
            order=order,
            limit=page.size,
            offset=page.offset,
        )
    return collection_answer(page, total, [earning_resource(each) for each in found])
