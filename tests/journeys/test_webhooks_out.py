"""A redemption is told to a shop's own address, whatever that answers."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.dialects.mage.translate import dress
from guerdon.domain.command import Redeem, Redeemed
from guerdon.domain.ids import SubscriptionId
from guerdon.domain.redemption import Redemption
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.delivering import deliver
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.subscribing import Repeat, Scope, Subscribed, context_of, subscribe
from guerdon.store.transaction import transaction
from guerdon.store.webhook_subscriptions import insert_subscription
from tests.builders.couriers import SEAL, hand_all_on, statuses
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.shop import PROGRAM, Shop, make_reward, make_shop, save_shop
from tests.builders.subscription import STANDARD_SECRET, make_subscription
from tests.support.webhook_receiver import Receiver, answer, receiving


class Post:
    """A shop with one member, and a webhook to a receiver that is there."""

    def __init__(self, ledger: Ledger, clock: Clock, shop: Shop) -> None:
        self.ledger = ledger
        self.clock = clock
        self.shop = shop

    async def subscribe(self, dialect: str, url: str, *events: str) -> Subscribed:
        await enrol(self.ledger, self.shop, points=1000)
        # What was before a webhook is not told to it.
        await hand_all_on(self.ledger, self.shop.id)
        scope = Scope(merchant_id=self.shop.id, dialect=dialect, program_id=PROGRAM)
        made = await subscribe(
            self.ledger.runtime, scope, url=url, events=events, description=None, repeat=Repeat()
        )
        assert isinstance(made, Subscribed)
        return made

    async def redeem(self) -> Redemption:
        reward = self.shop.rewards[0]
        command = Redeem(program_id=PROGRAM, member=ANA, reward_id=reward.id)
        result = await do(self.ledger, self.shop, command)
        assert isinstance(result, Redeemed)
        await hand_all_on(self.ledger, self.shop.id)
        return result.redemption

    async def deliver(self, hook_id: SubscriptionId) -> int:
        done = await deliver(self.ledger, self.shop.id, f"webhook:{hook_id}")
        return done.claimed


@pytest.fixture
async def post(pool: asyncpg.Pool) -> AsyncIterator[Post]:
    clock = Clock()
    sender = Sender(UrlRules(allows_http=True, allows_private=True))
    forms = (MageForm(), LoyaltyLionForm(lambda: 0.0), StandardForm(lambda: 0.0))
    courier = WebhookCourier(forms, sender, now=clock)
    runtime = Runtime(
        pool=pool,
        now=clock,
        seal=SEAL,
        couriers={"webhook": courier},
        failure_rules=courier.failure_rules,
    )
    shop = await save_shop(pool, make_shop(rewards=(make_reward(name="€10 voucher"),)))
    yield Post(Ledger(runtime), clock, shop)
    await sender.close()


def _check_mage(receiver: Receiver, place: int, secret: str | None) -> None:
    assert secret is not None
    received = receiver.received[place]
    signed = received.headers["X-Webhook-Timestamp"].encode() + b"." + received.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert received.headers["X-Webhook-Signature"] == f"sha256={expected}"


async def test_mage_is_told_once_and_as_its_documents_have_it(post: Post) -> None:
    async with receiving() as receiver:
        made = await post.subscribe("mage", receiver.url, "points.redeemed")
        redemption = await post.redeem()
        assert await post.deliver(made.subscription.id) == 1
        assert await post.deliver(made.subscription.id) == 0
    (received,) = receiver.received
    _check_mage(receiver, 0, made.secret)
    assert json.loads(received.body) == {
        "event": "points.redeemed",
        "shop": "shop-1",
        "timestamp": "2026-03-14T09:26:53.589Z",
        "data": {
            "shopify_customer_id": "7001",
            "email": "7001@shopper.example",
            "points_redeemed": 100,
            "points_balance": 900,
            "reward_name": "€10 voucher",
            "reward_id": dress("reward", redemption.reward_id),
            "discount_code": redemption.code,
        },
    }


async def test_mage_repeats_after_10_60_and_300_seconds_and_then_no_more(
    post: Post, pool: asyncpg.Pool
) -> None:
    async with receiving(*map(answer, (500, 503, 404, 302))) as receiver:
        made = await post.subscribe("mage", receiver.url, "points.redeemed")
        hook_id = made.subscription.id
        await post.redeem()
        assert await post.deliver(hook_id) == 1
        for seconds in (10, 60, 300):
            post.clock.pass_(seconds=seconds - 0.5)
            assert await post.deliver(hook_id) == 0
            post.clock.pass_(seconds=0.5)
            assert await post.deliver(hook_id) == 1
        post.clock.pass_(days=30)
        assert await post.deliver(hook_id) == 0
        assert await statuses(pool) == ["dead"]
        assert len(receiver.received) == 4
        assert len({each.body for each in receiver.received}) == 1
        for place in range(4):
            _check_mage(receiver, place, made.secret)


async def test_loyaltylion_is_removed_after_thirty_failures_over_days(
    post: Post, pool: asyncpg.Pool
) -> None:
    async with receiving(*[answer(500)] * 40) as receiver:
        made = await post.subscribe("loyaltylion", receiver.url, "customers/update")
        await post.redeem()
        with capture_logs() as logs:
            for _ in range(40):
                await post.deliver(made.subscription.id)
                post.clock.pass_(hours=6)
        assert len(receiver.received) == 30
    said = [log["event"] for log in logs if log["event"].startswith("webhook_")]
    assert said == ["webhook_failing", "webhook_removed"]
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 0


async def test_our_own_form_is_switched_off_where_it_is_told_to_go_away(
    post: Post, pool: asyncpg.Pool
) -> None:
    async with receiving(answer(410)) as receiver:
        hook = make_subscription("guerdon", "redemption.approved", url=receiver.url)
        sealed = SEAL.seal(STANDARD_SECRET.encode(), context_of(post.shop.id, hook.id))
        async with transaction(pool) as tx:
            await insert_subscription(tx, post.shop.id, hook, sealed)
        await enrol(post.ledger, post.shop, points=1000)
        for _ in range(2):
            await post.redeem()
            await post.deliver(hook.id)
        (received,) = receiver.received
    assert json.loads(received.body)["type"] == "redemption.approved"
    assert await pool.fetchval("SELECT is_active FROM webhook_subscriptions") is False
