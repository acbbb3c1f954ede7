"""Making letters: events with all that a destination may want to say of them, as it stands now."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.delivery import Letter, Standing
from guerdon.domain.earning import Earning
from guerdon.domain.enrolment import ERASED
from guerdon.domain.event import Event
from guerdon.domain.ids import (
    DeliveryId,
    EarningId,
    EventId,
    MemberId,
    MerchantId,
    RedemptionId,
    RewardVersionId,
)
from guerdon.domain.redemption import Redemption
from guerdon.engine.addressing import Address, find_address
from guerdon.engine.claiming import Claimed
from guerdon.engine.submitting import Ledger
from guerdon.store import earnings, letters, offers, redemptions
from guerdon.store.connection import Connection
from guerdon.store.letters import Recipient
from guerdon.store.snapshot import snapshot


class Bag(Struct, frozen=True):
    """What one claim comes to: where it goes, if that is still there, and its letters. A delivery
    without one has nothing to say: its member, or its event, is gone."""

    address: Address | None
    letters: dict[DeliveryId, Letter]


class _Contents(Struct, frozen=True, kw_only=True):
    catalogue: Catalogue
    events: dict[EventId, tuple[Event, str | None]]
    recipients: dict[MemberId, Recipient]
    redemptions: dict[RedemptionId, Redemption]
    rewards: dict[RewardVersionId, Reward]
    earnings: dict[EarningId, Earning]


async def write_letters(
    ledger: Ledger, merchant_id: MerchantId, destination: str, claimed: Sequence[Claimed]
) -> Bag:
    """Read everything that letters to one destination are made of, on one view.

    Raises SealError where the destination's secrets cannot be opened."""
    runtime = ledger.runtime
    async with snapshot(runtime.pool) as view:
        catalogue = await ledger.catalogues.see(view, merchant_id)
        address = await find_address(view, runtime, catalogue.merchant, destination)
        if address is None:
            return Bag(None, {})
        contents = await _contents(view, merchant_id, catalogue, claimed, runtime.now())
    # Of somebody who was forgotten nothing is said, but what they were given must still be ended
    # where it was made.
    platforms = {each.platform for each in runtime.fulfillers.values()}
    found: dict[DeliveryId, Letter] = {}
    for each in claimed:
        letter = _letter(each, contents)
        if letter is not None and (destination in platforms or not _is_erased(letter)):
            found[each.id] = letter
    return Bag(address, found)


async def _contents(
    view: Connection,
    merchant_id: MerchantId,
    catalogue: Catalogue,
    claimed: Sequence[Claimed],
    now: datetime,
) -> _Contents:
    events = await letters.list_letter_events(
        view, merchant_id, [each.event_id for each in claimed]
    )
    recipients = await letters.list_recipients(
        view, merchant_id, list({each.member_id for each in claimed}), now
    )
    about = [event for event, _ in events.values()]
    redeemed = {event.redemption_id for event in about if event.redemption_id is not None}
    earned = {event.earning_id for event in about if event.earning_id is not None}
    found = (
        await redemptions.list_redemptions(view, merchant_id, list(redeemed)) if redeemed else []
    )
    versions = list({each.reward_version_id for each in found})
    return _Contents(
        catalogue=catalogue,
        events=events,
        recipients=recipients,
        redemptions={each.id: each for each in found},
        rewards=await offers.list_reward_versions(view, merchant_id, versions) if versions else {},
        earnings={
            each.id: each
            for each in (
                await earnings.list_earnings(view, merchant_id, list(earned), []) if earned else []
            )
        },
    )


def _letter(claimed: Claimed, contents: _Contents) -> Letter | None:
    event, reference = contents.events.get(claimed.event_id, (None, None))
    recipient = contents.recipients.get(claimed.member_id)
    if event is None or recipient is None:
        return None
    catalogue = contents.catalogue
    program = catalogue.programs.get(event.program_id)
    if program is None:
        return None
    redemption = earning = rule = None
    if event.redemption_id is not None:
        redemption = contents.redemptions.get(event.redemption_id)
    if event.earning_id is not None:
        earning = contents.earnings.get(event.earning_id)
    if event.kind == "points.adjusted" and earning is not None:
        # What staff wrote is kept with the earning alone, where it can be forgotten.
        event = replace(event, facts={**event.facts, "note": earning.note})
    if earning is not None and earning.rule_id is not None:
        rule = catalogue.rules.get(earning.rule_id)
    return Letter(
        delivery_id=claimed.id,
        attempt=claimed.attempt,
        event=event,
        merchant=catalogue.merchant,
        program=program,
        member=recipient.member,
        standing=_standing(recipient, catalogue),
        redemption=redemption,
        reward=contents.rewards.get(redemption.reward_version_id) if redemption else None,
        reference=reference,
        earning=earning,
        rule=rule,
        catalogue=catalogue,
    )


def _is_erased(letter: Letter) -> bool:
    return letter.member.left_at is not None or letter.member.external_id.startswith(ERASED)


def _standing(recipient: Recipient, catalogue: Catalogue) -> Standing:
    return Standing(
        points_available=recipient.points_available,
        points_held=recipient.points_held,
        points_pending=recipient.points_pending,
        points_lifetime=recipient.points_lifetime,
        points_redeemed=recipient.points_redeemed,
        tier=catalogue.tier(recipient.member.program_id, recipient.tier_id),
        is_frozen=recipient.is_frozen,
    )
