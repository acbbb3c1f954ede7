"""Looks customers up in the shop."""

from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import AnswerLost, NotExecuted
from guerdon.adapters.shopify.shops import Shops
from guerdon.adapters.shopify.translate import customer_gid
from guerdon.domain.errors import Unavailable
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Connected, DirectoryEntry

# Somebody waits for the answer.
_SECONDS_MAX = 4.0


class ShopifyDirectory:
    """The shop's own customers. Every personal field may be hidden from us, and is then None."""

    platform: IntegrationKind = "shopify"

    def __init__(self, shops: Shops) -> None:
        self._shops = shops

    async def find_customer(self, connected: Connected, external_id: str) -> DirectoryEntry | None:
        """Find a customer; None where there is none. Raises Unavailable when out of reach."""
        owner = customer_gid(external_id)
        if owner is None:
            return None
        try:
            shop = self._shops.of(connected)
            data = await shop.call(
                document("customer"), {"identifier": {"id": owner}}, shop.budget(_SECONDS_MAX)
            )
        except (NotExecuted, AnswerLost) as failure:
            raise Unavailable("the shop could not be asked for the customer") from failure
        found = data["customerByIdentifier"]
        if found is None:
            return None
        email = found.get("defaultEmailAddress") or {}
        return DirectoryEntry(
            external_id=external_id,
            email=email.get("emailAddress"),
            first_name=found.get("firstName"),
            last_name=found.get("lastName"),
        )
