"""Deductions that a wallet could not bear, of callers who were told that they were taken on."""

from datetime import datetime

from guerdon.domain.ids import MemberId, MerchantId, WalletId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("refused_adjustments")


async def insert_refused_adjustment(
    tx: Connection,
    merchant_id: MerchantId,
    *,
    refused_id: int,
    wallet_id: WalletId,
    member_id: MemberId,
    points: int,
    reason: str,
    note: str | None,
    created_at: datetime,
) -> None:
    """Keep a deduction that was refused, under an id of the merchant's run."""
    await tx.execute(
        _SQL["insert_refused_adjustment"],
        merchant_id,
        refused_id,
        wallet_id,
        member_id,
        points,
        reason,
        note,
        created_at,
    )


async def blank_refused_adjustments(
    tx: Connection, merchant_id: MerchantId, member_id: MemberId, wallet_ids: list[WalletId]
) -> None:
    """Take the free text from what a member's wallets could not bear."""
    await tx.execute(_SQL["blank_refused_adjustments"], merchant_id, member_id, wallet_ids)
