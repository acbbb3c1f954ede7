"""Hands rewards over as gift cards."""

import re

from msgspec import Struct

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import (
    AnswerLost,
    Declined,
    NotExecuted,
    read_user_errors,
)
from guerdon.adapters.shopify.fulfil import code_of, failed, shop_of
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.translate import (
    Json,
    Unsaid,
    customer_gid,
    money,
    redemption_tag,
)
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import CodeTaken, Fulfilled, FulfilmentFailed, Handover

_LENGTH_MIN, _LENGTH_MAX = 8, 20
_FOREIGN = re.compile(r"[^A-Z0-9]")
# Shopify gives this error no code of its own.
_TAKEN = "already been taken"


class _Card(Struct, frozen=True):
    id: str
    note: str
    is_enabled: bool


class GiftCardFulfiller:
    """`gift_card`: a gift card whose code is ours, and whose note says for which redemption.

    Whether one was made is found out by a search, which Shopify brings up to date a little late:
    a card that Shopify says is there and the search does not find yet is left for later."""

    platform: IntegrationKind = "shopify"

    def __init__(self, shops: Shops) -> None:
        self._shops = shops

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Create the gift card, or find it created. Raises FulfilmentFailed where there is none."""
        code = gift_card_code(code_of(handover))
        wish = gift_card_input(handover, code)
        shop = shop_of(self._shops, handover)
        budget = shop.budget()
        if handover.is_repeat:
            known = await _look(shop, handover, code, budget)
            if known is not None:
                return known
        try:
            data = await shop.call(document("gift_card_create"), {"input": wish}, budget)
        except NotExecuted as failure:
            raise failed(failure) from failure
        except AnswerLost:
            known = await _look(shop, handover, code, budget)
            if known is None:
                raise
            return known
        payload = data["giftCardCreate"] or {}
        errors = read_user_errors(payload)
        card = payload.get("giftCard")
        if card is not None and not errors:
            return Fulfilled(code=code, reference=card["id"])
        declined = Declined(errors)
        if not _is_taken(declined):
            raise FulfilmentFailed(f"Shopify refused the gift card: {declined}", is_permanent=True)
        known = await _look(shop, handover, code, budget)
        if known is not None:
            return known
        if handover.is_repeat:
            raise AnswerLost("the gift card's code is taken, and not to be found yet")
        raise CodeTaken("the gift card's code is another's")

    async def take_back(self, handover: Handover) -> None:
        """End the gift card, if there is one of this redemption's; what was spent is spent."""
        await deactivate_gift_card(self._shops, handover)


async def deactivate_gift_card(shops: Shops, handover: Handover) -> bool:
    """End a redemption's gift card; say whether there was one. Raises FulfilmentFailed."""
    shop = shop_of(shops, handover)
    budget = shop.budget()
    try:
        cards = await _find(shop, gift_card_code(code_of(handover)), budget)
        ours = [card for card in cards if _is_ours(card, handover)]
        ids = [card.id for card in ours if card.is_enabled]
        if not ours and handover.reference is not None:
            # Made a moment ago, and not to be found yet; but it was named when it was made.
            ids = [handover.reference]
        for card_id in ids:
            data = await shop.call(document("gift_card_deactivate"), {"id": card_id}, budget)
            errors = read_user_errors(data["giftCardDeactivate"] or {})
            if errors:
                raise FulfilmentFailed(f"Shopify did not end the card: {Declined(errors)}")
    except NotExecuted as failure:
        raise failed(failure) from failure
    except AnswerLost as lost:
        raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
    return bool(ours or ids)


def gift_card_code(code: str) -> str:
    """Write a code as a gift card can have it: 8 to 20 capital letters and digits.

    The end is kept, as the beginning is the same in every code. Raises Unsaid for one too short,
    which could be guessed."""
    plain = _FOREIGN.sub("", code.upper())[-_LENGTH_MAX:]
    if len(plain) < _LENGTH_MIN:
        raise Unsaid("a gift card's code has at least 8 characters: set the program's code_length")
    return plain


def gift_card_input(handover: Handover, code: str) -> Json:
    """Write the gift card of one redemption."""
    reward, redemption = handover.reward, handover.redemption
    currency = handover.merchant.currency
    amount_minor = reward.discount.amount_minor if reward.discount else None
    if not amount_minor:
        raise Unsaid(f"the gift card of {reward.slug!r} has no amount")
    wish: Json = {
        "initialAmount": {
            "amount": money(amount_minor * redemption.units, currency),
            "currencyCode": currency,
        },
        "code": code,
        "note": redemption_tag(handover.merchant, redemption.id),
    }
    customer = customer_gid(handover.member.external_id)
    if customer:
        wish["customerId"] = customer
    if redemption.expires_at is not None:
        wish["expiresOn"] = redemption.expires_at.date().isoformat()
    return wish


async def _look(shop: Shop, handover: Handover, code: str, budget: Budget) -> Fulfilled | None:
    try:
        cards = await _find(shop, code, budget)
    except NotExecuted as failure:
        raise AnswerLost(f"the gift card could not be looked up: {failure.reason}") from failure
    ours = [card for card in cards if _is_ours(card, handover)]
    if not ours:
        return None
    if not ours[0].is_enabled:
        raise CodeTaken("the gift card has ended")
    return Fulfilled(code=code, reference=ours[0].id)


async def _find(shop: Shop, code: str, budget: Budget) -> list[_Card]:
    data = await shop.call(document("gift_cards"), {"search": code}, budget)
    return [
        _Card(each["id"], each["note"] or "", each["enabled"])
        for each in data["giftCards"]["nodes"]
        if each["lastCharacters"].upper() == code[-len(each["lastCharacters"]) :]
    ]


def _is_ours(card: _Card, handover: Handover) -> bool:
    return card.note == redemption_tag(handover.merchant, handover.redemption.id)


def _is_taken(declined: Declined) -> bool:
    return declined.names("input", "code") and (
        declined.has_code("TAKEN")
        or any(error.code is None and _TAKEN in error.message for error in declined.errors)
    )
