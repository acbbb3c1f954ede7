"""Telling a person what is kept of them."""

from datetime import datetime

from guerdon.domain.errors import NotFound
from guerdon.domain.ids import MerchantId
from guerdon.domain.incoming import DisclosureAsked
from guerdon.domain.member import Member
from guerdon.engine.remembering import persist
from guerdon.engine.runtime import Runtime
from guerdon.store import customers, privacy
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction


async def note_request(
    runtime: Runtime,
    merchant_id: MerchantId,
    source: str,
    news: DisclosureAsked,
    asked_at: datetime,
) -> bool:
    """Note that a customer asked, for the shop's staff to answer; say False if that was known."""

    async def act() -> bool:
        async with transaction(runtime.pool) as tx:
            return await privacy.insert_privacy_request(
                tx,
                merchant_id,
                source=source,
                request_key=news.request_key,
                customer_key=news.external_id,
                asked_at=asked_at,
            )

    return await persist(act)


async def disclose(runtime: Runtime, merchant_id: MerchantId, member: Member) -> str:
    """Give all that is kept of a member as a JSON document."""
    async with snapshot(runtime.pool) as view:
        wallet_ids = await privacy.list_wallet_ids(view, merchant_id, member.id)
        return await privacy.disclose_member(
            view, merchant_id, member.id, wallet_ids, member.external_id
        )


async def disclose_customer(runtime: Runtime, merchant_id: MerchantId, external_id: str) -> str:
    """Give all that is kept of a customer who is no member as a JSON document. Raises NotFound
    where nothing was ever stated of one."""
    async with snapshot(runtime.pool) as view:
        if not await customers.list_customers(view, merchant_id, [external_id]):
            message = f"there is neither a member nor a customer {external_id!r}"
            raise NotFound(message)
        return await privacy.disclose_customer(view, merchant_id, external_id)


async def answer_requests(runtime: Runtime, merchant_id: MerchantId, customer_key: str) -> int:
    """Note that a customer's open requests were answered; say how many there were."""

    async def act() -> int:
        async with transaction(runtime.pool) as tx:
            return await privacy.answer_privacy_requests(
                tx, merchant_id, customer_key, runtime.now()
            )

    return await persist(act)
