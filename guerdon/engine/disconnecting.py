"""A platform that a merchant has removed us from is called no more."""

from datetime import UTC

from msgspec.structs import replace

from guerdon.domain.ids import MerchantId
from guerdon.domain.incoming import InboxEvent
from guerdon.engine.connections import DISCONNECTED
from guerdon.engine.remembering import persist
from guerdon.engine.submitting import Ledger
from guerdon.store import integrations, sequences
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction


async def disconnect(ledger: Ledger, merchant_id: MerchantId, event: InboxEvent) -> bool:
    """Mark the connection as gone, until it is applied anew. News from before it was last applied
    is late, and ignored. Processes heed it within seconds."""
    runtime = ledger.runtime
    at = event.triggered_at or event.received_at

    async def act() -> bool:
        async with transaction(runtime.pool) as tx:
            # As one who applies a program file does: what they write meanwhile is not undone.
            await sequences.lock_sequence(tx, merchant_id)
            for integration, sealed in await integrations.list_integrations(tx, merchant_id):
                if integration.kind != event.source or integration.updated_at > at:
                    continue
                if integration.definition.get(DISCONNECTED) is not None:
                    return True
                gone = {**integration.definition, DISCONNECTED: at.astimezone(UTC).isoformat()}
                changed = replace(integration, definition=gone, updated_at=runtime.now())
                await integrations.put_integration(tx, merchant_id, changed, sealed)
                return True
        return False

    return await persist(act)


async def is_connected(ledger: Ledger, merchant_id: MerchantId, source: str) -> bool:
    """Say whether the merchant is connected to the platform now, read afresh."""
    async with snapshot(ledger.runtime.pool) as view:
        return any(
            integration.kind == source and integration.definition.get(DISCONNECTED) is None
            for integration, _ in await integrations.list_integrations(view, merchant_id)
        )
