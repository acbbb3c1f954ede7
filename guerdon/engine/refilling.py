"""Keeps pools filled whose codes are minted ahead on a platform."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog

from guerdon.domain.catalogue import Catalogue, Merchant, Reward
from guerdon.domain.code import make_code
from guerdon.domain.ids import MerchantId, RewardId
from guerdon.engine.portions import Portion
from guerdon.engine.ports import Connected, FulfilmentFailed, Minted, PoolMinter
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import counters, offers, pool_mints, sequences
from guerdon.store.pool_mints import Mint
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction

# So many codes are minted at once at most, whatever a reward asks for.
CODES_MAX = 1000
_BACKOFF_SECONDS = 15.0
_BACKOFF_SECONDS_MAX = 900.0
# How much longer than the minting itself a lease lasts.
_LEASE_SPARE_SECONDS = 30.0

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder(order="deterministic").encode


async def refill_pools(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Mint codes for at most so many pools that run low; give how many codes came of it.

    The codes are chosen and kept before the platform is asked, and asked for again, the same ones,
    after whatever happened to the one who asked. Of two workers one mints, the other does not."""
    runtime = ledger.runtime
    if not runtime.minters:
        return Portion(0, has_more=False)
    catalogue = await _catalogue_of(ledger, merchant_id)
    rewards = minted_rewards(runtime, catalogue)
    if not rewards:
        return Portion(0, has_more=False)
    await _choose_codes(runtime, catalogue, rewards)
    made = 0
    for mint in await _claim(runtime, merchant_id, limit):
        made += await _mint(ledger, catalogue, mint)
    return Portion(made, has_more=made > 0)


def minted_rewards(runtime: Runtime, catalogue: Catalogue) -> list[Reward]:
    """List the rewards whose pools are to be kept filled."""
    return [
        reward
        for reward in catalogue.rewards.values()
        if reward.fulfil_by in runtime.minters
        and reward.status == "active"
        and reward.archived_at is None
        and reward.codes_from is None
    ]


def terms_of(merchant: Merchant, reward: Reward) -> str:
    """Tell apart what a reward's codes are good for: codes of other terms are not handed out."""
    terms = [merchant.currency, reward.name, reward.kind, reward.fulfil_by, reward.discount]
    return hashlib.sha256(_encode(terms)).hexdigest()[:32]


async def _catalogue_of(ledger: Ledger, merchant_id: MerchantId) -> Catalogue:
    catalogue = await ledger.catalogues.get(merchant_id)
    async with snapshot(ledger.runtime.pool) as view:
        version = await sequences.get_catalogue_version(view, merchant_id)
    if version == catalogue.version:
        return catalogue
    return await ledger.catalogues.refresh(merchant_id)


async def _choose_codes(runtime: Runtime, catalogue: Catalogue, rewards: Sequence[Reward]) -> None:
    """Clear codes that are good for something else by now; keep new ones for pools that run low."""
    merchant = catalogue.merchant
    terms = {reward.id: terms_of(merchant, reward) for reward in rewards}
    async with snapshot(runtime.pool) as view:
        stale = await pool_mints.list_stale_rewards(view, merchant.id, terms)
        left = await pool_mints.count_free_codes(view, merchant.id, list(terms))
        minting = await pool_mints.list_open_mints(view, merchant.id)
    low = [
        reward
        for reward in rewards
        if reward.id not in minting
        and reward.pool_refill > 0
        and (reward.id in stale or left[reward.id] < reward.pool_low_water)
    ]
    if not stale and not low:
        return
    async with transaction(runtime.pool) as tx:
        # As a redemption does, so that none is taking a code that is cleared away.
        await counters.lock_counters(tx, merchant.id, sorted(stale))
        for reward_id in stale:
            await pool_mints.delete_stale_codes(tx, merchant.id, reward_id, terms[reward_id])
        if low:
            now = runtime.now()
            first = await sequences.take_ids(tx, merchant.id, len(low))
            for mint_id, reward in enumerate(low, start=first):
                codes = _new_codes(runtime, catalogue, reward, _count_of(reward))
                await pool_mints.insert_mint(
                    tx, merchant.id, mint_id, reward.id, terms[reward.id], codes, now
                )


def _count_of(reward: Reward) -> int:
    return min(reward.pool_refill, CODES_MAX)


def _new_codes(runtime: Runtime, catalogue: Catalogue, reward: Reward, count: int) -> list[str]:
    program = catalogue.programs[reward.program_id]
    codes: dict[str, None] = {}
    while len(codes) < count:
        codes[make_code(program, runtime.bits())] = None
    return list(codes)


