"""Redemptions without locks: read, decide, and write in one statement if nothing has changed.

A batch of redemptions is two round trips so, and locks nothing before it writes. Everything that it
rests on has a version: the wallets, which stand for their lots and their members' redemptions, and
the offers. Whichever wallet pays, its member's default one changes with it, so that both are
guarded: what the member is and has taken is read off that one. Where one has changed, or the batch
does more than redeem, it is run under locks."""

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Done, Outcome, Redeem, Redeemed, Submission
from guerdon.domain.decision import Decision, decide
from guerdon.domain.errors import OutcomeUnknown
from guerdon.domain.ids import EntryId, MerchantId, RedemptionId
from guerdon.domain.state import Effects, State
from guerdon.engine import loading
from guerdon.engine.cataloguing import CatalogueChanged
from guerdon.engine.numbering import FreshIds, Numbers
from guerdon.engine.runtime import Runtime
from guerdon.store import events
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.pool_codes import Passed, list_free_codes
from guerdon.store.sequences import bump_catalogue_version, lock_sequence
from guerdon.store.spends import IDS_EACH, Reading, Spends, Stale, is_distributed, write_spends
from guerdon.store.transaction import CommitUnknown, at_once, transaction

# How many of a merchant's batches take locks at most after one was stale.
_LOCKED_TURNS_MAX = 64
_LOOKUPS_MAX = 5
LOOKUP_BACKOFF_SECONDS = 0.02


class Turns:
    """Which merchants' next batches take locks: those whose wallets somebody else is busy with, for
    ever more batches while that goes on."""

    def __init__(self) -> None:
        self._left: dict[MerchantId, int] = {}
        self._last: dict[MerchantId, int] = {}

    def take(self, merchant_id: MerchantId) -> bool:
        """Say whether the merchant's next batch may do without locks, and count it."""
        left = self._left.get(merchant_id, 0)
        if left:
            self._left[merchant_id] = left - 1
        return not left

    def went_stale(self, merchant_id: MerchantId) -> None:
        """Count a batch that met others: the next ones take locks."""
        turns = min(2 * self._last.get(merchant_id, 0) + 1, _LOCKED_TURNS_MAX)
        self._left[merchant_id] = self._last[merchant_id] = turns

    def went_well(self, merchant_id: MerchantId) -> None:
        """Count a batch that met nobody: what came before is forgotten."""
        if self._last:
            self._last.pop(merchant_id, None)


class _Writing:
    """A statement under way: what it rests on, and once it is answered, the first id it took."""

    __slots__ = ("decision", "first", "floor", "ids")

    def __init__(self, decision: Decision, ids: FreshIds, *, floor: int) -> None:
        self.decision = decision
        self.ids = ids
        self.floor = floor
        self.first: int | None = None


