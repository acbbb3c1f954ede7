"""Webhook subscriptions, and every topic that the vendor has."""

from typing import Literal, get_args

from msgspec import Struct

from guerdon.dialects.loyaltylion.scopes import Scope

MANAGED_TOPIC = "rewards/store_fulfilment"
# A topic that never comes to pass here may be subscribed to all the same: an installer that asks
# for all of them is not to fail. announcing.EVENTS are those that are sent.
SubscribableTopic = Literal[
    "customers/update",
    "loyalty_emails/unsubscribe",
    "receipts/manual_approval_required",
    "program_events/customer.claimed_reward",
    "program_events/customer.points_earned",
    "program_events/customer.reward_available_notification",
    "program_events/customer.recurring_reward_available_reminder",
    "program_events/customer.approaching_reward_expiration",
    "program_events/customer.approaching_points_expiration",
    "program_events/customer.enrolled",
    "program_events/customer.tier_upgraded",
    "program_events/customer.tier_downgraded",
    "program_events/customer.approaching_tier_upgrade",
    "program_events/customer.referral_complete",
    "program_events/customer.rule_completed",
    "program_events/customer.moved_to_loyal_segment",
    "program_events/customer.moved_to_at_risk_segment",
    "program_events/customer.moved_to_defected_segment",
    "program_events/customer.receipt_approved",
    "program_events/customer.receipt_declined",
]
TOPICS: tuple[SubscribableTopic, ...] = get_args(SubscribableTopic)

# What a key must be allowed for a topic, where that is not the customers alone.
SCOPES_OF: dict[str, tuple[Scope, ...]] = {
    "loyalty_emails/unsubscribe": ("read_unsubscribes",),
    "program_events/customer.referral_complete": ("read_customers", "read_orders"),
    "program_events/customer.rule_completed": ("read_customers", "read_orders"),
}


class WebhookInput(Struct, frozen=True):
    """`service_integration_id` is taken and not kept: there are no such integrations here."""

    topic: str
    address: str
    service_integration_id: int | None = None


class CreateWebhookBody(Struct, frozen=True):
    webhook: WebhookInput


class Webhook(Struct, frozen=True):
    id: int
    topic: str
    address: str
    created_at: str
    updated_at: str
    service_integration_id: int | None


class WebhookDocument(Struct, frozen=True):
    webhook: Webhook


class Webhooks(Struct, frozen=True):
    webhooks: list[Webhook]
