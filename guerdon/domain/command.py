"""Commands: everything that moves points, as frozen values; and what comes of them."""

from datetime import date, datetime

from msgspec import UNSET, Struct, UnsetType

from guerdon.domain.catalogue import Category
from guerdon.domain.earning import Earning
from guerdon.domain.errors import Refusal
from guerdon.domain.ids import (
    EarningId,
    EntryId,
    LotId,
    MemberId,
    PointTypeId,
    ProgramId,
    RedemptionId,
    RewardId,
    RuleId,
    TierId,
    WalletId,
)
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.order_payment import OrderPayment
from guerdon.domain.redemption import Context, Redemption


class Redeem(Struct, frozen=True, kw_only=True):
    """Spend points on so many units of a reward.

    A caller that gives a `context` chooses: of a reward that is put into a cart it must then name
    the variant. `units_max` narrows the reward's own bounds to what the caller can speak of.
    `is_queued` leaves it pending, whatever the way, until a worker settles it. `metadata` is JSON
    that is kept with it and chooses nothing."""

    program_id: ProgramId
    member: MemberRef
    reward_id: RewardId
    units: int = 1
    units_max: int | None = None
    context: Context | None = None
    is_queued: bool = False
    metadata: str | None = None


class Settle(Struct, frozen=True, kw_only=True):
    """The reward was handed over: a pending redemption becomes approved. With `is_owed` people or
    the shop's endpoint have still to hand it over."""

    redemption_id: RedemptionId
    code: str | None = None
    is_owed: bool = False


class Release(Struct, frozen=True, kw_only=True):
    """The reward could not be handed over: a pending redemption is declined, points return.

    `code` is the last one tried, where it is not the redemption's first."""

    redemption_id: RedemptionId
    reason: str
    code: str | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """Give back an approved redemption: whole, or so many points, or so many units of it.

    `keeps_stock` leaves the units out of the stock. `is_auto` only acts once `auto_refund_at`
    has come. `is_unused_only` also refuses what was open at first and is handed over by now,
    and what has expired before any sweep came by. `insists` gives back also what its reward would
    not have given back.

    What a reward of points credited comes off again with a whole refund, which is refused where
    they are spent, unless it `takes_what_is_left`; so does an automatic one."""

    redemption_id: RedemptionId
    points: int | None = None
    units: int | None = None
    reason: str | None = None
    keeps_stock: bool = False
    is_auto: bool = False
    is_unused_only: bool = False
    insists: bool = False
    takes_what_is_left: bool = False


class MarkUsed(Struct, frozen=True, kw_only=True):
    """The member used what they got. With a `use_key`, which names the order, it is one of as many
    uses as it allows, and the same order twice is one; without, it is used up."""

    redemption_id: RedemptionId
    used_at: datetime | None = None
    use_key: str | None = None


class ExpireRedemption(Struct, frozen=True, kw_only=True):
    """An approved redemption past its `expires_at` expires; its points stay spent."""

    redemption_id: RedemptionId


class CompleteFulfilment(Struct, frozen=True, kw_only=True):
    """Staff or the shop's endpoint handed over what was open."""

    redemption_id: RedemptionId


class Reopen(Struct, frozen=True, kw_only=True):
    """The order that a redemption was used in was given back whole: it may be used again. The
    `use_key` names the order; without one all of its uses are undone."""

    redemption_id: RedemptionId
    use_key: str | None = None


class Earn(Struct, frozen=True, kw_only=True):
    """Award points by a rule. `base_points` None means the rule's own figure.

    `is_once` allows one award of the rule to the member, whatever the rule itself says;
    `categories` limits which rules may be named at all."""

    program_id: ProgramId
    member: MemberRef
    rule_id: RuleId
    base_points: int | None = None
    order_id: str | None = None
    order_number: str | None = None
    ordered_at: datetime | None = None
    action_key: str | None = None
    is_once: bool = False
    categories: tuple[Category, ...] | None = None
    note: str | None = None
    metadata: str | None = None


