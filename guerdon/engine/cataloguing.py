"""Keeps each merchant's offers at hand, and reads them anew once they have changed."""

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import MerchantId
from guerdon.store import catalogues, sequences
from guerdon.store.connection import Connection, Pool
from guerdon.store.sequences import get_catalogue_version
from guerdon.store.snapshot import snapshot


class CatalogueChanged(Exception):
    """The offers changed after a batch had read them; it is decided again."""


class Catalogues:
    """Offers by merchant. A batch checks the version it decided with when it writes, so a stale one
    costs a second reading and never a wrong decision."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[MerchantId, Catalogue] = {}

    async def get(self, merchant_id: MerchantId) -> Catalogue:
        """Give the offers as last read. Raises NotFound for an unknown merchant."""
        known = self._known.get(merchant_id)
        return known if known is not None else await self.refresh(merchant_id)

    async def newest(self, merchant_id: MerchantId) -> Catalogue:
        """Give the offers as they are now: for what is decided outside of a batch."""
        known = await self.get(merchant_id)
        async with snapshot(self._pool) as view:
            version = await sequences.get_catalogue_version(view, merchant_id)
        return known if version == known.version else await self.refresh(merchant_id)

    async def refresh(self, merchant_id: MerchantId) -> Catalogue:
        """Read the offers in one consistent view."""
        async with snapshot(self._pool) as view:
            return await self._read(view, merchant_id)

    async def see(self, view: Connection, merchant_id: MerchantId) -> Catalogue:
        """Give the offers as a snapshot sees them, for a process that writes too seldom to hear
        that they changed."""
        known = self._known.get(merchant_id)
        if known is not None and known.version == await get_catalogue_version(view, merchant_id):
            return known
        return await self._read(view, merchant_id)

    async def _read(self, view: Connection, merchant_id: MerchantId) -> Catalogue:
        merchant = await catalogues.find_merchant(view, merchant_id)
        if merchant is None:
            message = f"there is no merchant {merchant_id}"
            raise NotFound(message)
        catalogue = await catalogues.list_offers(view, merchant)
        self._known[merchant_id] = catalogue
        return catalogue
