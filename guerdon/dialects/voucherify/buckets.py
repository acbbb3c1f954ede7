"""Buckets: points that wait for the same day, or expire with it, and what is done to them early."""

from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_cards as w
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.cards import named
from guerdon.dialects.voucherify.filters import Field
from guerdon.dialects.voucherify.ids import (
    BucketKind,
    read_bucket_id,
    write_bucket_id,
    write_customer_id,
    write_id,
)
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.places import card_in, member_in, program_in
from guerdon.dialects.voucherify.problems import Fault, locked
from guerdon.dialects.voucherify.transactions import show_pending
from guerdon.dialects.voucherify.translate_cards import expiration_type, pending_type
from guerdon.dialects.voucherify.wire import stamp, stamp_or_none
from guerdon.dialects.voucherify.wire_transactions import CardTransaction, Points
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.clock import day_end, day_start, local_day
from guerdon.domain.command import BucketMoved, Command, Done, ExpireEarly, SettlePending
from guerdon.domain.ids import EarningId
from guerdon.domain.member import Member, MemberRef
from guerdon.domain.point_terms import Expiry
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import buckets
from guerdon.store.card_transactions import Card
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

PENDING_LIST = ListForm(
    cursor="lcrscppb",
    orders=("date",),
    as_id=(),
    default="date",
    filters={"card_definition_id": Field("id", "card_definition")},
)
EXPIRING_LIST = ListForm(
    cursor="lcrspeb",
    orders=("expiration_date",),
    as_id=(),
    default="expiration_date",
    filters={
        "card_definition_id": Field("id", "card_definition"),
        "expiration_date": Field("day"),
    },
)
_ACTIVATED = "Points activation transaction created"
_CANCELED = "Points cancellation transaction created"
_EXPIRED = "Points expiration transaction created"
_TICK = timedelta(milliseconds=1)
# Days beyond have no beginning or end that a clock could show in every time zone.
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


class _Place(Struct, frozen=True, kw_only=True):
    """What a path names, as it stands in one view, and the day it is there."""

    catalogue: Catalogue
    member: Member
    card: Card
    timezone: str
    today: date

    @property
    def expiry(self) -> Expiry | None:
        point_type = self.catalogue.point_types.get(self.card.point_type_id)
        return None if point_type is None else point_type.expiry


async def _place_in(call: Call, view: Connection) -> _Place:
    catalogue = await call.catalogue(view)
    program = program_in(call, catalogue)
    member = await member_in(call, view, program)
    return _Place(
        catalogue=catalogue,
        member=member,
        card=await card_in(call, view, member),
        timezone=program.timezone,
        today=local_day(call.ledger.runtime.now(), program.timezone),
    )


async def list_pending(call: Call) -> Answer:
    """List what waits to be credited; today's bucket may still fill, and is not shown."""
    listing = read_listing(call, PENDING_LIST)
    async with snapshot(call.pool) as view:
        place = await _place_in(call, view)
        card = place.card
        found = await buckets.list_pending_buckets(
            view, call.merchant_id, card.member_id, card.id, place.timezone
        )
    kind = pending_type(place.catalogue, card.point_type_id)
    return page_of(
        listing,
        [bucket for bucket in found if bucket.day > place.today],
        lambda bucket: {
            "id": bucket.day.toordinal(),
            "date": bucket.day,
            "card_definition_id": card.point_type_id,
        },
        lambda bucket: w.PendingBucket(
            id=write_bucket_id("pending_points", card.id, bucket.day),
            card_id=write_id("card", card.id),
            card_definition_id=write_id("card_definition", card.point_type_id),
            program_id=write_id("program", card.program_id),
            member_id=write_id("member", card.member_id),
            points=w.BucketPoints(bucket.points),
            date=bucket.day.isoformat(),
            type=kind,
            created_at=stamp(bucket.created_at),
            updated_at=stamp_or_none(bucket.updated_at),
        ),
    )


async def list_expiring(call: Call) -> Answer:
    """List what expires, from today on."""
    listing = read_listing(call, EXPIRING_LIST)
    async with snapshot(call.pool) as view:
        place = await _place_in(call, view)
        card = place.card
        found = await buckets.list_points_buckets(
            view, call.merchant_id, card.id, place.timezone, place.expiry
        )
    kind = expiration_type(place.catalogue, card.point_type_id)
    customer_id = write_customer_id(place.member.external_id)
    return page_of(
        listing,
        [bucket for bucket in found if bucket.day >= place.today],
        lambda bucket: {
            "id": bucket.day.toordinal(),
            "expiration_date": bucket.day,
            "card_definition_id": card.point_type_id,
        },
        lambda bucket: w.PointsBucket(
            id=write_bucket_id("points", card.id, bucket.day),
            card_id=write_id("card", card.id),
            card_definition_id=write_id("card_definition", card.point_type_id),
            program_id=write_id("program", card.program_id),
            member_id=write_id("member", card.member_id),
            customer_id=customer_id,
            points=w.BucketPoints(bucket.points),
            expiration_date=bucket.day.isoformat(),
            expiration_type=kind,
            created_at=stamp(bucket.created_at),
            updated_at=stamp_or_none(bucket.updated_at),
        ),
    )


