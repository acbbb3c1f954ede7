"""What is remembered of orders and customers, of which a platform tells in several messages."""

from datetime import datetime
from typing import Literal

from guerdon.domain.ids import MerchantId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("platform_objects")

ObjectKind = Literal["order", "customer"]


async def insert_platform_object(
    tx: Connection,
    merchant_id: MerchantId,
    source: str,
    kind: ObjectKind,
    object_key: str,
    *,
    document: str,
    now: datetime,
) -> None:
    """Begin to remember a thing, unless it is remembered already."""
    await tx.execute(
        _SQL["insert_platform_object"], merchant_id, source, kind, object_key, document, now
    )


async def lock_platform_object(
    tx: Connection, merchant_id: MerchantId, source: str, kind: ObjectKind, object_key: str
) -> str | None:
    """Lock a thing's row until the commit, and give what is remembered; None where nothing is."""
    document: str | None = await tx.fetchval(
        _SQL["lock_platform_object"], merchant_id, source, kind, object_key
    )
    return document


async def update_platform_object(
    tx: Connection,
    merchant_id: MerchantId,
    source: str,
    kind: ObjectKind,
    object_key: str,
    *,
    document: str,
    customer_key: str | None,
    now: datetime,
) -> None:
    """Remember more of a thing, and whose it is."""
    await tx.execute(
        _SQL["update_platform_object"],
        merchant_id,
        source,
        kind,
        object_key,
        document,
        customer_key,
        now,
    )


async def delete_platform_objects_of_customer(
    tx: Connection, merchant_id: MerchantId, source: str, customer_key: str
) -> None:
    """Forget what is remembered of a customer and their orders."""
    await tx.execute(_SQL["delete_platform_objects_of_customer"], merchant_id, source, customer_key)
