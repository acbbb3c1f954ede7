"""What Shopify refuses in a discount. Each finding is one entry of `userErrors`."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from guerdon.sandbox.shopify.failures import Fields, TopLevel, user_error
from guerdon.sandbox.shopify.shape import number_of
from guerdon.sandbox.shopify.shop import DiscountKind, Shop

_TEXT_MAX = 255
_TAGS_MAX = 5
_USES_MAX = 2_147_483_647


def refusals_of(shop: Shop, kind: DiscountKind, prefix: str, terms: Fields) -> list[Fields]:
    """Find everything that is wrong with a discount's terms, but for a code that is taken."""
    found = [
        *_texts(terms),
        *_times(terms),
        *_context(shop, terms),
        *_limits(terms),
        *_minimum(terms),
        *_combinations(kind, terms),
        *_subscriptions(shop, terms),
    ]
    if kind != "free_shipping":
        found.extend(_gets(kind, terms))
    if kind == "bxgy":
        found.extend(_buys(terms))
    return [
        user_error([prefix, *path], message, code, extraInfo=None) for path, message, code in found
    ]


_Finding = tuple[list[str], str, str]


def _texts(terms: Fields) -> Iterator[_Finding]:
    title, code = terms.get("title"), terms.get("code")
    if title is None or not title.strip():
        yield ["title"], "Title can't be blank", "BLANK"
    elif len(title) > _TEXT_MAX:
        yield ["title"], f"Title is too long (maximum is {_TEXT_MAX} characters)", "TOO_LONG"
    if code == "":
        yield ["code"], "Code is too short (minimum is 1 character)", "TOO_SHORT"
    elif code is None or not code.strip():
        yield ["code"], "Code can't be blank", "BLANK"
    elif len(code) > _TEXT_MAX:
        yield ["code"], f"Code is too long (maximum is {_TEXT_MAX} characters)", "TOO_LONG"
    elif "\n" in code or "\r" in code:
        yield ["code"], "Code cannot contain newline characters.", "INVALID"
    tags = terms.get("tags") or []
    if len(tags) > _TAGS_MAX:
        yield ["tags"], f"Discounts can have at most {_TAGS_MAX} tags", "TOO_MANY_TAGS"
    if any(len(tag) > _TEXT_MAX for tag in tags):
        yield ["tags"], f"A tag has at most {_TEXT_MAX} characters", "INVALID_TAG_LENGTH"


def _times(terms: Fields) -> Iterator[_Finding]:
    starts_at: datetime | None = terms.get("startsAt")
    ends_at: datetime | None = terms.get("endsAt")
    if starts_at is None:
        yield ["startsAt"], "Starts at can't be blank", "BLANK"
    elif ends_at is not None and ends_at <= starts_at:
        yield ["endsAt"], "Ends at needs to be after starts_at", "INVALID"


def _context(shop: Shop, terms: Fields) -> Iterator[_Finding]:
    context, selection = terms.get("context"), terms.get("customerSelection")
    if context is not None and selection is not None:
        message = "Only one of context or customerSelection can be provided."
        yield ["context"], message, "INVALID"
        return
    if context is None and selection is None:
        yield ["context"], "Context can't be blank", "BLANK"
        return
    chosen = context if context is not None else selection
    assert chosen is not None
    for name in (chosen.get("customers") or {}).get("add") or []:
        if shop.customer_to_use(number_of(name, "Customer")) is None:
            path = ["context" if context is not None else "customerSelection", "customers", "add"]
            yield path, "Customer is invalid", "INVALID"


def _limits(terms: Fields) -> Iterator[_Finding]:
    limit = terms.get("usageLimit")
    if limit is not None and limit < 1:
        yield ["usageLimit"], "Usage limit must be greater than 0", "GREATER_THAN"
    elif limit is not None and limit > _USES_MAX:
        yield ["usageLimit"], f"Usage limit must be at most {_USES_MAX}", "LESS_THAN_OR_EQUAL_TO"


def _minimum(terms: Fields) -> Iterator[_Finding]:
    minimum = terms.get("minimumRequirement") or {}
    subtotal = (minimum.get("subtotal") or {}).get("greaterThanOrEqualToSubtotal")
    quantity = (minimum.get("quantity") or {}).get("greaterThanOrEqualToQuantity")
    on_subtotal = ["minimumRequirement", "subtotal", "greaterThanOrEqualToSubtotal"]
    on_quantity = ["minimumRequirement", "quantity", "greaterThanOrEqualToQuantity"]
    if subtotal is not None and quantity is not None:
        message = "Minimum subtotal cannot be defined when minimum quantity is."
        yield on_subtotal, message, "CONFLICT"
        message = "Minimum quantity cannot be defined when minimum subtotal is."
        yield on_quantity, message, "CONFLICT"
    elif subtotal is not None and subtotal <= 0:
        yield on_subtotal, "Minimum subtotal must be greater than 0", "GREATER_THAN"
    elif quantity is not None and quantity < 1:
        yield on_quantity, "Minimum quantity must be greater than 0", "GREATER_THAN"


