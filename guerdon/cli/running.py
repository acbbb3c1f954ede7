"""What every process hands to the engine, made from the settings."""

from guerdon.adapters.klaviyo.deliver import KlaviyoCourier
from guerdon.adapters.omnisend.deliver import OmnisendCourier
from guerdon.adapters.postscript.deliver import PostscriptCourier
from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.config import Config
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.ports import Courier
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.http.calling import Caller
from guerdon.store.connection import Pool


def make_runtime(config: Config, pool: Pool, *, needs_seal: bool = False) -> Runtime:
    """Make the runtime. With `needs_seal`, a lacking key is said now and not at the first secret
    to be kept."""
    seal = None
    if needs_seal or config.is_embedded or config.secret_key is not None:
        seal = Seal(config.get_secret_key().encode())
    rules = url_rules(config)
    webhooks = make_webhook_courier(rules)
    return Runtime(
        pool=pool,
        seal=seal,
        webhook_urls=rules,
        couriers={"webhook": webhooks, **make_marketing_couriers()},
        failure_rules=webhooks.failure_rules,
    )


def make_marketing_couriers() -> dict[str, Courier]:
    """Make the couriers to the marketing platforms, over connections that they share."""
    caller = Caller(connections_max=200)
    return {
        "klaviyo": KlaviyoCourier(caller),
        "omnisend": OmnisendCourier(caller),
        "postscript": PostscriptCourier(caller),
    }


def make_webhook_courier(rules: UrlRules) -> WebhookCourier:
    """Make the courier to shops' own addresses, with every form there is."""
    return WebhookCourier((MageForm(), LoyaltyLionForm(), StandardForm()), Sender(rules))


def url_rules(config: Config) -> UrlRules:
    """Give what the operator allows of webhooks' addresses."""
    return UrlRules(
        allows_http=config.webhook_allow_http, allows_private=config.webhook_allow_private
    )
