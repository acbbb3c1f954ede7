"""Counters of what was taken of each reward."""

from guerdon.domain.ids import MerchantId, RewardId
from guerdon.domain.state import Counter
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("counters")


async def list_counters(
    connection: Connection, merchant_id: MerchantId, reward_ids: list[RewardId]
) -> dict[RewardId, Counter]:
    """List the counters of rewards that may run out, as they stand; a CHECK refuses the write of
    what no longer fits."""
    rows = await connection.fetch(_SQL["list_counters"], merchant_id, reward_ids)
    return {row[0]: Counter(row[1], row[2]) for row in rows}


async def lock_counters(
    tx: Connection, merchant_id: MerchantId, reward_ids: list[RewardId]
) -> dict[RewardId, Counter]:
    """Lock the counters of rewards that may run out, in key order; after the wallets."""
    rows = await tx.fetch(_SQL["lock_counters"], merchant_id, reward_ids)
    return {row[0]: Counter(row[1], row[2]) for row in rows}
