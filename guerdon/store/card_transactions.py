"""What happened on a member's wallet, in pages that miss nothing."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from guerdon.domain.ids import (
    EarningId,
    LotId,
    MemberId,
    MerchantId,
    PointTypeId,
    ProgramId,
    RedemptionId,
    WalletId,
)
from guerdon.domain.ledger import EntryKind
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("card_transactions")

ID_END = 2**53
BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
END = datetime(9999, 12, 30, tzinfo=UTC)


class Card(Struct, frozen=True, kw_only=True):
    """A wallet, by what it is and whose."""

    id: WalletId
    member_id: MemberId
    program_id: ProgramId
    point_type_id: PointTypeId


class Happening(Struct, frozen=True, kw_only=True, gc=False):
    """An entry, a redemption (of kind `redeemed`, under its own id, its cost being positive), or a
    deduction that was `refused`. `points` move what can be spent, or what is owed."""

    id: int
    kind: EntryKind | Literal["refused"]
    points: int
    pending_points: int
    note: str | None
    reason: str | None
    lot_ids: tuple[LotId, ...]
    lot_points: tuple[int, ...]
    redemption_id: RedemptionId | None
    earning_id: EarningId | None
    created_at: datetime


class Slice(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted: beyond an id, of these ids (None: of any), made in a span.

    With `is_any` one condition is enough, on ids or on times."""

    is_rising: bool
    limit: int
    beyond: int | None = None
    any_of: list[int] | None = None
    none_of: list[int] = []
    since: datetime | None = None
    before: datetime | None = None
    is_any: bool = False

    @property
    def bounds(self) -> tuple[int, int]:
        """Give the ids between which to look, both left out."""
        floor, end = 0, ID_END
        if self.any_of is not None and not self.is_any:
            floor, end = min(self.any_of, default=0) - 1, max(self.any_of, default=0) + 1
        if self.beyond is None:
            return floor, end
        return (max(floor, self.beyond), end) if self.is_rising else (floor, min(end, self.beyond))

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self.since or BEGINNING, self.before or END


class Credit(Struct, frozen=True):
    """The entry that credited what a reward was worth, and the wallet that it credited."""

    entry_id: int
    wallet_id: WalletId


async def list_card_transactions(
    view: Connection, merchant_id: MerchantId, card: Card, wanted: Slice
) -> list[Happening]:
    """List a page of what happened on a wallet, by id from either end or beyond an id."""
    if wanted.is_rising:
        return await list_card_transactions_rising(view, merchant_id, card, wanted)
    return await list_card_transactions_falling(view, merchant_id, card, wanted)


async def list_card_transactions_rising(
    view: Connection, merchant_id: MerchantId, card: Card, wanted: Slice
) -> list[Happening]:
    """List a page of what happened on a wallet, the first first."""
    sql = _SQL["list_card_transactions_rising"]
    return _happenings(await view.fetch(sql, merchant_id, *_conditions(card, wanted)))


async def list_card_transactions_falling(
    view: Connection, merchant_id: MerchantId, card: Card, wanted: Slice
) -> list[Happening]:
    """List a page of what happened on a wallet, the latest first."""
    sql = _SQL["list_card_transactions_falling"]
    return _happenings(await view.fetch(sql, merchant_id, *_conditions(card, wanted)))


def _conditions(card: Card, wanted: Slice) -> tuple[object, ...]:
    return (
        card.id,
        card.member_id,
        *wanted.bounds,
        wanted.is_any,
        wanted.any_of,
        wanted.none_of,
        *wanted.span,
        wanted.limit,
    )


def _happenings(rows: list[Record]) -> list[Happening]:
    return [
        Happening(
            id=row[0],
            kind=row[1],
            points=row[2],
            pending_points=row[3],
            note=row[4],
            reason=row[5],
            lot_ids=tuple(row[6]),
            lot_points=tuple(row[7]),
            redemption_id=row[8],
            earning_id=row[9],
            created_at=row[10],
        )
        for row in rows
    ]


async def find_card(view: Connection, merchant_id: MerchantId, wallet_id: WalletId) -> Card | None:
    """Find a wallet by its id."""
    row = await view.fetchrow(_SQL["find_card"], merchant_id, wallet_id)
    return None if row is None else _card_of(row)


def _card_of(row: Record) -> Card:
    return Card(id=row[0], member_id=row[1], program_id=row[2], point_type_id=row[3])


async def list_cards_of(
    view: Connection, merchant_id: MerchantId, member_ids: list[MemberId]
) -> list[Card]:
    """List the wallets of members."""
    rows = await view.fetch(_SQL["list_cards_of"], merchant_id, member_ids)
    return [_card_of(row) for row in rows]


async def list_credits(
    view: Connection,
    merchant_id: MerchantId,
    member_id: MemberId,
    redemption_ids: list[RedemptionId],
) -> dict[RedemptionId, Credit]:
    """Find what one member's redemptions credited to their wallets, where they did."""
    if not redemption_ids:
        return {}
    rows = await view.fetch(
        _SQL["list_credits"], merchant_id, member_id, redemption_ids, min(redemption_ids)
    )
    return {row[0]: Credit(row[1], row[2]) for row in rows}


async def find_spendable(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, now: datetime
) -> int:
    """Count the points of a wallet that can be spent at `now`."""
    points: int = await view.fetchval(_SQL["find_spendable"], merchant_id, wallet_id, now)
    return points
