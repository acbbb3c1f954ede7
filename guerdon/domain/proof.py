"""What a proof of the ledger finds: figures that do not follow from the entries."""

from typing import Literal

from msgspec import Struct, field

from guerdon.domain.ids import MerchantId

Subject = Literal[
    "payment",
    "member",
    "wallet",
    "entry",
    "lot",
    "redemption",
    "earning",
    "reward",
    "pool_code",
    "event",
    "sequence",
]


class Drift(Struct, frozen=True, kw_only=True):
    """One figure that is not what it must be. `fault` names the check; `id` is the subject's own
    and `wallet_id` the wallet it belongs to, where it belongs to one."""

    merchant_id: MerchantId
    subject: Subject
    id: int
    wallet_id: int | None
    fault: str
    expected: str | None
    found: str | None


class Tally(Struct, frozen=True):
    """How many rows a proof looked at."""

    members: int = 0
    wallets: int = 0
    entries: int = 0
    lots: int = 0
    redemptions: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.members + other.members,
            self.wallets + other.wallets,
            self.entries + other.entries,
            self.lots + other.lots,
            self.redemptions + other.redemptions,
        )


class Proof(Struct, kw_only=True):
    """What came of it. `is_cut`: there may be more drifts than were asked for."""

    merchants: int = 0
    tally: Tally = field(default_factory=Tally)
    drifts: list[Drift] = field(default_factory=list)
    is_cut: bool = False

    @property
    def is_clean(self) -> bool:
        return not self.drifts
