"""Brings events to the shop: rewards given back are ended, and members' metafields kept true."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import structlog

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.failures import AnswerLost, Declined, NotExecuted
from guerdon.adapters.shopify.fulfil import deactivate, failed
from guerdon.adapters.shopify.gift_cards import deactivate_gift_card
from guerdon.adapters.shopify.metafields import (
    PER_CALL,
    Json,
    set_metafields,
    standing_value,
)
from guerdon.adapters.shopify.pool import remove_code
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.store_credit import require_no_credit
from guerdon.adapters.shopify.translate import customer_gid
from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Verdict,
)
from guerdon.domain.event import EventKind
from guerdon.domain.ids import MemberId
from guerdon.engine.ports import Connected, Destination, FulfilmentFailed, Handover

# A shop may act on a call long after nobody waits for the answer any more: of a redemption that
# was declined, the shop is looked at again after so long.
LATE = timedelta(seconds=60)

_ENDS: frozenset[EventKind] = frozenset(
    {"redemption.declined", "redemption.expired", "redemption.refunded"}
)
# After these a member stands as before.
_SILENT: frozenset[EventKind] = frozenset(
    {
        "member.updated",
        "member.unsubscribed",
        "points.pending",
        "points.declined",
        "redemption.used",
    }
)
_UNKNOWN = Skipped("the member is no customer of the shop")
_OVER = ("declined", "expired", "void")
_MEMBERS_AT_ONCE = 8
# What one visit to the shop may take, within the lease.
_VISIT_SECONDS = 45.0

_log = structlog.get_logger(__name__)
_TakeBack = Callable[[Shops, Handover], Awaitable[bool]]
_TAKE_BACK: Mapping[FulfilBy, _TakeBack] = {
    "shopify": deactivate,
    "shopify_pool": remove_code,
    "gift_card": deactivate_gift_card,
    "store_credit": require_no_credit,
}


@dataclass
class _Member:
    """One member's letters, what came of taking back by place, and of showing where they stand."""

    owner: str | None
    places: list[int] = field(default_factory=list)
    taken_back: dict[int, Verdict] = field(default_factory=dict)
    shown: Verdict = _UNKNOWN


class ShopifyCourier:
    """Says where a member stands, and ends what a redemption that is over had made.

    However many letters a member has, the shop hears once where they stand now; 25 members share a
    call. Doing any of it twice is doing it once."""

    repeats_safely = True
    lease_seconds = 60.0

    def __init__(self, shops: Shops, now: Callable[[], datetime]) -> None:
        self._shops = shops
        self._now = now

    def wants(self, destination: Destination, kind: EventKind) -> bool:
        """Whether a member stands otherwise after such an event, or a reward is given back."""
        del destination
        return kind not in _SILENT

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> Sequence[Verdict | None]:
        """Take back what is over, member by member in order; then show where everyone stands."""
        connected = destination.connected
        assert connected is not None, "a platform's letters have its connection"
        members = _by_member(letters)
        try:
            shop = self._shops.of(connected)
        except NotExecuted as failure:
            verdict = _verdict_of(failure)
            for member in members.values():
                member.shown = verdict
        else:
            budget = shop.budget(_VISIT_SECONDS)
            await self._take_back_all(connected, letters, members, budget)
            await _show_all(shop, letters, members, budget)
        return _verdicts(letters, members)

    async def _take_back_all(
        self,
        connected: Connected,
        letters: Sequence[Letter],
        members: Mapping[MemberId, _Member],
        budget: Budget,
    ) -> None:
        waiting = iter(members.values())

        async def take_back_some() -> None:
            for member in waiting:
                await self._take_back(connected, letters, member, budget)

        async with asyncio.TaskGroup() as visits:
            for _ in range(min(_MEMBERS_AT_ONCE, len(members))):
                visits.create_task(take_back_some())

    async def _take_back(
        self, connected: Connected, letters: Sequence[Letter], member: _Member, budget: Budget
    ) -> None:
        for place in member.places:
            if not _is_over(letters[place]):
                continue
            if budget.left < self.lease_seconds - _VISIT_SECONDS:
                # It may take a whole chain of calls, for which there is no time left.
                member.taken_back[place] = Deferred("there was no time left")
                return
            verdict = await self._end(connected, letters[place])
            member.taken_back[place] = verdict
            if isinstance(verdict, Deferred):
                return

    async def _end(self, connected: Connected, letter: Letter) -> Verdict:
        redemption, reward = letter.redemption, letter.reward
        assert redemption is not None, "only a redemption is over"
        assert reward is not None, "a redemption is of a reward"
        if redemption.code is None and reward.fulfil_by != "store_credit":
            return Skipped("the redemption never had a code")
        handover = Handover(
            merchant=letter.merchant,
            member=letter.member,
            reward=reward,
            redemption=redemption,
            connected=connected,
            code=redemption.code,
            is_repeat=True,
            reference=letter.reference,
        )
        try:
            was_there = await _TAKE_BACK[reward.fulfil_by](self._shops, handover)
        except FulfilmentFailed as failure:
            if failure.is_permanent:
                return Dropped(failure.reason)
            return Deferred(failure.reason, failure.after_seconds)
        except Exception as error:  # noqa: BLE001 -- one letter's mishap is not the others'
            _log.exception("take_back_failed", redemption_id=redemption.id)
            return Deferred(f"the reward could not be taken back: {type(error).__name__}")
        if was_there or letter.event.kind != "redemption.declined":
            return Delivered()
        early = LATE - (self._now() - letter.event.created_at)
        if early > timedelta():
            return Deferred("the shop may still act on the lost call", early.total_seconds())
        return Delivered()