def _combinations(kind: DiscountKind, terms: Fields) -> Iterator[_Finding]:
    combines = terms.get("combinesWith") or {}
    if kind == "free_shipping" and combines.get("shippingDiscounts"):
        message = "The combinesWith settings are not valid for the discount class."
        yield ["combinesWith"], message, "INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS"


def _subscriptions(shop: Shop, terms: Fields) -> Iterator[_Finding]:
    if shop.settings.sells_subscriptions:
        cycles = terms.get("recurringCycleLimit")
        if cycles is not None and cycles < 0:
            yield ["recurringCycleLimit"], "Recurring cycle limit is invalid", "INVALID"
        return
    where: list[tuple[list[str], Fields]] = [([], terms)]
    if terms.get("customerGets"):
        where.append((["customerGets"], terms["customerGets"]))
    for path, fields in where:
        for name in ("appliesOnSubscription", "appliesOnOneTimePurchase", "recurringCycleLimit"):
            if fields.get(name) is not None:
                message = f"{name} is not available on this shop, which sells no subscriptions."
                yield [*path, name], message, "INVALID"


def _gets(kind: DiscountKind, terms: Fields) -> Iterator[_Finding]:
    gets = terms.get("customerGets")
    if gets is None:
        yield ["customerGets"], "Customer gets can't be blank", "BLANK"
        return
    value = {name: what for name, what in (gets.get("value") or {}).items() if what is not None}
    if len(value) > 1:
        raise TopLevel("BAD_REQUEST", "A discount can only have one of its values.")
    yield from _items(kind, ["customerGets", "items"], gets.get("items"))
    path = ["customerGets", "value"]
    if not value:
        yield path, "Value can't be blank", "BLANK"
    elif "percentage" in value and not 0 < value["percentage"] <= 1:
        message = "Value must be between 0.0 and 1.0"
        yield [*path, "percentage"], message, "VALUE_OUTSIDE_RANGE"
    elif "discountAmount" in value and (value["discountAmount"].get("amount") or Decimal(0)) <= 0:
        message = "Value must be greater than 0"
        yield [*path, "discountAmount", "amount"], message, "GREATER_THAN"
    elif "discountOnQuantity" in value and kind != "bxgy":
        yield [*path, "discountOnQuantity"], "Discount on quantity is not allowed here", "INVALID"
    elif "discountOnQuantity" not in value and kind == "bxgy":
        yield [*path, "discountOnQuantity"], "Discount on quantity can't be blank", "BLANK"
    elif kind == "bxgy":
        yield from _on_quantity([*path, "discountOnQuantity"], value["discountOnQuantity"])


def _on_quantity(path: list[str], value: Fields) -> Iterator[_Finding]:
    if not value.get("quantity"):
        yield [*path, "quantity"], "Quantity can't be blank", "BLANK"
    effect = {name: what for name, what in (value.get("effect") or {}).items() if what is not None}
    if len(effect) != 1:
        yield [*path, "effect"], "Effect needs exactly one value", "INVALID"
    elif "percentage" in effect and not 0 <= effect["percentage"] <= 1:
        yield [*path, "effect", "percentage"], "Value is out of range", "VALUE_OUTSIDE_RANGE"


def _items(kind: DiscountKind, path: list[str], items: Fields | None) -> Iterator[_Finding]:
    chosen = items or {}
    products = chosen.get("products") or {}
    has_products = bool(products.get("productsToAdd") or products.get("productVariantsToAdd"))
    has_collections = bool((chosen.get("collections") or {}).get("add"))
    if chosen.get("all") and kind == "bxgy":
        yield [*path, "all"], "All items are not allowed for this discount", "INVALID"
    elif has_products and has_collections:
        message = "Cannot entitle collections in combination with products."
        yield [*path, "collections", "add"], message, "CONFLICT"
    elif not (chosen.get("all") or has_products or has_collections):
        yield path, "Items in 'customer get' cannot be set to none", "BLANK"


def _buys(terms: Fields) -> Iterator[_Finding]:
    buys = terms.get("customerBuys")
    if buys is None:
        yield ["customerBuys"], "Customer buys can't be blank", "BLANK"
        return
    yield from _items("bxgy", ["customerBuys", "items"], buys.get("items"))
    value = {name: what for name, what in (buys.get("value") or {}).items() if what is not None}
    if len(value) != 1:
        yield ["customerBuys", "value"], "Exactly one value is needed", "INVALID"
