"""Compares what the ledger says was handed over and told with what the sandbox was given."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from guerdon.domain.announcement import event_key
from guerdon.domain.event import Event
from guerdon.domain.ids import MerchantId, RedemptionId
from guerdon.store.connection import Pool
from guerdon.store.delivery_views import DeliveryView, list_delivery_views
from guerdon.store.letters import list_letter_events
from guerdon.store.redemption_views import PlatformRedemption, list_platform_redemptions
from guerdon.store.snapshot import snapshot

_PAGE = 1000
_DELIVERIES_MAX = 1_000_000
_TOOLS = ("klaviyo", "omnisend", "postscript")
# What Shopify still takes, now or later.
_LIVE = ("ACTIVE", "SCHEDULED")

# The sandbox's state, or a part of it, as it was read from JSON.
State = dict[str, Any]


class Said(Struct, frozen=True):
    """What a merchant's database says of the outside world."""

    merchant_id: MerchantId
    slug: str
    redemptions: Sequence[PlatformRedemption]
    deliveries: Sequence[DeliveryView]
    keys: dict[int, str]


async def read_said(pool: Pool, merchant_id: MerchantId, slug: str) -> Said:
    """Read everything at one instant."""
    redemptions: list[PlatformRedemption] = []
    async with snapshot(pool) as view:
        after = RedemptionId(0)
        while page := await list_platform_redemptions(view, merchant_id, after, _PAGE):
            redemptions += page
            after = page[-1].id
        deliveries = await list_delivery_views(
            view, merchant_id, status=None, destination=None, limit=_DELIVERIES_MAX
        )
        told = [one for one in deliveries if one.destination in _TOOLS]
        events: dict[int, Event] = {}
        for start in range(0, len(told), _PAGE):
            ids = [one.event_id for one in told[start : start + _PAGE]]
            found = await list_letter_events(view, merchant_id, ids)
            events |= {number: event for number, (event, _) in found.items()}
    keys = {number: event_key(merchant_id, event) for number, event in events.items()}
    return Said(merchant_id, slug, redemptions, told, keys)


def compare(said: Said, state: State, shop: str, now: datetime) -> list[str]:
    """List every difference in words; none is what one wants."""
    shown = state["shopify"].get(shop) or {"discounts": [], "gift_cards": []}
    return [*_redemption_differences(said, shown, now), *_event_differences(said, state)]


def _redemption_differences(said: Said, shown: State, now: datetime) -> Iterator[str]:
    live = _live_by_code(shown)
    # A discount may also be known by its tag, under a code that was not kept in the end.
    tagged = _live_by_tag(shown, f"guerdon-{said.slug}-")
    for redemption in said.redemptions:
        found = set(live.get((redemption.code or "").casefold(), ()))
        found |= tagged.pop(f"guerdon-{said.slug}-{redemption.id}", set())
        is_owed = redemption.status in ("approved", "used")
        is_over = redemption.expires_at is not None and redemption.expires_at <= now
        what = f"redemption {redemption.id} is {redemption.status} and"
        if is_owed and not found and not is_over:
            yield f"{what} nothing live stands for it (code {redemption.code})"
        elif is_owed and len(found) > 1:
            yield f"{what} {len(found)} live things stand for it: {', '.join(sorted(found))}"
        elif not is_owed and found:
            yield f"{what} {', '.join(sorted(found))} is still live"
    for tag, found in sorted(tagged.items()):
        yield f"{', '.join(sorted(found))} is live and stands for no redemption (tag {tag})"


def _live_by_code(shown: State) -> dict[str, set[str]]:
    live: dict[str, set[str]] = {}
    for discount in shown["discounts"]:
        if discount["status"] in _LIVE:
            for code in discount["codes"]:
                live.setdefault(code.casefold(), set()).add(discount["id"])
    for card in shown["gift_cards"]:
        if card["enabled"]:
            live.setdefault(card["code"].casefold(), set()).add(card["id"])
    return live


def _live_by_tag(shown: State, prefix: str) -> dict[str, set[str]]:
    """Find what stands for single redemptions; a reward's own discounts have other tags."""
    live: dict[str, set[str]] = {}
    for discount in shown["discounts"]:
        if discount["status"] not in _LIVE:
            continue
        for tag in discount["tags"]:
            if tag.startswith(prefix) and tag.removeprefix(prefix).isdecimal():
                live.setdefault(tag, set()).add(discount["id"])
    return live


def _event_differences(said: Said, state: State) -> Iterator[str]:
    for tool in _TOOLS:
        owed = [
            one for one in said.deliveries if one.destination == tool and one.status != "skipped"
        ]
        received = {event["unique_id"] for event in state[tool]}
        if tool == "omnisend":
            # It takes ids of its own form only, so that here the numbers must do.
            if len(received) < len(owed):
                yield f"{tool} received {len(received)} events of {len(owed)}"
            continue
        for one in sorted(owed, key=lambda delivery: delivery.event_id):
            key = said.keys.get(one.event_id)
            # An event that is no longer kept cannot be named any more.
            if key is not None and key not in received:
                yield f"event {one.event_id} has not reached {tool}: it is {one.status}"
