"""What would come of redemptions, decided as they are but never written."""

from collections.abc import Sequence

from guerdon.domain.command import Outcome, Redeem, Submission
from guerdon.domain.decision import decide
from guerdon.domain.errors import Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.engine import loading
from guerdon.engine.cataloguing import CatalogueChanged
from guerdon.engine.numbering import FreshIds
from guerdon.engine.submitting import Ledger
from guerdon.store.pool_codes import list_free_codes
from guerdon.store.snapshot import snapshot

_OFFERS_ROUNDS_MAX = 100


async def examine(
    ledger: Ledger, merchant_id: MerchantId, commands: Sequence[Redeem]
) -> list[Outcome]:
    """Decide each redemption as if it were the only one, all on one snapshot; write nothing.

    The outcomes have the checks of the acts themselves. Ids, codes and entries in them are made up.
    What is due to go back, though no worker has come by yet, still counts as taken."""
    submissions = [Submission(command) for command in commands]
    for _ in range(_OFFERS_ROUNDS_MAX):
        try:
            return await _examine(ledger, merchant_id, submissions)
        except CatalogueChanged:
            await ledger.catalogues.refresh(merchant_id)
    raise Unavailable("the offers keep changing; nothing was changed")


async def _examine(
    ledger: Ledger, merchant_id: MerchantId, submissions: Sequence[Submission]
) -> list[Outcome]:
    catalogue = await ledger.catalogues.get(merchant_id)
    named = loading.name(submissions)
    async with snapshot(ledger.runtime.pool) as view:
        state, reading = await loading.load_unlocked(view, merchant_id, named, catalogue)
        if reading.catalogue_version != catalogue.version:
            raise CatalogueChanged
        now = ledger.runtime.now()
        await loading.load_taken(view, merchant_id, named, catalogue, state, now)
        pools = loading.pools_of(named, catalogue)
        if pools:
            state.pools = await list_free_codes(view, merchant_id, pools)
    outcomes: list[Outcome] = []
    for submission in submissions:
        ids = FreshIds(state.highest_id + 1, ledger.runtime.bits)
        outcomes += decide([submission], state, catalogue, now, ids).outcomes
    return outcomes
