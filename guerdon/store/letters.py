"""What letters are made of: events, and the members they are about as those stand."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from guerdon.domain.event import Event
from guerdon.domain.ids import EventId, MemberId, MerchantId, TierId
from guerdon.domain.member import Member
from guerdon.store import arrays
from guerdon.store.connection import Connection
from guerdon.store.members import member_of
from guerdon.store.statements import statements

_SQL = statements("letters")
_facts = msgspec.json.Decoder(dict[str, int | str | bool | None])


class Recipient(Struct, frozen=True, kw_only=True):
    """A member and their default wallet. `points_available` leaves out what has expired."""

    member: Member
    is_frozen: bool
    tier_id: TierId | None
    points_available: int
    points_held: int
    points_pending: int
    points_lifetime: int
    points_redeemed: int


async def list_letter_events(
    view: Connection, merchant_id: MerchantId, ids: Sequence[EventId]
) -> dict[EventId, tuple[Event, str | None]]:
    """List events by id, each with the platform's name for what was handed over, if it is kept."""
    rows = await view.fetch(_SQL["list_letter_events"], merchant_id, arrays.literal(ids))
    return {
        row["id"]: (
            Event(
                id=row["id"],
                kind=row["kind"],
                program_id=row["program_id"],
                member_id=row["member_id"],
                facts=_facts.decode(row["facts"]),
                created_at=row["created_at"],
                redemption_id=row["redemption_id"],
                earning_id=row["earning_id"],
            ),
            row["reference"],
        )
        for row in rows
    }


async def list_recipients(
    view: Connection, merchant_id: MerchantId, ids: Sequence[MemberId], now: datetime
) -> dict[MemberId, Recipient]:
    """List members as they stand at `now`; one that is unknown is left out."""
    rows = await view.fetch(_SQL["list_recipients"], merchant_id, arrays.literal(ids), now)
    return {
        row["id"]: Recipient(
            member=member_of(row),
            is_frozen=row["is_frozen"],
            tier_id=row["tier_id"],
            points_available=row["points_available"],
            points_held=row["points_held"],
            points_pending=row["points_pending"],
            points_lifetime=row["points_lifetime"],
            points_redeemed=row["points_redeemed"],
        )
        for row in rows
    }