class Approve(Struct, frozen=True, kw_only=True):
    """Credit a pending earning; `is_due_only` refuses before its time."""

    earning_id: EarningId
    is_due_only: bool = False


class Decline(Struct, frozen=True, kw_only=True):
    """Reject a pending earning."""

    earning_id: EarningId
    reason: str | None = None


class SettlePending(Struct, frozen=True, kw_only=True):
    """Credit, or reject, those of a member's earnings that are pending, together and whenever they
    are due. The program has to be open, and the member not excluded."""

    program_id: ProgramId
    member: MemberRef
    earning_ids: tuple[EarningId, ...]
    is_credited: bool
    note: str | None = None


class ClawBack(Struct, frozen=True, kw_only=True):
    """Take back what an earning gave, until `points` of it are taken back in all.

    Points that are not there any more are recorded as asked for; they are not taken later."""

    earning_id: EarningId
    points: int
    reason: str | None = None


class Adjust(Struct, frozen=True, kw_only=True):
    """Add or take points by hand. With `floors_at_zero` a deduction takes what is there and the
    entry records both figures; without, it is refused. With a `redemption_id` they are what that
    reward was worth, or are taken back with it. `needs_open` refuses it where the program is off or
    not open now. `expires_at` None leaves it to the program, unless the points `expires_never`.
    `metadata` is JSON that is kept with the record of it."""

    program_id: ProgramId
    member: MemberRef
    points: int
    note: str | None = None
    moves_lifetime: bool = True
    floors_at_zero: bool = False
    point_type_id: PointTypeId | None = None
    expires_at: datetime | None = None
    expires_never: bool = False
    redemption_id: RedemptionId | None = None
    metadata: str | None = None
    needs_open: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """What one more member gives to a transfer."""

    source: MemberRef
    points: int
    note: str | None = None


class Transfer(Struct, frozen=True, kw_only=True):
    """Move points to another wallet of the same point type; each lot keeps its expiry. With
    `further` sources all of them give, or none does."""

    program_id: ProgramId
    source: MemberRef
    target: MemberRef
    points: int
    point_type_id: PointTypeId | None = None
    note: str | None = None
    further: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """List what every source gives."""
        return (Part(source=self.source, points=self.points, note=self.note), *self.further)


class PayOrder(Struct, frozen=True, kw_only=True):
    """Pay with points for an order, or for as much of it as they pay.

    `order_total_minor` is what the order comes to; what was paid of it before counts. `points_max`
    and `amount_max_minor` are what the caller would pay at most."""

    program_id: ProgramId
    member: MemberRef
    order_key: str
    order_total_minor: int
    point_type_id: PointTypeId | None = None
    points_max: int | None = None
    amount_max_minor: int | None = None


class ExpireLots(Struct, frozen=True, kw_only=True):
    """Take the points of lots whose time has come out of a member's wallets."""

    program_id: ProgramId
    member: MemberRef


class ExpireEarly(Struct, frozen=True, kw_only=True):
    """Take out what is left of lots of a wallet, before their day. The program has to be open, and
    the member not excluded."""

    program_id: ProgramId
    member: MemberRef
    point_type_id: PointTypeId
    lot_ids: tuple[LotId, ...]


class ExpireInactive(Struct, frozen=True, kw_only=True):
    """Take out the points of a member who has not ordered for as long as the program says, and of
    wallets for which nothing was done for as long as their point type says."""

    program_id: ProgramId
    member: MemberRef


class ChangeMember(Struct, frozen=True, kw_only=True):
    """Change who a member is; `is_frozen` excludes them from earning and spending, or lets them
    in again. `metadata` is JSON, which with `merges_metadata` is put into what is there. What is
    UNSET stays; None clears."""

    program_id: ProgramId
    member: MemberRef
    is_frozen: bool | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    first_name: str | None | UnsetType = UNSET
    last_name: str | None | UnsetType = UNSET
    birthday: date | None | UnsetType = UNSET
    anniversary: date | None | UnsetType = UNSET
    metadata: str | None | UnsetType = UNSET
    merges_metadata: bool = False


