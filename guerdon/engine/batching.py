"""One batch, from its locks to its commit; and what is done when that goes wrong."""

import asyncio
import itertools
import random
from collections.abc import Sequence

import structlog

from guerdon.domain.command import Outcome, Refused, Submission
from guerdon.domain.decision import Decision, decide
from guerdon.domain.errors import GuerdonError, OutcomeUnknown, Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.domain.state import Effects
from guerdon.engine import loading, recording
from guerdon.engine.cataloguing import CatalogueChanged, Catalogues
from guerdon.engine.numbering import FreshIds, Numbers
from guerdon.engine.runtime import Runtime
from guerdon.engine.spending import Spending
from guerdon.store import events, idempotency_records
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, Fault, fault_of
from guerdon.store.sequences import get_catalogue_version, lock_sequence
from guerdon.store.transaction import CommitUnknown, transaction

ATTEMPTS_MAX = 5
BACKOFF_SECONDS = 0.02
# For so long a batch that only ever collides is tried again: nothing is wrong but that many write.
COLLISION_SECONDS_MAX = 15.0
OFFERS_ROUNDS_MAX = 100
_log = structlog.get_logger(__name__)


class Batches:
    """Runs batches, each of one merchant: without locks where that may do, else under them."""

    def __init__(self, runtime: Runtime, catalogues: Catalogues) -> None:
        self._runtime = runtime
        self._catalogues = catalogues
        self._numbers = Numbers()
        self._spending = Spending(runtime, self._numbers)

    async def run(
        self, merchant_id: MerchantId, submissions: Sequence[Submission]
    ) -> list[Outcome | Exception]:
        """Give each submission its own outcome, whatever happens to the others.

        A collision with a rival is tried again for a while, anything else a few times. If a
        constraint refuses the write, or a value cannot be written at all, the commands are run one
        at a time, so that only the guilty one fails. A connection lost before COMMIT changed
        nothing and is tried again; one lost at COMMIT is looked up."""
        begun = asyncio.get_running_loop().time()
        for attempt in itertools.count():
            try:
                return list(await self._with_offers_as_they_are(merchant_id, submissions))
            except GuerdonError as error:
                return [error] * len(submissions)
            except DRIVER_ERRORS as error:
                fault = fault_of(error)
                if fault in ("constraint", "other") and len(submissions) > 1:
                    return await self._one_by_one(merchant_id, submissions)
                if not _may_try_again(fault):
                    return [error]
                _log.info("batch_tried_again", attempt=attempt, fault=fault, error=repr(error))
            except Exception as error:  # noqa: BLE001 -- a defect that one command laid bare
                if len(submissions) > 1:
                    return await self._one_by_one(merchant_id, submissions)
                return [error]
            waited = asyncio.get_running_loop().time() - begun
            if attempt + 1 >= ATTEMPTS_MAX and (
                fault != "collision" or waited > COLLISION_SECONDS_MAX
            ):
                break
            pause = BACKOFF_SECONDS * 2 ** min(attempt + 1, ATTEMPTS_MAX)
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 -- jitter
        return [Unavailable("the ledger is busy or out of reach; nothing was changed")] * len(
            submissions
        )

    async def _with_offers_as_they_are(
        self, merchant_id: MerchantId, submissions: Sequence[Submission]
    ) -> list[Outcome]:
        """Attempt a batch until the offers stand still between its reading and its writing.

        Each round means that somebody has changed them, which is seldom; so there is no waiting."""
        for _ in range(OFFERS_ROUNDS_MAX):
            try:
                return await self._attempt(merchant_id, submissions)
            except CatalogueChanged:
                await self._catalogues.refresh(merchant_id)
        raise Unavailable("the offers keep changing; nothing was changed")

    async def _one_by_one(
        self, merchant_id: MerchantId, submissions: Sequence[Submission]
    ) -> list[Outcome | Exception]:
        outcomes: list[Outcome | Exception] = []
        for submission in submissions:
            outcomes.extend(await self.run(merchant_id, [submission]))
        return outcomes

    async def _attempt(
        self, merchant_id: MerchantId, submissions: Sequence[Submission]
    ) -> list[Outcome]:
        catalogue = await self._catalogues.get(merchant_id)
        named = loading.name(submissions)
        batch = self._runtime.bits() & (2**63 - 1)
        if self._spending.suits(merchant_id, submissions):
            outcomes = await self._spending.attempt(
                merchant_id, submissions, named, catalogue, batch
            )
            if outcomes is not None:
                return outcomes
        decision: Decision | None = None
        try:
            async with transaction(self._runtime.pool) as tx:
                state = await loading.load(tx, merchant_id, named, catalogue)
                if any(w.program_id not in catalogue.programs for w in state.wallets.values()):
                    raise CatalogueChanged
                # Taken under the locks, so that no wallet ever sees time run backwards.
                now = self._runtime.now()
                await loading.load_taken(tx, merchant_id, named, catalogue, state, now)
                ids = FreshIds(
                    self._numbers.guess(merchant_id, state.highest_id + 1), self._runtime.bits
                )
                decision = decide(submissions, state, catalogue, now, ids)
                if decision.effects.is_empty:
                    if any(isinstance(each, Refused) for each in decision.outcomes):
                        # Nothing will be written that could find the offers stale.
                        current = await get_catalogue_version(tx, merchant_id)
                        if current != catalogue.version:
                            raise CatalogueChanged
                    return decision.outcomes
                self._numbers.set(merchant_id, ids.next)
                count = ids.next - ids.first
                first, version = await recording.change(
                    tx, merchant_id, now, decision.effects, batch, count
                )
                self._numbers.raise_to(merchant_id, first + count)
                if version != catalogue.version:
                    raise CatalogueChanged
                if first != ids.first:
                    # Another process or lane took ids meanwhile. Deciding again is cheap and
                    # gives the same but for the ids: the state is still under our locks.
                    self._numbers.set(merchant_id, first + count)
                    again = FreshIds(first, self._runtime.bits)
                    decision = decide(submissions, state, catalogue, now, again)
                await recording.insert(tx, merchant_id, now, decision.effects, batch)
        except CommitUnknown:
            assert decision is not None, "a commit comes after a decision"
            if decision.effects.is_empty or await self._took_effect(
                merchant_id, decision.effects, batch
            ):
                return decision.outcomes
            raise ConnectionError("the commit did not take effect") from None
        return decision.outcomes

    async def _took_effect(self, merchant_id: MerchantId, effects: Effects, batch: int) -> bool:
        """Find out whether a transaction whose COMMIT got no answer took effect.

        It held the merchant's sequence, so once that lock is ours the transaction is over, one way
        or the other; then its own rows tell. Out of reach for too long, it stays unknown."""
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep(BACKOFF_SECONDS * 4**attempt)
            try:
                async with transaction(self._runtime.pool) as tx:
                    await lock_sequence(tx, merchant_id)
                    return await _has_rows_of(tx, merchant_id, effects, batch)
            except (*DRIVER_ERRORS, CommitUnknown):
                continue
        raise OutcomeUnknown(OutcomeUnknown.__doc__)


async def _has_rows_of(
    tx: Connection, merchant_id: MerchantId, effects: Effects, batch: int
) -> bool:
    if effects.events:
        return await events.find_event_of_batch(tx, merchant_id, effects.events[0].id, batch)
    wanted = effects.keys[0]
    found = await idempotency_records.list_key_records(tx, merchant_id, [wanted.key])
    return wanted.key in found


def _may_try_again(fault: Fault) -> bool:
    """A constraint may yield to other random bits, or to a rival's row now visible."""
    return fault in ("collision", "lost", "busy", "constraint")
