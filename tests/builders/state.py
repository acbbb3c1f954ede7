"""A merchant's world in memory: what a batch would load, and what its effects leave behind."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec.structs import replace as replaced

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.clock import interval_start
from guerdon.domain.command import Command, Done, Outcome, Refused, Result, Submission
from guerdon.domain.condition import Traits
from guerdon.domain.decision import Decision, decide
from guerdon.domain.earning import Earning
from guerdon.domain.errors import Refusal
from guerdon.domain.event import Event
from guerdon.domain.expiry import kept_by
from guerdon.domain.ids import (
    EarningId,
    LotId,
    MemberId,
    RedemptionId,
    RewardId,
    RuleId,
    WalletId,
)
from guerdon.domain.ledger import Entry
from guerdon.domain.lot import Lot, NewLot
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption
from guerdon.domain.state import Counter, Effects, KeyRecord, State
from guerdon.domain.wallet import Wallet
from tests.builders.shop import FOUNDED, Shop

FIRST_ID = 10_000
_GIVEN_BACK = ("declined", "void")


def make_catalogue(shop: Shop) -> Catalogue:
    """Make the catalogue that a merchant's offers are read as."""
    return Catalogue(
        version=1,
        merchant=shop.merchant,
        programs={shop.program.id: shop.program},
        point_types={each.id: each for each in shop.point_types},
        tiers={shop.program.id: tuple(sorted(shop.tiers, key=lambda tier: tier.points_required))},
        rewards={reward.id: reward for reward in shop.rewards},
        rules={rule.id: rule for rule in shop.rules},
    )


class SeededFresh:
    """Rising ids, and bits that depend on the seed and the last id alone, however a run is split
    into batches."""

    def __init__(self, first: int, seed: int = 0) -> None:
        self.next = first
        self._seed = seed

    def next_id(self) -> int:
        self.next += 1
        return self.next - 1

    def bits(self) -> int:
        digest = hashlib.blake2b(f"{self._seed}/{self.next}".encode(), digest_size=16)
        return int.from_bytes(digest.digest(), "big")


