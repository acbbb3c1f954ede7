"""Rewards: those that a customer can have, and their switches."""

import re
from datetime import datetime

from guerdon.dialects.loyaltylion.call import ID_MAX, Call, integer_of
from guerdon.dialects.loyaltylion.errors import Named, invalid, not_found, refusal_answer
from guerdon.dialects.loyaltylion.translate_rewards import Scene, reward_to_wire
from guerdon.dialects.loyaltylion.wire_rewards import AvailableRewards, Switched, SwitchedPart
from guerdon.domain.catalogue import Catalogue, Merchant, Reward
from guerdon.domain.command import Refused
from guerdon.domain.ids import MemberId, RewardId, TierId
from guerdon.engine.switching import Switch, find_offered, switch_reward, was_switched
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.connection import Connection
from guerdon.store.member_views import find_member_by_external_id, list_member_views
from guerdon.store.snapshot import snapshot

_COUNTRY = re.compile(r"[A-Za-z]{2}")


def scene_of(call: Call, merchant: Merchant, now: datetime | None = None) -> Scene:
    """Give what renderings of this call need; without a time, the present."""
    return Scene(
        merchant=merchant,
        now=call.ledger.runtime.now() if now is None else now,
        is_strict=call.is_strict,
    )


async def find_customer(call: Call, view: Connection) -> MemberId:
    """Find the customer whom the path's first segment names, or answer 404."""
    found = await find_member_by_external_id(view, call.merchant_id, call.program_id, call.path[0])
    if found is None:
        raise not_found(f"Customer '{call.path[0]}'")
    return found


async def list_available_rewards(call: Call) -> Answer:
    """List what a customer may claim by tier, country and site, in the order of the program.

    What they can afford does not matter, nor what is in stock."""
    site_id = integer_of(call, "site_id", low=1, high=ID_MAX)
    country = _country_of(call)
    async with snapshot(call.pool) as view:
        member_id = await find_customer(call, view)
        (member,) = await list_member_views(
            view, call.merchant_id, [member_id], call.ledger.runtime.now()
        )
        catalogue = await call.catalogue(view)
    scene = scene_of(call, catalogue.merchant)
    found = [
        reward
        for reward in catalogue.rewards.values()
        if reward.program_id == call.program_id
        and _is_available(catalogue, reward, member.tier_id, scene.now)
        and (country is None or not reward.countries or country in reward.countries)
        # A merchant has one site.
        and site_id in (None, call.merchant_id)
    ]
    found.sort(key=lambda reward: (reward.position, reward.id))
    shown = [reward_to_wire(reward, scene, tier_id=member.tier_id) for reward in found]
    return answer(200, AvailableRewards(shown))


def _is_available(
    catalogue: Catalogue, reward: Reward, tier_id: TierId | None, now: datetime
) -> bool:
    terms = reward.terms_for(tier_id)
    return (
        reward.status == "active"
        and reward.archived_at is None
        and (reward.starts_at is None or reward.starts_at <= now)
        and (reward.ends_at is None or now < reward.ends_at)
        and catalogue.is_open_to(reward, tier_id)
        and (terms is None or terms.is_enabled)
    )


def _country_of(call: Call) -> str | None:
    country = call.query.get("country")
    if country is not None and not _COUNTRY.fullmatch(country):
        raise invalid("country", "expected ISO 3166-1 alpha-2 code")
    return None if country is None else country.upper()


async def enable_reward(call: Call) -> Answer:
    """Let a reward be claimed."""
    return await _switch(call, is_active=True)


async def disable_reward(call: Call) -> Answer:
    """Let a reward be claimed no longer; what was claimed stays good."""
    return await _switch(call, is_active=False)


async def _switch(call: Call, *, is_active: bool) -> Answer:
    number = RewardId(call.number(0))
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    if find_offered(catalogue, call.program_id, number) is None:
        raise not_found(f"Reward '{number}'")
    key, fingerprint = call.idempotency()
    switched = await switch_reward(
        call.ledger.runtime,
        call.merchant_id,
        Switch(call.program_id, number, is_active=is_active),
        key=key,
        fingerprint=fingerprint,
    )
    if isinstance(switched, Refused):
        return refusal_answer(switched.refusals, Named(reward=call.path[0]))
    document = Switched(updated=was_switched(switched), reward=SwitchedPart(number))
    return answer(200, document, is_replay=switched.is_replay)
