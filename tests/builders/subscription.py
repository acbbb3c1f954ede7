"""Webhook subscriptions, and letters' way to them."""

from typing import Any

from msgspec.structs import replace as replaced

from guerdon.domain.ids import SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.engine.ports import Destination
from tests.builders.shop import FOUNDED, PROGRAM, make_shop

STANDARD_SECRET = "whsec_" + "Z3VlcmRvbi10ZXN0LXNlY3JldC0zMi1ieXRlcy1sb25n"


def make_subscription(dialect: str, *events: str, **changes: Any) -> Subscription:
    """Make a subscription with the id 8001 to these events."""
    subscription = Subscription(
        id=SubscriptionId(8001),
        dialect=dialect,
        program_id=PROGRAM,
        url="https://shop.example/hooks",
        events=events,
        description=None,
        is_active=True,
        is_managed=False,
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    return replaced(subscription, **changes)


def webhook_destination(subscription: Subscription, secret: str | None) -> Destination:
    """Make a subscription's destination as deliveries name it."""
    return Destination(
        name=f"webhook:{subscription.id}",
        merchant=make_shop().merchant,
        subscription=subscription,
        secret=secret,
    )
