"""Gift cards. A code is shown once, when the card is made; afterwards only its last characters."""

import re
from decimal import Decimal
from typing import Any

from guerdon.sandbox.shopify.customers import customer_node
from guerdon.sandbox.shopify.failures import Fields, user_error
from guerdon.sandbox.shopify.shape import Info, Root, gid, money, number_of, page
from guerdon.sandbox.shopify.shop import GiftCard, Shop

_CODE = re.compile(r"[0-9A-Za-z]+")


def gift_card_roots(shop: Shop) -> dict[str, Root]:
    """Give the resolvers of the gift cards' root fields."""

    def one(_info: Info, id: str) -> Fields | None:  # noqa: A002
        found = shop.gift_cards.get(number_of(id, "GiftCard") or 0)
        return None if found is None else _node(shop, found)

    def search(_info: Info, query: str | None = None, **paging: Any) -> Fields:
        found = [card for card in shop.gift_cards.values() if _matches(card, query or "")]
        return page([_node(shop, card) for card in found], **paging)

    return {
        "giftCard": one,
        "giftCards": search,
        "giftCardConfiguration": lambda _: _configuration(shop),
        "giftCardCreate": lambda _, input: _create(shop, input),  # noqa: A006
        "giftCardDeactivate": lambda _, id: _deactivate(shop, id),  # noqa: A006
        "giftCardUpdate": lambda _, id, input: _update(shop, id, input),  # noqa: A006
    }


def _configuration(shop: Shop) -> Fields:
    limit = money(shop.settings.gift_card_limit, shop.settings.currency)
    return {"expirationConfiguration": None, "issueLimit": limit, "purchaseLimit": limit}


def _matches(card: GiftCard, query: str) -> bool:
    words = query.strip().strip("'\"").casefold()
    return words in card.code.casefold() or words in (card.note or "").casefold()


def _create(shop: Shop, given: Fields) -> Fields:
    code = given.get("code") or f"{shop.take_id():016d}"
    amount, currency = _amount(shop, given)
    refusal = _refusal(shop, given, code, amount)
    if refusal is not None:
        return {"giftCard": None, "giftCardCode": None, "userErrors": [user_error(*refusal)]}
    assert amount is not None, "a card without an amount was refused"
    now = shop.second()
    customer = given.get("customerId")
    card = GiftCard(
        id=shop.take_id(),
        code=code,
        amount=amount,
        currency=currency,
        note=given.get("note"),
        customer_id=None if customer is None else number_of(customer, "Customer"),
        expires_on=given.get("expiresOn"),
        created_at=now,
        updated_at=now,
        cross_currency=given.get("crossCurrencyRedemptionStrategy") or "NONE",
    )
    shop.gift_cards[card.id] = card
    return {"giftCard": _node(shop, card), "giftCardCode": code.lower(), "userErrors": []}


def _amount(shop: Shop, given: Fields) -> tuple[Decimal | None, str]:
    told = given.get("initialAmount")
    if told is not None:
        return told["amount"], told["currencyCode"]
    return given.get("initialValue"), shop.settings.currency


def _refusal(
    shop: Shop, given: Fields, code: str, amount: Decimal | None
) -> tuple[list[str], str, str | None] | None:
    where = ["input", "initialAmount", "amount"]
    if amount is None:
        return ["input", "initialAmount"], "Initial amount is required", "MISSING_ARGUMENT"
    if amount <= 0:
        return where, "Initial value must be greater than 0", "GREATER_THAN"
    if amount > shop.settings.gift_card_limit:
        return where, "Can't exceed the limit for gift cards", "GIFT_CARD_LIMIT_EXCEEDED"
    if len(code) < 8:
        return ["input", "code"], "Code is too short (minimum is 8 characters)", "TOO_SHORT"
    if len(code) > 20:
        return ["input", "code"], "Code is too long (maximum is 20 characters)", "TOO_LONG"
    if _CODE.fullmatch(code) is None:
        return ["input", "code"], "Code may hold letters and digits only", "INVALID"
    if any(card.code.casefold() == code.casefold() for card in shop.gift_cards.values()):
        # Its enumeration has TAKEN, but what was recorded is null.
        return ["input", "code"], "Code has already been taken", None
    customer = given.get("customerId")
    if customer is not None and shop.customer_to_use(number_of(customer, "Customer")) is None:
        return ["input", "customerId"], "The customer could not be found.", "CUSTOMER_NOT_FOUND"
    return None


def _deactivate(shop: Shop, name: str) -> Fields:
    card = shop.gift_cards.get(number_of(name, "GiftCard") or 0)
    if card is None:
        error = user_error(["id"], "The gift card could not be found.", "GIFT_CARD_NOT_FOUND")
        return {"giftCard": None, "userErrors": [error]}
    if card.deactivated_at is None:
        card.deactivated_at = card.updated_at = shop.second()
    return {"giftCard": _node(shop, card), "userErrors": []}


def _update(shop: Shop, name: str, given: Fields) -> Fields:
    card = shop.gift_cards.get(number_of(name, "GiftCard") or 0)
    if card is None:
        error = user_error(["id"], "The gift card could not be found.")
        return {"giftCard": None, "userErrors": [error]}
    card.note = given.get("note", card.note)
    card.expires_on = given.get("expiresOn", card.expires_on)
    card.updated_at = shop.second()
    return {"giftCard": _node(shop, card), "userErrors": []}


def _node(shop: Shop, card: GiftCard) -> Fields:
    last = card.code[-4:].lower()
    customer = shop.find_customer(card.customer_id)
    is_enabled = card.deactivated_at is None
    return {
        "__typename": "GiftCard",
        "id": gid("GiftCard", card.id),
        "balance": money(card.amount, card.currency),
        "initialValue": money(card.amount, card.currency),
        "enabled": is_enabled,
        "isRedeemable": is_enabled,
        "deactivatedAt": card.deactivated_at,
        "expiresOn": card.expires_on,
        "lastCharacters": last,
        "maskedCode": f"•••• •••• •••• {last}",
        "note": card.note,
        "customer": None if customer is None else customer_node(shop, customer),
        "order": None,
        "recipientAttributes": None,
        "templateSuffix": None,
        "crossCurrencyRedemptionStrategy": card.cross_currency,
        "transactions": lambda _info, **paging: page([], **paging),
        "createdAt": card.created_at,
        "updatedAt": card.updated_at,
    }
