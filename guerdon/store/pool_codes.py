"""Codes uploaded or made ahead, waiting for a redemption."""

from guerdon.domain.ids import MerchantId, RedemptionId, RewardId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("pool_codes")


async def list_free_codes(
    tx: Connection, merchant_id: MerchantId, wanted: dict[RewardId, int]
) -> dict[RewardId, list[str]]:
    """List the next free codes of pools. They are nobody else's only while the rewards' counters
    are locked."""
    rows = await tx.fetch(
        _SQL["list_free_codes"], merchant_id, list(wanted.keys()), list(wanted.values())
    )
    codes: dict[RewardId, list[str]] = {reward_id: [] for reward_id in wanted}
    for row in rows:
        codes[row[0]].append(row[1])
    return codes


async def take_codes(
    tx: Connection, merchant_id: MerchantId, taken: list[tuple[str, RedemptionId]]
) -> None:
    """Give codes to their redemptions; a code taken meanwhile is a broken lock, so it raises."""
    status = await tx.execute(
        _SQL["take_codes"],
        merchant_id,
        [code for code, _ in taken],
        [redemption_id for _, redemption_id in taken],
    )
    assert status == f"UPDATE {len(taken)}", "a pool's code was taken under its lock"
