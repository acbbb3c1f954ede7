"""What handing a redemption over on a platform has come to."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import RedemptionId


class Fulfilment(Struct, frozen=True, kw_only=True):
    """`code` is the one to use where it is not the redemption's own; `reference` the platform's
    name for what it made. Open while something is left to do: a pending redemption is handed over,
    a declined one taken back, at `next_at` and by whoever holds the lease."""

    redemption_id: RedemptionId
    code: str | None = None
    reference: str | None = None
    attempts: int = 0
    next_at: datetime
    leased_until: datetime | None = None
    last_error: str | None = None
    is_open: bool
    created_at: datetime
    updated_at: datetime
