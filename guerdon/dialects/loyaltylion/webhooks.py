"""Webhook subscriptions: one topic and one address each; all are signed with the site secret."""

from guerdon.dialects.loyaltylion.auth import scopes_of
from guerdon.dialects.loyaltylion.call import Call
from guerdon.dialects.loyaltylion.errors import (
    Fault,
    Named,
    invalid,
    not_found,
    refusal_answer,
    scope_missing,
)
from guerdon.dialects.loyaltylion.scopes import covers
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_webhooks import (
    MANAGED_TOPIC,
    SCOPES_OF,
    TOPICS,
    CreateWebhookBody,
    Webhook,
    WebhookDocument,
    Webhooks,
)
from guerdon.domain.command import Refused
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.domain.webhook_url import find_url_problem
from guerdon.engine import subscribing
from guerdon.engine.subscribing import Repeat
from guerdon.http.asgi import Answer
from guerdon.http.call import REPLAYED, answer
from guerdon.store import webhook_subscriptions as store
from guerdon.store.snapshot import snapshot

# The list has no pages; so many subscriptions no program has.
_ALL = 10_000


async def create_webhook(call: Call) -> Answer:
    """Subscribe an address to a topic that the key's scopes cover."""
    asked = call.decode(CreateWebhookBody).webhook
    topic = _checked_topic(call, asked.topic)
    problem = find_url_problem(asked.address, call.ledger.runtime.webhook_urls)
    if problem is not None:
        raise invalid("webhook.address", problem)
    outcome = await subscribing.subscribe(
        call.ledger.runtime,
        _scope(call),
        url=asked.address,
        events=(topic,),
        description=None,
        repeat=Repeat(*call.idempotency()),
        shares_secret=True,
    )
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    shown = WebhookDocument(_webhook(outcome.subscription, topic))
    return answer(201, shown, is_replay=outcome.is_replay)


async def list_webhooks(call: Call) -> Answer:
    """List the program's webhooks, newest first; one that has several topics once for each."""
    scope = _scope(call)
    async with snapshot(call.pool) as view:
        found = await store.list_subscriptions(
            view, scope.merchant_id, scope.dialect, scope.program_id, offset=0, limit=_ALL
        )
    shown = [_webhook(each, topic) for each in found for topic in each.events]
    return answer(200, Webhooks(shown))


async def delete_webhook(call: Call) -> Answer:
    """Remove a webhook for good."""
    webhook_id = SubscriptionId(call.number(0))
    repeat = Repeat(*call.idempotency())
    try:
        outcome = await subscribing.unsubscribe(
            call.ledger.runtime, _scope(call), webhook_id, repeat=repeat
        )
    except NotFound:
        raise not_found(f"Webhook '{webhook_id}'") from None
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    return Answer(204, headers=(REPLAYED,) if outcome.is_replay else ())


def _scope(call: Call) -> subscribing.Scope:
    return subscribing.Scope(
        merchant_id=call.merchant_id, dialect="loyaltylion", program_id=call.program_id
    )


def _checked_topic(call: Call, topic: str) -> str:
    if topic == MANAGED_TOPIC:
        raise invalid("webhook.topic", "is managed by the rewards and cannot be subscribed to")
    known: tuple[str, ...] = TOPICS
    if topic not in known:
        raise invalid("webhook.topic", "is not a known topic")
    for scope in SCOPES_OF.get(topic, ("read_customers",)):
        if not covers(scopes_of(call.key), scope):
            raise Fault(scope_missing(scope))
    return topic


def _webhook(subscription: Subscription, topic: str) -> Webhook:
    return Webhook(
        id=subscription.id,
        topic=topic,
        address=subscription.url,
        created_at=stamp(subscription.created_at),
        updated_at=stamp(subscription.updated_at),
        service_integration_id=None,
    )
