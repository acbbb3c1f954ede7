"""Our words for Klaviyo's."""

from datetime import UTC
from typing import assert_never

from msgspec import UNSET

from guerdon.adapters.klaviyo import wire
from guerdon.domain.announcement import (
    PointsAwarded,
    RewardRedeemed,
    TierChanged,
    announcement_of,
    letter_key,
)
from guerdon.domain.catalogue import DiscountType
from guerdon.domain.delivery import Letter, Skipped
from guerdon.domain.money import to_major

_TEXT_LENGTH_MAX = 255
_DISCOUNT_TYPES: dict[DiscountType, str] = {
    "fixed_amount": "fixed",
    "percentage": "percentage",
    "free_shipping": "free_shipping",
    "free_product": "free_product",
}


def event_to_wire(letter: Letter) -> wire.EventDocument | Skipped:
    """Say a letter as an event of its member, or why there is none."""
    announcement = announcement_of(letter)
    if isinstance(announcement, Skipped):
        return announcement
    email = letter.member.email
    if email is None:
        return Skipped("the member has no e-mail address")
    metric, properties = _named(announcement)
    profile = wire.ProfileAttributes(email=email, external_id=letter.member.external_id)
    value: int | float | None = None
    if isinstance(announcement, RewardRedeemed) and announcement.face_value_minor is not None:
        value = to_major(announcement.face_value_minor, letter.merchant.currency)
    attributes = wire.EventAttributes(
        metric=wire.MetricPart(wire.Metric(wire.MetricAttributes(metric))),
        profile=wire.ProfilePart(wire.Profile(profile)),
        properties=properties,
        time=letter.event.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        unique_id=letter_key(letter),
        value=UNSET if value is None else value,
        value_currency=UNSET if value is None else letter.merchant.currency,
    )
    return wire.EventDocument(wire.Event(attributes))


def _named(
    announcement: PointsAwarded | RewardRedeemed | TierChanged,
) -> tuple[str, wire.Properties]:
    properties: wire.Properties
    match announcement:
        case PointsAwarded():
            properties = {
                "Points Awarded": announcement.points,
                "Earning Rule": _short(announcement.rule_name or "Manual"),
                "Status": "approved",
            }
            if announcement.order_number is not None:
                properties["Order Number"] = _short(announcement.order_number)
            return "Points Awarded", properties
        case RewardRedeemed():
            return "Reward Redeemed", {
                "Reward Name": _short(announcement.reward_name),
                "Points Spent": announcement.points_spent,
                "Discount Type": _DISCOUNT_TYPES[announcement.discount_type],
            }
        case TierChanged():
            properties = {"New Tier Name": _short(announcement.new_tier or "")}
            if announcement.previous_tier is not None:
                properties["Previous Tier Name"] = _short(announcement.previous_tier)
            return "VIP Tier Changed", properties
        case _:
            assert_never(announcement)


def _short(text: str) -> str:
    return text[:_TEXT_LENGTH_MAX]
