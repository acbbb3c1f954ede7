"""What members' wallets hold, and all that ever came and went."""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from guerdon.domain.catalogue import Program
from guerdon.domain.ids import MemberId, MerchantId, PointTypeId, ProgramId, TierId, WalletId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("cards")


class Card(Struct, frozen=True, kw_only=True, gc=False):
    """A wallet, with the sums of its entries. What was redeemed is `locked` first, then `unlocked`
    and, unless it came to nothing, `spent`. `expired` counts what no sweep has come by yet, too.

    The days of `next_…` are those of the program's time zone; a day's points expire at its end."""

    id: WalletId
    member_id: MemberId
    program_id: ProgramId
    point_type_id: PointTypeId
    is_default: bool
    tier_id: TierId | None
    tier_entered_at: datetime | None
    code: str | None
    created_at: datetime
    points_lifetime: int
    earned: int = 0
    added: int = 0
    purchased: int = 0
    purchased_reversed: int = 0
    subtracted: int = 0
    expired: int = 0
    spent: int = 0
    refunded: int = 0
    returned: int = 0
    locked: int = 0
    unlocked: int = 0
    pending_total: int = 0
    activated: int = 0
    canceled: int = 0
    next_expires_on: date | None = None
    next_expires_points: int = 0
    next_activates_on: date | None = None
    next_activates_points: int = 0

    @property
    def total(self) -> int:
        """Give all that ever was credited."""
        return self.earned + self.added + self.purchased + self.activated

    @property
    def balance(self) -> int:
        """Give what the member is shown: below zero where they owe points."""
        gone = self.subtracted + self.expired + self.spent + self.refunded + self.purchased_reversed
        return self.total - gone + self.returned - self.locked + self.unlocked

    @property
    def pending(self) -> int:
        """Give what waits to be credited."""
        return max(self.pending_total - self.activated - self.canceled, 0)


async def list_cards(
    view: Connection,
    merchant_id: MerchantId,
    member_ids: list[MemberId],
    programs: Iterable[Program],
    now: datetime,
) -> dict[MemberId, list[Card]]:
    """List all wallets of members as they stand at `now`, each member's default one first. Of the
    programs only the members' own are needed."""
    zones = {program.id: program.timezone for program in programs}
    found: dict[MemberId, list[Card]] = {member_id: [] for member_id in member_ids}
    rows = await view.fetch(
        _SQL["list_cards"], merchant_id, member_ids, now, list(zones), list(zones.values())
    )
    for row in rows:
        found[row["member_id"]].append(_card_of(row))
    return found


def _card_of(row: Record) -> Card:
    locked: int = row["redeemed"]
    unlocked = locked - row["points_held"]
    return Card(
        id=row["id"],
        member_id=row["member_id"],
        program_id=row["program_id"],
        point_type_id=row["point_type_id"],
        is_default=row["is_default"],
        tier_id=row["tier_id"],
        tier_entered_at=row["tier_entered_at"],
        code=row["code"],
        created_at=row["created_at"],
        points_lifetime=row["points_lifetime"],
        earned=row["earned"],
        added=row["added"],
        purchased=row["purchased"],
        purchased_reversed=row["purchased_reversed"],
        subtracted=row["subtracted"],
        expired=row["expired"] + row["due"],
        spent=unlocked - row["released"],
        refunded=row["refunded"],
        returned=row["returned"],
        locked=locked,
        unlocked=unlocked,
        pending_total=row["pending_total"],
        activated=row["activated"],
        canceled=row["canceled"],
        next_expires_on=row["next_expires_on"],
        next_expires_points=row["next_expires_points"] or 0,
        next_activates_on=row["next_activates_on"],
        next_activates_points=row["next_activates_points"] or 0,
    )
