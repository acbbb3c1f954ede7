"""Codes on their way into pools."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MerchantId, RewardId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("pool_mints")


class Mint(Struct, frozen=True):
    """Codes taken in hand to be minted. `attempts` counts this one."""

    id: int
    reward_id: RewardId
    terms: str
    codes: tuple[str, ...]
    reference: str | None
    attempts: int


class OpenMint(Struct, frozen=True):
    """Codes not minted yet."""

    reward_id: RewardId
    attempts: int
    last_error: str | None
    next_at: datetime


async def count_free_codes(
    tx: Connection, merchant_id: MerchantId, reward_ids: list[RewardId]
) -> dict[RewardId, int]:
    """Count what is left in pools; an empty one is counted as nought."""
    rows = await tx.fetch(_SQL["count_free_codes"], merchant_id, reward_ids)
    return dict.fromkeys(reward_ids, 0) | {row[0]: row[1] for row in rows}


async def list_open_mints(tx: Connection, merchant_id: MerchantId) -> dict[RewardId, OpenMint]:
    """List the codes that are on their way, of which a reward has one lot at most."""
    rows = await tx.fetch(_SQL["list_open_mints"], merchant_id)
    return {row[0]: OpenMint(row[0], row[1], row[2], row[3]) for row in rows}


async def list_stale_rewards(
    tx: Connection, merchant_id: MerchantId, terms: Mapping[RewardId, str]
) -> list[RewardId]:
    """List the rewards that have codes left which are good for something else than they are."""
    rows = await tx.fetch(
        _SQL["list_stale_rewards"], merchant_id, list(terms.keys()), list(terms.values())
    )
    return [row[0] for row in rows]


async def delete_stale_codes(
    tx: Connection, merchant_id: MerchantId, reward_id: RewardId, terms: str
) -> None:
    """Take codes of other terms out of a pool; the reward's counter must be locked."""
    await tx.execute(_SQL["delete_stale_codes"], merchant_id, reward_id, terms)


async def insert_mint(
    tx: Connection,
    merchant_id: MerchantId,
    mint_id: int,
    reward_id: RewardId,
    terms: str,
    codes: Sequence[str],
    now: datetime,
) -> None:
    """Keep codes that are about to be minted; nothing is done where some are on their way."""
    await tx.execute(_SQL["insert_mint"], merchant_id, mint_id, reward_id, terms, list(codes), now)


async def claim_mints(
    tx: Connection, merchant_id: MerchantId, now: datetime, leased_until: datetime, limit: int
) -> list[Mint]:
    """Take in hand what is due; nobody else does until the lease is over."""
    rows = await tx.fetch(_SQL["claim_mints"], merchant_id, now, leased_until, limit)
    return [Mint(row[0], row[1], row[2], tuple(row[3]), row[4], row[5]) for row in rows]


async def find_reference(
    tx: Connection, merchant_id: MerchantId, reward_id: RewardId, terms: str
) -> str | None:
    """Find what earlier codes of the reward, with the same terms, are on."""
    found: str | None = await tx.fetchval(_SQL["find_reference"], merchant_id, reward_id, terms)
    return found


async def forget_reference(
    tx: Connection, merchant_id: MerchantId, reward_id: RewardId, terms: str
) -> None:
    """Let the next codes begin anew, on something else."""
    await tx.execute(_SQL["forget_reference"], merchant_id, reward_id, terms)


async def close_mint(
    tx: Connection,
    merchant_id: MerchantId,
    mint_id: int,
    now: datetime,
    *,
    reference: str | None = None,
    error: str | None = None,
) -> None:
    """Note that nothing is left to do."""
    await tx.execute(_SQL["close_mint"], merchant_id, mint_id, reference, error, now)


async def put_off_mint(
    tx: Connection,
    merchant_id: MerchantId,
    mint_id: int,
    now: datetime,
    *,
    codes: Sequence[str],
    next_at: datetime,
    error: str,
) -> None:
    """Let go of what is to be tried again, with the same codes or with others."""
    await tx.execute(_SQL["put_off_mint"], merchant_id, mint_id, list(codes), next_at, error, now)
