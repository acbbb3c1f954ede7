"""Earnings: points awarded, pending or given."""

from collections.abc import Collection
from datetime import datetime

from guerdon.domain.earning import Earning
from guerdon.domain.ids import EarningId, MemberId, MerchantId, RuleId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("earnings")


def earning_of(row: Record) -> Earning:
    """Turn a row with every column, by name, into an earning."""
    return Earning(
        id=row["id"],
        program_id=row["program_id"],
        member_id=row["member_id"],
        wallet_id=row["wallet_id"],
        rule_id=row["rule_id"],
        lot_id=row["lot_id"],
        action=row["action"],
        status=row["status"],
        base_points=row["base_points"],
        multiplier_permille=row["multiplier_permille"],
        points=row["points"],
        points_reversed=row["points_reversed"],
        order_id=row["order_id"],
        order_number=row["order_number"],
        ordered_at=row["ordered_at"],
        once_key=row["once_key"],
        action_key=row["action_key"],
        is_manual=row["is_manual"],
        note=row["note"],
        metadata=row["metadata"],
        due_at=row["due_at"],
        given_at=row["given_at"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def insert_earnings(
    tx: Connection, merchant_id: MerchantId, now: datetime, earnings: Collection[Earning]
) -> None:
    """Add earnings of one batch."""
    await tx.execute(
        _SQL["insert_earnings"],
        merchant_id,
        now,
        [each.id for each in earnings],
        [each.program_id for each in earnings],
        [each.member_id for each in earnings],
        [each.wallet_id for each in earnings],
        [each.rule_id for each in earnings],
        [each.lot_id for each in earnings],
        [each.action for each in earnings],
        [each.status for each in earnings],
        [each.base_points for each in earnings],
        [each.multiplier_permille for each in earnings],
        [each.points for each in earnings],
        [each.points_reversed for each in earnings],
        [each.order_id for each in earnings],
        [each.order_number for each in earnings],
        [each.ordered_at for each in earnings],
        [each.once_key for each in earnings],
        [each.action_key for each in earnings],
        [each.is_manual for each in earnings],
        [each.note for each in earnings],
        [each.metadata for each in earnings],
        [each.due_at for each in earnings],
        [each.given_at for each in earnings],
        [each.expires_at for each in earnings],
    )


async def update_earnings(
    tx: Connection, merchant_id: MerchantId, now: datetime, earnings: Collection[Earning]
) -> None:
    """Record that pending earnings were approved or rejected."""
    await tx.execute(
        _SQL["update_earnings"],
        merchant_id,
        now,
        [each.id for each in earnings],
        [each.status for each in earnings],
        [each.points for each in earnings],
        [each.points_reversed for each in earnings],
        [each.lot_id for each in earnings],
        [each.once_key for each in earnings],
        [each.note for each in earnings],
        [each.given_at for each in earnings],
        [each.expires_at for each in earnings],
    )


async def list_earning_members(
    tx: Connection, merchant_id: MerchantId, ids: list[EarningId]
) -> list[MemberId]:
    """List whose these earnings are; it never changes, so no lock is needed."""
    rows = await tx.fetch(_SQL["list_earning_members"], merchant_id, ids)
    return [row[0] for row in rows]


async def list_earnings(
    tx: Connection,
    merchant_id: MerchantId,
    ids: list[EarningId],
    completions: list[tuple[RuleId, str]],
) -> list[Earning]:
    """List earnings by id, and those made under a rule's completion keys; one may come twice."""
    rows = await tx.fetch(
        _SQL["list_earnings"],
        merchant_id,
        ids,
        [rule_id for rule_id, _ in completions],
        [key for _, key in completions],
    )
    return [earning_of(row) for row in rows]


async def list_awarded(
    tx: Connection, merchant_id: MerchantId, member_ids: list[MemberId], rule_ids: list[RuleId]
) -> dict[tuple[MemberId, RuleId], set[EarningId]]:
    """List which of these rules these members already have, pending awards included."""
    rows = await tx.fetch(_SQL["list_awarded"], merchant_id, member_ids, rule_ids)
    awarded: dict[tuple[MemberId, RuleId], set[EarningId]] = {}
    for row in rows:
        awarded.setdefault((row[0], row[1]), set()).add(row[2])
    return awarded


async def list_due_earnings(
    tx: Connection, merchant_id: MerchantId, now: datetime, limit: int
) -> list[EarningId]:
    """List pending earnings whose approval is due."""
    rows = await tx.fetch(_SQL["list_due_earnings"], merchant_id, now, limit)
    return [row[0] for row in rows]


async def list_last_orders(
    tx: Connection, merchant_id: MerchantId, member_ids: list[MemberId]
) -> dict[MemberId, datetime]:
    """Give when members last placed an order that earned points, whatever became of these."""
    rows = await tx.fetch(_SQL["list_last_orders"], merchant_id, member_ids)
    return {row[0]: row[1] for row in rows}
