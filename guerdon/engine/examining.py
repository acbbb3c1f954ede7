"""What would come of redemptions and payments, decided as they are but never written."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Outcome, PayOrder, Redeem, Submission
from guerdon.domain.condition import NO_TRAITS, Traits
from guerdon.domain.decision import decide
from guerdon.domain.errors import Unavailable
from guerdon.domain.fold import Fold
from guerdon.domain.ids import MemberId, MerchantId, WalletId
from guerdon.domain.spend import price_of
from guerdon.domain.state import State
from guerdon.domain.terms import Cost
from guerdon.engine import loading
from guerdon.engine.numbering import FreshIds
from guerdon.engine.submitting import Ledger
from guerdon.store.pool_codes import list_free_codes
from guerdon.store.snapshot import snapshot

_OFFERS_ROUNDS_MAX = 100


class Considered(Struct, frozen=True):
    """What would come of one redemption, and what it would cost whom: None where no cost of the
    reward is meant for the member, or where they have no wallet of its points."""

    outcome: Outcome
    cost: Cost | None
    wallet_id: WalletId | None


async def examine(
    ledger: Ledger, merchant_id: MerchantId, commands: Sequence[Redeem | PayOrder]
) -> list[Outcome]:
    """Decide each command as if it were the only one, all on one snapshot; write nothing.

    The outcomes have the checks of the acts themselves. Ids, codes and entries in them are made up.
    What is due to go back, though no worker has come by yet, still counts as taken."""
    state, catalogue, now = await _look(ledger, merchant_id, commands, {})
    return [_decide(ledger, command, state, catalogue, now) for command in commands]


async def consider(
    ledger: Ledger,
    merchant_id: MerchantId,
    wanted: Sequence[Redeem],
    supposed: Mapping[MemberId, Traits] | None = None,
) -> list[Considered]:
    """Decide each redemption as `examine` does, and tell its cost. The members are given by our
    ids. `supposed` is what to believe of members instead of what is known."""
    state, catalogue, now = await _look(ledger, merchant_id, wanted, supposed or {})
    fold = Fold(state, catalogue, now, FreshIds(1, ledger.runtime.bits))
    considered = []
    for command in wanted:
        outcome = _decide(ledger, command, state, catalogue, now)
        cost, wallet_id = None, None
        member_id, reward = command.member.id, catalogue.rewards.get(command.reward_id)
        if reward is not None and member_id is not None and member_id in fold.members:
            default = fold.default_purse(member_id)
            cost = price_of(reward, default.tier_id, fold.traits.get(member_id, NO_TRAITS))
            paying = None if cost is None else fold.purse_of(member_id, cost.point_type_id or None)
            wallet_id = None if paying is None else paying.id
        considered.append(Considered(outcome, cost, wallet_id))
    return considered


def _decide(
    ledger: Ledger,
    command: Redeem | PayOrder,
    state: State,
    catalogue: Catalogue,
    now: datetime,
) -> Outcome:
    ids = FreshIds(state.highest_id + 1, ledger.runtime.bits)
    return decide([Submission(command)], state, catalogue, now, ids).outcomes[0]


async def _look(
    ledger: Ledger,
    merchant_id: MerchantId,
    commands: Sequence[Redeem | PayOrder],
    supposed: Mapping[MemberId, Traits],
) -> tuple[State, Catalogue, datetime]:
    submissions = [Submission(command) for command in commands]
    for _ in range(_OFFERS_ROUNDS_MAX):
        catalogue = await ledger.catalogues.get(merchant_id)
        named = loading.name(submissions)
        async with snapshot(ledger.runtime.pool) as view:
            state, reading = await loading.load_unlocked(view, merchant_id, named, catalogue)
            if reading.catalogue_version != catalogue.version:
                await ledger.catalogues.refresh(merchant_id)
                continue
            now = ledger.runtime.now()
            await loading.load_taken(view, merchant_id, named, catalogue, state, now)
            state.traits.update(supposed)
            pools = loading.pools_of(named, catalogue)
            if pools:
                state.pools = await list_free_codes(view, merchant_id, pools)
        return state, catalogue, now
    raise Unavailable("the offers keep changing; nothing was changed")
