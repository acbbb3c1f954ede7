"""Our words in Shopify's: rewards as discounts, members as customers."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from guerdon.domain.catalogue import Discount, Merchant, Reward
from guerdon.domain.ids import RedemptionId
from guerdon.domain.money import minor_exponent
from guerdon.engine.ports import FulfilmentFailed, Handover

_NUMBER = re.compile(r"[0-9]{1,20}")
_GID = re.compile(r"gid://shopify/[A-Za-z]+/[0-9]{1,20}")
_TITLE_MAX = 255
_SUBSCRIBED = ("active_subscription_discount", "active_subscription_product")
_MUST_NAME = {
    "collection_discount": "collections",
    "product_discount": "products",
    "product_cart": "products",
    "active_subscription_product": "products",
}

Json = dict[str, Any]


class Wish(Struct, frozen=True):
    """What is to be created: by which document, under which root field, and with what input."""

    document: str
    root: Literal[
        "discountCodeBasicCreate", "discountCodeFreeShippingCreate", "discountCodeBxgyCreate"
    ]
    input: Json


class Unsaid(FulfilmentFailed):
    """The reward does not say what Shopify must be told; trying again cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_permanent=True)


def gid(kind: str, text: str) -> str:
    """Write a Shopify id in full, as a number or already in full; Unsaid for anything else."""
    if _GID.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise Unsaid(f"{text!r} is no Shopify id of a {kind}")
    return f"gid://shopify/{kind}/{text}"


def customer_gid(external_id: str) -> str | None:
    """Write a member's own id as a customer's; None for one that Shopify cannot know."""
    number = external_id.removeprefix("gid://shopify/Customer/")
    return f"gid://shopify/Customer/{number}" if _NUMBER.fullmatch(number) else None


def money(amount_minor: int, currency: str) -> str:
    """Write an amount as Shopify reads it: a decimal in major units."""
    return f"{Decimal(amount_minor).scaleb(-minor_exponent(currency)):f}"


def redemption_tag(merchant: Merchant, redemption_id: RedemptionId) -> str:
    """Give the mark by which what was made for a redemption is known to be ours."""
    return f"guerdon-{merchant.slug}-{redemption_id}"


def reward_tag(merchant: Merchant, reward: Reward) -> str:
    """Give the mark of the discounts that a reward has its codes on."""
    return f"guerdon-{merchant.slug}-reward-{reward.id}"


def instant(moment: datetime) -> str:
    """Write a time to the whole second, which is all that Shopify keeps."""
    return moment.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


def single_use(handover: Handover, code: str) -> Wish:
    """Write the discount of one redemption: for its member alone, as often as it may be used."""
    redemption, reward = handover.redemption, handover.reward
    discount = _discount_of(reward)
    customer = customer_gid(handover.member.external_id)
    # An amount is multiplied by the units taken; of anything else each unit is a use.
    uses = redemption.uses_max * (1 if _is_amount(discount) else redemption.units)
    head: Json = {
        "title": reward.name[:_TITLE_MAX],
        "code": code,
        "startsAt": instant(redemption.created_at),
        "usageLimit": uses,
        "appliesOncePerCustomer": uses == 1,
        "context": {"customers": {"add": [customer]}} if customer else {"all": "ALL"},
        "tags": ["loyalty", redemption_tag(handover.merchant, redemption.id)],
    }
    if redemption.expires_at is not None:
        head["endsAt"] = instant(redemption.expires_at + timedelta(milliseconds=999))
    return _with_value(head, handover.merchant, reward, discount, redemption.units)


def many_codes(merchant: Merchant, reward: Reward, first_code: str, starts_at: datetime) -> Wish:
    """Write the discount that many codes are on. Who may use one is not known yet: anybody, and
    each as often as the reward says. Shopify counts uses by code."""
    head: Json = {
        "title": reward.name[:_TITLE_MAX],
        "code": first_code,
        "startsAt": instant(starts_at),
        "usageLimit": reward.uses_max,
        "appliesOncePerCustomer": False,
        "context": {"all": "ALL"},
        "tags": ["loyalty", reward_tag(merchant, reward)],
    }
    return _with_value(head, merchant, reward, _discount_of(reward), 1)


def _discount_of(reward: Reward) -> Discount:
    discount = reward.discount
    if discount is None:
        raise Unsaid(f"the reward {reward.slug!r} has no discount that Shopify could give")
    missing = _MUST_NAME.get(reward.kind)
    names_products = discount.product_ids or discount.variant_ids
    if missing == "products" and not names_products:
        raise Unsaid(f"the reward {reward.slug!r} does not say which products it is for")
    if missing == "collections" and not discount.collection_ids:
        raise Unsaid(f"the reward {reward.slug!r} does not say which collections it is for")
    if discount.type == "free_product" and not (names_products or discount.collection_ids):
        raise Unsaid(f"the reward {reward.slug!r} does not say which product is free")
    if names_products and discount.collection_ids:
        raise Unsaid(f"the reward {reward.slug!r} is for products and collections, not for either")
    return discount


