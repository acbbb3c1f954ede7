"""One member's points of one point type: what a batch locks."""

from msgspec import Struct

from guerdon.domain.ids import MemberId, PointTypeId, ProgramId, TierId, WalletId
from guerdon.domain.lot import Lot


class Wallet(Struct, frozen=True, kw_only=True, gc=False):
    """A wallet as loaded under its lock. `points_held` are those of pending redemptions, already
    drawn from the lots; `points_pending` are earned but not yet approved. `tier_id` is kept on the
    member's default wallet, whose lifetime points decide it. Whether the member is frozen is asked
    of that one too; the others follow. `version` counts every change of the wallet or its lots, as
    loaded. `code` is its card's, where that has a form of its own."""

    id: WalletId
    member_id: MemberId
    program_id: ProgramId
    point_type_id: PointTypeId
    is_default: bool = True
    is_frozen: bool = False
    tier_id: TierId | None = None
    points_available: int = 0
    points_held: int = 0
    points_pending: int = 0
    points_lifetime: int = 0
    points_redeemed: int = 0
    points_owed: int = 0
    version: int = 0
    code: str | None = None
    lots: tuple[Lot, ...] = ()
