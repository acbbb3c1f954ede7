"""Who a shopper is, asked of the shop's own platform before they are made a member."""

from msgspec import Struct

from guerdon.domain.ids import MerchantId
from guerdon.engine.ports import DirectoryEntry
from guerdon.engine.submitting import Ledger


class Asked(Struct, frozen=True):
    """What the shop said of a shopper; `entry` is None where it knows no such customer."""

    entry: DirectoryEntry | None


async def ask_shop(ledger: Ledger, merchant_id: MerchantId, external_id: str) -> Asked | None:
    """Ask the merchant's shop for a customer; None where there is no shop to ask.

    Called with no transaction open. Raises Unavailable where the shop is out of reach."""
    directory = ledger.runtime.directory
    if directory is None:
        return None
    connected = await ledger.connections.find(merchant_id, directory.platform)
    if connected is None:
        return None
    return Asked(await directory.find_customer(connected, external_id))
