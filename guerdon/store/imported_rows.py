"""Members added many at a time with their wallets, lots and entries, each table by one COPY."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from msgspec import Struct

from guerdon.domain.catalogue import Program
from guerdon.domain.ids import MerchantId, PointTypeId, ProgramId, TierId
from guerdon.store.binary_rows import (
    BEFORE_WHOLE,
    BEGIN,
    END,
    NO_WHOLES,
    NULL,
    ONE_WHOLE,
    flag,
    head,
    instant,
    lay,
    text,
    texts,
    whole,
    wholes,
)
from guerdon.store.connection import Connection

T = TypeVar("T")

# A member, a wallet, a lot and an entry. Every further wallet takes one more.
_IDS_PER_MEMBER = 4

_MEMBERS = (
    *("merchant_id", "id", "program_id", "external_id", "email", "first_name", "last_name"),
    *("referral_code", "created_at", "updated_at"),
)
_WALLETS = (
    *("merchant_id", "id", "member_id", "program_id", "point_type_id", "is_default", "is_frozen"),
    *("tier_id", "points_available", "points_held", "points_pending", "points_lifetime"),
    *("points_redeemed", "created_at", "updated_at"),
)
_LOTS = (
    *("merchant_id", "id", "wallet_id", "points", "points_remaining", "is_open", "effective_at"),
    "expires_at",
)
_ENTRIES = (
    *("merchant_id", "id", "wallet_id", "kind", "points", "points_after", "lifetime_points"),
    *("lot_ids", "lot_points", "note", "created_at"),
)


class NewMembers(Struct, frozen=True, kw_only=True):
    """Members to add and what their wallets begin with, as columns of equal length. No text is
    empty."""

    external_ids: Sequence[str]
    emails: Sequence[str | None]
    first_names: Sequence[str | None]
    last_names: Sequence[str | None]
    points: Sequence[int]
    points_lifetime: Sequence[int]
    expiries: Sequence[datetime | None]
    tier_ids: Sequence[TierId | None]
    are_frozen: Sequence[bool]

    def pick(self, places: Sequence[int]) -> "NewMembers":
        """Give those that stand in some places."""
        columns = {
            name: [getattr(self, name)[place] for place in places]
            for name in self.__struct_fields__
        }
        return NewMembers(**columns)


class Admission(Struct, frozen=True, kw_only=True):
    """What all members of an import have in common. Lots and entries say when they were made,
    members when the import was begun. `further_point_types` are those of which everybody gets an
    empty wallet."""

    merchant_id: MerchantId
    program_id: ProgramId
    point_type_id: PointTypeId
    further_point_types: Sequence[PointTypeId] = ()
    begun_at: datetime
    now: datetime
    note: str


class Copies(Struct, frozen=True):
    """What to send for each table: its columns and its rows."""

    tables: list[tuple[str, tuple[str, ...], bytes]]


def ids_per_member(program: Program) -> int:
    """Count the ids that each member of an import takes."""
    return _IDS_PER_MEMBER + len(program.further_point_type_ids)


def first_wallets(admission: Admission, count: int, first_id: int) -> dict[PointTypeId, int]:
    """Give the id of the first wallet of each point type; those of so many members follow it."""
    firsts = {admission.point_type_id: first_id + count}
    for place, point_type_id in enumerate(admission.further_point_types):
        firsts[point_type_id] = first_id + (_IDS_PER_MEMBER + place) * count
    return firsts


def lay_out(admission: Admission, new: NewMembers, codes: Sequence[str], first_id: int) -> Copies:
    """Lay out members under `ids_per_member` ids each from `first_id` on, in the order given.

    `codes` are their referral codes. Takes no connection, and can run in a thread."""
    firsts = first_wallets(admission, len(new.points), first_id)
    further = [
        _further_wallets(admission, new, point_type_id, first_id, firsts[point_type_id])
        for point_type_id in admission.further_point_types
    ]
    return Copies(
        [
            ("members", _MEMBERS, _members(admission, new, codes, first_id)),
            ("wallets", _WALLETS, _wallets(admission, new, first_id)),
            ("lots", _LOTS, _lots(admission, new, first_id)),
            ("entries", _ENTRIES, _entries(admission, new, first_id)),
            *(("wallets", _WALLETS, each) for each in further),
        ]
    )


async def copy_rows(tx: Connection, copies: Copies) -> None:
    """Add what was laid out. A shopper who is a member already is a violation of a constraint."""
    for table, columns, data in copies.tables:
        await tx.copy_to_table(table, source=memoryview(data), columns=columns, format="binary")


def _members(admission: Admission, new: NewMembers, codes: Sequence[str], first_id: int) -> bytes:
    before_id = head(len(_MEMBERS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    count = len(new.external_ids)
    ids = wholes(range(first_id, first_id + count)).tobytes()
    rows = zip(
        repeat(before_id, count),
        (ids[at : at + 8] for at in range(0, len(ids), 8)),
        repeat(whole(admission.program_id), count),
        *texts(new.external_ids),
        *texts(new.emails),
        *texts(new.first_names),
        *texts(new.last_names),
        *texts(codes),
        repeat(instant(admission.begun_at) * 2, count),
        strict=True,
    )
    return b"".join((BEGIN, *chain.from_iterable(rows), END))


def _wallets(admission: Admission, new: NewMembers, first_id: int) -> bytes:
    """Lay out those of the same tier and status together: they differ in numbers alone."""
    before = head(len(_WALLETS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    first_wallet = first_id + len(new.points)
    parts = [BEGIN]
    kinds = partial(zip, new.tier_ids, new.are_frozen, strict=True)
    for (tier_id, is_frozen), places in _alike(kinds, len(new.points)):
        row = (
            before,
            wholes(first_wallet + place for place in places),
            BEFORE_WHOLE,
            wholes(first_id + place for place in places),
            whole(admission.program_id) + whole(admission.point_type_id) + flag(value=True),
            flag(value=is_frozen) + (NULL if tier_id is None else whole(tier_id)) + BEFORE_WHOLE,
            wholes(new.points[place] for place in places),
            whole(0) * 2 + BEFORE_WHOLE,
            wholes(new.points_lifetime[place] for place in places),
            whole(0) + instant(admission.now) * 2,
        )
        parts.append(lay(len(places), row))
    return b"".join((*parts, END))


def _further_wallets(
    admission: Admission,
    new: NewMembers,
    point_type_id: PointTypeId,
    first_id: int,
    first_wallet: int,
) -> bytes:
    """Lay out everybody's empty wallet of a point type."""
    before = head(len(_WALLETS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    kind = whole(admission.program_id) + whole(point_type_id) + flag(value=False)
    figures = NULL + whole(0) * 5 + instant(admission.now) * 2
    parts = [BEGIN]
    for is_frozen, places in _alike(lambda: new.are_frozen, len(new.points)):
        row = (
            before,
            wholes(first_wallet + place for place in places),
            BEFORE_WHOLE,
            wholes(first_id + place for place in places),
            kind + flag(value=is_frozen) + figures,
        )
        parts.append(lay(len(places), row))
    return b"".join((*parts, END))


def _lots(admission: Admission, new: NewMembers, first_id: int) -> bytes:
    """Lay out those that expire at the same instant together."""
    before = head(len(_LOTS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    first_wallet = first_id + len(new.points)
    first_lot = first_wallet + len(new.points)
    parts = [BEGIN]
    for expires_at, all_places in _alike(lambda: new.expiries, len(new.points)):
        places = [place for place in all_places if new.points[place]]
        points = wholes(new.points[place] for place in places)
        row = (
            before,
            wholes(first_lot + place for place in places),
            BEFORE_WHOLE,
            wholes(first_wallet + place for place in places),
            BEFORE_WHOLE,
            points,
            BEFORE_WHOLE,
            points,
            flag(value=True) + instant(admission.now) + instant(expires_at),
        )
        parts.append(lay(len(places), row))
    return b"".join((*parts, END))


def _entries(admission: Admission, new: NewMembers, first_id: int) -> bytes:
    """Lay out an entry for each lot; lifetime points alone make an entry without a lot."""
    count = len(new.points)
    before = head(len(_ENTRIES)) + whole(admission.merchant_id) + BEFORE_WHOLE
    parts = [BEGIN]
    for has_lot, all_places in _alike(lambda: map(bool, new.points), count):
        places = [place for place in all_places if new.points_lifetime[place]]
        points = wholes(new.points[place] for place in places)
        lots = wholes(first_id + 2 * count + place for place in places)
        row = (
            before,
            wholes(first_id + 3 * count + place for place in places),
            BEFORE_WHOLE,
            wholes(first_id + count + place for place in places),
            text("adjusted") + BEFORE_WHOLE,
            points,
            BEFORE_WHOLE,
            points,
            BEFORE_WHOLE,
            wholes(new.points_lifetime[place] for place in places),
            *((ONE_WHOLE, lots, ONE_WHOLE, points) if has_lot else (NO_WHOLES * 2,)),
            text(admission.note) + instant(admission.now),
        )
        parts.append(lay(len(places), row))
    return b"".join((*parts, END))


def _alike(values: Callable[[], Iterable[T]], count: int) -> list[tuple[T, Sequence[int]]]:
    """Give the places of each of so many values."""
    found = set(values())
    if len(found) == 1:
        return [(found.pop(), range(count))]
    places: dict[T, list[int]] = {}
    for place, value in enumerate(values()):
        places.setdefault(value, []).append(place)
    return list(places.items())
