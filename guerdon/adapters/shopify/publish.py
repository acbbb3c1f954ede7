"""Shows what a merchant offers in the shop's own metafield."""

from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import AnswerLost, Declined, NotExecuted
from guerdon.adapters.shopify.fulfil import failed
from guerdon.adapters.shopify.metafields import offers_value, set_metafields
from guerdon.adapters.shopify.shops import Shops
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Connected, FulfilmentFailed


class ShopifyPublisher:
    """Overwrites the shop's metafield with the offers as they stand."""

    platform: IntegrationKind = "shopify"

    def __init__(self, shops: Shops) -> None:
        self._shops = shops

    async def publish(self, connected: Connected, catalogue: Catalogue) -> None:
        """Show the offers. Raises FulfilmentFailed; a repetition does no harm."""
        try:
            shop = self._shops.of(connected)
            budget = shop.budget()
            data = await shop.call(document("shop_id"), {}, budget)
            owner = data["shop"]["id"]
            wrong = await set_metafields(shop, {owner: offers_value(catalogue)}, budget)
        except NotExecuted as failure:
            raise failed(failure) from failure
        except AnswerLost as lost:
            raise FulfilmentFailed(str(lost), after_seconds=lost.after_seconds) from lost
        except Declined as declined:
            raise FulfilmentFailed(str(declined), is_permanent=True) from declined
        if wrong:
            reason = f"Shopify refused the shop's metafield: {wrong[owner]}"
            raise FulfilmentFailed(reason, is_permanent=True)