class Leave(Struct, frozen=True, kw_only=True):
    """Let a member go. Their shop's id is free for a new member; the history of the old one stays,
    and what they had stays in the books."""

    program_id: ProgramId
    member: MemberRef


class EraseMember(Struct, frozen=True, kw_only=True):
    """Forget who a member is. The points and their history stay, and nobody can use them."""

    program_id: ProgramId
    member: MemberRef


class Enrol(Struct, frozen=True, kw_only=True):
    """Make a shopper a member: a wallet of each point type, lowest tier, signup points. Once is as
    good as twice, but for wallets of point types that the program has got since. Who is frozen from
    the beginning gets nothing for it."""

    program_id: ProgramId
    external_id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birthday: date | None = None
    anniversary: date | None = None
    metadata: str | None = None
    is_frozen: bool = False


Command = (
    Redeem
    | Settle
    | Release
    | Refund
    | MarkUsed
    | ExpireRedemption
    | CompleteFulfilment
    | Reopen
    | Earn
    | Approve
    | Decline
    | SettlePending
    | ClawBack
    | Adjust
    | Transfer
    | PayOrder
    | ExpireLots
    | ExpireEarly
    | ExpireInactive
    | ChangeMember
    | Leave
    | EraseMember
    | Enrol
)


class Redeemed(Struct, frozen=True, tag="redeemed"):
    """`points_after` is the wallet's balance after the act."""

    redemption: Redemption
    points_after: int


class Earned(Struct, frozen=True, tag="earned"):
    """`is_repeat`: the caller's completion key was seen before; nothing was granted again."""

    earning: Earning
    points_after: int
    is_repeat: bool = False


class Reversed(Struct, frozen=True, tag="reversed"):
    """`points_asked` were to be taken back by this act, `points` were there to be taken."""

    earning: Earning
    points_asked: int
    points: int
    points_after: int


class Adjusted(Struct, frozen=True, tag="adjusted"):
    """`points` is what was moved, `asked_points` what was asked for."""

    entry_id: EntryId | None
    member_id: MemberId
    asked_points: int
    points: int
    points_before: int
    points_after: int


class Transferred(Struct, frozen=True, tag="transferred"):
    """`points` is what all sources gave; the first of them is named."""

    source_wallet_id: WalletId
    target_wallet_id: WalletId
    points: int
    source_points_after: int
    target_points_after: int


class Paid(Struct, frozen=True, tag="paid"):
    """`points_after` is the wallet's balance after the payment."""

    payment: OrderPayment
    points_after: int


class Expired(Struct, frozen=True, tag="expired"):
    points: int


class BucketMoved(Struct, frozen=True, tag="bucket_moved"):
    """What was credited, rejected or taken out together; without an entry nothing was there.
    `entry_id` is the last of them."""

    entry_id: EntryId | None
    points: int
    points_after: int


class Changed(Struct, frozen=True, tag="changed"):
    """`has_switched`: they were excluded by this act, or let in again."""

    member: Member
    is_frozen: bool
    has_switched: bool = False


class Enrolled(Struct, frozen=True, tag="enrolled"):
    """`is_new` is false where the shopper was a member already, and nothing was done."""

    member: Member
    is_new: bool
    tier_id: TierId | None


Result = (
    Redeemed
    | Earned
    | Reversed
    | Adjusted
    | Transferred
    | Paid
    | Expired
    | BucketMoved
    | Changed
    | Enrolled
)


class Submission(Struct, frozen=True):
    """A command and, where the caller gave one, its idempotency key with the request's
    fingerprint."""

    command: Command
    key: str | None = None
    fingerprint: bytes = b""


class Done(Struct, frozen=True):
    """`is_replay`: this is the stored answer to an earlier submission of the same key."""

    result: Result
    is_replay: bool = False


class Refused(Struct, frozen=True):
    """Every check that failed; nothing was changed."""

    refusals: tuple[Refusal, ...]


Outcome = Done | Refused
