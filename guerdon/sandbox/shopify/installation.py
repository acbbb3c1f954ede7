"""The shop itself, the app installed in it, its scopes, and webhook subscriptions."""

import re
from typing import Any
from urllib.parse import urlsplit

from guerdon.sandbox.shopify.failures import Fields
from guerdon.sandbox.shopify.metafield_shape import metafield_fields
from guerdon.sandbox.shopify.shape import Info, Root, gid, number_of, page
from guerdon.sandbox.shopify.shop import Shop, Subscription
from guerdon.sandbox.shopify.versions import NEWEST, VERSIONS

_REFUSED_HOSTS = re.compile(r"(.*\.)?(myshopify\.com|shopify\.com|localhost|internal)")


def installation_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the shop's, the app's and the subscriptions' root fields."""

    def one(_info: Info, id: str) -> Fields | None:  # noqa: A002
        found = shop.subscriptions.get(number_of(id, "WebhookSubscription") or 0)
        return None if found is None else _node(found)

    return {
        "shop": lambda _: _shop(shop),
        "currentAppInstallation": lambda _: _installation(shop),
        "publicApiVersions": lambda _: [_version(handle) for handle in VERSIONS],
        "webhookSubscription": one,
        "webhookSubscriptions": _listing(shop),
        "webhookSubscriptionCreate": _creating(shop),
        "webhookSubscriptionUpdate": _updating(shop),
        "webhookSubscriptionDelete": _deleting(shop),
    }


def _shop(shop: Shop) -> Fields:
    name = gid("Shop", shop.app_id)
    address = f"https://{shop.domain}"
    return {
        "__typename": "Shop",
        "id": name,
        "name": shop.domain.partition(".")[0].replace("-", " ").title(),
        "email": f"owner@{shop.domain}",
        "contactEmail": f"hello@{shop.domain}",
        "myshopifyDomain": shop.domain,
        "url": address,
        "primaryDomain": {
            "id": gid("Domain", shop.app_id),
            "host": shop.domain,
            "sslEnabled": True,
            "url": address,
        },
        "currencyCode": shop.settings.currency,
        "enabledPresentmentCurrencies": [shop.settings.currency],
        "ianaTimezone": shop.settings.timezone,
        "timezoneOffset": "+0000",
        "taxesIncluded": True,
        "features": {
            "giftCards": True,
            "sellsSubscriptions": shop.settings.sells_subscriptions,
        },
        "plan": {
            "partnerDevelopment": True,
            "publicDisplayName": "Development",
            "shopifyPlus": False,
        },
        "createdAt": shop.created_at,
        "updatedAt": shop.created_at,
        **metafield_fields(shop, name),
    }


def _installation(shop: Shop) -> Fields:
    name = gid("AppInstallation", shop.app_id)
    return {
        "__typename": "AppInstallation",
        "id": name,
        "app": {
            "id": gid("App", shop.app_id),
            "title": "Guerdon",
            "handle": "guerdon",
            "apiKey": "sandbox-app",
        },
        "accessScopes": [
            {"handle": scope, "description": scope.replace("_", " ")}
            for scope in shop.settings.scopes
        ],
        **metafield_fields(shop, name),
    }


def _version(handle: str) -> Fields:
    is_dated = handle != "unstable"
    return {"handle": handle, "displayName": handle, "supported": is_dated}


def _node(subscription: Subscription) -> Fields:
    return {
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", subscription.id),
        "legacyResourceId": subscription.id,
        "apiVersion": _version(NEWEST),
        "topic": subscription.topic,
        "uri": subscription.uri,
        "format": "JSON",
        "filter": subscription.filter,
        "includeFields": subscription.include_fields,
        "metafieldNamespaces": [],
        "metafields": [],
        "name": None,
        "createdAt": subscription.created_at,
        "updatedAt": subscription.updated_at,
    }


def _error(message: str) -> Fields:
    # This payload's errors have no code.
    return {"field": ["webhookSubscription", "callbackUrl"], "message": message}


def _address(given: Fields) -> str:
    address: str = given.get("uri") or given.get("callbackUrl") or ""
    return address


def _refusal(address: str) -> Fields | None:
    parts = urlsplit(address)
    if parts.scheme not in ("https", "pubsub", "arn"):
        return _error("Address protocol http:// is not supported")
    if parts.scheme == "https" and _REFUSED_HOSTS.fullmatch(parts.hostname or ""):
        return _error("Address cannot be a Shopify or an internal domain")
    return None


def _creating(shop: Shop) -> Root:
    def create(_info: Info, **arguments: Any) -> Fields:
        given, topic = arguments["webhookSubscription"], arguments["topic"]
        address = _address(given)
        error = _refusal(address)
        if error is None and any(
            (known.topic, known.uri) == (topic, address) for known in shop.subscriptions.values()
        ):
            error = _error("Address for this topic has already been taken")
        if error is not None:
            return {"webhookSubscription": None, "userErrors": [error]}
        now = shop.second()
        made = Subscription(
            id=shop.take_id(),
            topic=topic,
            uri=address,
            include_fields=given.get("includeFields") or [],
            filter=given.get("filter"),
            created_at=now,
            updated_at=now,
        )
        shop.subscriptions[made.id] = made
        return {"webhookSubscription": _node(made), "userErrors": []}

    return create


def _updating(shop: Shop) -> Root:
    def update(_info: Info, id: str, **arguments: Any) -> Fields:  # noqa: A002
        found = shop.subscriptions.get(number_of(id, "WebhookSubscription") or 0)
        if found is None:
            error = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"webhookSubscription": None, "userErrors": [error]}
        given = arguments["webhookSubscription"]
        address = _address(given) or found.uri
        refused = _refusal(address)
        if refused is not None:
            return {"webhookSubscription": None, "userErrors": [refused]}
        found.uri = address
        found.filter = given.get("filter", found.filter)
        found.include_fields = given.get("includeFields") or found.include_fields
        found.updated_at = shop.second()
        return {"webhookSubscription": _node(found), "userErrors": []}

    return update


def _deleting(shop: Shop) -> Root:
    def delete(_info: Info, id: str) -> Fields:  # noqa: A002
        found = shop.subscriptions.pop(number_of(id, "WebhookSubscription") or 0, None)
        if found is None:
            error = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
        return {
            "deletedWebhookSubscriptionId": gid("WebhookSubscription", found.id),
            "userErrors": [],
        }

    return delete


def _listing(shop: Shop) -> Root:
    def search(
        _info: Info,
        topics: list[str] | None = None,
        uri: str | None = None,
        **paging: Any,
    ) -> Fields:
        found = [
            _node(known)
            for known in shop.subscriptions.values()
            if (topics is None or known.topic in topics) and uri in (None, known.uri)
        ]
        return page(found, **paging)

    return search
