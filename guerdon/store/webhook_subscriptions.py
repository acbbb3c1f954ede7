"""Webhook subscriptions. A dialect sees only its own, of its program."""

from datetime import datetime

from guerdon.domain.ids import MerchantId, ProgramId, SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("webhook_subscriptions")


def subscription_of(row: Record) -> Subscription:
    """Turn a row without its secret, by name, into a subscription."""
    return Subscription(
        id=row["id"],
        dialect=row["dialect"],
        program_id=row["program_id"],
        url=row["url"],
        events=tuple(row["events"]),
        description=row["description"],
        is_active=row["is_active"],
        is_managed=row["is_managed"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def insert_subscription(
    tx: Connection, merchant_id: MerchantId, subscription: Subscription, secret_sealed: bytes
) -> None:
    """Add a subscription with its sealed secret."""
    await tx.execute(
        _SQL["insert_subscription"],
        merchant_id,
        subscription.id,
        subscription.program_id,
        subscription.dialect,
        subscription.url,
        subscription.events,
        subscription.description,
        subscription.is_active,
        subscription.is_managed,
        secret_sealed,
        subscription.created_at,
        subscription.updated_at,
    )


async def count_subscriptions(
    tx: Connection, merchant_id: MerchantId, dialect: str, program_id: ProgramId | None
) -> int:
    """Count what a dialect shows of a program; None is that of no program in particular."""
    count: int = await tx.fetchval(_SQL["count_subscriptions"], merchant_id, dialect, program_id)
    return count


async def list_subscriptions(
    tx: Connection,
    merchant_id: MerchantId,
    dialect: str,
    program_id: ProgramId | None,
    *,
    offset: int,
    limit: int,
) -> list[Subscription]:
    """List what a dialect shows of a program, newest first."""
    rows = await tx.fetch(
        _SQL["list_subscriptions"], merchant_id, dialect, program_id, offset, limit
    )
    return [subscription_of(row) for row in rows]


async def find_subscription(
    tx: Connection,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    dialect: str,
    program_id: ProgramId | None,
) -> Subscription | None:
    """Find a subscription, if the dialect shows it of this program."""
    row = await tx.fetchrow(
        _SQL["find_subscription"], merchant_id, subscription_id, dialect, program_id
    )
    return None if row is None else subscription_of(row)


async def lock_subscription(
    tx: Connection,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    dialect: str,
    program_id: ProgramId | None,
) -> Subscription | None:
    """Lock a subscription until commit, if the dialect shows it of this program."""
    row = await tx.fetchrow(
        _SQL["lock_subscription"], merchant_id, subscription_id, dialect, program_id
    )
    return None if row is None else subscription_of(row)


async def update_subscription(
    tx: Connection, merchant_id: MerchantId, subscription: Subscription
) -> None:
    """Write a locked subscription as it shall stand; the secret stays."""
    await tx.execute(
        _SQL["update_subscription"],
        merchant_id,
        subscription.id,
        subscription.url,
        subscription.events,
        subscription.description,
        subscription.is_active,
        subscription.updated_at,
    )


async def replace_secret(
    tx: Connection,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    secret_sealed: bytes,
    now: datetime,
) -> None:
    """Give a locked subscription another sealed secret."""
    await tx.execute(_SQL["replace_secret"], merchant_id, subscription_id, secret_sealed, now)


async def delete_subscription(
    tx: Connection, merchant_id: MerchantId, subscription_id: SubscriptionId
) -> None:
    """Remove a locked subscription and its secret."""
    await tx.execute(_SQL["delete_subscription"], merchant_id, subscription_id)


async def list_managed_subscriptions(
    tx: Connection, merchant_id: MerchantId
) -> list[tuple[Subscription, bytes]]:
    """List what the program file owns, each with its sealed secret."""
    rows = await tx.fetch(_SQL["list_managed_subscriptions"], merchant_id)
    return [(subscription_of(row), row["secret_sealed"]) for row in rows]


async def list_all_subscriptions(tx: Connection, merchant_id: MerchantId) -> list[Subscription]:
    """List a merchant's subscriptions over all dialects and programs, oldest first."""
    rows = await tx.fetch(_SQL["list_all_subscriptions"], merchant_id)
    return [subscription_of(row) for row in rows]


async def forget_failures(
    tx: Connection, merchant_id: MerchantId, subscription_id: SubscriptionId
) -> None:
    """Begin a subscription's count of failures anew."""
    await tx.execute(_SQL["forget_failures"], merchant_id, subscription_id)


async def count_failures(
    tx: Connection,
    merchant_id: MerchantId,
    subscription_id: SubscriptionId,
    *,
    failures: int,
    is_anew: bool,
    now: datetime,
) -> tuple[str, int, datetime] | None:
    """Add to a subscription's failures in a row; give its dialect, how many there are, and since
    when. None where the subscription is gone. `is_anew`: one call was taken before these."""
    row = await tx.fetchrow(
        _SQL["count_failures"], merchant_id, subscription_id, is_anew, failures, now
    )
    return None if row is None else (row["dialect"], row["failures"], row["failing_since"])


async def switch_off(
    tx: Connection, merchant_id: MerchantId, subscription_id: SubscriptionId, now: datetime
) -> None:
    """Make a subscription inactive."""
    await tx.execute(_SQL["switch_off"], merchant_id, subscription_id, now)


async def list_addressed_subscriptions(
    tx: Connection, merchant_id: MerchantId, subscription_id: SubscriptionId | None = None
) -> list[tuple[Subscription, bytes]]:
    """List the subscriptions that are switched on, or one of them, each with its sealed secret."""
    rows = await tx.fetch(_SQL["list_addressed_subscriptions"], merchant_id, subscription_id)
    return [(subscription_of(row), row["secret_sealed"]) for row in rows]


async def list_failures(
    tx: Connection, merchant_id: MerchantId
) -> dict[SubscriptionId, tuple[int, datetime]]:
    """Give the subscriptions whose last calls failed: how many in a row, and since when."""
    rows = await tx.fetch(_SQL["list_failures"], merchant_id)
    return {row["id"]: (row["failures"], row["failing_since"]) for row in rows}
