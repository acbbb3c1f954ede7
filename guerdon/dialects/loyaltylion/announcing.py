"""Events as the vendor's webhooks tell them."""

import base64
import hashlib
import hmac
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import get_args
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import msgspec

from guerdon.dialects.loyaltylion.translate_announcing import say, stamp, to_customer
from guerdon.dialects.loyaltylion.wire_announcing import (
    PREFIX,
    CustomerBody,
    CustomerPayload,
    ProgramEvent,
    ProgramEventBody,
    Topic,
    Unsubscribe,
    UnsubscribeBody,
    UnsubscribePayload,
    Unsubscriber,
)
from guerdon.domain.catalogue import Merchant
from guerdon.domain.delivery import Letter
from guerdon.domain.event import EventKind
from guerdon.domain.subscription import FailureRule, Subscription
from guerdon.engine.announcing import Announcement

EVENTS: tuple[Topic, ...] = get_args(Topic)
USER_AGENT = "LoyaltyLion-Webhook/2.0"
_DELAY_SECONDS_FIRST = 30.0
_DELAY_SECONDS_MAX = 6 * 3600.0
_DOUBLINGS_MAX = 16
_JITTER = 0.1
_NAMES = UUID("6f1d2a9e-3a0b-5f57-9c1e-5b0c2f7a4d18")
# What a program event is told of; that the customer changed is told of every kind but these.
_SAYS: dict[EventKind, tuple[Topic, ...]] = {
    "redemption.approved": ("program_events/customer.claimed_reward",),
    "points.earned": ("program_events/customer.points_earned",),
    "points.adjusted": ("program_events/customer.points_earned",),
    "member.unsubscribed": ("loyalty_emails/unsubscribe",),
    "member.enrolled": ("program_events/customer.enrolled",),
    "member.tier_changed": (
        "program_events/customer.tier_upgraded",
        "program_events/customer.tier_downgraded",
    ),
}
_CHANGES_NOTHING: frozenset[EventKind] = frozenset(
    {"member.unsubscribed", "redemption.used", "redemption.reopened", "redemption.expired"}
)
_encode = msgspec.json.Encoder().encode


class LoyaltyLionForm:
    """Repetitions without end, ever more seldom, until thirty calls failed one after another."""

    dialect = "loyaltylion"
    events: tuple[str, ...] = EVENTS
    timeout_seconds = 5.0
    heeds_retry_after = False
    goes_at_410 = False
    failure_rule = FailureRule(alert_at=5, remove_at=30, remove_after_seconds=86_400)

    # Chance that guards nothing: it only spreads repetitions.
    def __init__(self, random_part: Callable[[], float] = random.random) -> None:  # noqa: S311
        self._random_part = random_part

    def wants(self, events: Sequence[str], kind: EventKind) -> bool:
        if "customers/update" in events and kind not in _CHANGES_NOTHING:
            return True
        return any(topic in events for topic in _SAYS.get(kind, ()))

    def announce(self, letter: Letter, subscription: Subscription) -> Sequence[Announcement]:
        """At most two: what happened, and that the customer changed by it."""
        if letter.event.kind == "member.unsubscribed":
            is_wanted = "loyalty_emails/unsubscribe" in subscription.events
            return [_unsubscribed(letter)] if is_wanted else []
        calls = []
        if letter.event.kind in _SAYS:
            said = say(letter)
            if said is not None and said[0] in subscription.events:
                topic, properties = said
                identity, at = _identity(letter, topic), stamp(letter.event.created_at)
                kind = topic.removeprefix(PREFIX)
                event = ProgramEvent(_identity(letter, kind), at, kind, None, properties)
                body = ProgramEventBody(identity, topic, at, event)
                calls.append(_announcement(letter, topic, identity, _encode(body)))
        if "customers/update" in subscription.events and letter.event.kind not in _CHANGES_NOTHING:
            topic = "customers/update"
            identity, at = _identity(letter, topic), stamp(letter.event.created_at)
            customer = to_customer(letter)
            changed = CustomerBody(identity, topic, at, CustomerPayload(customer), customer)
            calls.append(_announcement(letter, topic, identity, _encode(changed)))
        return calls

    def headers(
        self,
        announcement: Announcement,
        secret: str,
        letter: Letter,
        now: datetime,  # noqa: ARG002 -- a form's shape
    ) -> tuple[tuple[str, str], ...]:
        signature = hmac.new(secret.encode(), announcement.body, hashlib.sha256).digest()
        return (
            ("Content-Type", "application/json"),
            ("User-Agent", USER_AGENT),
            ("X-LoyaltyLion-Topic", announcement.event),
            ("X-LoyaltyLion-Site-Domain", site_domain(letter.merchant)),
            ("X-LoyaltyLion-Hmac-SHA256", base64.b64encode(signature).decode("ascii")),
        )

    def retry_after(self, attempt: int) -> float | None:
        doublings = min(attempt - 1, _DOUBLINGS_MAX)
        delay = min(_DELAY_SECONDS_FIRST * 2.0**doublings, _DELAY_SECONDS_MAX)
        return delay * (1 - _JITTER * self._random_part())


def _identity(letter: Letter, what: str) -> str:
    return str(uuid5(_NAMES, f"{letter.merchant.id}/{letter.event.id}/{what}"))


def _unsubscribed(letter: Letter) -> Announcement:
    topic: Topic = "loyalty_emails/unsubscribe"
    identity, at = _identity(letter, topic), stamp(letter.event.created_at)
    whose = Unsubscriber(letter.member.id, letter.member.email)
    body = UnsubscribeBody(identity, topic, at, UnsubscribePayload(Unsubscribe(whose)))
    return _announcement(letter, topic, identity, _encode(body))


def _announcement(letter: Letter, topic: Topic, identity: str, body: bytes) -> Announcement:
    return Announcement(id=identity, event=topic, said_at=letter.event.created_at, body=body)


def site_domain(merchant: Merchant) -> str:
    """Give the host name that a receiver knows the shop by."""
    shop = merchant.storefront_url
    host = urlsplit(shop).hostname if shop else None
    return host or f"{merchant.slug}.myshopify.com"
