"""What there is to tell a shopper of an event: the part of the outbox that marketing is about."""

from msgspec import Struct

from guerdon.domain.catalogue import DiscountType, Reward, RewardKind
from guerdon.domain.delivery import Letter, Skipped
from guerdon.domain.event import Event, EventKind
from guerdon.domain.ids import MerchantId

ANNOUNCED: frozenset[EventKind] = frozenset(
    ("points.earned", "points.adjusted", "redemption.approved", "member.tier_changed")
)

# What rewards without a discount of their own come nearest to; all other kinds are money off.
_TYPE_OF_KIND: dict[RewardKind, DiscountType] = {
    "free_shipping": "free_shipping",
    "product_cart": "free_product",
    "active_subscription_product": "free_product",
    "custom": "free_product",
}


class PointsAwarded(Struct, frozen=True, kw_only=True):
    """`rule_name` None: they were given by hand."""

    points: int
    rule_name: str | None = None
    order_number: str | None = None


class RewardRedeemed(Struct, frozen=True, kw_only=True):
    """`face_value_minor` is what the reward is worth, where that is an amount of money."""

    reward_name: str
    discount_type: DiscountType
    points_spent: int
    face_value_minor: int | None = None


class TierChanged(Struct, frozen=True, kw_only=True):
    """Names of tiers; `new_tier` None: the member is on none any more."""

    previous_tier: str | None = None
    new_tier: str | None = None


Announcement = PointsAwarded | RewardRedeemed | TierChanged


def announcement_of(letter: Letter) -> Announcement | Skipped:
    """Say what the letter announces to the member, or why nothing."""
    event = letter.event
    if letter.standing.is_frozen:
        return Skipped("the member is frozen")
    if event.kind in ("points.earned", "points.adjusted"):
        return _points_awarded(letter)
    if event.kind == "redemption.approved":
        return _reward_redeemed(letter)
    if event.kind == "member.tier_changed":
        return TierChanged(
            previous_tier=_text(event, "previous_tier"), new_tier=_text(event, "new_tier")
        )
    return Skipped("events of this kind are not announced")


def letter_key(letter: Letter) -> str:
    """Name the letter's event: the same at every attempt, and never another's.

    The time is part of it because ids begin again when a merchant starts with an empty database,
    and what platforms remember does not."""
    return event_key(letter.merchant.id, letter.event)


def event_key(merchant_id: MerchantId, event: Event) -> str:
    """Name an event as `letter_key` does."""
    milliseconds = round(event.created_at.timestamp() * 1000)
    return f"guerdon-{merchant_id}-{event.id}-{milliseconds}"


def is_of_default_wallet(event: Event) -> bool:
    """Say whether an event is about the program's own points, or about no points."""
    return "point_type" not in event.facts


def _points_awarded(letter: Letter) -> PointsAwarded | Skipped:
    if not is_of_default_wallet(letter.event):
        return Skipped("they are not the program's own points")
    points = _number(letter.event, "points")
    if points <= 0:
        return Skipped("no points were given")
    return PointsAwarded(
        points=points,
        rule_name=None if letter.rule is None else letter.rule.name,
        order_number=None if letter.earning is None else letter.earning.order_number,
    )


def _reward_redeemed(letter: Letter) -> RewardRedeemed | Skipped:
    # A redemption is approved once; that it was handed over is told by a second event of the kind.
    if letter.event.facts.get("is_handed_over"):
        return Skipped("the redemption was announced when it was approved")
    reward, redemption = letter.reward, letter.redemption
    if reward is None or redemption is None:
        return Skipped("the redemption is gone")
    discount = reward.discount
    face_value_minor = None
    if discount is not None and discount.type == "fixed_amount" and discount.amount_minor:
        face_value_minor = discount.amount_minor * redemption.units
    return RewardRedeemed(
        reward_name=reward.name,
        discount_type=_discount_type(reward),
        points_spent=_number(letter.event, "points"),
        face_value_minor=face_value_minor,
    )


def _discount_type(reward: Reward) -> DiscountType:
    if reward.discount is not None:
        return reward.discount.type
    return _TYPE_OF_KIND.get(reward.kind, "fixed_amount")


def _number(event: Event, name: str) -> int:
    fact = event.facts.get(name)
    return fact if isinstance(fact, int) else 0


def _text(event: Event, name: str) -> str | None:
    fact = event.facts.get(name)
    return fact if isinstance(fact, str) else None
