"""The outside world: every platform and receiver, as the engine is given them.

Only processes that reach out import this; a short command does without its libraries."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from guerdon.adapters.klaviyo.deliver import KlaviyoCourier
from guerdon.adapters.omnisend.deliver import OmnisendCourier
from guerdon.adapters.postscript.deliver import PostscriptCourier
from guerdon.adapters.shopify.platform import make_shopify
from guerdon.adapters.shopify.translate_webhooks import ShopifyReader
from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.fulfil import EndpointFulfiller, StandardEndpoint
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.loyaltylion.fulfilling import LoyaltyLionEndpoint
from guerdon.dialects.mage.announcing import MageForm
from guerdon.domain.catalogue import FulfilBy
from guerdon.domain.subscription import FailureRule
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.ports import (
    Courier,
    Directory,
    Fulfiller,
    InboxReader,
    PoolMinter,
    Prober,
    Publisher,
)
from guerdon.http.calling import Caller


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Named as the runtime names them."""

    fulfillers: Mapping[FulfilBy, Fulfiller]
    couriers: Mapping[str, Courier]
    failure_rules: Mapping[str, FailureRule]
    directory: Directory
    readers: Mapping[str, InboxReader]
    minters: Mapping[FulfilBy, PoolMinter]
    probers: Mapping[FulfilBy, Prober]
    publisher: Publisher


@asynccontextmanager
async def reach_out(rules: UrlRules, now: Callable[[], datetime]) -> AsyncIterator[Outside]:
    """Make everything that calls other people's servers, and close its connections at the end.

    Nothing is opened before the first call; then it belongs to the event loop of that call."""
    sender = Sender(rules)
    webhooks = WebhookCourier((MageForm(), LoyaltyLionForm(), StandardForm()), sender, now=now)
    endpoint = EndpointFulfiller(
        {"guerdon": StandardEndpoint(), "loyaltylion": LoyaltyLionEndpoint()}, sender, now
    )
    shopify = make_shopify(now)
    caller = Caller()
    try:
        yield Outside(
            fulfillers={**shopify.fulfillers, "webhook": endpoint},
            couriers={
                "shopify": shopify.courier,
                "klaviyo": KlaviyoCourier(caller),
                "omnisend": OmnisendCourier(caller),
                "postscript": PostscriptCourier(caller),
                "webhook": webhooks,
            },
            failure_rules=webhooks.failure_rules,
            directory=shopify.directory,
            readers={"shopify": ShopifyReader()},
            minters=shopify.minters,
            probers={"webhook": endpoint},
            publisher=shopify.publisher,
        )
    finally:
        await sender.close()
        await caller.aclose()
        await shopify.shops.aclose()
