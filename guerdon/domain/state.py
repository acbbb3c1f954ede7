"""What a batch loads before it decides, and what its decision has to be written."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from guerdon.domain.condition import Traits
from guerdon.domain.earning import Earning
from guerdon.domain.event import Event
from guerdon.domain.ids import (
    EarningId,
    MemberId,
    ProgramId,
    RedemptionId,
    RewardId,
    RuleId,
    TierId,
    WalletId,
)
from guerdon.domain.ledger import Entry
from guerdon.domain.lot import NewLot
from guerdon.domain.member import Member
from guerdon.domain.order_payment import OrderPayment
from guerdon.domain.redemption import Redemption
from guerdon.domain.wallet import Wallet


class Counter(Struct, frozen=True):
    """What was taken of a reward and not given back."""

    redemptions_live: int
    units_live: int


class KeyRecord(Struct, frozen=True):
    """An idempotency key already used: what was asked under it, and the stored answer."""

    key: str
    fingerprint: bytes
    answer: bytes


class State(Struct, kw_only=True):
    """Everything a batch's commands may look at, read under the locks of its wallets.

    `spent` is there for wallets of limited point types: the points spent ever and in the running
    interval, less those that came back. `last_acts` is when something was last done that keeps a
    wallet's points alive. `paid_minor` is what a member paid of an order. `taken_at` has when
    members took rewards that they must wait for, `traits` what prices ask of them."""

    wallets: dict[WalletId, Wallet] = field(default_factory=dict)
    members: dict[MemberId, list[WalletId]] = field(default_factory=dict)
    by_external_id: dict[tuple[ProgramId, str], MemberId] = field(default_factory=dict)
    by_email: dict[tuple[ProgramId, str], MemberId] = field(default_factory=dict)
    profiles: dict[MemberId, Member] = field(default_factory=dict)
    redemptions: dict[RedemptionId, Redemption] = field(default_factory=dict)
    earnings: dict[EarningId, Earning] = field(default_factory=dict)
    counters: dict[RewardId, Counter] = field(default_factory=dict)
    taken_by_member: dict[tuple[MemberId, RewardId], int] = field(default_factory=dict)
    taken_at: dict[tuple[MemberId, RewardId], list[datetime]] = field(default_factory=dict)
    traits: dict[MemberId, Traits] = field(default_factory=dict)
    taken_in_session: dict[tuple[RewardId, str], int] = field(default_factory=dict)
    awarded: dict[tuple[MemberId, RuleId], set[EarningId]] = field(default_factory=dict)
    completed: dict[tuple[RuleId, str], Earning] = field(default_factory=dict)
    granted: set[tuple[MemberId, RewardId]] = field(default_factory=set)
    pools: dict[RewardId, list[str]] = field(default_factory=dict)
    origins: dict[int, tuple[datetime, datetime | None]] = field(default_factory=dict)
    spent: dict[WalletId, tuple[int, int]] = field(default_factory=dict)
    paid_minor: dict[tuple[MemberId, str], int] = field(default_factory=dict)
    last_orders: dict[MemberId, datetime] = field(default_factory=dict)
    last_acts: dict[WalletId, datetime] = field(default_factory=dict)
    keys: dict[str, KeyRecord] = field(default_factory=dict)

    @property
    def highest_id(self) -> int:
        """A guess at the next id has to be above all that is here, or the fold would take a new
        lot or redemption for an old one and write the old one's figures under no id at all."""
        return max(
            max(known, default=0)
            for known in (
                self.origins,
                self.redemptions,
                self.earnings,
                self.wallets,
                self.members,
            )
        )


class WalletChange(Struct, frozen=True, gc=False):
    """A wallet as it shall stand."""

    id: WalletId
    is_frozen: bool
    tier_id: TierId | None
    points_available: int
    points_held: int
    points_pending: int
    points_lifetime: int
    points_redeemed: int
    points_owed: int = 0


class Effects(Struct):
    """What to write. `lots` maps a lot to what shall remain in it; `counters` are differences;
    `pool_codes` names which redemption took which code."""

    wallets: list[WalletChange] = field(default_factory=list)
    new_members: list[Member] = field(default_factory=list)
    members: dict[MemberId, Member] = field(default_factory=dict)
    new_wallets: list[Wallet] = field(default_factory=list)
    lots: dict[int, int] = field(default_factory=dict)
    new_lots: list[NewLot] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    new_redemptions: dict[RedemptionId, Redemption] = field(default_factory=dict)
    redemptions: dict[RedemptionId, Redemption] = field(default_factory=dict)
    new_earnings: dict[EarningId, Earning] = field(default_factory=dict)
    earnings: dict[EarningId, Earning] = field(default_factory=dict)
    counters: dict[RewardId, tuple[int, int]] = field(default_factory=dict)
    pool_codes: list[tuple[str, RedemptionId]] = field(default_factory=list)
    order_payments: list[OrderPayment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    keys: list[KeyRecord] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Every command that changes anything leaves an event, and every event a change."""
        return not self.events and not self.keys


class Fresh(Protocol):
    """Where new ids and random bits come from; given, so that a decision can be repeated."""

    def next_id(self) -> int:
        """Give the next of a run of rising ids."""
        ...

    def bits(self) -> int:
        """Give 128 random bits."""
        ...
