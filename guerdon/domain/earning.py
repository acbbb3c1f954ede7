"""Points awarded by a rule or by hand, perhaps after a delay."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import EarningId, LotId, MemberId, ProgramId, RuleId, WalletId

EarningStatus = Literal["pending", "approved", "rejected"]


class Earning(Struct, frozen=True, kw_only=True, gc=False):
    """`points` is `base_points` times `multiplier_permille`. `once_key` is set while this earning
    bars another one by the same rule; `action_key` is the caller's own key of one completion.

    `points_reversed` is what was taken back of it. As long as it is pending, `points` goes down by
    as much; once it is approved, `points` stays what was credited."""

    id: EarningId
    program_id: ProgramId
    member_id: MemberId
    wallet_id: WalletId
    rule_id: RuleId | None = None
    lot_id: LotId | None = None
    action: str
    status: EarningStatus
    base_points: int
    multiplier_permille: int = 1000
    points: int
    points_reversed: int = 0
    order_id: str | None = None
    order_number: str | None = None
    ordered_at: datetime | None = None
    once_key: str | None = None
    action_key: str | None = None
    is_manual: bool = False
    note: str | None = None
    metadata: str | None = None
    due_at: datetime | None = None
    given_at: datetime | None = None
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
