"""Proving every balance: the entries are replayed and compared with all that follows from them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from guerdon.domain.ids import MerchantId, WalletId
from guerdon.domain.proof import Drift, Proof
from guerdon.store import offers, proofs
from guerdon.store.connection import Connection, Pool
from guerdon.store.snapshot import snapshot

DRIFTS_MAX = 100
# With --since, so many wallets are proven by one round of statements.
WALLETS_PER_ROUND = 50_000

Progress = Callable[[MerchantId, str], None]

_OF_WALLETS: tuple[Callable[..., Awaitable[list[Drift]]], ...] = (
    proofs.check_wallets,
    proofs.check_entries,
    proofs.check_entry_links,
    proofs.check_draws,
    proofs.check_lots,
    proofs.check_redemptions,
    proofs.check_earnings,
)
_OF_MERCHANT: tuple[Callable[..., Awaitable[list[Drift]]], ...] = (
    proofs.check_members,
    proofs.check_counters,
    proofs.check_pool_codes,
    proofs.check_codes,
    proofs.check_payments,
    proofs.check_events,
    proofs.check_sequence,
)
STEPS_PER_MERCHANT = len(_OF_WALLETS) + len(_OF_MERCHANT)


async def verify(
    pool: Pool,
    *,
    merchant_id: MerchantId | None = None,
    since: datetime | None = None,
    drifts_max: int = DRIFTS_MAX,
    on_step: Progress | None = None,
) -> Proof:
    """Prove every figure of one merchant, or of all, and list the first drifts.

    Each merchant is read in one repeatable-read snapshot, so it may run under load: a batch is
    seen whole or not at all, and nothing is locked. With `since`, only wallets are looked at that
    changed from then on, by themselves, a redemption or an earning, and no check that reads all of
    a merchant's codes, members and events is made."""
    proof = Proof()
    for each in await _merchants(pool, merchant_id):
        await _verify_merchant(pool, each, proof, since, drifts_max, on_step)
        proof.merchants += 1
        if len(proof.drifts) >= drifts_max:
            proof.is_cut = True
            break
    return proof


async def _merchants(pool: Pool, merchant_id: MerchantId | None) -> list[MerchantId]:
    if merchant_id is not None:
        return [merchant_id]
    async with snapshot(pool) as view:
        return [each for each, _ in await offers.list_merchants(view)]


async def _verify_merchant(
    pool: Pool,
    merchant_id: MerchantId,
    proof: Proof,
    since: datetime | None,
    drifts_max: int,
    on_step: Progress | None,
) -> None:
    async with snapshot(pool) as view:
        await proofs.begin_proof(view)
        rounds: list[list[WalletId] | None] = [None]
        if since is not None:
            touched = await proofs.list_touched_wallets(view, merchant_id, since)
            rounds = [
                touched[start : start + WALLETS_PER_ROUND]
                for start in range(0, len(touched), WALLETS_PER_ROUND)
            ]
        for wallet_ids in rounds:
            proof.tally += await proofs.count_proven(view, merchant_id, wallet_ids)
            for check in _OF_WALLETS:
                _tell(on_step, merchant_id, check)
                left = drifts_max - len(proof.drifts)
                if left <= 0:
                    return
                proof.drifts += await check(view, merchant_id, left, wallet_ids)
        await _verify_whole(view, merchant_id, proof, since, drifts_max, on_step)


async def _verify_whole(
    view: Connection,
    merchant_id: MerchantId,
    proof: Proof,
    since: datetime | None,
    drifts_max: int,
    on_step: Progress | None,
) -> None:
    checks = _OF_MERCHANT if since is None else (proofs.check_counters, proofs.check_sequence)
    for check in checks:
        _tell(on_step, merchant_id, check)
        left = drifts_max - len(proof.drifts)
        if left <= 0:
            return
        proof.drifts += await check(view, merchant_id, left)


def _tell(
    on_step: Progress | None,
    merchant_id: MerchantId,
    check: Callable[..., Awaitable[list[Drift]]],
) -> None:
    if on_step is not None:
        on_step(merchant_id, check.__name__.removeprefix("check_").replace("_", " "))
