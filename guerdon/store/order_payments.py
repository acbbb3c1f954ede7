"""Points that paid for orders."""

from collections.abc import Collection, Sequence
from datetime import datetime

from guerdon.domain.ids import EntryId, MemberId, MerchantId
from guerdon.domain.order_payment import OrderPayment
from guerdon.store.card_transactions import Slice
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("order_payments")


async def insert_order_payments(
    tx: Connection, merchant_id: MerchantId, now: datetime, payments: Sequence[OrderPayment]
) -> None:
    """Add the payments of one batch."""
    await tx.execute(
        _SQL["insert_order_payments"],
        merchant_id,
        now,
        [each.id for each in payments],
        [each.program_id for each in payments],
        [each.member_id for each in payments],
        [each.wallet_id for each in payments],
        [each.entry_id for each in payments],
        [each.order_key for each in payments],
        [each.points for each in payments],
        [each.amount_minor for each in payments],
        [each.exchange_ratio for each in payments],
        [each.cap_kind for each in payments],
        [each.cap_unit for each in payments],
        [each.cap_value for each in payments],
        [each.points_max for each in payments],
        [each.amount_max_minor for each in payments],
    )


async def sum_paid(
    tx: Connection,
    merchant_id: MerchantId,
    member_ids: Collection[MemberId],
    order_keys: Collection[str],
) -> dict[tuple[MemberId, str], int]:
    """Give what these members paid of these orders so far, in minor units."""
    rows = await tx.fetch(_SQL["sum_paid"], merchant_id, list(member_ids), list(order_keys))
    return {(row[0], row[1]): row[2] for row in rows}


async def list_payments(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: Slice
) -> list[OrderPayment]:
    """List a page of what a member paid for, by id from either end or beyond an id."""
    if wanted.is_rising:
        return await list_payments_rising(view, merchant_id, member_id, wanted)
    return await list_payments_falling(view, merchant_id, member_id, wanted)


async def list_payments_rising(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: Slice
) -> list[OrderPayment]:
    """List a page of what a member paid for, the first first."""
    sql = _SQL["list_payments_rising"]
    rows = await view.fetch(sql, merchant_id, member_id, *_conditions(wanted))
    return [_payment_of(row) for row in rows]


async def list_payments_falling(
    view: Connection, merchant_id: MerchantId, member_id: MemberId, wanted: Slice
) -> list[OrderPayment]:
    """List a page of what a member paid for, the latest first."""
    sql = _SQL["list_payments_falling"]
    rows = await view.fetch(sql, merchant_id, member_id, *_conditions(wanted))
    return [_payment_of(row) for row in rows]


def _conditions(wanted: Slice) -> tuple[object, ...]:
    return (
        *wanted.bounds,
        wanted.is_any,
        wanted.any_of,
        wanted.none_of,
        *wanted.span,
        wanted.limit,
    )


async def list_payments_by_entry(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    entry_ids: Collection[EntryId],
) -> dict[EntryId, OrderPayment]:
    """Find the payments of a member that these entries were the debit of."""
    rows = await view.fetch(_SQL["list_payments_by_entry"], merchant_id, member_id, list(entry_ids))
    return {row["entry_id"]: _payment_of(row) for row in rows}


def _payment_of(row: Record) -> OrderPayment:
    return OrderPayment(
        id=row["id"],
        program_id=row["program_id"],
        member_id=row["member_id"],
        wallet_id=row["wallet_id"],
        entry_id=row["entry_id"],
        order_key=row["order_key"],
        points=row["points"],
        amount_minor=row["amount_minor"],
        exchange_ratio=row["exchange_ratio"],
        cap_kind=row["cap_kind"],
        cap_unit=row["cap_unit"],
        cap_value=row["cap_value"],
        points_max=row["points_max"],
        amount_max_minor=row["amount_max_minor"],
        created_at=row["created_at"],
    )
