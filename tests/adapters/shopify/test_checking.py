"""What is said of a shop that is fit, and of one that is not."""

from typing import Any

import pytest

from guerdon.adapters.shopify.checking import TOPICS, Finding, check_shop, subscribe
from guerdon.domain.catalogue import Catalogue, Discount
from tests.adapters.shopify.sandboxed import SHOP, Sandboxed
from tests.builders.shop import make_reward, make_shop
from tests.builders.state import make_catalogue

ADDRESS = "https://points.example/hooks/shopify/shop-1/token"
SUBSCRIBED = make_reward(
    2,
    kind="active_subscription_discount",
    fulfil_by="shopify",
    discount=Discount(type="percentage", percent_hundredths=1000),
)
CARD = make_reward(3, kind="gift_card", fulfil_by="gift_card")


def catalogue_of(*rewards: Any) -> Catalogue:
    return make_catalogue(make_shop(rewards=rewards or (make_reward(fulfil_by="shopify"),)))


@pytest.fixture
def settings(sandbox: Sandboxed) -> Any:
    """The sandbox's shop as it is set up: in pounds, with every scope."""
    made = sandbox.app.world.shop(SHOP).settings
    made.currency = "GBP"
    return made


async def amiss(sandbox: Sandboxed, catalogue: Catalogue, **definition: str) -> list[str]:
    connected = sandbox.connected(None, **definition)
    found = await check_shop(sandbox.shopify.shops, connected, catalogue)
    return [each.what for each in found if not each.is_good]


async def test_a_fit_shop_has_nothing_amiss(sandbox: Sandboxed, settings: Any) -> None:
    settings.sells_subscriptions = True
    assert await amiss(sandbox, catalogue_of(SUBSCRIBED, CARD)) == []


async def test_each_thing_amiss_is_named(sandbox: Sandboxed, settings: Any) -> None:
    settings.currency = "EUR"
    settings.scopes = ("write_discounts", "read_customers", "read_orders")
    settings.sells_subscriptions = False
    assert await amiss(sandbox, catalogue_of(SUBSCRIBED, CARD)) == [
        "the currency",
        "scope write_customers",
        "scope write_gift_cards",
        "the reward reward-2",
    ]


async def test_a_shop_that_does_not_answer_is_all_that_is_said(sandbox: Sandboxed) -> None:
    sandbox.fail("status", "shop", status=403)
    assert await amiss(sandbox, catalogue_of()) == ["the shop"]


async def test_every_topic_is_subscribed_once(sandbox: Sandboxed) -> None:
    shops = sandbox.shopify.shops
    first = await subscribe(shops, sandbox.connected(), ADDRESS)
    assert first == [Finding(topic, "subscribed") for topic in TOPICS]
    again = await subscribe(shops, sandbox.connected(), ADDRESS)
    assert again == [Finding(topic, "subscribed before") for topic in TOPICS]
    made = sandbox.state()["webhook_subscriptions"]
    assert len(made) == len(TOPICS)
    assert {each["uri"] for each in made} == {ADDRESS}


async def test_a_topic_that_is_refused_is_named(sandbox: Sandboxed) -> None:
    sandbox.fail("user_error", "webhookSubscriptionCreate", message="Address is not allowed", nth=2)
    found = await subscribe(sandbox.shopify.shops, sandbox.connected(), ADDRESS)
    assert [each.what for each in found if not each.is_good] == [TOPICS[1]]
