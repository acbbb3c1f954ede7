"""Deliveries as an operator reads them."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.delivery import DeliveryStatus
from guerdon.domain.event import EventKind
from guerdon.domain.ids import DeliveryId, EventId, MemberId, MerchantId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("delivery_views")


class DeliveryView(Struct, frozen=True, kw_only=True):
    """A delivery with the event it carries and whom that is about."""

    id: DeliveryId
    destination: str
    event_id: EventId
    kind: EventKind | None
    member_id: MemberId
    external_id: str | None
    status: DeliveryStatus
    attempts: int
    next_at: datetime
    leased_until: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


async def list_delivery_views(
    view: Connection,
    merchant_id: MerchantId,
    *,
    status: DeliveryStatus | None,
    destination: str | None,
    limit: int,
) -> list[DeliveryView]:
    """List deliveries, the newest first, all or of one status or destination."""
    rows = await view.fetch(_SQL["list_delivery_views"], merchant_id, status, destination, limit)
    return [
        DeliveryView(
            id=row["id"],
            destination=row["destination"],
            event_id=row["event_id"],
            kind=row["kind"],
            member_id=row["member_id"],
            external_id=row["external_id"],
            status=row["status"],
            attempts=row["attempts"],
            next_at=row["next_at"],
            leased_until=row["leased_until"],
            last_error=row["last_error"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
        for row in rows
    ]


async def count_deliveries(
    view: Connection, merchant_id: MerchantId
) -> list[tuple[str, DeliveryStatus, int]]:
    """Count a merchant's deliveries by destination and status. Reads all of them."""
    rows = await view.fetch(_SQL["count_deliveries"], merchant_id)
    return [(row[0], row[1], row[2]) for row in rows]
