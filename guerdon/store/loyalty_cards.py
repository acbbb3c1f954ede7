"""Cards by their codes, a program's cards in pages, and what happened on one."""

from datetime import date, datetime

from msgspec import Struct

from guerdon.domain.ids import (
    EntryId,
    MemberId,
    MerchantId,
    ProgramId,
    RedemptionId,
    RewardId,
    RuleId,
    WalletId,
)
from guerdon.domain.ledger import EntryKind
from guerdon.store.card_transactions import BEGINNING, END, Slice
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("loyalty_cards")


class CardList(Struct, frozen=True, kw_only=True):
    """Which of a program's cards to list; `wallet_ids` None is any. Times count their beginning in,
    and not their end."""

    program_id: ProgramId
    wallet_ids: list[WalletId] | None = None
    external_id: str | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    updated_from: datetime | None = None
    updated_until: datetime | None = None


class CardEntry(Struct, frozen=True, kw_only=True, gc=False):
    """A movement of a wallet's points, with what it came of. `redeemed_by` is the entry by which
    the redemption was paid for; `metadata` is that of the record of an earning."""

    id: EntryId
    kind: EntryKind
    points: int
    points_after: int
    note: str | None
    created_at: datetime
    redemption_id: RedemptionId | None
    reward_id: RewardId | None
    redeemed_by: EntryId | None
    rule_id: RuleId | None
    order_id: str | None
    metadata: str | None


class Expiring(Struct, frozen=True):
    """Points that expire at the end of the same day, the first of which were credited `since`."""

    day: date
    points: int
    since: datetime


async def find_wallet_by_code(
    view: Connection, merchant_id: MerchantId, code: str
) -> WalletId | None:
    """Find the wallet whose card has this code, where its point type has a form of its own."""
    found: WalletId | None = await view.fetchval(_SQL["find_wallet_by_code"], merchant_id, code)
    return found


async def count_program_cards(view: Connection, merchant_id: MerchantId, wanted: CardList) -> int:
    """Count the default cards of those who are a program's members."""
    count: int = await view.fetchval(_SQL["count_program_cards"], merchant_id, *_conditions(wanted))
    return count


async def list_program_cards(
    view: Connection,
    merchant_id: MerchantId,
    wanted: CardList,
    *,
    by_change: bool,
    is_falling: bool,
    limit: int,
    offset: int,
) -> list[tuple[WalletId, MemberId]]:
    """List a page of a program's default cards, by id or by their last change."""
    rows = await view.fetch(
        _SQL["list_program_cards"],
        merchant_id,
        *_conditions(wanted),
        by_change,
        is_falling,
        limit,
        offset,
    )
    return [(row[0], row[1]) for row in rows]


def _conditions(wanted: CardList) -> tuple[object, ...]:
    return (
        wanted.program_id,
        wanted.wallet_ids,
        wanted.external_id,
        wanted.created_from or BEGINNING,
        wanted.created_until or END,
        wanted.updated_from or BEGINNING,
        wanted.updated_until or END,
    )


async def count_paid_for(
    view: Connection, merchant_id: MerchantId, member_ids: list[MemberId]
) -> dict[WalletId, int]:
    """Count the rewards that members' wallets paid for and that did not go back."""
    rows = await view.fetch(_SQL["count_paid_for"], merchant_id, member_ids)
    return {row[0]: row[1] for row in rows}


async def list_card_entries(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, wanted: Slice
) -> list[CardEntry]:
    """List a page of a wallet's movements, by id from either end or beyond an id."""
    if wanted.is_rising:
        return await list_card_entries_rising(view, merchant_id, wallet_id, wanted)
    return await list_card_entries_falling(view, merchant_id, wallet_id, wanted)


async def list_card_entries_rising(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, wanted: Slice
) -> list[CardEntry]:
    """List a page of a wallet's movements in the order in which they were made."""
    sql = _SQL["list_card_entries_rising"]
    rows = await view.fetch(sql, merchant_id, wallet_id, *_conditions_of(wanted))
    return [_entry_of(row) for row in rows]


async def list_card_entries_falling(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, wanted: Slice
) -> list[CardEntry]:
    """List a page of a wallet's movements, the latest first."""
    sql = _SQL["list_card_entries_falling"]
    rows = await view.fetch(sql, merchant_id, wallet_id, *_conditions_of(wanted))
    return [_entry_of(row) for row in rows]


def _entry_of(row: Record) -> CardEntry:
    return CardEntry(
        id=row["id"],
        kind=row["kind"],
        points=row["points"],
        points_after=row["points_after"],
        note=row["note"],
        created_at=row["created_at"],
        redemption_id=row["redemption_id"],
        reward_id=row["reward_id"],
        redeemed_by=row["redeemed_by"],
        rule_id=row["rule_id"],
        order_id=row["order_id"],
        metadata=row["metadata"],
    )


def _conditions_of(wanted: Slice) -> tuple[object, ...]:
    return *wanted.bounds, wanted.any_of, wanted.none_of, *wanted.span, wanted.limit


async def list_credited(
    view: Connection, merchant_id: MerchantId, wallet_id: WalletId, entry_ids: list[EntryId]
) -> dict[EntryId, int]:
    """Sum what was ever credited to a wallet up to each of these entries."""
    if not entry_ids:
        return {}
    rows = await view.fetch(
        _SQL["list_credited"], merchant_id, wallet_id, entry_ids, max(entry_ids)
    )
    return {row[0]: row[1] for row in rows}


async def list_expiring(
    view: Connection,
    merchant_id: MerchantId,
    wallet_id: WalletId,
    *,
    timezone: str,
    now: datetime,
    limit: int,
    offset: int,
) -> tuple[list[Expiring], int]:
    """List a page of the days at whose end a wallet's points expire, and count all of them."""
    rows = await view.fetch(
        _SQL["list_expiring"], merchant_id, wallet_id, now, timezone, limit, offset
    )
    return [Expiring(row[0], row[1], row[2]) for row in rows], rows[0][3] if rows else 0
