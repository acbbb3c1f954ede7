"""The platforms that merchants are connected to, with their secrets opened."""

import asyncio

import msgspec
import structlog

from guerdon.domain.ids import MerchantId
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import Connected
from guerdon.engine.sealing import Seal, SealError
from guerdon.store.connection import Connection, Pool
from guerdon.store.integrations import list_integrations
from guerdon.store.snapshot import snapshot

# How long a process goes on with what it last read: a changed secret is used after so long.
_KEPT_SECONDS = 5.0

# Where a connection's definition says since when the platform wants no more calls.
DISCONNECTED = "disconnected_at"

_log = structlog.get_logger(__name__)
_secrets = msgspec.json.Decoder(dict[str, str])


def context_of(merchant_id: MerchantId, kind: str) -> str:
    """Name the place that an integration's sealed secrets belong to."""
    return f"integrations/{merchant_id}/{kind}"


def is_live(connected: Connected) -> bool:
    """Say whether the platform is still there; one that told us to go keeps its secrets, which its
    last messages are signed with."""
    return connected.definition.get(DISCONNECTED) is None


async def list_connected(
    tx: Connection, seal: Seal | None, merchant_id: MerchantId, *, with_disconnected: bool = False
) -> list[Connected]:
    """List a merchant's platforms. One whose secrets cannot be opened is left out, and logged."""
    connected = []
    for integration, sealed in await list_integrations(tx, merchant_id):
        if integration.definition.get(DISCONNECTED) is not None and not with_disconnected:
            continue
        try:
            if seal is None:
                raise SealError("there is no key to open it with")  # noqa: TRY301
            secrets = _secrets.decode(seal.open(sealed, context_of(merchant_id, integration.kind)))
        except SealError as error:
            _log.error("secret_unreadable", integration=integration.kind, error=str(error))
            continue
        connected.append(
            Connected(
                merchant_id=merchant_id,
                kind=integration.kind,
                definition=integration.definition,
                secrets=secrets,
            )
        )
    return connected


class Connections:
    """What each merchant is connected to, as read at most some seconds ago."""

    def __init__(self, pool: Pool, seal: Seal | None) -> None:
        self._pool = pool
        self._seal = seal
        self._known: dict[MerchantId, tuple[float, dict[IntegrationKind, Connected]]] = {}

    async def find(self, merchant_id: MerchantId, kind: IntegrationKind) -> Connected | None:
        """Find a merchant's connection to a platform; None where there is none (any more)."""
        known = await self.recall(merchant_id, kind)
        return known if known is not None and is_live(known) else None

    async def recall(self, merchant_id: MerchantId, kind: IntegrationKind) -> Connected | None:
        """Find a connection also where the platform has disconnected itself."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(merchant_id)
        if known is None or now - known[0] > _KEPT_SECONDS:
            async with snapshot(self._pool) as view:
                connected = await list_connected(
                    view, self._seal, merchant_id, with_disconnected=True
                )
            known = self._known[merchant_id] = (now, {each.kind: each for each in connected})
        return known[1].get(kind)
