"""Who calls, and for which site."""

from guerdon.dialects.loyaltylion.auth import is_pair, scopes_of
from guerdon.dialects.loyaltylion.call import Call
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_identity import Identity, Site, Sites
from guerdon.domain.catalogue import Merchant
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.catalogues import get_merchant_created_at
from guerdon.store.integrations import list_integrations
from guerdon.store.snapshot import snapshot


async def whoami(call: Call) -> Answer:
    """Say which key this is and what it may do. A merchant is an account."""
    identity = Identity(
        kind="token_secret" if is_pair(call.key) else "api_key",
        account_id=call.merchant_id,
        program_id=call.program_id,
        scopes=list(scopes_of(call.key)),
        integration=None,
    )
    return answer(200, identity)


async def list_sites(call: Call) -> Answer:
    """List the one site that a merchant has; its id is the merchant's."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        created_at = stamp(await get_merchant_created_at(view, call.merchant_id))
        platforms = [each.kind for each, _ in await list_integrations(view, call.merchant_id)]
    merchant = catalogue.merchant
    site = Site(
        id=merchant.id,
        program_id=call.program_id,
        account_id=merchant.id,
        name=merchant.name,
        url=site_url(merchant),
        platform="shopify" if "shopify" in platforms else "custom",
        currencies=[merchant.currency.lower()],
        languages=["en"],
        created_at=created_at,
        updated_at=created_at,
    )
    return answer(200, Sites([site]))


def site_url(merchant: Merchant) -> str:
    """Give the shop's address; a text also where the program file does not tell one."""
    return merchant.storefront_url or ""
