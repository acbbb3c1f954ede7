"""What is kept of one person, to be shown to them or forgotten."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MemberId, MerchantId, WalletId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("privacy")


class PrivacyRequest(Struct, frozen=True):
    """A customer asked what is kept of them."""

    id: int
    source: str
    request_key: str
    customer_key: str
    asked_at: datetime


async def insert_privacy_request(
    tx: Connection,
    merchant_id: MerchantId,
    *,
    source: str,
    request_key: str,
    customer_key: str,
    asked_at: datetime,
) -> bool:
    """Note a request; say False where it was noted before."""
    inserted = await tx.fetchval(
        _SQL["insert_privacy_request"], merchant_id, source, request_key, customer_key, asked_at
    )
    return inserted is not None


async def list_privacy_requests(
    view: Connection, merchant_id: MerchantId, limit: int
) -> list[PrivacyRequest]:
    """List requests that wait for an answer, the oldest first."""
    rows = await view.fetch(_SQL["list_privacy_requests"], merchant_id, limit)
    return [PrivacyRequest(row[0], row[1], row[2], row[3], row[4]) for row in rows]


async def answer_privacy_requests(
    tx: Connection, merchant_id: MerchantId, customer_key: str, now: datetime
) -> int:
    """Note that a customer's requests were answered; say how many there were."""
    return len(await tx.fetch(_SQL["answer_privacy_requests"], merchant_id, customer_key, now))


async def delete_privacy_requests(
    tx: Connection, merchant_id: MerchantId, customer_key: str
) -> None:
    """Forget a customer's requests."""
    await tx.execute(_SQL["delete_privacy_requests"], merchant_id, customer_key)


async def blank_earnings(tx: Connection, merchant_id: MerchantId, member_id: MemberId) -> None:
    """Take from a member's earnings what points to the person."""
    await tx.execute(_SQL["blank_earnings"], merchant_id, member_id)


async def blank_entries(
    tx: Connection, merchant_id: MerchantId, wallet_ids: list[WalletId]
) -> None:
    """Take the free text from the entries of wallets; the figures of an entry never change."""
    await tx.execute(_SQL["blank_entries"], merchant_id, wallet_ids)


async def blank_redemptions(tx: Connection, merchant_id: MerchantId, member_id: MemberId) -> None:
    """Take the free text from a member's redemptions."""
    await tx.execute(_SQL["blank_redemptions"], merchant_id, member_id)


async def blank_order_payments(
    tx: Connection, merchant_id: MerchantId, member_id: MemberId
) -> None:
    """Take from a member's payments which orders they were for."""
    await tx.execute(_SQL["blank_order_payments"], merchant_id, member_id)


async def list_wallet_ids(
    view: Connection, merchant_id: MerchantId, member_id: MemberId
) -> list[WalletId]:
    """List a member's wallets."""
    return [row[0] for row in await view.fetch(_SQL["list_wallet_ids"], merchant_id, member_id)]


async def disclose_member(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    wallet_ids: list[WalletId],
    customer_key: str,
) -> str:
    """Give all that is kept of a member as a JSON document. Events hold figures only."""
    document: str = await view.fetchval(
        _SQL["disclose_member"], merchant_id, member_id, wallet_ids, customer_key
    )
    return document


async def disclose_customer(view: Connection, merchant_id: MerchantId, external_id: str) -> str:
    """Give all that is kept of a customer who is no member as a JSON document."""
    document: str = await view.fetchval(_SQL["disclose_customer"], merchant_id, external_id)
    return document
