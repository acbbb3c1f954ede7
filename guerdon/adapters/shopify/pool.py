"""Mints codes ahead on one discount, and takes single ones of them away again."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import (
    AnswerLost,
    Declined,
    NotExecuted,
    read_user_errors,
)
from guerdon.adapters.shopify.fulfil import code_of, failed, find_discount, shop_of
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.translate import Json, many_codes, reward_tag
from guerdon.domain.catalogue import Merchant, Reward
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Connected, FulfilmentFailed, Handover, Minted

# As many as Shopify takes in one call.
PER_CALL = 250
_POLL_SECONDS = 0.25
_POLL_SECONDS_MAX = 2.0


class ShopifyMinter:
    """`shopify_pool`: many codes on one discount, each good once, for whoever has it."""

    platform: IntegrationKind = "shopify"
    seconds_max = 30.0

    def __init__(self, shops: Shops, now: Callable[[], datetime]) -> None:
        self._shops = shops
        self._now = now

    async def mint(
        self,
        connected: Connected,
        merchant: Merchant,
        reward: Reward,
        codes: Sequence[str],
        reference: str | None,
    ) -> Minted:
        """Put the codes on the discount, which the first of them begins; give those that are."""
        try:
            shop = self._shops.of(connected)
            budget = shop.budget(self.seconds_max)
            if reference is None:
                reference = await self._begin(shop, merchant, reward, codes[0], budget)
            minted: list[str] = []
            for part in _parts(codes):
                minted += await _add(shop, reference, part, budget)
        except NotExecuted as failure:
            raise failed(failure) from failure
        except AnswerLost as lost:
            # The same codes again are looked up, so that nothing is made twice.
            raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
        return Minted(tuple(minted), reference)

    async def _begin(
        self, shop: Shop, merchant: Merchant, reward: Reward, code: str, budget: Budget
    ) -> str:
        """Make the discount with its first code, or find it made."""
        found = await find_discount(shop, code, budget)
        if found is None:
            # A clock of ours that is ahead must not make the codes wait.
            wish = many_codes(merchant, reward, code, self._now() - timedelta(minutes=5))
            data = await shop.call(document(wish.document), {"input": wish.input}, budget)
            payload = data[wish.root] or {}
            errors = read_user_errors(payload)
            node = payload.get("codeDiscountNode")
            if node is None or errors:
                reason = f"Shopify refused the discount: {Declined(errors)}"
                raise FulfilmentFailed(reason, is_permanent=True)
            made: str = node["id"]
            return made
        if reward_tag(merchant, reward) not in found.tags:
            # Other codes are chosen then.
            raise FulfilmentFailed("the first code is another discount's", is_permanent=True)
        return found.id


async def remove_code(shops: Shops, handover: Handover) -> bool:
    """Take a redemption's code off its discount; say whether it was there. Raises
    FulfilmentFailed.

    A code that was uploaded and not minted is on no discount of ours, and is left alone."""
    shop = shop_of(shops, handover)
    budget = shop.budget()
    code = code_of(handover)
    try:
        variables = {"code": code, "search": code}
        data = await shop.call(document("code_on_discount"), variables, budget)
        node: Json | None = data["codeDiscountNodeByCode"]
        if node is None:
            return False
        discount = node["codeDiscount"]
        if reward_tag(handover.merchant, handover.reward) not in (discount.get("tags") or ()):
            return False
        ids = [
            each["id"]
            for each in discount["codes"]["nodes"]
            if each["code"].upper() == code.upper()
        ]
        if not ids:
            raise FulfilmentFailed("the code is on the discount, and not to be found on it yet")
        variables_of_delete = {"discount": node["id"], "ids": ids}
        data = await shop.call(document("codes_delete"), variables_of_delete, budget)
        errors = read_user_errors(data["discountCodeRedeemCodeBulkDelete"] or {})
        if errors:
            raise FulfilmentFailed(f"Shopify did not remove the code: {Declined(errors)}")
    except NotExecuted as failure:
        raise failed(failure) from failure
    except AnswerLost as lost:
        raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
    return True


async def _add(shop: Shop, discount: str, codes: Sequence[str], budget: Budget) -> list[str]:
    """Add codes to the discount and wait for the end; give those that are on it."""
    variables = {"discount": discount, "codes": [{"code": code} for code in codes]}
    data = await shop.call(document("codes_add"), variables, budget)
    payload = data["discountRedeemCodeBulkAdd"] or {}
    errors = read_user_errors(payload)
    creation = payload.get("bulkCreation")
    if creation is None or errors:
        # The discount may have been deleted by hand: with other codes another one is begun.
        reason = f"Shopify refused the codes: {Declined(errors)}"
        raise FulfilmentFailed(reason, is_permanent=True)
    added, doubtful = await _await_end(shop, creation["id"], budget)
    for code in doubtful:
        # On the discount already, from an attempt whose answer was lost; or somebody else's.
        found = await find_discount(shop, code, budget)
        if found is not None and found.id == discount:
            added.append(code)
    return added


async def _await_end(shop: Shop, creation: str, budget: Budget) -> tuple[list[str], list[str]]:
    """Wait until every code was looked at; list those that were added and those that were not."""
    pause = _POLL_SECONDS
    while True:
        data = await shop.call(document("codes_added"), {"id": creation}, budget)
        state = data["discountRedeemCodeBulkCreation"]
        if state is None:
            raise FulfilmentFailed("Shopify forgot that it was adding codes")
        if state["done"]:
            break
        if budget.left <= pause:
            raise FulfilmentFailed("Shopify is still adding the codes")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _POLL_SECONDS_MAX)
    added: list[str] = []
    doubtful: list[str] = []
    # A call adds no more codes than a page shows.
    for each in state["codes"]["nodes"]:
        is_added = each["discountRedeemCode"] is not None and not each["errors"]
        (added if is_added else doubtful).append(each["code"])
    return added, doubtful


def _parts(codes: Sequence[str]) -> Iterator[list[str]]:
    waiting = iter(codes)
    while part := list(islice(waiting, PER_CALL)):
        yield part
