"""Webhook subscriptions: made, listed, shown, changed, removed, given new secrets."""

from typing import NoReturn

from msgspec import UNSET, UnsetType

from guerdon.dialects.mage.call import Call
from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
from guerdon.dialects.mage.parameters import collection_answer, page_of
from guerdon.dialects.mage.translate import dress, stamp, undress
from guerdon.dialects.mage.wire import Document, Resource
from guerdon.dialects.mage.wire_webhooks import (
    DESCRIPTION_LENGTH_MAX,
    EVENTS,
    CreateSubscriptionBody,
    UpdateSubscriptionBody,
    WebhookSubscription,
    WebhookSubscriptionWithSecret,
)
from guerdon.domain.command import Refused
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.domain.webhook_url import find_url_problem
from guerdon.engine import subscribing
from guerdon.engine.subscribing import Changes, Repeat, Subscribed
from guerdon.http.asgi import Answer
from guerdon.http.call import REPLAYED, answer
from guerdon.store import webhook_subscriptions as store
from guerdon.store.snapshot import snapshot

_TYPE = "webhook_subscription"


async def create_subscription(call: Call) -> Answer:
    """Subscribe an address to events; the secret is in this answer and no other."""
    body = call.decode(CreateSubscriptionBody)
    outcome = await subscribing.subscribe(
        call.ledger.runtime,
        _scope(call),
        url=_checked_url(call, body.url),
        events=_checked_events(body.events),
        description=_checked_description(body.description),
        repeat=Repeat(*call.idempotency()),
    )
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    return _with_secret(201, outcome)


async def list_subscriptions(call: Call) -> Answer:
    """List the program's subscriptions, newest first."""
    page = page_of(call)
    scope = _scope(call)
    async with snapshot(call.pool) as view:
        total = await store.count_subscriptions(
            view, scope.merchant_id, scope.dialect, scope.program_id
        )
        found = await store.list_subscriptions(
            view,
            scope.merchant_id,
            scope.dialect,
            scope.program_id,
            offset=page.offset,
            limit=page.size,
        )
    return collection_answer(page, total, [_resource(each) for each in found])


async def get_subscription(call: Call) -> Answer:
    """Show one subscription."""
    scope = _scope(call)
    async with snapshot(call.pool) as view:
        found = await store.find_subscription(
            view, scope.merchant_id, _subscription_id(call), scope.dialect, scope.program_id
        )
    if found is None:
        _unknown(call)
    return answer(200, Document(_resource(found)))


async def update_subscription(call: Call) -> Answer:
    """Change some of a subscription; the secret stays and is not shown."""
    body = call.decode(UpdateSubscriptionBody)
    description = body.description
    changes = Changes(
        url=body.url if isinstance(body.url, UnsetType) else _checked_url(call, body.url),
        events=UNSET if isinstance(body.events, UnsetType) else _checked_events(body.events),
        is_active=body.is_active,
        description=UNSET
        if isinstance(description, UnsetType)
        else _checked_description(description),
    )
    subscription_id = _subscription_id(call)
    repeat = Repeat(*call.idempotency())
    try:
        outcome = await subscribing.change_subscription(
            call.ledger.runtime, _scope(call), subscription_id, changes, repeat=repeat
        )
    except NotFound:
        _unknown(call)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    document = Document(_resource(outcome.subscription))
    return answer(200, document, is_replay=outcome.is_replay)


async def delete_subscription(call: Call) -> Answer:
    """Remove a subscription for good."""
    subscription_id = _subscription_id(call)
    repeat = Repeat(*call.idempotency())
    try:
        outcome = await subscribing.unsubscribe(
            call.ledger.runtime, _scope(call), subscription_id, repeat=repeat
        )
    except NotFound:
        _unknown(call)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    return Answer(204, headers=(REPLAYED,) if outcome.is_replay else ())


async def rotate_secret(call: Call) -> Answer:
    """Give a subscription a new secret, shown here only; the old one is void at once."""
    subscription_id = _subscription_id(call)
    repeat = Repeat(*call.idempotency())
    try:
        outcome = await subscribing.rotate_secret(
            call.ledger.runtime, _scope(call), subscription_id, repeat=repeat
        )
    except NotFound:
        _unknown(call)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    return _with_secret(200, outcome)


def _scope(call: Call) -> subscribing.Scope:
    return subscribing.Scope(
        merchant_id=call.merchant_id, dialect="mage", program_id=call.program_id
    )


def _subscription_id(call: Call) -> SubscriptionId:
    number = undress("whsub", call.path[0])
    if number is None:
        _unknown(call)
    return SubscriptionId(number)


def _unknown(call: Call) -> NoReturn:
    raise Fault(404, f"Webhook subscription '{call.path[0]}' not found") from None


def _checked_url(call: Call, url: str) -> str:
    problem = find_url_problem(url, call.ledger.runtime.webhook_urls)
    if problem is not None:
        raise Fault(400, f"url {problem}")
    return url


def _checked_events(events: list[str]) -> tuple[str, ...]:
    if not events:
        raise Fault(400, "events must not be empty")
    known: tuple[str, ...] = EVENTS
    for event in events:
        if event not in known:
            raise Fault(400, f"events must be some of {', '.join(EVENTS)}")
    return tuple(dict.fromkeys(events))


def _checked_description(description: str | None) -> str | None:
    if description is not None and len(description) > DESCRIPTION_LENGTH_MAX:
        raise Fault(400, f"description must have at most {DESCRIPTION_LENGTH_MAX} characters")
    return description


def _resource(subscription: Subscription) -> Resource[WebhookSubscription]:
    attributes = WebhookSubscription(
        url=subscription.url,
        events=list(subscription.events),
        is_active=subscription.is_active,
        description=subscription.description,
        created_at=stamp(subscription.created_at),
        updated_at=stamp(subscription.updated_at),
    )
    return Resource(_TYPE, dress("whsub", subscription.id), attributes)


def _with_secret(status: int, subscribed: Subscribed) -> Answer:
    subscription = subscribed.subscription
    assert subscribed.secret is not None, "create and rotate make a secret"
    attributes = WebhookSubscriptionWithSecret(
        url=subscription.url,
        events=list(subscription.events),
        is_active=subscription.is_active,
        description=subscription.description,
        secret=subscribed.secret,
        created_at=stamp(subscription.created_at),
        updated_at=stamp(subscription.updated_at),
    )
    resource = Resource(_TYPE, dress("whsub", subscription.id), attributes)
    return answer(status, Document(resource), is_replay=subscribed.is_replay)
