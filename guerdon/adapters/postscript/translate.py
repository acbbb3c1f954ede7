"""Our words for Postscript's."""

from datetime import UTC
from typing import assert_never

from guerdon.adapters.postscript import wire
from guerdon.domain.announcement import (
    PointsAwarded,
    RewardRedeemed,
    TierChanged,
    announcement_of,
    letter_key,
)
from guerdon.domain.catalogue import DiscountType
from guerdon.domain.delivery import Letter, Skipped

_TEXT_LENGTH_MAX = 255
_DISCOUNT_TYPES: dict[DiscountType, str] = {
    "fixed_amount": "fixed",
    "percentage": "percentage",
    "free_shipping": "free_shipping",
    "free_product": "free_product",
}


def event_to_wire(letter: Letter) -> wire.Event | Skipped:
    """Say a letter as an event of its member, or why there is none."""
    announcement = announcement_of(letter)
    if isinstance(announcement, Skipped):
        return announcement
    if letter.member.email is None:
        return Skipped("the member has no e-mail address")
    type_, properties = _named(announcement)
    moment = letter.event.created_at.astimezone(UTC)
    return wire.Event(
        type=type_,
        email=letter.member.email,
        occurred_at=moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
        properties=properties,
        external_id=letter_key(letter),
    )


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
            return "Points_Awarded", properties
        case RewardRedeemed():
            return "Reward_Redeemed", {
                "Reward Name": _short(announcement.reward_name),
                "Points Spent": announcement.points_spent,
                "Discount Type": _DISCOUNT_TYPES[announcement.discount_type],
            }
        case TierChanged():
            properties = {"New Tier Name": _short(announcement.new_tier or "")}
            if announcement.previous_tier is not None:
                properties["Previous Tier Name"] = _short(announcement.previous_tier)
            return "VIP_Tier_Changed", properties
        case _:
            assert_never(announcement)


def _short(text: str) -> str:
    return text[:_TEXT_LENGTH_MAX]
