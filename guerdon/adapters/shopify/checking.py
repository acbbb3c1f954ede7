"""Whether a shop and its connection are fit for what is to be done there, and what it tells us."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import (
    AnswerLost,
    Declined,
    NotExecuted,
    read_user_errors,
)
from guerdon.adapters.shopify.shops import Shops
from guerdon.domain.catalogue import Catalogue, FulfilBy, Reward
from guerdon.engine.ports import Connected

# What Guerdon wants to hear of. The three privacy topics are set in the app's configuration alone.
TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "refunds/create",
    "customers/create",
    "customers/update",
    "app/uninstalled",
)
_SECONDS_MAX = 30.0
_SCOPES = ("write_discounts", "write_customers", "read_orders")
_SCOPES_OF: dict[FulfilBy, tuple[str, ...]] = {
    "gift_card": ("write_gift_cards",),
    "store_credit": (
        "write_store_credit_account_transactions",
        "read_store_credit_account_transactions",
        "read_store_credit_accounts",
    ),
}
_TAKEN = "already been taken"


class Finding(Struct, frozen=True):
    """One thing looked at."""

    what: str
    found: str
    is_good: bool = True


async def check_shop(shops: Shops, connected: Connected, catalogue: Catalogue) -> list[Finding]:
    """Ask the shop what it is and what we may do there, and hold it against the offers."""
    try:
        shop = shops.of(connected)
        data = await shop.call(document("shop"), {}, shop.budget(_SECONDS_MAX))
    except (NotExecuted, AnswerLost) as failure:
        return [Finding("the shop", str(failure), is_good=False)]
    rewards = [
        reward
        for reward in catalogue.rewards.values()
        if reward.archived_at is None and reward.status != "draft"
    ]
    described: dict[str, Any] = data["shop"]
    versions = [each["handle"] for each in data["publicApiVersions"] if each["supported"]]
    granted = [each["handle"] for each in data["currentAppInstallation"]["accessScopes"]]
    findings = [
        _domain(shop, described["myshopifyDomain"]),
        _version(shop, versions),
        _currency(catalogue, described["currencyCode"]),
        *_scopes(granted, rewards),
    ]
    sells = described["features"]["sellsSubscriptions"]
    for reward in rewards:
        if _is_subscribed(reward) and not sells:
            named = f"the reward {reward.slug}"
            findings.append(
                Finding(named, "is for subscriptions, which the shop does not sell", is_good=False)
            )
    return findings


def _domain(shop: Shop, domain: str) -> Finding:
    return Finding("the shop", domain, is_good=domain.lower() == shop.address.shop.lower())


def _version(shop: Shop, supported: Sequence[str]) -> Finding:
    asked = shop.address.api_version
    if asked in supported:
        return Finding("the API's version", asked)
    return Finding("the API's version", f"{asked} is none of {', '.join(supported)}", is_good=False)


def _currency(catalogue: Catalogue, currency: str) -> Finding:
    ours = catalogue.merchant.currency
    said = currency if currency == ours else f"{currency}, but the merchant counts in {ours}"
    return Finding("the currency", said, is_good=currency == ours)


def _scopes(granted: Iterable[str], rewards: Iterable[Reward]) -> list[Finding]:
    """Give a line for each scope that is needed; writing includes reading."""
    held = set(granted)
    held |= {scope.replace("write_", "read_", 1) for scope in held}
    wanted = dict.fromkeys(_SCOPES)
    for reward in rewards:
        wanted.update(dict.fromkeys(_SCOPES_OF.get(reward.fulfil_by, ())))
    return [
        Finding(f"scope {scope}", "granted" if scope in held else "missing", scope in held)
        for scope in wanted
    ]


def _is_subscribed(reward: Reward) -> bool:
    if reward.fulfil_by not in ("shopify", "shopify_pool"):
        return False
    if reward.kind.startswith("active_subscription"):
        return True
    return reward.discount is not None and reward.discount.applies_on_subscription


async def subscribe(shops: Shops, connected: Connected, address: str) -> list[Finding]:
    """Have the shop tell an address of every topic; what it tells there already stays."""
    try:
        shop = shops.of(connected)
        budget = shop.budget(_SECONDS_MAX)
        known = await _known_topics(shop, address, budget)
        return [await _subscribe(shop, topic, address, known, budget) for topic in TOPICS]
    except (NotExecuted, AnswerLost) as failure:
        return [Finding("the shop", str(failure), is_good=False)]


async def _known_topics(shop: Shop, address: str, budget: Budget) -> set[str]:
    known: set[str] = set()
    after: str | None = None
    while True:
        data = await shop.call(document("subscriptions"), {"after": after}, budget)
        page = data["webhookSubscriptions"]
        known |= {each["topic"] for each in page["nodes"] if each["uri"] == address}
        if not page["pageInfo"]["hasNextPage"]:
            return known
        after = page["pageInfo"]["endCursor"]


async def _subscribe(
    shop: Shop, topic: str, address: str, known: set[str], budget: Budget
) -> Finding:
    named = topic.replace("/", "_").upper()
    if named in known:
        return Finding(topic, "subscribed before")
    variables = {"topic": named, "subscription": {"uri": address, "format": "JSON"}}
    data = await shop.call(document("subscription_create"), variables, budget)
    declined = Declined(read_user_errors(data["webhookSubscriptionCreate"] or {}))
    if not declined.errors:
        return Finding(topic, "subscribed")
    if any(_TAKEN in error.message for error in declined.errors):
        return Finding(topic, "subscribed before")
    return Finding(topic, str(declined), is_good=False)
