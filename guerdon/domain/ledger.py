"""Ledger entries: movements of points, never changed, corrected only by further entries."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import EarningId, EntryId, LotId, RedemptionId, WalletId

# The note on what a member lost who had not ordered for too long.
INACTIVITY = "inactivity"
# And on what was taken out by hand, before its day.
EARLY = "early"

EntryKind = Literal[
    "pending",
    "declined",
    "earned",
    "redeemed",
    "released",
    "refunded",
    "expired",
    "adjusted",
    "transferred",
    "reversed",
    "repaid",
    "paid",
]


class Entry(Struct, frozen=True, gc=False):
    """One movement. `points` is signed and equals the sum of `lot_points`, the signed change of
    each lot in `lot_ids`. `points_after` is the wallet's balance after it. `lifetime_points` is
    the signed change of the member's lifetime points. `asked_points` is what was asked for where a
    rule reduced it, else equal to `points`. `pending_points` is the signed change of what waits for
    approval: `pending` and `declined` move nothing else, and an approval takes from it what it
    credits. `owed_points` is the signed change of what the member owes, which `repaid` entries pay
    off out of what came in; the balance that is shown moves by `points` less that."""

    id: EntryId
    wallet_id: WalletId
    kind: EntryKind
    points: int
    points_after: int
    lot_ids: tuple[LotId, ...]
    lot_points: tuple[int, ...]
    created_at: datetime
    lifetime_points: int = 0
    asked_points: int | None = None
    redemption_id: RedemptionId | None = None
    earning_id: EarningId | None = None
    note: str | None = None
    pending_points: int = 0
    owed_points: int = 0
