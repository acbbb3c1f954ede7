"""Codes uploaded or made ahead, waiting for a redemption."""

from guerdon.domain.ids import MerchantId, RedemptionId, RewardId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("pool_codes")


class Passed:
    """Up to where the codes of pools are taken, as far as was seen.

    Codes are taken in the order of their ids, which is that in which they came, and are never given
    back: what was passed once need not be walked through again."""

    def __init__(self) -> None:
        self._ids: dict[tuple[MerchantId, RewardId], int] = {}

    def of(self, merchant_id: MerchantId, reward_id: RewardId) -> int:
        """Give the id up to which all codes of a pool are taken; 0 where none was seen to be."""
        return self._ids.get((merchant_id, reward_id), 0)

    def note(self, merchant_id: MerchantId, reward_id: RewardId, first_free_id: int) -> None:
        """All codes before this one are taken."""
        slot = (merchant_id, reward_id)
        self._ids[slot] = max(self._ids.get(slot, 0), first_free_id - 1)


async def list_free_codes(
    tx: Connection,
    merchant_id: MerchantId,
    wanted: dict[RewardId, int],
    passed: Passed | None = None,
) -> dict[RewardId, list[str]]:
    """List the next free codes of pools. They are nobody else's only while the rewards' counters
    are locked. `passed` is looked at, and learns."""
    passed = passed or Passed()
    beyond = [passed.of(merchant_id, reward_id) for reward_id in wanted]
    rows = await tx.fetch(
        _SQL["list_free_codes"], merchant_id, list(wanted.keys()), list(wanted.values()), beyond
    )
    codes: dict[RewardId, list[str]] = {reward_id: [] for reward_id in wanted}
    for row in rows:
        found = codes[row[0]]
        if not found:
            passed.note(merchant_id, row[0], row[2])
        found.append(row[1])
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
