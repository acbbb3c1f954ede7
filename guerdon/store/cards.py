"""What members' wallets hold, and all that ever came and went."""

from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.expiry import kept_by, slid_out_on
from guerdon.domain.ids import MemberId, MerchantId, PointTypeId, ProgramId, TierId, WalletId
from guerdon.domain.point_terms import Expiry
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
    is_frozen: bool
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
    catalogue: Catalogue,
    now: datetime,
) -> dict[MemberId, list[Card]]:
    """List all wallets of members as they stand at `now`, each member's default one first."""
    zones = {program.id: program.timezone for program in catalogue.programs.values()}
    sliding = {
        each.id: each.expiry
        for each in catalogue.point_types.values()
        if each.expiry is not None and each.expiry.kind == "sliding"
    }
    found: dict[MemberId, list[Card]] = {member_id: [] for member_id in member_ids}
    rows = await view.fetch(
        _SQL["list_cards"],
        merchant_id,
        member_ids,
        now,
        list(zones),
        list(zones.values()),
        list(sliding),
    )
    for row in rows:
        card = _card_of(row)
        if row["sliding_days"]:
            card = _slide(card, row, sliding[card.point_type_id], zones[card.program_id])
        found[card.member_id].append(card)
    return found


def _slide(card: Card, row: Record, expiry: Expiry, timezone: str) -> Card:
    """Say when points expire that live on as long as something is done."""
    acts = {"earned": row["last_earned_at"], "redeemed": row["last_spent_at"]}
    last_act_at = max(
        (acts[kind] for kind in kept_by(expiry) if acts.get(kind) is not None), default=None
    )
    days: dict[date, int] = {}
    for day, points in zip(row["sliding_days"], row["sliding_points"], strict=True):
        ends_on = slid_out_on(expiry, day, last_act_at, timezone)
        days[ends_on] = days.get(ends_on, 0) + points
    first = min(days)
    return replace(card, next_expires_on=first, next_expires_points=days[first])


def _card_of(row: Record) -> Card:
    locked: int = row["redeemed"]
    unlocked = locked - row["points_held"]
    return Card(
        id=row["id"],
        member_id=row["member_id"],
        program_id=row["program_id"],
        point_type_id=row["point_type_id"],
        is_default=row["is_default"],
        is_frozen=row["is_frozen"],
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
