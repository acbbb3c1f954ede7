"""One member taking one reward."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import (
    EntryId,
    LotId,
    MemberId,
    PointTypeId,
    ProgramId,
    RedemptionId,
    RewardId,
    RewardVersionId,
    WalletId,
)

RedemptionStatus = Literal["pending", "approved", "declined", "used", "expired", "void"]
# `queued`: a worker is to settle it, whatever the way.
FulfilmentStatus = Literal["queued", "open", "done"]
# Why a worker gave a redemption up that waited in the queue. Other reasons are sentences.
MEMBER_GONE = "member_gone"
PROGRAM_GONE = "program_gone"
WALLET_GONE = "wallet_gone"
SessionKind = Literal["cart", "checkout", "custom"]


class Session(Struct, frozen=True, gc=False):
    """A shopper's cart or checkout, by the token that the shop knows it by."""

    kind: SessionKind
    token: str


class Credit(Struct, frozen=True, gc=False):
    """Points that a reward is worth, in the member's wallet of a type; `note` is its name."""

    points: int
    point_type_id: PointTypeId
    note: str


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where and how a reward was chosen. `attribution` is what led the shopper to it,
    `platform_action_id` the shop platform's own name for the act, and `metadata` the shop's own
    JSON; none of them changes anything.

    What may be used more than once has `uses_max`, and `used_by` are the orders it was used in, as
    long as it can still be used. `credit` is what a reward of points credits, and gives up again
    when it is refunded."""

    session: Session | None = None
    variant_id: str | None = None
    attribution: str | None = None
    platform_action_id: str | None = None
    metadata: str | None = None
    uses_max: int = 1
    used_by: tuple[str, ...] = ()
    credit: Credit | None = None


NO_CONTEXT = Context()


class Redemption(Struct, frozen=True, kw_only=True, gc=False):
    """`points_cost` is the whole cost, for all `units`; `points_refunded` and `units_refunded` say
    how much of it was given back. `units_returned` went back to the stock. The reward as it was at
    the time is its `reward_version_id`. `lot_ids` and `lot_points` are what was drawn, positive.
    `fulfilled_at` is when what had been left open at first was handed over."""

    id: RedemptionId
    program_id: ProgramId
    member_id: MemberId
    wallet_id: WalletId
    reward_id: RewardId
    reward_version_id: RewardVersionId
    status: RedemptionStatus
    units: int = 1
    units_refunded: int = 0
    units_returned: int = 0
    points_cost: int
    points_refunded: int = 0
    lot_ids: tuple[LotId, ...] = ()
    lot_points: tuple[int, ...] = ()
    entry_id: EntryId | None = None
    code: str | None = None
    fulfilment: FulfilmentStatus = "done"
    is_grant: bool = False
    reason: str | None = None
    context: Context | None = None
    expires_at: datetime | None = None
    auto_refund_at: datetime | None = None
    used_at: datetime | None = None
    fulfilled_at: datetime | None = None
    refunded_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def uses_max(self) -> int:
        return 1 if self.context is None else self.context.uses_max

    @property
    def uses(self) -> int:
        """Count the orders it was used in. One that somebody declared used is used up."""
        if self.status == "used":
            return self.uses_max
        return 0 if self.context is None else len(self.context.used_by)


def is_queued(redemption: Redemption) -> bool:
    """Say whether it waits for a worker, whatever the way."""
    return redemption.status == "pending" and redemption.fulfilment == "queued"


def end_due(redemption: Redemption, now: datetime) -> Literal["expired", "void"] | None:
    """Say what an approved redemption has become by an instant, though no worker has come by yet.

    Unused, it goes back by itself or expires, whichever comes first. What has been handed over
    does not go back, and neither does what was used once though it may be used again."""
    if redemption.status != "approved":
        return None
    expires_at = redemption.expires_at
    is_kept = redemption.fulfilled_at is not None or redemption.uses > 0
    refund_at = None if is_kept else redemption.auto_refund_at
    if refund_at is not None and (expires_at is None or refund_at <= expires_at):
        return "void" if refund_at <= now else None
    return "expired" if expires_at is not None and expires_at <= now else None


def status_at(redemption: Redemption, now: datetime) -> RedemptionStatus:
    """Give the status that a caller is to see at an instant."""
    return end_due(redemption, now) or redemption.status
