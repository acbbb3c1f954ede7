"""Points that paid for an order, or for some of it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import EntryId, MemberId, PaymentId, ProgramId, WalletId

# What bounds how much is paid: the points there, the order, a limit of the wallet's, the caller.
CapKind = Literal[
    "balance", "order_total", "wallet_ever", "wallet_interval", "wallet_at_once", "request"
]
CapUnit = Literal["points", "money"]


class OrderPayment(Struct, frozen=True, kw_only=True):
    """`exchange_ratio` is what held then: the currency's units that one point pays. The cap is what
    the payment was bounded by, in points or in minor units; `points_max` and `amount_max_minor` are
    what the caller would pay at most."""

    id: PaymentId
    program_id: ProgramId
    member_id: MemberId
    wallet_id: WalletId
    entry_id: EntryId
    order_key: str
    points: int
    amount_minor: int
    exchange_ratio: str
    cap_kind: CapKind
    cap_unit: CapUnit
    cap_value: int
    points_max: int | None = None
    amount_max_minor: int | None = None
    created_at: datetime
