"""Connects a merchant to a platform, as `guerdon apply` would."""

import json

from guerdon.domain.ids import MerchantId
from guerdon.domain.integration import Integration, IntegrationKind
from guerdon.engine.connections import context_of
from guerdon.engine.runtime import Runtime
from guerdon.store import integrations
from guerdon.store.transaction import transaction
from tests.builders.shop import FOUNDED

SHOP_DOMAIN = "north-shelf.myshopify.com"


async def connect_platform(
    runtime: Runtime,
    merchant_id: MerchantId,
    kind: IntegrationKind = "shopify",
    *,
    secrets: dict[str, str] | None = None,
    **definition: str | None,
) -> None:
    """Connect. The runtime needs a seal."""
    assert runtime.seal is not None
    plain = {"token": "a-token"} if secrets is None else secrets
    sealed = runtime.seal.seal(json.dumps(plain).encode(), context_of(merchant_id, kind))
    integration = Integration(
        kind=kind,
        definition={"shop": SHOP_DOMAIN, "api_version": "2026-10", "base_url": None} | definition,
        created_at=FOUNDED,
        updated_at=FOUNDED,
    )
    async with transaction(runtime.pool) as tx:
        await integrations.put_integration(tx, merchant_id, integration, sealed)
