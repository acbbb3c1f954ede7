"""The state of a batch while its commands are folded over it, one after the other."""

from datetime import datetime

from msgspec.structs import replace

from guerdon.domain.card_code import formed_code
from guerdon.domain.catalogue import Catalogue, Program
from guerdon.domain.clock import interval_start
from guerdon.domain.earning import Earning
from guerdon.domain.event import Event, EventKind
from guerdon.domain.expiry import kept_by, slid_out_at
from guerdon.domain.ids import (
    EarningId,
    EntryId,
    EventId,
    LotId,
    MemberId,
    PointTypeId,
    ProgramId,
    RedemptionId,
    RewardId,
    TierId,
    WalletId,
)
from guerdon.domain.ledger import INACTIVITY, Entry, EntryKind
from guerdon.domain.lot import Lot, NewLot, draw, in_draw_order
from guerdon.domain.member import MemberRef
from guerdon.domain.point_terms import UNLIMITED
from guerdon.domain.redemption import Redemption
from guerdon.domain.state import Effects, Fresh, State, WalletChange
from guerdon.domain.wallet import Wallet

# Under no id: the purse of a wallet that is not made yet.
NO_WALLET = WalletId(0)


class Purse:
    """A wallet being changed by a batch. Its figures change together or not at all."""

    __slots__ = (
        "available",
        "held",
        "id",
        "is_changed",
        "is_frozen",
        "lifetime",
        "lots",
        "owed",
        "pending",
        "redeemed",
        "soonest_expiry_at",
        "tier_id",
        "wallet",
    )

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self.id = wallet.id
        self.available = wallet.points_available
        self.held = wallet.points_held
        self.pending = wallet.points_pending
        self.lifetime = wallet.points_lifetime
        self.redeemed = wallet.points_redeemed
        self.owed = wallet.points_owed
        self.tier_id = wallet.tier_id
        self.is_frozen = wallet.is_frozen
        self.is_changed = False
        self.lots = [
            Lot(lot.id, lot.points_remaining, lot.effective_at, lot.expires_at)
            for lot in wallet.lots
        ]
        soonest = None
        for lot in wallet.lots:
            expires_at = lot.expires_at
            if expires_at is not None and (soonest is None or expires_at < soonest):
                soonest = expires_at
        self.soonest_expiry_at = soonest

    def due_points(self, now: datetime) -> int:
        """Count the points of lots that have expired, though no sweep has come by yet."""
        if self.soonest_expiry_at is None or self.soonest_expiry_at > now:
            return 0
        return sum(lot.points_remaining for lot in self.lots if not lot.is_live(now))

    def spendable(self, now: datetime) -> int:
        return self.available - self.due_points(now)

    def balance(self, now: datetime) -> int:
        """Give what the member is shown: below zero where they owe points."""
        return self.spendable(now) - self.owed

    def open_as(self, wallet: Wallet) -> None:
        """Become the purse of a wallet that is about to be made."""
        self.wallet = wallet
        self.id = wallet.id

    def change(self) -> WalletChange:
        return WalletChange(
            self.id,
            self.is_frozen,
            self.tier_id,
            self.available,
            self.held,
            self.pending,
            self.lifetime,
            self.redeemed,
            self.owed,
        )