@dataclass
class World:
    """Rows as the database would hold them. `copy` gives one that shares no change."""

    catalogue: Catalogue
    now: datetime = FOUNDED
    next_id: int = FIRST_ID
    members: dict[MemberId, Member] = field(default_factory=dict)
    wallets: dict[WalletId, Wallet] = field(default_factory=dict)
    lots: dict[LotId, NewLot] = field(default_factory=dict)
    remaining: dict[LotId, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    redemptions: dict[RedemptionId, Redemption] = field(default_factory=dict)
    earnings: dict[EarningId, Earning] = field(default_factory=dict)
    counters: dict[RewardId, tuple[int, int]] = field(default_factory=dict)
    pools: dict[RewardId, list[str]] = field(default_factory=dict)
    pool_taken: dict[str, RedemptionId] = field(default_factory=dict)
    keys: dict[str, KeyRecord] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    traits: dict[MemberId, Traits] = field(default_factory=dict)

    def copy(self) -> "World":
        return replace(
            self,
            members=dict(self.members),
            wallets=dict(self.wallets),
            lots=dict(self.lots),
            remaining=dict(self.remaining),
            entries=list(self.entries),
            redemptions=dict(self.redemptions),
            earnings=dict(self.earnings),
            counters=dict(self.counters),
            pools={reward_id: list(codes) for reward_id, codes in self.pools.items()},
            pool_taken=dict(self.pool_taken),
            keys=dict(self.keys),
            events=list(self.events),
        )

    # -- acting ----------------------------------------------------------------------------

    def decide(self, submissions: Iterable[Submission], *, seed: int = 0) -> Decision:
        fresh = SeededFresh(self.next_id, seed)
        return decide(list(submissions), self.state(), self.catalogue, self.now, fresh)

    def run(self, *commands: Command | Submission, seed: int = 0) -> list[Outcome]:
        """Decide a batch and apply its effects."""
        submissions = [
            each if isinstance(each, Submission) else Submission(each) for each in commands
        ]
        fresh = SeededFresh(self.next_id, seed)
        decision = decide(submissions, self.state(), self.catalogue, self.now, fresh)
        self.next_id = fresh.next
        apply_effects(self, decision.effects)
        return decision.outcomes

    def do(self, command: Command) -> Result:
        """Run one command that must be done, and give its result."""
        (outcome,) = self.run(command)
        assert isinstance(outcome, Done), outcome
        return outcome.result

    def refuse(self, command: Command) -> tuple[Refusal, ...]:
        """Decide one command that must be refused without any trace, and give the refusals."""
        decision = self.decide([Submission(command)])
        (outcome,) = decision.outcomes
        assert isinstance(outcome, Refused), outcome
        assert decision.effects == Effects()
        return outcome.refusals

    # -- looking ---------------------------------------------------------------------------

    def state(self) -> State:
        """Give what a batch that names everything would load."""
        state = State()
        for wallet in sorted(self.wallets.values(), key=lambda each: (each.member_id, each.id)):
            lots = tuple(self.open_lots(wallet.id))
            state.wallets[wallet.id] = replaced(wallet, lots=lots)
            state.members.setdefault(wallet.member_id, []).append(wallet.id)
        for member in sorted(self.members.values(), key=lambda each: each.id):
            state.by_external_id[member.program_id, member.external_id] = member.id
            if member.email is not None:
                state.by_email.setdefault((member.program_id, member.email), member.id)
            state.profiles[member.id] = member
        state.redemptions = dict(self.redemptions)
        state.earnings = dict(self.earnings)
        state.counters = {
            reward.id: Counter(*self.counters.get(reward.id, (0, 0)))
            for reward in self.catalogue.rewards.values()
            if reward.is_counted
        }
        state.taken_by_member = self._taken()
        state.taken_at = self._taken_at()
        state.traits = dict(self.traits)
        state.taken_in_session = self._taken_in_session()
        for each in self.earnings.values():
            if each.rule_id is not None and each.status != "rejected":
                state.awarded.setdefault((each.member_id, each.rule_id), set()).add(each.id)
        state.completed = self._completed()
        state.granted = {
            (each.member_id, each.reward_id) for each in self.redemptions.values() if each.is_grant
        }
        state.pools = {
            reward_id: [code for code in codes if code not in self.pool_taken]
            for reward_id, codes in self.pools.items()
        }
        state.origins = {lot.id: (lot.effective_at, lot.expires_at) for lot in self.lots.values()}
        state.last_orders = self._last_orders()
        state.last_acts = self._last_acts()
        state.spent = {wallet_id: self._spent(wallet_id) for wallet_id in self.wallets}
        state.keys = dict(self.keys)
        return state

    def open_lots(self, wallet_id: WalletId) -> list[Lot]:
        lots = [
            Lot(lot.id, self.remaining[lot.id], lot.effective_at, lot.expires_at)
            for lot in self.lots.values()
            if lot.wallet_id == wallet_id and self.remaining[lot.id]
        ]
        return sorted(lots, key=lambda lot: (lot.effective_at, lot.id))

    def wallet(self, member_id: MemberId) -> Wallet:
        return next(
            each
            for each in self.wallets.values()
            if each.member_id == member_id and each.is_default
        )

    def _taken(self) -> dict[tuple[MemberId, RewardId], int]:
        taken: dict[tuple[MemberId, RewardId], int] = {}
        for each in self.redemptions.values():
            reward = self.catalogue.rewards[each.reward_id]
            if reward.limit_per_member is None or each.is_grant or each.status in _GIVEN_BACK:
                continue
            timezone = self.catalogue.programs[each.program_id].timezone
            if each.created_at >= interval_start(
                reward.limit_per_member.interval, self.now, timezone
            ):
                slot = (each.member_id, each.reward_id)
                taken[slot] = taken.get(slot, 0) + 1
        return taken

    def _taken_at(self) -> dict[tuple[MemberId, RewardId], list[datetime]]:
        taken: dict[tuple[MemberId, RewardId], list[datetime]] = {}
        for each in self.redemptions.values():
            if not each.is_grant and each.status not in _GIVEN_BACK:
                taken.setdefault((each.member_id, each.reward_id), []).append(each.created_at)
        return taken

    def _taken_in_session(self) -> dict[tuple[RewardId, str], int]:
        taken: dict[tuple[RewardId, str], int] = {}
        for each in self.redemptions.values():
            session = None if each.context is None else each.context.session
            if session is not None and each.status not in _GIVEN_BACK:
                slot = (each.reward_id, session.token)
                taken[slot] = taken.get(slot, 0) + 1
        return taken

    def _spent(self, wallet_id: WalletId) -> tuple[int, int]:
        wallet = self.wallets[wallet_id]
        limits = self.catalogue.point_types[wallet.point_type_id].spend_limits
        timezone = self.catalogue.programs[wallet.program_id].timezone
        since = interval_start(limits.interval or "ever", self.now, timezone)
        mine = [each for each in self.redemptions.values() if each.wallet_id == wallet_id]
        return (
            sum(each.points_cost - each.points_refunded for each in mine),
            sum(
                each.points_cost - each.points_refunded for each in mine if each.created_at >= since
            ),
        )

    def _last_acts(self) -> dict[WalletId, datetime]:
        last: dict[WalletId, datetime] = {}
        for entry in self.entries:
            point_type_id = self.wallets[entry.wallet_id].point_type_id
            expiry = self.catalogue.point_types[point_type_id].expiry
            if expiry is not None and entry.kind in kept_by(expiry):
                last[entry.wallet_id] = entry.created_at
        return last

    def _last_orders(self) -> dict[MemberId, datetime]:
        last: dict[MemberId, datetime] = {}
        for each in self.earnings.values():
            if each.order_id is not None:
                ordered_at = each.ordered_at or each.created_at
                last[each.member_id] = max(last.get(each.member_id, ordered_at), ordered_at)
        return last

    def _completed(self) -> dict[tuple[RuleId, str], Earning]:
        return {
            (each.rule_id, each.action_key): each
            for each in self.earnings.values()
            if each.rule_id is not None and each.action_key is not None
        }


def apply_effects(world: World, effects: Effects) -> None:
    """Write effects as the store would, and refuse what its constraints would refuse."""
    for member in effects.new_members:
        assert member.id not in world.members
        world.members[member.id] = member
    world.members.update(effects.members)
    for wallet in effects.new_wallets:
        assert wallet.id not in world.wallets
        world.wallets[wallet.id] = wallet
    for change in effects.wallets:
        world.wallets[change.id] = replaced(
            world.wallets[change.id],
            **{name: getattr(change, name) for name in change.__struct_fields__ if name != "id"},
        )
    for lot in effects.new_lots:
        assert lot.id not in world.lots
        world.lots[lot.id] = lot
    for lot_id, remaining in effects.lots.items():
        assert 0 <= remaining <= world.lots[LotId(lot_id)].points
        world.remaining[LotId(lot_id)] = remaining
    world.entries.extend(effects.entries)
    assert not effects.new_redemptions.keys() & world.redemptions.keys()
    assert effects.redemptions.keys() <= world.redemptions.keys()
    world.redemptions.update(effects.new_redemptions)
    world.redemptions.update(effects.redemptions)
    assert not effects.new_earnings.keys() & world.earnings.keys()
    assert effects.earnings.keys() <= world.earnings.keys()
    world.earnings.update(effects.new_earnings)
    world.earnings.update(effects.earnings)
    for reward_id, (redemptions, units) in effects.counters.items():
        known = world.counters.get(reward_id, (0, 0))
        world.counters[reward_id] = (known[0] + redemptions, known[1] + units)
    for code, redemption_id in effects.pool_codes:
        assert code not in world.pool_taken
        world.pool_taken[code] = redemption_id
    for record in effects.keys:
        assert record.key not in world.keys
        world.keys[record.key] = record
    world.events.extend(effects.events)
