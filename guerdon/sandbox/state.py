"""The world in JSON, as tests and the page read it."""

from guerdon.sandbox.exchange import Fields
from guerdon.sandbox.shopify.schema import decimal_text, instant_text
from guerdon.sandbox.shopify.shape import gid
from guerdon.sandbox.shopify.shop import Discount, Shop
from guerdon.sandbox.world import World


def state_of(world: World) -> Fields:
    """Write down everything that happened."""
    return {
        "shopify": {domain: _shop(shop) for domain, shop in world.shops.items()},
        **world.events,
        "webhooks": world.deliveries,
        "calls": world.calls,
    }


def _shop(shop: Shop) -> Fields:
    shop.settle()
    return {
        "customers": [
            {
                "id": one.id,
                "email": one.email,
                "phone": one.phone,
                "first_name": one.first_name,
                "last_name": one.last_name,
                "tags": one.tags,
            }
            for one in shop.customers.values()
        ],
        "discounts": [discount_state(shop, one) for one in shop.discounts.values()],
        "gift_cards": [
            {
                "id": gid("GiftCard", card.id),
                "code": card.code,
                "amount": decimal_text(card.amount),
                "currency": card.currency,
                "note": card.note,
                "customer": card.customer_id,
                "expires_on": None if card.expires_on is None else card.expires_on.isoformat(),
                "enabled": card.deactivated_at is None,
            }
            for card in shop.gift_cards.values()
        ],
        "store_credit": [
            {
                "id": gid("StoreCreditAccount", account.id),
                "customer": account.customer_id,
                "currency": account.currency,
                "balance": decimal_text(account.balance),
                "transactions": [
                    {
                        "id": one.id,
                        "amount": decimal_text(one.amount),
                        "created_at": instant_text(one.created_at),
                        "expires_at": (
                            None if one.expires_at is None else instant_text(one.expires_at)
                        ),
                    }
                    for one in account.transactions
                ],
            }
            for account in shop.credit_accounts.values()
        ],
        "metafields": [
            {
                "owner": one.owner,
                "namespace": one.namespace,
                "key": one.key,
                "type": one.type,
                "value": one.value,
                "updated_at": instant_text(one.updated_at),
            }
            for one in shop.metafields.values()
        ],
        "webhook_subscriptions": [
            {"id": gid("WebhookSubscription", one.id), "topic": one.topic, "uri": one.uri}
            for one in shop.subscriptions.values()
        ],
    }


def discount_state(shop: Shop, discount: Discount) -> Fields:
    """Write down a discount: what it takes off, for whom, and until when."""
    terms = discount.terms
    minimum = (terms.get("minimumRequirement") or {}).get("subtotal") or {}
    subtotal = minimum.get("greaterThanOrEqualToSubtotal")
    codes = [code.code for code in discount.codes]
    return {
        "id": gid("DiscountCodeNode", discount.id),
        "kind": discount.kind,
        "code": codes[0] if codes else None,
        "codes": codes,
        "title": terms["title"],
        "tags": terms.get("tags") or [],
        "status": discount.status(shop.now()),
        "customers": discount.customers,
        "value": _value(discount),
        "minimum_subtotal": None if subtotal is None else decimal_text(subtotal),
        "usage_limit": terms.get("usageLimit"),
        "applies_once_per_customer": bool(terms.get("appliesOncePerCustomer")),
        "starts_at": instant_text(discount.starts_at),
        "ends_at": None if discount.ends_at is None else instant_text(discount.ends_at),
        "created_at": instant_text(discount.created_at),
    }


def _value(discount: Discount) -> Fields:
    if discount.kind == "free_shipping":
        price = discount.terms.get("maximumShippingPrice")
        return {
            "free_shipping": True,
            "maximum_price": None if price is None else decimal_text(price),
        }
    value = discount.terms["customerGets"]["value"]
    if value.get("percentage") is not None:
        return {"percentage": value["percentage"]}
    if value.get("discountAmount") is not None:
        return {"amount": decimal_text(value["discountAmount"]["amount"])}
    return {"quantity": value["discountOnQuantity"]["quantity"]}
