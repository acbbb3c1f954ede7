"""Orders that shops state by a call of an API."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, ProgramId
from guerdon.domain.stated_order import StatedOrder
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("orders")
ID_END = 2**63 - 1


class OrderRecord(Struct, frozen=True, kw_only=True):
    """`member_id` is there once the shopper is a member; `is_guest` keeps them from becoming one
    by this order. `metadata` is the shop's own JSON. `revision` counts statements; while `is_open`,
    something that follows from one is still to be done."""

    id: int
    program_id: ProgramId
    order_key: str
    member_id: MemberId | None
    external_id: str
    email: str | None
    is_guest: bool
    stated: StatedOrder
    metadata: str | None
    revision: int
    is_open: bool
    created_at: datetime
    updated_at: datetime


class OrderFilter(Struct, frozen=True, kw_only=True):
    """Both ends of a span of time belong to it."""

    program_id: ProgramId
    created_from: datetime | None = None
    created_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None


def order_record_of(row: Record) -> OrderRecord:
    """Turn a row with every column, by name, into an order."""
    return OrderRecord(
        id=row["id"],
        program_id=row["program_id"],
        order_key=row["order_key"],
        member_id=row["member_id"],
        external_id=row["external_id"],
        email=row["email"],
        is_guest=row["is_guest"],
        stated=msgspec.json.decode(row["document"], type=StatedOrder),
        metadata=row["metadata"],
        revision=row["revision"],
        is_open=row["is_open"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def find_order(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, order_key: str
) -> OrderRecord | None:
    """Find an order by the shop's own id."""
    row = await view.fetchrow(_SQL["find_order"], merchant_id, program_id, order_key)
    return None if row is None else order_record_of(row)


async def find_order_by_id(
    view: Connection, merchant_id: MerchantId, order_id: int
) -> OrderRecord | None:
    """Find an order by our own id."""
    row = await view.fetchrow(_SQL["find_order_by_id"], merchant_id, order_id)
    return None if row is None else order_record_of(row)


async def list_orders_by_key(
    view: Connection, merchant_id: MerchantId, program_ids: Collection[ProgramId], order_key: str
) -> list[OrderRecord]:
    """List an order of the shop's as each of these programs has it, the oldest first."""
    rows = await view.fetch(_SQL["list_orders_by_key"], merchant_id, list(program_ids), order_key)
    return [order_record_of(row) for row in rows]


async def list_orders_by_keys(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, order_keys: Collection[str]
) -> dict[str, OrderRecord]:
    """Find orders of a program by the shop's own ids."""
    rows = await view.fetch(_SQL["list_orders_by_keys"], merchant_id, program_id, list(order_keys))
    return {row["order_key"]: order_record_of(row) for row in rows}


async def lock_order(
    tx: Connection, merchant_id: MerchantId, program_id: ProgramId, order_key: str
) -> OrderRecord | None:
    """Find an order, and lock its row until the commit."""
    row = await tx.fetchrow(_SQL["lock_order"], merchant_id, program_id, order_key)
    return None if row is None else order_record_of(row)


async def insert_order(tx: Connection, merchant_id: MerchantId, order: OrderRecord) -> bool:
    """Begin an order; say False where it had begun already. Waits for a rival's commit."""
    inserted = await tx.fetchval(
        _SQL["insert_order"],
        merchant_id,
        order.id,
        order.program_id,
        order.order_key,
        order.member_id,
        order.external_id,
        order.email,
        order.is_guest,
        msgspec.json.encode(order.stated).decode(),
        order.metadata,
        order.revision,
        order.is_open,
        order.created_at,
        order.updated_at,
    )
    return inserted is not None


async def update_order(tx: Connection, merchant_id: MerchantId, order: OrderRecord) -> None:
    """Write what is stated of an order by now, and what came of it."""
    await tx.execute(
        _SQL["update_order"],
        merchant_id,
        order.id,
        order.member_id,
        order.external_id,
        order.email,
        order.is_guest,
        msgspec.json.encode(order.stated).decode(),
        order.metadata,
        order.revision,
        order.is_open,
        order.updated_at,
    )


async def list_newest_orders(
    view: Connection,
    merchant_id: MerchantId,
    wanted: OrderFilter,
    *,
    below: int = ID_END,
    limit: int,
    offset: int = 0,
) -> list[OrderRecord]:
    """List a page of orders below an id, the latest first. Ids rise in the order of commits."""
    rows = await view.fetch(
        _SQL["list_newest_orders"],
        merchant_id,
        wanted.program_id,
        0,
        below,
        wanted.created_from,
        wanted.created_to,
        wanted.updated_from,
        wanted.updated_to,
        limit,
        offset,
    )
    return [order_record_of(row) for row in rows]


async def list_oldest_orders(
    view: Connection,
    merchant_id: MerchantId,
    wanted: OrderFilter,
    *,
    above: int = 0,
    limit: int,
    offset: int = 0,
) -> list[OrderRecord]:
    """List a page of orders above an id, the first first. Ids rise in the order of commits."""
    rows = await view.fetch(
        _SQL["list_oldest_orders"],
        merchant_id,
        wanted.program_id,
        above,
        ID_END,
        wanted.created_from,
        wanted.created_to,
        wanted.updated_from,
        wanted.updated_to,
        limit,
        offset,
    )
    return [order_record_of(row) for row in rows]


async def list_open_orders(
    view: Connection, merchant_id: MerchantId, before: datetime, above: int, limit: int
) -> list[OrderRecord]:
    """List orders above an id of which something is still to be done since an instant."""
    rows = await view.fetch(_SQL["list_open_orders"], merchant_id, before, above, limit)
    return [order_record_of(row) for row in rows]


async def delete_orders_of_member(
    tx: Connection, merchant_id: MerchantId, member_id: MemberId
) -> None:
    """Forget the orders of a member."""
    await tx.execute(_SQL["delete_orders_of_member"], merchant_id, member_id)


async def delete_orders_of_customer(
    tx: Connection, merchant_id: MerchantId, external_id: str
) -> None:
    """Forget the orders of whom the shop knows by this id."""
    await tx.execute(_SQL["delete_orders_of_customer"], merchant_id, external_id)
