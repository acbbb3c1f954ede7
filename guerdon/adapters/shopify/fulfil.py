"""Hands rewards over as discounts that one customer may use once, and takes them back."""

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
from guerdon.adapters.shopify.translate import Json, redemption_tag, single_use
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import CodeTaken, Fulfilled, FulfilmentFailed, Handover


class Found(Struct, frozen=True):
    """A discount as its code leads to it."""

    id: str
    tags: tuple[str, ...]
    is_live: bool


class DiscountFulfiller:
    """`shopify`: one discount for each redemption, made once however often it is asked for.

    The code is what makes it so. It is known before the call, so whenever it is in doubt whether
    an earlier call took effect, the code is looked up; the discount's tag says whose it is."""

    platform: IntegrationKind = "shopify"

    def __init__(self, shops: Shops) -> None:
        self._shops = shops

    async def fulfil(self, handover: Handover) -> Fulfilled:
        """Create the discount, or find it created. Raises FulfilmentFailed where there is none."""
        code = code_of(handover)
        wish = single_use(handover, code)
        shop = shop_of(self._shops, handover)
        budget = shop.budget()
        if handover.is_repeat:
            known = await _look(shop, handover, code, budget)
            if known is not None:
                return known
        try:
            data = await shop.call(document(wish.document), {"input": wish.input}, budget)
        except NotExecuted as failure:
            raise failed(failure) from failure
        except AnswerLost:
            # It may have been made all the same; if it has, that is all there is to know.
            known = await _look(shop, handover, code, budget)
            if known is None:
                raise
            return known
        payload = data[wish.root] or {}
        errors = read_user_errors(payload)
        node = payload.get("codeDiscountNode")
        if node is not None and not errors:
            return Fulfilled(reference=node["id"])
        declined = Declined(errors)
        if not declined.has_code("TAKEN"):
            raise FulfilmentFailed(f"Shopify refused the discount: {declined}", is_permanent=True)
        known = await _look(shop, handover, code, budget)
        if known is None:
            raise CodeTaken("the code was taken and is no more")
        return known

    async def take_back(self, handover: Handover) -> None:
        """End the discount, if there is one of this redemption's."""
        await deactivate(self._shops, handover)


async def deactivate(shops: Shops, handover: Handover) -> bool:
    """End a redemption's discount; say whether there was one. Raises FulfilmentFailed."""
    shop = shop_of(shops, handover)
    budget = shop.budget()
    try:
        found = await find_discount(shop, code_of(handover), budget)
        if found is None or not _is_ours(found, handover):
            return False
        if found.is_live:
            data = await shop.call(document("discount_deactivate"), {"id": found.id}, budget)
            errors = read_user_errors(data["discountCodeDeactivate"] or {})
            if errors:
                raise FulfilmentFailed(f"Shopify did not end the discount: {Declined(errors)}")
    except NotExecuted as failure:
        raise failed(failure) from failure
    except AnswerLost as lost:
        # Doing it twice is doing it once, so a lost answer is a failure like another.
        raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
    return True


async def find_discount(shop: Shop, code: str, budget: Budget) -> Found | None:
    """Find the discount that a code leads to, whoever made it."""
    data = await shop.call(document("discount_by_code"), {"code": code}, budget)
    node: Json | None = data["codeDiscountNodeByCode"]
    if node is None:
        return None
    discount = node["codeDiscount"]
    return Found(
        id=node["id"],
        tags=tuple(discount.get("tags") or ()),
        is_live=discount.get("status") != "EXPIRED",
    )


def code_of(handover: Handover) -> str:
    """Give the code that the redemption goes by at the platform."""
    code = handover.code or handover.redemption.code
    if code is None:
        raise FulfilmentFailed("no code was chosen for the redemption", is_permanent=True)
    return code


def shop_of(shops: Shops, handover: Handover) -> Shop:
    """Give the shop to hand over in."""
    try:
        return shops.of(handover.connected)
    except NotExecuted as failure:
        raise failed(failure) from failure


def failed(failure: NotExecuted) -> FulfilmentFailed:
    """Say in the engine's words that nothing was done."""
    return FulfilmentFailed(
        failure.reason, is_permanent=failure.is_permanent, after_seconds=failure.after_seconds
    )


async def _look(shop: Shop, handover: Handover, code: str, budget: Budget) -> Fulfilled | None:
    """Look the code up: ours is success, a stranger's CodeTaken, none is None.

    An earlier call may have made the discount, so a look that fails leaves it unknown."""
    try:
        found = await find_discount(shop, code, budget)
    except NotExecuted as failure:
        raise AnswerLost(f"the code could not be looked up: {failure.reason}") from failure
    if found is None:
        return None
    if not _is_ours(found, handover):
        raise CodeTaken("the code is another discount's")
    if not found.is_live:
        raise CodeTaken("the code's discount has ended")
    return Fulfilled(reference=found.id)


def _is_ours(found: Found, handover: Handover) -> bool:
    return redemption_tag(handover.merchant, handover.redemption.id) in found.tags
