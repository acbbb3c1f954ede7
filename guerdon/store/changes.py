"""What a batch changes in place."""

from collections.abc import Mapping
from datetime import datetime

from guerdon.domain.ids import MerchantId, RewardId
from guerdon.domain.state import WalletChange
from guerdon.store import arrays
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("changes")


async def apply_changes(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    batch: int,
    *,
    id_count: int,
    wallets: list[WalletChange],
    lots: Mapping[int, int],
    counters: Mapping[RewardId, tuple[int, int]],
) -> tuple[int, int]:
    """Take ids and write wallets, what remains in lots, and counter differences, under the random
    mark of their transaction.

    Locks the merchant's sequence until commit. Gives the first id taken and the version of the
    merchant's offers at this point of its history."""
    row = await tx.fetchrow(
        _SQL["apply_changes"],
        merchant_id,
        id_count,
        now,
        arrays.literal([wallet.id for wallet in wallets]),
        arrays.literal([wallet.is_frozen for wallet in wallets]),
        arrays.numbers([wallet.tier_id for wallet in wallets]),
        arrays.literal([wallet.points_available for wallet in wallets]),
        arrays.literal([wallet.points_held for wallet in wallets]),
        arrays.literal([wallet.points_pending for wallet in wallets]),
        arrays.literal([wallet.points_lifetime for wallet in wallets]),
        arrays.literal([wallet.points_redeemed for wallet in wallets]),
        arrays.literal(list(lots)),
        arrays.literal(list(lots.values())),
        arrays.literal(list(counters)),
        arrays.literal([redemptions for redemptions, _ in counters.values()]),
        arrays.literal([units for _, units in counters.values()]),
        batch,
        arrays.literal([wallet.points_owed for wallet in wallets]),
    )
    assert row is not None, "every merchant has a sequence"
    return row[0], row[1]