class Spending:
    """Attempts batches without locks."""

    def __init__(self, runtime: Runtime, numbers: Numbers) -> None:
        self._runtime = runtime
        self._numbers = numbers
        self._turns = Turns()
        self._is_distributed: bool | None = None
        # Codes of pools that batches under way mean to take.
        self._reserved: set[str] = set()
        self._passed = Passed()

    def suits(self, merchant_id: MerchantId, submissions: Sequence[Submission]) -> bool:
        """Whether to attempt a batch without locks: it holds nothing but redemptions, and the
        merchant's last ones did not meet others in their wallets."""
        return (
            self._runtime.goes_unlocked
            and not self._is_distributed
            and all(type(submission.command) is Redeem for submission in submissions)
            and self._turns.take(merchant_id)
        )

    async def attempt(
        self,
        merchant_id: MerchantId,
        submissions: Sequence[Submission],
        named: loading.Named,
        catalogue: Catalogue,
        batch: int,
    ) -> list[Outcome] | None:
        """Read and decide without a lock, and write in one statement if nothing has changed.

        None: something has, or more is to be written than redemptions. Nothing was written, and
        the batch has to be decided under locks."""
        if loading.limited_sessions(named, catalogue):
            # Others may be taking the same reward in the same cart: only its lock can tell.
            return None
        under_way: _Writing | None = None
        reserved: set[str] = set()
        try:
            async with at_once(self._runtime.pool) as connection:
                if self._is_distributed is None:
                    self._is_distributed = await is_distributed(connection)
                if self._is_distributed:
                    return None
                state, reading = await loading.load_unlocked(
                    connection, merchant_id, named, catalogue
                )
                if reading.catalogue_version != catalogue.version:
                    raise CatalogueChanged
                now = self._runtime.now()
                await loading.load_taken(connection, merchant_id, named, catalogue, state, now)
                if not await self._reserve(
                    connection, merchant_id, named, catalogue, state, reserved
                ):
                    return None
                guess = self._numbers.guess(merchant_id, reading.next_id)
                ids = FreshIds(guess, self._runtime.bits)
                decision = decide(submissions, state, catalogue, now, ids)
                if decision.effects.is_empty:
                    return decision.outcomes
                if not _is_plain(decision.effects, guess):
                    return None
                self._numbers.set(merchant_id, ids.next)
                under_way = _Writing(decision, ids, floor=reading.next_id)
                spends = _spends_of(state, reading, decision.effects, guess)
                under_way.first = await write_spends(connection, merchant_id, now, batch, spends)
        except Stale:
            self._turns.went_stale(merchant_id)
            return None
        except CommitUnknown as error:
            if under_way is None:
                raise ConnectionError("the connection was lost while reading") from error
            # What was answered is known, even if the connection was lost on its way back.
            if under_way.first is None:
                under_way.first = await self._find_first(merchant_id, under_way.floor, batch)
        except DRIVER_ERRORS as error:
            if fault_of(error) not in ("constraint", "collision"):
                raise
            # Out of stock meanwhile, a key or a code that a rival used, a rival's locks.
            self._turns.went_stale(merchant_id)
            return None
        finally:
            self._reserved -= reserved
        if under_way.first is None:
            self._turns.went_stale(merchant_id)
            return None
        self._turns.went_well(merchant_id)
        first, ids = under_way.first, under_way.ids
        self._numbers.raise_to(merchant_id, first + ids.next - ids.first)
        return _under_ids_taken(under_way.decision, first - ids.first)

    async def _reserve(
        self,
        connection: Connection,
        merchant_id: MerchantId,
        named: loading.Named,
        catalogue: Catalogue,
        state: State,
        reserved: set[str],
    ) -> bool:
        """Set codes aside for the batch that no other batch of this process has set aside; say
        False where a pool may not have enough, which only its lock can tell."""
        wanted = loading.pools_of(named, catalogue)
        if not wanted:
            return True
        margin = len(self._reserved)
        found = await list_free_codes(
            connection,
            merchant_id,
            {reward_id: count + margin for reward_id, count in wanted.items()},
            self._passed,
        )
        for reward_id, count in wanted.items():
            codes = [code for code in found[reward_id] if code not in self._reserved][:count]
            if len(codes) < count:
                return False
            reserved.update(codes)
            self._reserved.update(codes)
            state.pools[reward_id] = codes
        return True

    async def _find_first(self, merchant_id: MerchantId, floor: int, batch: int) -> int | None:
        """Find the first id of a statement that got no answer.

        It may not even have begun. So where nothing of it is found, the version of the offers is
        raised under the lock that it will need: then it can never take effect."""
        for attempt in range(_LOOKUPS_MAX):
            if attempt:
                await asyncio.sleep(LOOKUP_BACKOFF_SECONDS * 4**attempt)
            try:
                async with transaction(self._runtime.pool) as tx:
                    await lock_sequence(tx, merchant_id)
                    found = await events.find_first_of_batch(tx, merchant_id, floor, batch)
                    if found is None:
                        await bump_catalogue_version(tx, merchant_id)
            except (*DRIVER_ERRORS, CommitUnknown):
                continue
            return None if found is None else found - IDS_EACH + 1
        raise OutcomeUnknown(OutcomeUnknown.__doc__)


def _is_plain(effects: Effects, first_id: int) -> bool:
    """Whether the effects are redemptions and no more, each with its entry and its event, under ids
    in the order that the statement gives them. Points that expired on the way are more."""
    made = effects.new_redemptions
    if not len(made) == len(effects.entries) == len(effects.events):
        return False
    due = first_id
    for redemption_id, entry, event in zip(made, effects.entries, effects.events, strict=True):
        if redemption_id != due or entry.id != due + 1 or event.id != due + 2:
            return False
        due += IDS_EACH
    return True


def _spends_of(state: State, reading: Reading, effects: Effects, first_id: int) -> Spends:
    known = state.wallets
    wallets = effects.wallets
    if len(wallets) > 1:
        # In the order in which every batch locks them.
        wallets = sorted(wallets, key=lambda each: (known[each.id].member_id, each.id))
    return Spends(
        catalogue_version=reading.catalogue_version,
        wallets=wallets,
        versions=[known[each.id].version for each in wallets],
        lots=effects.lots,
        counters=effects.counters,
        redemptions=list(effects.new_redemptions.values()),
        entries=effects.entries,
        events=effects.events,
        keys=effects.keys,
        # Stored answers name ids, so where there are any, it must be the very ids decided with.
        expected_id=first_id if effects.keys else None,
        places=reading.places,
        pool_codes=len(effects.pool_codes),
    )


def _under_ids_taken(decision: Decision, by: int) -> list[Outcome]:
    """Give the outcomes with the ids that were taken, so many higher than those decided with."""
    return [_moved(each, by) for each in decision.outcomes] if by else decision.outcomes


def _moved(outcome: Outcome, by: int) -> Outcome:
    if not isinstance(outcome, Done):
        return outcome
    assert isinstance(outcome.result, Redeemed)
    redemption = outcome.result.redemption
    assert redemption.entry_id is not None, "a plain redemption has its entry"
    moved = replace(
        redemption,
        id=RedemptionId(redemption.id + by),
        entry_id=EntryId(redemption.entry_id + by),
    )
    return Done(Redeemed(moved, outcome.result.points_after))
