"""What handing redemptions over on platforms has come to."""

from datetime import datetime

from guerdon.domain.fulfilment import Fulfilment
from guerdon.domain.ids import MerchantId, RedemptionId, RewardId
from guerdon.domain.redemption import RedemptionStatus
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("fulfilments")


def fulfilment_of(row: Record) -> Fulfilment:
    """Turn a row with every column, by name, into a fulfilment."""
    return Fulfilment(
        redemption_id=row["redemption_id"],
        code=row["code"],
        reference=row["reference"],
        attempts=row["attempts"],
        next_at=row["next_at"],
        leased_until=row["leased_until"],
        last_error=row["last_error"],
        is_open=row["is_open"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def list_fulfilments(
    tx: Connection, merchant_id: MerchantId, redemption_ids: list[RedemptionId]
) -> dict[RedemptionId, Fulfilment]:
    """List what is kept of handing these redemptions over; of most, nothing is."""
    rows = await tx.fetch(_SQL["list_fulfilments"], merchant_id, redemption_ids)
    return {row["redemption_id"]: fulfilment_of(row) for row in rows}


async def open_fulfilment(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    *,
    next_at: datetime,
    attempts: int,
    code: str | None = None,
    error: str | None = None,
) -> None:
    """Leave something to do. `attempts` counts those that may have reached the platform."""
    await tx.execute(
        _SQL["open_fulfilment"],
        merchant_id,
        redemption_id,
        code,
        attempts,
        next_at,
        error,
        now,
    )


async def replace_code(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    *,
    taken: str,
    code: str,
    next_at: datetime,
) -> str:
    """Choose another code in place of one that was taken. Give the one that counts: of two rivals,
    the first chooses."""
    chosen: str = await tx.fetchval(
        _SQL["replace_code"], merchant_id, redemption_id, taken, code, next_at, now
    )
    return chosen


async def put_reference(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    *,
    reference: str,
    next_at: datetime,
) -> None:
    """Keep the platform's name for what it made."""
    await tx.execute(_SQL["put_reference"], merchant_id, redemption_id, reference, next_at, now)


async def adopt_pending(
    tx: Connection, merchant_id: MerchantId, before: datetime, now: datetime, limit: int
) -> None:
    """Take over redemptions left pending by a process that is gone, as tried once."""
    await tx.execute(_SQL["adopt_pending"], merchant_id, before, now, limit)


async def adopt_handing_over(
    tx: Connection,
    merchant_id: MerchantId,
    reward_ids: list[RewardId],
    now: datetime,
    limit: int,
) -> None:
    """Take up what was approved of these rewards and has yet to be handed over."""
    await tx.execute(_SQL["adopt_handing_over"], merchant_id, reward_ids, now, limit)


async def claim_fulfilments(
    tx: Connection, merchant_id: MerchantId, now: datetime, leased_until: datetime, limit: int
) -> list[Fulfilment]:
    """Take in hand what is due, the longest due first; each counts as an attempt from here on."""
    rows = await tx.fetch(_SQL["claim_fulfilments"], merchant_id, now, leased_until, limit)
    return [fulfilment_of(row) for row in rows]


async def claim_fulfilment(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    leased_until: datetime,
) -> Fulfilment | None:
    """Take one in hand now; None where somebody has it in hand, or nothing is kept of it."""
    row = await tx.fetchrow(_SQL["claim_fulfilment"], merchant_id, redemption_id, now, leased_until)
    return None if row is None else fulfilment_of(row)


async def put_off_fulfilment(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    *,
    next_at: datetime,
    error: str | None,
) -> None:
    """Let go of one that is to be tried again."""
    await tx.execute(_SQL["put_off_fulfilment"], merchant_id, redemption_id, next_at, error, now)


async def close_fulfilment(
    tx: Connection,
    merchant_id: MerchantId,
    redemption_id: RedemptionId,
    now: datetime,
    *,
    claimed_for: datetime,
    error: str | None = None,
) -> None:
    """Note that nothing is left to do of what was due at `claimed_for`; what was left to do since
    then stays. `error` is what it ended with, if not well."""
    await tx.execute(_SQL["close_fulfilment"], merchant_id, redemption_id, error, now, claimed_for)


async def page_redemptions(
    tx: Connection,
    merchant_id: MerchantId,
    *,
    status: RedemptionStatus | None,
    is_stuck: bool,
    pending_before: datetime,
    limit: int,
) -> list[RedemptionId]:
    """List redemptions, the newest first. Stuck: tried and not done, or pending for too long."""
    rows = await tx.fetch(
        _SQL["page_redemptions"], merchant_id, status, is_stuck, pending_before, limit
    )
    return [row[0] for row in rows]
