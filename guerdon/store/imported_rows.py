"""Members added many at a time with their wallets, lots and entries, each table by one COPY."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

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
    whole,
    wholes,
)
from guerdon.store.connection import Connection

# A member, a wallet, a lot and an entry.
IDS_PER_MEMBER = 4

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


class NewMember(Struct, frozen=True):
    """A member to add, and what their wallet begins with. Texts are not empty."""

    external_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    points: int
    points_lifetime: int
    expires_at: datetime | None
    tier_id: TierId | None
    is_frozen: bool


class Admission(Struct, frozen=True, kw_only=True):
    """What all members of an import have in common. Lots and entries say when they were made,
    members when the import was begun."""

    merchant_id: MerchantId
    program_id: ProgramId
    point_type_id: PointTypeId
    begun_at: datetime
    now: datetime
    note: str


class Copies(Struct, frozen=True):
    """What to send for each table: its columns and its rows."""

    tables: list[tuple[str, tuple[str, ...], bytes]]


def lay_out(
    admission: Admission, rows: Sequence[NewMember], codes: Sequence[str], first_id: int
) -> Copies:
    """Lay out members under IDS_PER_MEMBER ids each from `first_id` on, in the order given; `codes`
    are their referral codes. Takes no connection, and can run in a thread."""
    places = range(len(rows))
    return Copies(
        [
            ("members", _MEMBERS, _members(admission, rows, codes, first_id)),
            ("wallets", _WALLETS, _wallets(admission, rows, first_id)),
            ("lots", _LOTS, _lots(admission, rows, first_id, places)),
            ("entries", _ENTRIES, _entries(admission, rows, first_id, places)),
        ]
    )


async def copy_rows(tx: Connection, copies: Copies) -> None:
    """Add what was laid out. A shopper who is a member already is a violation of a constraint."""
    for table, columns, data in copies.tables:
        await tx.copy_to_table(table, source=memoryview(data), columns=columns, format="binary")


def _members(
    admission: Admission, rows: Sequence[NewMember], codes: Sequence[str], first_id: int
) -> bytes:
    before_id = head(len(_MEMBERS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    program = whole(admission.program_id)
    after = instant(admission.begun_at) * 2
    parts = [BEGIN]
    add = parts.append
    for member_id, row, code in zip(
        range(first_id, first_id + len(rows)), rows, codes, strict=True
    ):
        add(before_id)
        add(member_id.to_bytes(8, "big"))
        add(program)
        add(text(row.external_id))
        add(text(row.email))
        add(text(row.first_name))
        add(text(row.last_name))
        add(text(code))
        add(after)
    add(END)
    return b"".join(parts)


def _wallets(admission: Admission, rows: Sequence[NewMember], first_id: int) -> bytes:
    """Lay out those of the same tier and status together: they differ in numbers alone."""
    alike: dict[tuple[TierId | None, bool], list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault((row.tier_id, row.is_frozen), []).append(place)
    parts = [BEGIN]
    for (tier_id, is_frozen), places in alike.items():
        fixed = (
            BEFORE_WHOLE,
            wholes(first_id + place for place in places),
            whole(admission.program_id) + whole(admission.point_type_id) + flag(value=True),
            flag(value=is_frozen) + (NULL if tier_id is None else whole(tier_id)) + BEFORE_WHOLE,
            wholes(rows[place].points for place in places),
            whole(0) * 2 + BEFORE_WHOLE,
            wholes(rows[place].points_lifetime for place in places),
            whole(0) + instant(admission.now) * 2,
        )
        before = head(len(_WALLETS)) + whole(admission.merchant_id) + BEFORE_WHOLE
        ids = wholes(first_id + len(rows) + place for place in places)
        parts.append(lay(len(places), (before, ids, *fixed)))
    return b"".join((*parts, END))


def _lots(
    admission: Admission, rows: Sequence[NewMember], first_id: int, all_places: range
) -> bytes:
    """Lay out those that expire at the same instant together."""
    alike: dict[datetime | None, list[int]] = {}
    for place in all_places:
        if rows[place].points:
            alike.setdefault(rows[place].expires_at, []).append(place)
    before = head(len(_LOTS)) + whole(admission.merchant_id) + BEFORE_WHOLE
    parts = [BEGIN]
    for expires_at, places in alike.items():
        points = wholes(rows[place].points for place in places)
        fixed = (
            before,
            wholes(first_id + 2 * len(rows) + place for place in places),
            BEFORE_WHOLE,
            wholes(first_id + len(rows) + place for place in places),
            BEFORE_WHOLE,
            points,
            BEFORE_WHOLE,
            points,
            flag(value=True) + instant(admission.now) + instant(expires_at),
        )
        parts.append(lay(len(places), fixed))
    return b"".join((*parts, END))


def _entries(
    admission: Admission, rows: Sequence[NewMember], first_id: int, all_places: range
) -> bytes:
    """Lay out an entry for each lot; lifetime points alone make an entry without a lot."""
    count = len(rows)
    before = head(len(_ENTRIES)) + whole(admission.merchant_id) + BEFORE_WHOLE
    kind = text("adjusted") + BEFORE_WHOLE
    after = text(admission.note) + instant(admission.now)
    parts = [BEGIN]
    for has_lot in (True, False):
        places = [
            place
            for place in all_places
            if bool(rows[place].points) is has_lot and rows[place].points_lifetime
        ]
        points = wholes(rows[place].points for place in places)
        lots = wholes(first_id + 2 * count + place for place in places)
        draws = (ONE_WHOLE, lots, ONE_WHOLE, points) if has_lot else (NO_WHOLES * 2,)
        fixed = (
            before,
            wholes(first_id + 3 * count + place for place in places),
            BEFORE_WHOLE,
            wholes(first_id + count + place for place in places),
            kind,
            points,
            BEFORE_WHOLE,
            points,
            BEFORE_WHOLE,
            wholes(rows[place].points_lifetime for place in places),
            *draws,
            after,
        )
        parts.append(lay(len(places), fixed))
    return b"".join((*parts, END))
