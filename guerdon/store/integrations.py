"""The platforms that merchants are connected to."""

import msgspec

from guerdon.domain.ids import MerchantId
from guerdon.domain.integration import Integration
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("integrations")
_definitions = msgspec.json.Decoder(dict[str, str | None])


async def list_integrations(
    tx: Connection, merchant_id: MerchantId
) -> list[tuple[Integration, bytes]]:
    """List the platforms a merchant is connected to, each with its sealed secrets."""
    rows = await tx.fetch(_SQL["list_integrations"], merchant_id)
    return [
        (
            Integration(
                kind=row["kind"],
                definition=_definitions.decode(row["definition"]),
                created_at=row["created_at"],
                updated_at=row["updated_at"],
            ),
            row["secret_sealed"],
        )
        for row in rows
    ]


async def put_integration(
    tx: Connection, merchant_id: MerchantId, integration: Integration, secret_sealed: bytes
) -> None:
    """Connect a merchant to a platform, or change how; its own times are kept."""
    await tx.execute(
        _SQL["put_integration"],
        merchant_id,
        integration.kind,
        msgspec.json.encode(integration.definition).decode(),
        secret_sealed,
        integration.created_at,
        integration.updated_at,
    )


async def delete_integration(tx: Connection, merchant_id: MerchantId, kind: str) -> None:
    """Disconnect a merchant from a platform, its secrets with it."""
    await tx.execute(_SQL["delete_integration"], merchant_id, kind)