def _is_amount(discount: Discount) -> bool:
    if discount.type == "fixed_amount":
        return True
    return discount.type == "free_product" and _has_price(discount)


def _has_price(discount: Discount) -> bool:
    return discount.amount_minor is not None and not _must_buy(discount)


def _must_buy(discount: Discount) -> bool:
    return bool(discount.buys_product_ids or discount.buys_collection_ids)


def _with_value(
    head: Json, merchant: Merchant, reward: Reward, discount: Discount, units: int
) -> Wish:
    currency = merchant.currency
    combines = {f"{each}Discounts": True for each in discount.combines_with}
    head["combinesWith"] = combines
    if discount.type == "free_shipping":
        # Shopify refuses free shipping that would combine with itself.
        combines.pop("shippingDiscounts", None)
        return _free_shipping(head, reward, discount, currency)
    if discount.type == "free_product" and _must_buy(discount):
        return _buy_and_get(head, discount, currency)
    gets: Json = {
        "value": _value(reward, discount, currency, units),
        "items": _items(
            discount.product_ids,
            discount.variant_ids,
            discount.collection_ids,
        ),
    }
    _add_minimum(head, discount, currency)
    _add_subscription(head, gets, reward, discount)
    head["customerGets"] = gets
    return Wish("basic_create", "discountCodeBasicCreate", head)


def _value(reward: Reward, discount: Discount, currency: str, units: int) -> Json:
    if _is_amount(discount):
        if not discount.amount_minor:
            raise Unsaid(f"the discount of {reward.slug!r} has no amount")
        amount = money(discount.amount_minor * units, currency)
        return {"discountAmount": {"amount": amount, "appliesOnEachItem": False}}
    if discount.type == "free_product":
        return {"percentage": 1.0}
    if not discount.percent_hundredths:
        raise Unsaid(f"the discount of {reward.slug!r} has no percentage")
    return {"percentage": discount.percent_hundredths / 10_000}


def _items(
    product_ids: tuple[str, ...], variant_ids: tuple[str, ...], collection_ids: tuple[str, ...]
) -> Json:
    if collection_ids:
        return {"collections": {"add": [gid("Collection", each) for each in collection_ids]}}
    products: Json = {}
    if product_ids:
        products["productsToAdd"] = [gid("Product", each) for each in product_ids]
    if variant_ids:
        products["productVariantsToAdd"] = [gid("ProductVariant", each) for each in variant_ids]
    return {"products": products} if products else {"all": True}


def _free_shipping(head: Json, reward: Reward, discount: Discount, currency: str) -> Wish:
    head["destination"] = {"all": True}
    if discount.shipping_max_minor is not None:
        head["maximumShippingPrice"] = money(discount.shipping_max_minor, currency)
    _add_minimum(head, discount, currency)
    _add_subscription(head, head, reward, discount)
    return Wish("free_shipping_create", "discountCodeFreeShippingCreate", head)


def _buy_and_get(head: Json, discount: Discount, currency: str) -> Wish:
    """Write a free product that comes with a purchase: exactly one, however many are in the cart.

    This kind knows no minimum spend of its own; a spend then takes the place of the quantity."""
    if discount.minimum_spend_minor:
        price: Json = {"amount": money(discount.minimum_spend_minor, currency)}
    else:
        price = {"quantity": str(discount.buys_quantity)}
    head["customerBuys"] = {
        "value": price,
        "items": _items(discount.buys_product_ids, (), discount.buys_collection_ids),
    }
    head["customerGets"] = {
        "value": {"discountOnQuantity": {"quantity": "1", "effect": {"percentage": 1.0}}},
        "items": _items(discount.product_ids, discount.variant_ids, discount.collection_ids),
    }
    head["usesPerOrderLimit"] = 1
    return Wish("bxgy_create", "discountCodeBxgyCreate", head)


def _add_minimum(head: Json, discount: Discount, currency: str) -> None:
    if discount.minimum_spend_minor:
        subtotal = money(discount.minimum_spend_minor, currency)
        head["minimumRequirement"] = {"subtotal": {"greaterThanOrEqualToSubtotal": subtotal}}


def _add_subscription(head: Json, place: Json, reward: Reward, discount: Discount) -> None:
    """Say which purchases it is for, but only where that is not one-time purchases: a shop that
    sells no subscriptions refuses to be told."""
    if reward.kind in _SUBSCRIBED:
        place["appliesOnOneTimePurchase"], place["appliesOnSubscription"] = False, True
    elif discount.applies_on_subscription:
        place["appliesOnOneTimePurchase"] = discount.applies_on_one_time
        place["appliesOnSubscription"] = True
    else:
        return
    # Nought is for ever.
    head["recurringCycleLimit"] = discount.recurring_cycles_max or 0
