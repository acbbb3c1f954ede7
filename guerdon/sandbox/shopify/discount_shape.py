"""How a discount is shown: every field of the schema's types, whichever a document asks for."""

from decimal import Decimal
from typing import Any

from guerdon.sandbox.shopify.customers import customer_node
from guerdon.sandbox.shopify.failures import Fields
from guerdon.sandbox.shopify.metafield_shape import metafield_fields
from guerdon.sandbox.shopify.shape import gid, money, pages, parse_gid
from guerdon.sandbox.shopify.shop import Discount, RedeemCode, Shop

_TYPES = {
    "basic": "DiscountCodeBasic",
    "free_shipping": "DiscountCodeFreeShipping",
    "bxgy": "DiscountCodeBxgy",
}


def discount_node(shop: Shop, discount: Discount) -> Fields:
    name = gid("DiscountCodeNode", discount.id)
    return {
        "__typename": "DiscountCodeNode",
        "id": name,
        "codeDiscount": _discount(shop, discount),
        **metafield_fields(shop, name),
    }


def redeem_code(code: RedeemCode) -> Fields:
    return {
        "id": gid("DiscountRedeemCode", code.id),
        "code": code.code,
        "asyncUsageCount": 0,
        "createdBy": None,
    }


def _discount(shop: Shop, discount: Discount) -> Fields:
    terms = discount.terms
    classes = _classes(discount)
    summary = _summary(shop, discount)
    shown: Fields = {
        "__typename": _TYPES[discount.kind],
        "title": terms["title"],
        "tags": terms.get("tags") or [],
        "status": discount.status(shop.now()),
        "startsAt": discount.starts_at,
        "endsAt": discount.ends_at,
        "createdAt": discount.created_at,
        "updatedAt": discount.updated_at,
        "usageLimit": terms.get("usageLimit"),
        "appliesOncePerCustomer": bool(terms.get("appliesOncePerCustomer")),
        "asyncUsageCount": 0,
        "codes": pages([redeem_code(code) for code in discount.codes]),
        "codesCount": {"count": len(discount.codes), "precision": "EXACT"},
        "combinesWith": _combines(terms),
        "context": _context(shop, discount),
        "customerSelection": _selection(shop, discount),
        "discountClasses": classes,
        "discountClass": classes[0],
        "hasTimelineComment": False,
        "shareableUrls": [],
        "shortSummary": summary,
        "summary": summary,
        "totalSales": money(Decimal(0), shop.settings.currency),
        "minimumRequirement": _minimum(shop, terms),
        "recurringCycleLimit": terms.get("recurringCycleLimit"),
    }
    if discount.kind == "free_shipping":
        shown.update(_shipping(shop, terms))
    else:
        shown["customerGets"] = _gets(shop, terms["customerGets"])
    if discount.kind == "bxgy":
        shown["customerBuys"] = _buys(terms["customerBuys"])
        shown["usesPerOrderLimit"] = terms.get("usesPerOrderLimit")
    return shown


def _classes(discount: Discount) -> list[str]:
    if discount.kind == "free_shipping":
        return ["SHIPPING"]
    items = discount.terms["customerGets"]["items"]
    return ["ORDER" if discount.kind == "basic" and items.get("all") else "PRODUCT"]


def _summary(shop: Shop, discount: Discount) -> str:
    if discount.kind == "free_shipping":
        return "Free shipping"
    value = discount.terms["customerGets"]["value"]
    if value.get("percentage") is not None:
        return f"{value['percentage']:.0%} off"
    if value.get("discountAmount") is not None:
        return f"{value['discountAmount']['amount']} {shop.settings.currency} off"
    return "Buy some, get some"


def _combines(terms: Fields) -> Fields:
    combines = terms.get("combinesWith") or {}
    return {
        "orderDiscounts": bool(combines.get("orderDiscounts")),
        "productDiscounts": bool(combines.get("productDiscounts")),
        "shippingDiscounts": bool(combines.get("shippingDiscounts")),
        "productDiscountsWithTagsOnSameCartLine": [],
    }


def _named_customers(shop: Shop, discount: Discount) -> list[Fields]:
    return [
        customer_node(shop, shop.customers[number])
        for number in discount.customers or []
        if number in shop.customers
    ]


def _chosen(discount: Discount) -> Fields:
    chosen: Fields = discount.terms.get("context") or discount.terms.get("customerSelection") or {}
    return chosen


def _segments(shop: Shop, chosen: Fields) -> list[Fields]:
    return [
        {
            "id": name,
            "name": "Segment",
            "query": "",
            "creationDate": shop.created_at,
            "lastEditDate": shop.created_at,
        }
        for name in (chosen.get("customerSegments") or {}).get("add") or []
    ]


def _context(shop: Shop, discount: Discount) -> Fields:
    if discount.customers is not None:
        customers = _named_customers(shop, discount)
        return {"__typename": "DiscountCustomers", "customers": customers}
    chosen = _chosen(discount)
    if chosen.get("customerSegments"):
        return {"__typename": "DiscountCustomerSegments", "segments": _segments(shop, chosen)}
    if chosen.get("markets"):
        named = [{"id": name} for name in chosen["markets"].get("add") or []]
        return {
            "__typename": "DiscountMarkets",
            "markets": pages(named),
            "marketsCount": len(named),
        }
    return {"__typename": "DiscountBuyerSelectionAll", "all": "ALL"}