async def activate_pending(call: Call) -> Answer:
    """Credit what waits for a day to come, at once."""
    return await _settle(call, is_credited=True)


async def cancel_pending(call: Call) -> Answer:
    """Let what waits for a day to come come to nothing."""
    return await _settle(call, is_credited=False)


async def _settle(call: Call, *, is_credited: bool) -> Answer:
    async with snapshot(call.pool) as view:
        place = await _place_in(call, view)
        day = _day_in(call, "pending_points", place.card)
        if day is None:
            raise call.missing(3, "card_pending_points_bucket")
        card, timezone = place.card, place.timezone
        earnings = await buckets.list_earnings_due(
            view,
            call.merchant_id,
            card.member_id,
            card.id,
            day_start(day, timezone),
            day_end(day, timezone),
        )
    if not earnings:
        raise call.missing(3, "card_pending_points_bucket")
    if day <= place.today and any(status == "pending" for _, status in earnings):
        raise _not_eligible("activation" if is_credited else "cancellation")
    command = SettlePending(
        program_id=card.program_id,
        member=MemberRef(id=card.member_id),
        earning_ids=tuple(EarningId(earning_id) for earning_id, _ in earnings),
        is_credited=is_credited,
        note="Manual points activation" if is_credited else "Manual points cancellation",
    )
    verb = "activate" if is_credited else "cancel"
    outcome = await _carry_out(call, card, command, f"{verb} member's card pending points")
    if isinstance(outcome, Answer):
        return outcome
    return await _acted(call, card, outcome, _ACTIVATED if is_credited else _CANCELED)


async def expire_points(call: Call) -> Answer:
    """Take out what would expire on a day to come, at once."""
    async with snapshot(call.pool) as view:
        place = await _place_in(call, view)
        day = _day_in(call, "points", place.card)
        if day is None:
            raise call.missing(3, "card_points_bucket")
        card, timezone = place.card, place.timezone
        found = await buckets.list_points_buckets(
            view, call.merchant_id, card.id, timezone, place.expiry
        )
        lot_ids = next((bucket.lot_ids for bucket in found if bucket.day == day), ())
        if not lot_ids and not await buckets.had_lots(
            view,
            call.merchant_id,
            card.id,
            day_start(day, timezone) + _TICK,
            day_end(day, timezone) + _TICK,
        ):
            raise call.missing(3, "card_points_bucket")
    if lot_ids and day < place.today:
        raise _not_eligible("expiration")
    command = ExpireEarly(
        program_id=card.program_id,
        member=MemberRef(id=card.member_id),
        point_type_id=card.point_type_id,
        lot_ids=lot_ids,
    )
    outcome = await _carry_out(call, card, command, "expire member's card points")
    return outcome if isinstance(outcome, Answer) else await _acted(call, card, outcome, _EXPIRED)


def _day_in(call: Call, kind: BucketKind, card: Card) -> date | None:
    """Give the day of the bucket that the path names, if it is one of this card's."""
    read = read_bucket_id(kind, call.path[3])
    if read is None or read[0] != card.id or not _FIRST_YEAR <= read[1].year <= _LAST_YEAR:
        return None
    return read[1]


async def _carry_out(call: Call, card: Card, command: Command, action: str) -> Done | Answer:
    return await call.submit(command, named(call, card.point_type_id, action))


async def _acted(call: Call, card: Card, outcome: Done, message: str) -> Answer:
    """Tell of the act: by the last transaction that it made, with the points of them all."""
    moved = outcome.result
    assert isinstance(moved, BucketMoved), "a bucket was moved"
    if moved.entry_id is None:
        raise locked(
            "invalid_points_bucket_status",
            "Invalid points bucket status",
            "Points bucket must be in ACTIVE status in order to be expired",
        )
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        told = await show_pending(call, view, catalogue, card, moved.entry_id)
    shown = w.BucketAct(transaction=_in_all(told, moved.points), message=message)
    return answer(200, shown, is_replay=outcome.is_replay)


def _in_all(told: CardTransaction, points: int) -> CardTransaction:
    if not isinstance(told.details.points, Points):
        return told
    total = replace(told.details.points, total=points)
    return replace(told, details=replace(told.details, points=total))


def _not_eligible(what: str) -> Fault:
    told = {
        "activation": "Only future-dated buckets can be manually activated",
        "cancellation": "Only future-dated buckets can be manually canceled",
        "expiration": "Only future-dated buckets can be expired manually",
    }
    return locked(
        f"bucket_not_eligible_for_manual_{what}", f"Manual {what} not available", told[what]
    )
