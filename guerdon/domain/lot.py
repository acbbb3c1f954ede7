"""Points earned together that expire together, and the order in which they are drawn."""

from datetime import UTC, datetime

from msgspec import Struct

from guerdon.domain.catalogue import DrawOrder
from guerdon.domain.ids import LotId, WalletId

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class Lot(Struct, gc=False):
    """An open lot while a batch is decided; the one value that is changed in place there."""

    id: LotId
    points_remaining: int
    effective_at: datetime
    expires_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


class NewLot(Struct, frozen=True, gc=False):
    id: LotId
    wallet_id: WalletId
    points: int
    effective_at: datetime
    expires_at: datetime | None


def in_draw_order(lots: list[Lot], order: DrawOrder) -> list[Lot]:
    """Order lots for drawing. `lots` come by (effective_at, id), which is first in, first out."""
    if order == "fifo" or len(lots) < 2:
        return lots
    return sorted(lots, key=lambda lot: (lot.expires_at or NEVER, lot.effective_at, lot.id))


def draw(lots: list[Lot], points: int) -> tuple[tuple[LotId, ...], tuple[int, ...]]:
    """Take points from live lots in the order given; give the lots and the (negative) draws.

    The caller has checked that they hold enough."""
    ids: list[LotId] = []
    draws: list[int] = []
    left = points
    for lot in lots:
        if left == 0:
            break
        taken = min(lot.points_remaining, left)
        if taken == 0:
            continue
        lot.points_remaining -= taken
        left -= taken
        ids.append(lot.id)
        draws.append(-taken)
    if left:
        message = f"lots hold {left} points fewer than the wallet says"
        raise AssertionError(message)
    return tuple(ids), tuple(draws)