def _selection(shop: Shop, discount: Discount) -> Fields:
    if discount.customers is not None:
        customers = _named_customers(shop, discount)
        return {"__typename": "DiscountCustomers", "customers": customers}
    chosen = _chosen(discount)
    if chosen.get("customerSegments"):
        return {"__typename": "DiscountCustomerSegments", "segments": _segments(shop, chosen)}
    return {"__typename": "DiscountCustomerAll", "allCustomers": True}


def _minimum(shop: Shop, terms: Fields) -> Fields | None:
    minimum = terms.get("minimumRequirement") or {}
    if minimum.get("subtotal"):
        amount = minimum["subtotal"]["greaterThanOrEqualToSubtotal"]
        return {
            "__typename": "DiscountMinimumSubtotal",
            "greaterThanOrEqualToSubtotal": money(amount, shop.settings.currency),
        }
    if minimum.get("quantity"):
        return {"__typename": "DiscountMinimumQuantity", **minimum["quantity"]}
    return None


def _items(items: Fields) -> Fields:
    if items.get("all"):
        return {"__typename": "AllDiscountItems", "allItems": True}
    if items.get("collections"):
        named = [_named("Collection", name) for name in items["collections"].get("add") or []]
        return {"__typename": "DiscountCollections", "collections": pages(named)}
    products = items.get("products") or {}
    return {
        "__typename": "DiscountProducts",
        "products": pages(
            [_named("Product", name) for name in products.get("productsToAdd") or []]
        ),
        "productVariants": pages(
            [_named("Product variant", name) for name in products.get("productVariantsToAdd") or []]
        ),
    }


def _named(what: str, name: str) -> Fields:
    # The sandbox keeps no products: whichever id is named stands for one.
    _, number = parse_gid(name)
    title = f"{what} {number}"
    shown: Fields = {
        "id": name,
        "legacyResourceId": number,
        "title": title,
        "displayName": title,
        "handle": title.casefold().replace(" ", "-"),
        "productType": "",
        "vendor": "Sandbox",
        "tags": [],
        "price": Decimal(10),
        "sku": None,
    }
    if what == "Product variant":
        shown["product"] = _named("Product", gid("Product", number))
    return shown


def _gets(shop: Shop, gets: Fields) -> Fields:
    return {
        "appliesOnOneTimePurchase": gets.get("appliesOnOneTimePurchase") is not False,
        "appliesOnSubscription": bool(gets.get("appliesOnSubscription")),
        "items": _items(gets["items"]),
        "value": _value(shop, gets["value"]),
    }


def _value(shop: Shop, value: Fields) -> Fields:
    if value.get("percentage") is not None:
        return {"__typename": "DiscountPercentage", "percentage": value["percentage"]}
    if value.get("discountAmount") is not None:
        return _amount(shop, value["discountAmount"])
    on_quantity = value["discountOnQuantity"]
    effect: dict[str, Any] = on_quantity["effect"]
    shown = (
        {"__typename": "DiscountPercentage", "percentage": effect["percentage"]}
        if effect.get("percentage") is not None
        else _amount(shop, {"amount": effect["amount"], "appliesOnEachItem": True})
    )
    return {
        "__typename": "DiscountOnQuantity",
        "quantity": {"quantity": on_quantity["quantity"]},
        "effect": shown,
    }


def _amount(shop: Shop, amount: Fields) -> Fields:
    return {
        "__typename": "DiscountAmount",
        "amount": money(amount["amount"], shop.settings.currency),
        "appliesOnEachItem": bool(amount.get("appliesOnEachItem")),
    }


def _buys(buys: Fields) -> Fields:
    value = buys["value"]
    shown = (
        {"__typename": "DiscountQuantity", "quantity": value["quantity"]}
        if value.get("quantity") is not None
        else {"__typename": "DiscountPurchaseAmount", "amount": value["amount"]}
    )
    return {
        "isOneTimePurchase": buys.get("isOneTimePurchase") is not False,
        "isSubscription": bool(buys.get("isSubscription")),
        "items": _items(buys["items"]),
        "value": shown,
    }


def _shipping(shop: Shop, terms: Fields) -> Fields:
    countries = (terms.get("destination") or {}).get("countries")
    price = terms.get("maximumShippingPrice")
    return {
        "appliesOnOneTimePurchase": terms.get("appliesOnOneTimePurchase") is not False,
        "appliesOnSubscription": bool(terms.get("appliesOnSubscription")),
        "destinationSelection": (
            {
                "__typename": "DiscountCountries",
                "countries": countries.get("add") or [],
                "includeRestOfWorld": bool(countries.get("includeRestOfWorld")),
            }
            if countries
            else {"__typename": "DiscountCountryAll", "allCountries": True}
        ),
        "maximumShippingPrice": None if price is None else money(price, shop.settings.currency),
    }
