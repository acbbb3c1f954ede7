"""A made-up event shows whether a receiver takes real ones, in every form and for every event."""

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import EVENTS, StandardForm, make_secret, signing_key
from guerdon.dialects.loyaltylion.announcing import EVENTS as LION_EVENTS
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.dialects.mage.wire_webhooks import EVENTS as MAGE_EVENTS
from guerdon.domain.delivery import Deferred, Delivered
from guerdon.domain.errors import Invalid, NotFound
from guerdon.domain.ids import SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.subscribing import context_of
from guerdon.engine.trying import try_webhook
from guerdon.store import webhook_subscriptions as store
from guerdon.store.transaction import transaction
from tests.builders.shop import Shop, make_shop, save_shop
from tests.builders.subscription import make_subscription
from tests.support.webhook_receiver import Receiver, answer, receiving

_SEAL = Seal(b"a sealing key of thirty-two bytes or more")
_SECRET = make_secret()


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    return await save_shop(pool, make_shop())


@pytest.fixture
async def runtime(pool: asyncpg.Pool) -> AsyncIterator[Runtime]:
    sender = Sender(UrlRules(allows_http=True, allows_private=True))
    courier = WebhookCourier((MageForm(), LoyaltyLionForm(), StandardForm()), sender)
    yield Runtime(pool=pool, seal=_SEAL, couriers={"webhook": courier})
    await sender.close()


async def _add(runtime: Runtime, shop: Shop, hook: Subscription) -> SubscriptionId:
    sealed = _SEAL.seal(_SECRET.encode(), context_of(shop.id, hook.id))
    async with transaction(runtime.pool) as tx:
        await store.insert_subscription(tx, shop.id, hook, sealed)
    return hook.id


def _said(receiver: Receiver) -> list[str]:
    bodies = [json.loads(each.body) for each in receiver.received]
    return [body.get("event") or body.get("topic") or body["type"] for body in bodies]


@pytest.mark.parametrize(
    ("dialect", "events"),
    [("mage", MAGE_EVENTS), ("loyaltylion", LION_EVENTS), ("guerdon", EVENTS)],
)
async def test_every_event_can_be_tried(
    runtime: Runtime, shop: Shop, dialect: str, events: tuple[str, ...]
) -> None:
    async with receiving() as receiver:
        hook_id = await _add(runtime, shop, make_subscription(dialect, *events, url=receiver.url))
        for event in events:
            tried = await try_webhook(runtime, shop.id, hook_id, event)
            assert (tried.event, tried.verdict) == (event, Delivered())
    assert _said(receiver) == list(events)


async def test_the_first_event_is_tried_where_none_is_named(runtime: Runtime, shop: Shop) -> None:
    async with receiving() as receiver:
        hook = make_subscription("mage", "points.earned", "points.redeemed", url=receiver.url)
        await try_webhook(runtime, shop.id, await _add(runtime, shop, hook))
    assert _said(receiver) == ["points.earned"]


async def test_two_tries_are_not_taken_for_repetitions(runtime: Runtime, shop: Shop) -> None:
    async with receiving() as receiver:
        hook = make_subscription("guerdon", *EVENTS, url=receiver.url, program_id=None)
        hook_id = await _add(runtime, shop, hook)
        for event in EVENTS[:3]:
            await try_webhook(runtime, shop.id, hook_id, event)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 3


async def test_a_receivers_no_is_given_and_counts_for_nothing(runtime: Runtime, shop: Shop) -> None:
    async with receiving(answer(500)) as receiver:
        hook = make_subscription("loyaltylion", "customers/update", url=receiver.url)
        hook_id = await _add(runtime, shop, hook)
        tried = await try_webhook(runtime, shop.id, hook_id)
    assert isinstance(tried.verdict, Deferred)
    assert tried.verdict.reason == "answered 500"
    async with runtime.pool.acquire() as connection:
        assert await store.list_failures(connection, shop.id) == {}


async def test_what_cannot_be_tried_is_said(runtime: Runtime, shop: Shop) -> None:
    hook = make_subscription("mage", "points.earned")
    hook_id = await _add(runtime, shop, hook)
    with pytest.raises(Invalid, match="not subscribed"):
        await try_webhook(runtime, shop.id, hook_id, "points.redeemed")
    with pytest.raises(NotFound):
        await try_webhook(runtime, shop.id, SubscriptionId(1))
    off = replace(hook, id=SubscriptionId(8002), is_active=False)
    with pytest.raises(NotFound, match="switched on"):
        await try_webhook(runtime, shop.id, await _add(runtime, shop, off))


def test_a_secret_that_is_made_can_sign() -> None:
    assert len(signing_key(make_secret())) == 32
    assert make_secret() != make_secret()