def _is_over(letter: Letter) -> bool:
    """Whether the letter is to end something: of a partial refund, the rest is still good."""
    return (
        letter.event.kind in _ENDS
        and letter.redemption is not None
        and letter.reward is not None
        and letter.redemption.status in _OVER
        and letter.reward.fulfil_by in _TAKE_BACK
    )


def _by_member(letters: Sequence[Letter]) -> dict[MemberId, _Member]:
    members: dict[MemberId, _Member] = {}
    for place, letter in enumerate(letters):
        member = members.get(letter.event.member_id)
        if member is None:
            owner = customer_gid(letter.member.external_id)
            member = members[letter.event.member_id] = _Member(owner)
        member.places.append(place)
    return members


async def _show_all(
    shop: Shop, letters: Sequence[Letter], members: Mapping[MemberId, _Member], budget: Budget
) -> None:
    """Set every member's metafield to where they stand now, also where something of theirs had to
    be put off. One customer in two programs is shown as their last event has them."""
    last: dict[str, int] = {}
    for member in members.values():
        if member.owner is not None:
            last[member.owner] = max(member.places[-1], last.get(member.owner, -1))
    values = {owner: standing_value(letters[place].standing) for owner, place in last.items()}
    owners = iter(values)
    shown: dict[str, Verdict] = {}
    while part := list(islice(owners, PER_CALL)):
        shown |= await _show(shop, {owner: values[owner] for owner in part}, budget)
    for member in members.values():
        if member.owner is not None:
            member.shown = shown[member.owner]


async def _show(shop: Shop, values: Mapping[str, Json], budget: Budget) -> dict[str, Verdict]:
    verdict: Verdict = Delivered()
    wrong: dict[str, str] = {}
    try:
        wrong = await set_metafields(shop, values, budget)
    except NotExecuted as failure:
        verdict = _verdict_of(failure)
    except AnswerLost as lost:
        verdict = Deferred(str(lost), lost.after_seconds)
    except Declined as declined:
        verdict = Dropped(f"Shopify refused the metafields: {declined}")
    return {
        owner: Dropped(f"Shopify refused the metafield: {wrong[owner]}")
        if owner in wrong
        else verdict
        for owner in values
    }


def _verdict_of(failure: NotExecuted) -> Verdict:
    put = failed(failure)
    return Dropped(put.reason) if put.is_permanent else Deferred(put.reason, put.after_seconds)


def _verdicts(
    letters: Sequence[Letter], members: Mapping[MemberId, _Member]
) -> list[Verdict | None]:
    verdicts: list[Verdict | None] = [None] * len(letters)
    for member in members.values():
        for place, verdict in _of_member(member):
            verdicts[place] = verdict
    return verdicts


def _of_member(member: _Member) -> Iterator[tuple[int, Verdict]]:
    """Give verdicts up to the first letter that was put off."""
    for place in member.places:
        taken_back = member.taken_back.get(place)
        for verdict in (taken_back, member.shown):
            if isinstance(verdict, Deferred):
                yield place, verdict
                return
        if isinstance(taken_back, Dropped):
            yield place, taken_back
        elif isinstance(taken_back, Delivered) and isinstance(member.shown, Skipped):
            # What had to be done is done, though there is no customer to show it to.
            yield place, taken_back
        else:
            yield place, member.shown
