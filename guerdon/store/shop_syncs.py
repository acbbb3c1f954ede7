"""What each merchant's shop was last shown of the offers."""

from datetime import datetime

from guerdon.domain.ids import MerchantId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("shop_syncs")


async def find_synced_version(tx: Connection, merchant_id: MerchantId) -> int | None:
    """Find the version of the offers that the shop was last shown; None before the first."""
    found: int | None = await tx.fetchval(_SQL["find_synced_version"], merchant_id)
    return found


async def put_synced_version(
    tx: Connection, merchant_id: MerchantId, version: int, now: datetime
) -> None:
    """Note the version that the shop was shown."""
    await tx.execute(_SQL["put_synced_version"], merchant_id, version, now)