async def _claim(runtime: Runtime, merchant_id: MerchantId, limit: int) -> list[Mint]:
    now = runtime.now()
    longest = max(minter.seconds_max for minter in runtime.minters.values())
    leased_until = now + timedelta(seconds=longest * limit + _LEASE_SPARE_SECONDS)
    async with transaction(runtime.pool) as tx:
        return await pool_mints.claim_mints(tx, merchant_id, now, leased_until, limit)


async def _mint(ledger: Ledger, catalogue: Catalogue, mint: Mint) -> int:
    """Have codes minted and put them into the pool; give how many those are."""
    runtime, merchant = ledger.runtime, catalogue.merchant
    reward = catalogue.rewards.get(mint.reward_id)
    minter = runtime.minters.get(reward.fulfil_by) if reward else None
    if reward is None or minter is None or mint.terms != terms_of(merchant, reward):
        await _abandon(runtime, merchant.id, mint)
        return 0
    connected = await ledger.connections.find(merchant.id, minter.platform)
    if connected is None:
        failure = FulfilmentFailed(f"the merchant is not connected to {minter.platform}")
        await _put_off(runtime, catalogue, reward, mint, failure)
        return 0
    try:
        minted = await _ask(runtime, minter, connected, merchant, reward, mint)
    except FulfilmentFailed as failed:
        await _put_off(runtime, catalogue, reward, mint, failed)
        return 0
    async with transaction(runtime.pool) as tx:
        now = runtime.now()
        first = await sequences.take_ids(tx, merchant.id, len(minted.codes))
        numbered = list(enumerate(minted.codes, start=first))
        made = await offers.insert_pool_codes(tx, merchant.id, reward.id, numbered, now)
        await pool_mints.close_mint(tx, merchant.id, mint.id, now, reference=minted.reference)
    return made


async def _ask(
    runtime: Runtime,
    minter: PoolMinter,
    connected: Connected,
    merchant: Merchant,
    reward: Reward,
    mint: Mint,
) -> Minted:
    """Ask the platform, with no transaction open. Whatever goes wrong is a FulfilmentFailed."""
    async with snapshot(runtime.pool) as view:
        reference = await pool_mints.find_reference(view, merchant.id, reward.id, mint.terms)
    try:
        async with asyncio.timeout(minter.seconds_max):
            return await minter.mint(connected, merchant, reward, mint.codes, reference)
    except FulfilmentFailed:
        raise
    except Exception as error:
        _log.exception("minting_failed", reward_id=reward.id)
        raise FulfilmentFailed(f"the codes were not minted: {type(error).__name__}") from error


async def _put_off(
    runtime: Runtime, catalogue: Catalogue, reward: Reward, mint: Mint, failure: FulfilmentFailed
) -> None:
    """Leave the codes for later; those that were refused for good are replaced by others, on
    something else than the refused ones."""
    merchant_id = catalogue.merchant.id
    _log.warning("codes_not_minted", reward_id=reward.id, reason=failure.reason)
    wait = min(_BACKOFF_SECONDS * 2.0 ** min(mint.attempts - 1, 16), _BACKOFF_SECONDS_MAX)
    codes: Sequence[str] = mint.codes
    if failure.is_permanent:
        codes = _new_codes(runtime, catalogue, reward, _count_of(reward))
    now = runtime.now()
    async with transaction(runtime.pool) as tx:
        if failure.is_permanent:
            await pool_mints.forget_reference(tx, merchant_id, reward.id, mint.terms)
        await pool_mints.put_off_mint(
            tx,
            merchant_id,
            mint.id,
            now,
            codes=codes,
            next_at=now + timedelta(seconds=max(wait, failure.after_seconds or 0.0)),
            error=failure.reason,
        )


async def _abandon(runtime: Runtime, merchant_id: MerchantId, mint: Mint) -> None:
    """Give up codes of a reward that is something else by now; nobody was ever given one."""
    async with transaction(runtime.pool) as tx:
        await pool_mints.close_mint(
            tx, merchant_id, mint.id, runtime.now(), error="the reward has changed"
        )


async def list_pools(
    runtime: Runtime, catalogue: Catalogue
) -> list[tuple[Reward, int, pool_mints.OpenMint | None]]:
    """List the rewards that take from a pool, each with what is left and what is on its way."""
    merchant_id = catalogue.merchant.id
    pooled = [
        reward
        for reward in catalogue.rewards.values()
        if reward.is_pooled and reward.archived_at is None and reward.codes_from is None
    ]
    ids: list[RewardId] = [reward.id for reward in pooled]
    async with snapshot(runtime.pool) as view:
        left = await pool_mints.count_free_codes(view, merchant_id, ids)
        minting = await pool_mints.list_open_mints(view, merchant_id)
    return [(reward, left[reward.id], minting.get(reward.id)) for reward in pooled]
