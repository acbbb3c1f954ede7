"""Redemptions read and written without locks: two statements in all."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec
from msgspec import Struct

from guerdon.domain.event import Event
from guerdon.domain.ids import MemberId, MerchantId, ProgramId, RewardId, WalletId
from guerdon.domain.ledger import Entry
from guerdon.domain.lot import Lot
from guerdon.domain.redemption import Redemption
from guerdon.domain.state import KeyRecord, WalletChange
from guerdon.domain.wallet import Wallet
from guerdon.store import arrays
from guerdon.store.connection import Connection, Record
from guerdon.store.redemptions import contexts_of
from guerdon.store.statements import statements
from guerdon.store.wallets import LockedWallet

_SQL = statements("spends")
_encode = msgspec.json.Encoder().encode

# Each redemption takes one id for itself, one for its entry and one for its event, in this order.
IDS_EACH = 3


class Reading(Struct, frozen=True):
    """What stood at one instant: wallets by the names they were asked for, the next id of the
    merchant, and the version of its offers. `places` are where the rows of wallets and lots lie."""

    wallets: list[LockedWallet]
    next_id: int
    catalogue_version: int
    places: dict[int, str]


class Stale(Exception):
    """Something that the decision rested on has changed since; nothing was written."""


class Spends(Struct, frozen=True, kw_only=True):
    """What is to be written. The redemptions, entries and events belong together by position.

    `versions` are those of the wallets as read, and `catalogue_version` that of the offers.
    `expected_id` None: under whatever ids are next; otherwise only from that one on. `places` is as
    read: it spares the search for each row, and a row that is there no more counts as changed.
    `pool_codes` is how many of the redemptions take their code out of a pool."""

    catalogue_version: int
    wallets: Sequence[WalletChange]
    versions: Sequence[int]
    lots: Mapping[int, int]
    counters: Mapping[RewardId, tuple[int, int]]
    redemptions: Sequence[Redemption]
    entries: Sequence[Entry]
    events: Sequence[Event]
    keys: Sequence[KeyRecord]
    expected_id: int | None
    places: Mapping[int, str]
    pool_codes: int


async def is_distributed(connection: Connection) -> bool:
    """Say whether the tables may be spread over servers, where `write_spends` cannot run."""
    return bool(await connection.fetchval(_SQL["is_distributed"]))


async def list_wallets_and_lots(
    connection: Connection,
    merchant_id: MerchantId,
    *,
    member_ids: list[MemberId],
    external_ids: list[tuple[ProgramId, str]],
    emails: list[tuple[ProgramId, str]],
) -> Reading:
    """List all wallets of the members named in any of three ways, with their open lots, as they
    stood at one instant. Nothing is locked: what is decided on them is written by `write_spends`,
    which looks whether they still stand so."""
    rows = await connection.fetch(
        _SQL["list_wallets_and_lots"],
        merchant_id,
        arrays.literal(member_ids),
        arrays.literal([program_id for program_id, _ in external_ids]),
        [external_id for _, external_id in external_ids],
        arrays.literal([program_id for program_id, _ in emails]),
        [email for _, email in emails],
    )
    lots: dict[tuple[WalletId, str | None, str | None], list[Lot]] = {}
    firsts: list[Record] = []
    for row in rows:
        place = (row[0], row[13], row[14])
        held = lots.get(place)
        if held is None:
            held = lots[place] = []
            firsts.append(row)
        if row[15] is not None:
            held.append(Lot(row[15], row[16], row[17], row[18]))
    if firsts[0][0] is None:
        return Reading([], rows[0][19], rows[0][20], {})
    wallets = [_wallet_of(row, held) for row, held in zip(firsts, lots.values(), strict=True)]
    places = {row[0]: row[21] for row in firsts}
    places |= {row[15]: row[22] for row in rows}
    return Reading(wallets, rows[0][19], rows[0][20], places)


def _wallet_of(row: Record, lots: list[Lot]) -> LockedWallet:
    if len(lots) > 1:
        lots.sort(key=_first_in)
    wallet = Wallet(
        id=row[0],
        member_id=row[1],
        program_id=row[2],
        point_type_id=row[3],
        is_default=row[4],
        is_frozen=row[5],
        tier_id=row[6],
        points_available=row[7],
        points_held=row[8],
        points_pending=row[9],
        points_lifetime=row[10],
        points_redeemed=row[11],
        version=row[12],
        lots=tuple(lots),
    )
    return LockedWallet(wallet, row[13], row[14])


def _first_in(lot: Lot) -> tuple[datetime, int]:
    return lot.effective_at, lot.id


async def write_spends(
    connection: Connection, merchant_id: MerchantId, now: datetime, batch: int, spends: Spends
) -> int:
    """Write redemptions decided without locks, in a transaction of this one statement's own.

    Gives the first id taken. Raises Stale where a wallet or the offers have changed since they
    were read, or a pool's code was taken, and nothing is written. Locks, to its end: wallets,
    counters, sequence."""
    made, entries, events = spends.redemptions, spends.entries, spends.events
    wallets, keys = spends.wallets, spends.keys
    try:
        first: int = await connection.fetchval(
            _SQL["write_spends"],
            merchant_id,
            now,
            arrays.literal([wallet.id for wallet in wallets]),
            arrays.literal(spends.versions),
            arrays.literal([wallet.points_available for wallet in wallets]),
            arrays.literal([wallet.points_held for wallet in wallets]),
            arrays.literal([wallet.points_redeemed for wallet in wallets]),
            len(wallets),
            arrays.literal(list(spends.lots)),
            arrays.literal(list(spends.lots.values())),
            arrays.literal(list(spends.counters)),
            arrays.literal([redemptions for redemptions, _ in spends.counters.values()]),
            arrays.literal([units for _, units in spends.counters.values()]),
            len(made),
            spends.catalogue_version,
            spends.expected_id,
            arrays.literal([each.program_id for each in made]),
            arrays.literal([each.member_id for each in made]),
            arrays.literal([each.wallet_id for each in made]),
            arrays.literal([each.reward_id for each in made]),
            arrays.literal([each.reward_version_id for each in made]),
            arrays.words([each.status for each in made]),
            arrays.literal([each.units for each in made]),
            arrays.literal([each.points_cost for each in made]),
            arrays.literal([entry.points_after for entry in entries]),
            arrays.nested([each.lot_ids for each in made]),
            arrays.nested([each.lot_points for each in made]),
            arrays.nested([entry.lot_points for entry in entries]),
            arrays.joined([each.code or "" for each in made]),
            arrays.words([each.fulfilment for each in made]),
            arrays.instants([each.expires_at for each in made]),
            arrays.instants([each.auto_refund_at for each in made]),
            arrays.joined([event.kind for event in events]),
            arrays.joined([_encode(event.facts).decode() for event in events]),
            batch,
            [record.key for record in keys],
            [record.fingerprint for record in keys],
            [record.answer for record in keys],
            arrays.quoted([spends.places[wallet.id] for wallet in wallets]),
            arrays.quoted([spends.places[lot_id] for lot_id in spends.lots]),
            len(spends.lots),
            spends.pool_codes,
            arrays.texts(contexts_of(made)),
        )
    except asyncpg.DivisionByZeroError as error:
        raise Stale from error
    return first