class Fold:
    """One batch's working state. Handlers check first and change after, so that a refused command
    leaves no trace."""

    def __init__(self, state: State, catalogue: Catalogue, now: datetime, fresh: Fresh) -> None:
        self.state = state
        self.catalogue = catalogue
        self.now = now
        self.fresh = fresh
        self.effects = Effects()
        self.purses: dict[WalletId, Purse] = {}
        self.members = dict(state.members)
        self.counters = {
            reward_id: [counter.redemptions_live, counter.units_live]
            for reward_id, counter in state.counters.items()
        }
        self.taken_by_member = dict(state.taken_by_member)
        self.taken_at = {slot: list(times) for slot, times in state.taken_at.items()}
        self.traits = dict(state.traits)
        self.taken_in_session = dict(state.taken_in_session)
        self.pools = {reward_id: list(codes) for reward_id, codes in state.pools.items()}
        self.redemptions = dict(state.redemptions)
        self.earnings = dict(state.earnings)
        self.awarded = {slot: set(ids) for slot, ids in state.awarded.items()}
        self.completed = dict(state.completed)
        self.granted = set(state.granted)
        self.keys = dict(state.keys)
        self.by_external_id = dict(state.by_external_id)
        self.by_email = dict(state.by_email)
        self.profiles = dict(state.profiles)
        self.origins = dict(state.origins)
        self.spent = dict(state.spent)
        self.paid_minor = dict(state.paid_minor)
        self.last_orders = dict(state.last_orders)
        self.last_acts = state.last_acts

    # -- finding ---------------------------------------------------------------------------

    def member_id(self, program_id: ProgramId, ref: MemberRef) -> MemberId | None:
        if ref.external_id is not None:
            return self.by_external_id.get((program_id, ref.external_id))
        if ref.email is not None:
            return self.by_email.get((program_id, ref.email))
        if ref.id is None or ref.id not in self.members:
            return None
        purse = self.purse(self.members[ref.id][0])
        return ref.id if purse.wallet.program_id == program_id else None

    def purse(self, wallet_id: WalletId) -> Purse:
        purse = self.purses.get(wallet_id)
        if purse is None:
            purse = self.purses[wallet_id] = Purse(self.state.wallets[wallet_id])
        return purse

    def purse_of(
        self, member_id: MemberId, point_type_id: PointTypeId | None = None
    ) -> Purse | None:
        """Find a member's wallet of a point type; without a type, the default wallet.

        One that the program has only had since the member came is given empty and under no id:
        whoever changes it opens it first, so that a refusal leaves no trace."""
        purse = None
        for wallet_id in self.members[member_id]:
            purse = self.purse(wallet_id)
            wallet = purse.wallet
            if (
                wallet.is_default
                if point_type_id is None
                else wallet.point_type_id == point_type_id
            ):
                return purse
        if purse is None or point_type_id is None:
            return None
        program_id = purse.wallet.program_id
        if point_type_id not in self.program(program_id).further_point_type_ids:
            return None
        return Purse(
            Wallet(
                id=NO_WALLET,
                member_id=member_id,
                program_id=program_id,
                point_type_id=point_type_id,
                is_default=False,
                is_frozen=self.default_purse(member_id).is_frozen,
            )
        )

    def open(self, purse: Purse) -> None:
        """Make a wallet of a purse that has none yet."""
        if purse.id != NO_WALLET:
            return
        wallet_id = WalletId(self.fresh.next_id())
        wallet = replace(
            purse.wallet, id=wallet_id, code=self._new_card_code(purse.wallet.point_type_id)
        )
        purse.open_as(wallet)
        self.effects.new_wallets.append(wallet)
        self.purses[wallet_id] = purse
        # A list of the state's own is not to be changed.
        self.members[wallet.member_id] = [*self.members.get(wallet.member_id, ()), wallet_id]

    def open_all(self, member_id: MemberId) -> bool:
        """Open every wallet that the member lacks; say whether there was one."""
        program_id = self.default_purse(member_id).wallet.program_id
        has_opened = False
        for point_type_id in self.program(program_id).further_point_type_ids:
            purse = self.purse_of(member_id, point_type_id)
            if purse is not None and purse.id == NO_WALLET:
                self.open(purse)
                has_opened = True
        return has_opened

    def _new_card_code(self, point_type_id: PointTypeId) -> str | None:
        point_type = self.catalogue.point_types.get(point_type_id)
        if point_type is None or point_type.code is None:
            return None
        return formed_code(point_type.code, self.fresh.bits())

    def default_purse(self, member_id: MemberId) -> Purse:
        purse = self.purse_of(member_id)
        assert purse is not None, "a member has a default wallet"
        return purse

    def program(self, program_id: ProgramId) -> Program:
        return self.catalogue.programs[program_id]

    # -- moving points ---------------------------------------------------------------------

    def sweep(self, purse: Purse) -> int:
        """Expire the wallet's due lots; give their points. Called before any other movement."""
        due = (
            [lot for lot in purse.lots if not lot.is_live(self.now)]
            if purse.due_points(self.now)
            else []
        )
        return self.expire(purse, due)

    def expire_idle(self, purse: Purse) -> int:
        """Expire what an inactive member has left of lots as old; give their points."""
        swept = self.sweep(purse)
        idle = [lot for lot in purse.lots if self.is_idle(purse, lot.effective_at)]
        return swept + self.expire(purse, idle, note=INACTIVITY)

    def is_idle(self, purse: Purse, effective_at: datetime) -> bool:
        """Say whether points credited at an instant have expired by their member's inactivity."""
        if self._has_slid_out(purse, effective_at):
            return True
        since = self.program(purse.wallet.program_id).idle_since(self.now)
        if since is None or effective_at > since:
            return False
        last_order = self.last_orders.get(purse.wallet.member_id)
        return last_order is None or last_order <= since

    def _has_slid_out(self, purse: Purse, effective_at: datetime) -> bool:
        """Say whether nothing that keeps a wallet's points alive was done for as long as that."""
        point_type = self.catalogue.point_types.get(purse.wallet.point_type_id)
        expiry = None if point_type is None else point_type.expiry
        if expiry is None or expiry.kind != "sliding":
            return False
        kinds = kept_by(expiry)
        acts = [
            each.created_at
            for each in self.effects.entries
            if each.wallet_id == purse.id and each.kind in kinds
        ]
        last = max(effective_at, *acts, self.last_acts.get(purse.id, effective_at))
        return slid_out_at(expiry, last, self.program(purse.wallet.program_id).timezone) <= self.now

    def expire(self, purse: Purse, due: list[Lot], note: str | None = None) -> int:
        """Take out what is left of lots; give their points."""
        if not due:
            return 0
        points = sum(lot.points_remaining for lot in due)
        draws = tuple(-lot.points_remaining for lot in due)
        for lot in due:
            lot.points_remaining = 0
            self.effects.lots[lot.id] = 0
        purse.lots = [lot for lot in purse.lots if lot.points_remaining]
        self._entry(purse, "expired", -points, tuple(lot.id for lot in due), draws, note=note)
        self.announce("points.expired", purse, points=points)
        return points

    def take(
        self,
        purse: Purse,
        points: int,
        kind: EntryKind,
        *,
        redemption_id: RedemptionId | None = None,
        earning_id: EarningId | None = None,
        lifetime_points: int = 0,
        asked_points: int | None = None,
        note: str | None = None,
        first_lot_id: LotId | None = None,
        owed_points: int = 0,
    ) -> Entry:
        """Draw points out of a wallet's live lots: from one before all others, where that is said,
        and else in the program's order."""
        self.open(purse)
        self.sweep(purse)
        order = self.program(purse.wallet.program_id).draw_order
        lots = in_draw_order(purse.lots, order)
        if first_lot_id is not None:
            lots = sorted(lots, key=lambda lot: lot.id != first_lot_id)
        lot_ids, draws = draw(lots, points)
        self._remember(purse, lot_ids)
        return self._entry(
            purse,
            kind,
            -points,
            lot_ids,
            draws,
            redemption_id=redemption_id,
            earning_id=earning_id,
            lifetime_points=lifetime_points,
            asked_points=asked_points,
            note=note,
            owed_points=owed_points,
        )

    def repay(self, purse: Purse) -> None:
        """Let what came in pay off what the member owes."""
        points = min(purse.owed, purse.spendable(self.now))
        if points > 0:
            self.take(purse, points, "repaid", owed_points=-points)

    def put(
        self,
        purse: Purse,
        points: int,
        kind: EntryKind,
        *,
        expires_at: datetime | None,
        lifetime_points: int = 0,
        pending_points: int = 0,
        redemption_id: RedemptionId | None = None,
        earning_id: EarningId | None = None,
        note: str | None = None,
    ) -> tuple[Entry, LotId]:
        """Credit points as a lot of their own."""
        self.open(purse)
        self.sweep(purse)
        lot_id = self.new_lot(purse, points, self.now, expires_at)
        entry = self._entry(
            purse,
            kind,
            points,
            (lot_id,),
            (points,),
            lifetime_points=lifetime_points,
            pending_points=pending_points,
            redemption_id=redemption_id,
            earning_id=earning_id,
            note=note,
        )
        self.repay(purse)
        return entry, lot_id

    def await_points(
        self,
        purse: Purse,
        points: int,
        kind: EntryKind,
        *,
        earning_id: EarningId,
        note: str | None = None,
    ) -> None:
        """Move only points that wait for approval: more of them, or fewer."""
        if points:
            self._entry(
                purse, kind, 0, (), (), earning_id=earning_id, pending_points=points, note=note
            )

    def new_lot(
        self, purse: Purse, points: int, effective_at: datetime, expires_at: datetime | None
    ) -> LotId:
        lot_id = LotId(self.fresh.next_id())
        self.effects.new_lots.append(NewLot(lot_id, purse.id, points, effective_at, expires_at))
        self.effects.lots[lot_id] = points
        self.origins[lot_id] = (effective_at, expires_at)
        self._insert(purse, Lot(lot_id, points, effective_at, expires_at))
        return lot_id

    def origin(self, lot_id: LotId) -> tuple[datetime, datetime | None]:
        """Give when a lot took effect and when it expires, also of one that is used up."""
        return self.origins[lot_id]

    def refill(self, purse: Purse, lot_id: LotId, points: int, expires_at: datetime | None) -> None:
        """Give points back to the lot they were drawn from, which may have been used up since."""
        for lot in purse.lots:
            if lot.id == lot_id:
                lot.points_remaining += points
                break
        else:
            effective_at = self.origin(lot_id)[0]
            self._insert(purse, Lot(lot_id, points, effective_at, expires_at))
        self._remember(purse, (lot_id,))

    def _insert(self, purse: Purse, lot: Lot) -> None:
        purse.lots.append(lot)
        purse.lots.sort(key=lambda each: (each.effective_at, each.id))
        if lot.expires_at is not None and (
            purse.soonest_expiry_at is None or lot.expires_at < purse.soonest_expiry_at
        ):
            purse.soonest_expiry_at = lot.expires_at

    def _remember(self, purse: Purse, lot_ids: tuple[LotId, ...]) -> None:
        is_used_up = False
        for lot in purse.lots:
            if lot.id in lot_ids:
                self.effects.lots[lot.id] = lot.points_remaining
                is_used_up = is_used_up or not lot.points_remaining
        if is_used_up:
            purse.lots = [lot for lot in purse.lots if lot.points_remaining]

    def credit(
        self,
        purse: Purse,
        kind: EntryKind,
        parts: tuple[tuple[LotId, int], ...],
        *,
        redemption_id: RedemptionId | None = None,
        note: str | None = None,
    ) -> Entry:
        """Record points put back into lots already changed by `refill` or `new_lot`."""
        points = sum(part for _, part in parts)
        entry = self._entry(
            purse,
            kind,
            points,
            tuple(lot_id for lot_id, _ in parts),
            tuple(part for _, part in parts),
            redemption_id=redemption_id,
            note=note,
        )
        self.repay(purse)
        return entry

    def _entry(
        self,
        purse: Purse,
        kind: EntryKind,
        points: int,
        lot_ids: tuple[LotId, ...],
        lot_points: tuple[int, ...],
        *,
        redemption_id: RedemptionId | None = None,
        earning_id: EarningId | None = None,
        lifetime_points: int = 0,
        asked_points: int | None = None,
        note: str | None = None,
        pending_points: int = 0,
        owed_points: int = 0,
    ) -> Entry:
        purse.available += points
        purse.owed += owed_points
        purse.lifetime += lifetime_points
        purse.pending += pending_points
        purse.is_changed = True
        entry = Entry(
            EntryId(self.fresh.next_id()),
            purse.id,
            kind,
            points,
            purse.available,
            lot_ids,
            lot_points,
            self.now,
            lifetime_points,
            asked_points,
            redemption_id,
            earning_id,
            note,
            pending_points,
            owed_points,
        )
        self.effects.entries.append(entry)
        return entry

    def count_spent(self, purse: Purse, points: int, spent_at: datetime | None = None) -> None:
        """Let later commands of the batch see what one spent. What came back is negative, and was
        spent at some time."""
        point_type = self.catalogue.point_types.get(purse.wallet.point_type_id)
        if point_type is None or point_type.spend_limits == UNLIMITED:
            return
        ever, in_interval = self.spent.get(purse.id, (0, 0))
        timezone = self.program(purse.wallet.program_id).timezone
        since = interval_start(point_type.spend_limits.interval or "ever", self.now, timezone)
        counts = spent_at is None or spent_at >= since
        self.spent[purse.id] = (ever + points, in_interval + (points if counts else 0))

    # -- recording -------------------------------------------------------------------------

    def put_redemption(self, redemption: Redemption, *, is_new: bool = False) -> None:
        known = self.effects.new_redemptions
        if is_new or redemption.id in known:
            known[redemption.id] = redemption
        else:
            self.effects.redemptions[redemption.id] = redemption
        self.redemptions[redemption.id] = redemption

    def put_earning(self, earning: Earning, *, is_new: bool = False) -> None:
        known = self.effects.new_earnings
        if is_new or earning.id in known:
            known[earning.id] = earning
        else:
            self.effects.earnings[earning.id] = earning
        self.earnings[earning.id] = earning
        if earning.order_id is not None:
            ordered_at = earning.ordered_at or earning.created_at
            last = self.last_orders.get(earning.member_id, ordered_at)
            self.last_orders[earning.member_id] = max(last, ordered_at)

    def count(self, reward_id: RewardId, redemptions: int, units: int) -> None:
        """Move a reward's counter, and what later commands of this batch see of it."""
        moved = self.effects.counters.get(reward_id, (0, 0))
        self.effects.counters[reward_id] = (moved[0] + redemptions, moved[1] + units)
        counter = self.counters.get(reward_id)
        if counter is not None:
            counter[0] += redemptions
            counter[1] += units

    def return_to_member(self, redemption: Redemption) -> None:
        """Let a redemption given back no longer count towards its member's and session's limits."""
        if redemption.context is not None and redemption.context.session is not None:
            session = (redemption.reward_id, redemption.context.session.token)
            if session in self.taken_in_session:
                self.taken_in_session[session] -= 1
        slot = (redemption.member_id, redemption.reward_id)
        reward = self.catalogue.rewards.get(redemption.reward_id)
        if redemption.is_grant:
            return
        if redemption.created_at in self.taken_at.get(slot, ()):
            self.taken_at[slot].remove(redemption.created_at)
        if slot not in self.taken_by_member or reward is None or reward.limit_per_member is None:
            return
        timezone = self.program(redemption.program_id).timezone
        since = interval_start(reward.limit_per_member.interval, self.now, timezone)
        if redemption.created_at >= since:
            self.taken_by_member[slot] -= 1

    def announce(
        self,
        kind: EventKind,
        purse: Purse,
        *,
        redemption_id: RedemptionId | None = None,
        earning_id: EarningId | None = None,
        **facts: int | str | bool | None,
    ) -> None:
        """Record a fact about a member. It changes their wallet, if only when that was changed
        last: so what has happened to a member can be listed in the order in which it happened.

        The figures told are those of the default wallet. Where another is meant, it is named by its
        point type."""
        purse.is_changed = True
        default = purse
        if not purse.wallet.is_default:
            default = self.default_purse(purse.wallet.member_id)
            default.is_changed = True
            point_type = self.catalogue.point_types.get(purse.wallet.point_type_id)
            facts["point_type"] = None if point_type is None else point_type.slug
            facts["wallet_points_available"] = purse.balance(self.now)
        facts["points_available"] = default.balance(self.now)
        facts["points_lifetime"] = default.lifetime
        self.effects.events.append(
            Event(
                EventId(self.fresh.next_id()),
                kind,
                purse.wallet.program_id,
                purse.wallet.member_id,
                facts,
                self.now,
                redemption_id,
                earning_id,
            )
        )

    def set_tier(self, purse: Purse, tier_id: TierId | None) -> None:
        purse.tier_id = tier_id
        purse.is_changed = True

    def finish(self) -> Effects:
        """Give everything that has to be written. The fold is spent."""
        new_wallets = {wallet.id for wallet in self.effects.new_wallets}
        for purse in self.purses.values():
            if purse.is_changed or purse.id in new_wallets:
                self.effects.wallets.append(purse.change())
        return self.effects
