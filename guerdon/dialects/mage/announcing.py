"""Events as the vendor's webhooks tell them."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from guerdon.dialects.mage.translate import dress, stamp
from guerdon.dialects.mage.wire_webhooks import EVENTS, Event
from guerdon.domain.announcement import is_of_default_wallet
from guerdon.domain.delivery import Letter
from guerdon.domain.event import EventKind
from guerdon.domain.subscription import FailureRule, Subscription
from guerdon.engine.announcing import Announcement

USER_AGENT = "MageLoyalty-Webhook/1.0"
_DELAYS_SECONDS = (10.0, 60.0, 300.0)
_SAYS: dict[EventKind, tuple[Event, ...]] = {
    "redemption.approved": ("points.redeemed",),
    "points.earned": ("points.earned",),
    "points.adjusted": ("points.earned",),
    "member.tier_changed": ("customer.tier_upgrade", "customer.tier_downgrade"),
}
_encode = msgspec.json.Encoder().encode


class PointsRedeemed(Struct, frozen=True):
    shopify_customer_id: str
    email: str | None
    points_redeemed: int
    points_balance: int
    reward_name: str
    reward_id: str | None
    discount_code: str | None


class PointsEarned(Struct, frozen=True):
    shopify_customer_id: str
    email: str | None
    points_earned: int
    points_balance: int
    lifetime_points: int
    source: str
    earning_rule_name: str | None
    order_number: str | None


class TierChanged(Struct, frozen=True):
    shopify_customer_id: str
    email: str | None
    previous_tier: str | None
    new_tier: str
    lifetime_points: int


Data = PointsRedeemed | PointsEarned | TierChanged


class Body(Struct, frozen=True):
    event: Event
    shop: str
    timestamp: str
    data: Data


class MageForm:
    """Three repetitions, of the first call's very bytes and time, after 10, 60 and 300 seconds."""

    dialect = "mage"
    events: tuple[str, ...] = EVENTS
    timeout_seconds = 10.0
    heeds_retry_after = False
    goes_at_410 = False
    failure_rule = FailureRule()

    def wants(self, events: Sequence[str], kind: EventKind) -> bool:
        return any(event in events for event in _SAYS.get(kind, ()))

    def announce(self, letter: Letter, subscription: Subscription) -> Sequence[Announcement]:
        """An excluded customer is not spoken of. Rewards that come with a tier cost no points, so
        that none were redeemed."""
        if letter.standing.is_frozen:
            return ()
        said = _say(letter)
        if said is None or said[0] not in subscription.events:
            return ()
        name, data = said
        body = Body(name, letter.merchant.slug, stamp(letter.event.created_at), data)
        return (
            Announcement(
                id=str(letter.event.id),
                event=name,
                said_at=letter.event.created_at,
                body=_encode(body),
            ),
        )

    def headers(
        self,
        announcement: Announcement,
        secret: str,
        letter: Letter,  # noqa: ARG002 -- a form's shape
        now: datetime,  # noqa: ARG002 -- a repetition keeps the first call's time
    ) -> tuple[tuple[str, str], ...]:
        timestamp = stamp(announcement.said_at)
        signed = timestamp.encode() + b"." + announcement.body
        signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return (
            ("Content-Type", "application/json"),
            ("User-Agent", USER_AGENT),
            ("X-Webhook-Event", announcement.event),
            ("X-Webhook-Timestamp", timestamp),
            ("X-Webhook-Signature", f"sha256={signature}"),
        )

    def retry_after(self, attempt: int) -> float | None:
        return _DELAYS_SECONDS[attempt - 1] if attempt <= len(_DELAYS_SECONDS) else None


def _say(letter: Letter) -> tuple[Event, Data] | None:
    match letter.event.kind:
        case "redemption.approved":
            return _redeemed(letter)
        case "points.earned" | "points.adjusted":
            return _earned(letter)
        case "member.tier_changed":
            return _tier_changed(letter)
        case _:
            return None


def _redeemed(letter: Letter) -> tuple[Event, Data] | None:
    redemption, reward, facts = letter.redemption, letter.reward, letter.event.facts
    if redemption is None or reward is None:
        return None
    if redemption.is_grant or facts.get("is_handed_over"):
        return None
    return "points.redeemed", PointsRedeemed(
        shopify_customer_id=letter.member.external_id,
        email=letter.member.email,
        points_redeemed=redemption.points_cost,
        points_balance=_number(letter, "points_available"),
        reward_name=reward.name,
        reward_id=dress("reward", redemption.reward_id),
        discount_code=redemption.code,
    )


def _earned(letter: Letter) -> tuple[Event, Data] | None:
    points, earning, rule = _number(letter, "points"), letter.earning, letter.rule
    if points <= 0 or not is_of_default_wallet(letter.event):
        return None
    return "points.earned", PointsEarned(
        shopify_customer_id=letter.member.external_id,
        email=letter.member.email,
        points_earned=points,
        points_balance=_number(letter, "points_available"),
        lifetime_points=_number(letter, "points_lifetime"),
        source=_source(letter),
        earning_rule_name=None if rule is None else rule.name,
        order_number=None if earning is None else earning.order_number,
    )


def _source(letter: Letter) -> str:
    if letter.rule is None:
        return "manual"
    return "referral" if letter.rule.trigger == "referral" else "earning_rule"


def _tier_changed(letter: Letter) -> tuple[Event, Data] | None:
    facts = letter.event.facts
    previous, new = facts.get("previous_tier"), facts.get("new_tier")
    if not isinstance(new, str):
        # The vendor has no word for being on no tier at all.
        return None
    return "customer.tier_upgrade" if facts.get(
        "is_up"
    ) else "customer.tier_downgrade", TierChanged(
        shopify_customer_id=letter.member.external_id,
        email=letter.member.email,
        previous_tier=previous if isinstance(previous, str) else None,
        new_tier=new,
        lifetime_points=_number(letter, "points_lifetime"),
    )


def _number(letter: Letter, fact: str) -> int:
    value = letter.event.facts.get(fact)
    return value if isinstance(value, int) else 0
