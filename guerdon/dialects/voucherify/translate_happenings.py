"""What happened on wallets, in the vendor's kinds of card transactions; but for purchases."""

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.behind import Behind, purchase_ref, reward_transaction_id
from guerdon.dialects.voucherify.ids import write_bucket_id, write_id
from guerdon.dialects.voucherify.offer_ids import reward_id, rule_id
from guerdon.dialects.voucherify.translate_cards import expiration_type, pending_type
from guerdon.dialects.voucherify.wire import Json
from guerdon.domain.clock import zone
from guerdon.domain.earning import Earning
from guerdon.domain.ids import EntryId
from guerdon.domain.ledger import EARLY
from guerdon.store.card_transactions import Card, Happening

REFUNDED = "Manual reward refund"
# What was paid in advance of an order that is not known.
_NO_ORDER = 0
_TICK = timedelta(milliseconds=1)

Told = tuple[w.CardTransactionType, w.CardDetails]


def describe_happening(happening: Happening, card: Card, behind: Behind) -> Told:
    """Say what kind of transaction it is, and what there is to say of it."""
    match happening.kind:
        case "earned" | "pending" | "declined" | "reversed":
            return _earned(happening, card, behind)
        case "refunded":
            return "POINTS_RETURNED", _returned(happening, card, behind)
        case "expired":
            return _expired(happening, card, behind)
        case "paid":
            return "POINTS_SPENT_ON_ORDER", _paid(happening, behind)
        case "adjusted" if happening.redemption_id is not None:
            return _credited(happening, card, behind)
        case _:
            return _adjusted(happening, card, behind)


def _adjusted(happening: Happening, card: Card, behind: Behind) -> Told:
    """By hand; and what was passed between members, for which the vendor has no word here."""
    rejection = None
    if happening.kind == "refused":
        rejection = w.Rejection(
            happening.reason or "NOT_ENOUGH_BALANCE",
            "Operation exceeds the available card balance",
        )
    reason = happening.note
    if happening.kind == "transferred" and reason is None:
        reason = "Points transferred"
    if happening.points > 0:
        points = w.Points(
            total=happening.points, expiration_date=_expiration_date(happening, card, behind)
        )
        return "ADMIN_CREDIT", w.CardDetails(reason=reason, points=points)
    details = w.CardDetails(
        reason=reason, rejection=rejection, points=w.Points(total=happening.points)
    )
    return "ADMIN_DEBIT", details


def _credited(happening: Happening, card: Card, behind: Behind) -> Told:
    """Points that were bought as a reward, or that went back with it."""
    redemption_id = happening.redemption_id
    assert redemption_id is not None, "the caller has looked"
    redemption = behind.redemptions[redemption_id]
    details = w.CardDetails(
        reason="Points purchased" if happening.points > 0 else "Points purchase reversed",
        points=_points_with_expiration(happening, card, behind),
        reward=w.Ref(reward_id(behind.reward_of(redemption))),
    )
    ref = purchase_ref(redemption_id)
    if happening.points > 0:
        return "POINTS_PURCHASED", replace(
            details,
            reward_transaction=ref.reward_transaction,
            card_transaction=ref.card_transaction,
        )
    done = behind.refunds.get(redemption_id)
    # What was released, and not refunded, has no transaction of its own.
    by = ref.reward_transaction if done is None else w.Ref(reward_transaction_id(done.entry_id))
    return "POINTS_PURCHASE_REVERSED", replace(details, reward_transaction=by, purchase=ref)


def _returned(happening: Happening, card: Card, behind: Behind) -> w.CardDetails:
    redemption_id = happening.redemption_id
    assert redemption_id is not None, "a refund is one of a redemption"
    redemption = behind.redemptions[redemption_id]
    return w.CardDetails(
        reason=REFUNDED,
        points=_points_with_expiration(happening, card, behind),
        reward=w.Ref(reward_id(behind.reward_of(redemption))),
        reward_transaction=w.Ref(reward_transaction_id(happening.id)),
        purchase=purchase_ref(redemption_id),
    )


def _paid(happening: Happening, behind: Behind) -> w.CardDetails:
    payment = behind.payments[EntryId(happening.id)]
    return w.CardDetails(
        reason="Points spent on order payment",
        points=w.Points(total=-happening.points),
        order=w.Ref(write_id("order", behind.orders.get(payment.order_key, _NO_ORDER))),
        order_transaction=w.Ref(write_id("order_transaction", payment.id)),
    )


def _expired(happening: Happening, card: Card, behind: Behind) -> Told:
    """What expired, by the days on which it did."""
    totals: dict[date | None, int] = {}
    for lot_id, points in zip(happening.lot_ids, happening.lot_points, strict=True):
        day = _last_day(behind.expiries.get(lot_id), card, behind)
        totals[day] = totals.get(day, 0) - points
    kind = expiration_type(behind.catalogue, card.point_type_id)
    today = _day(happening.created_at, card, behind)
    buckets = [
        w.Bucket(
            id=write_bucket_id("points", card.id, day or today),
            points=w.Points(total=points),
            expiration_date=None if day is None else day.isoformat(),
            expiration_type=None if day is None else kind,
        )
        for day, points in totals.items()
    ]
    if happening.note == EARLY:
        return "ADMIN_POINTS_EXPIRATION", w.CardDetails(
            reason="Manual points expiration", bucket=buckets[0]
        )
    details = w.CardDetails(
        reason="Points expired automatically",
        points=w.Points(total=-happening.points),
        date=max((day for day in totals if day is not None), default=today).isoformat(),
        buckets=buckets,
    )
    return "POINTS_EXPIRED", details


# Of points that were expired by hand, before their day.
MANUAL_EXPIRY = "Manual points expiration"


def _earned(happening: Happening, card: Card, behind: Behind) -> Told:
    """Points by a rule: credited at once, or added to what waits, credited or cancelled later."""
    assert happening.earning_id is not None, "an earning has its own id"
    earning = behind.earnings[happening.earning_id]
    metadata = _earning_metadata(earning, behind)
    if happening.pending_points:
        points = w.Points(
            total=abs(happening.pending_points),
            date=None if earning.due_at is None else _day(earning.due_at, card, behind).isoformat(),
            type=pending_type(behind.catalogue, card.point_type_id),
        )
        if happening.kind == "pending":
            details = w.CardDetails(
                reason=_rule_reason(earning, behind), metadata=metadata, points=points
            )
            return "PENDING_POINTS_ADDED", details
        if happening.kind == "earned":
            reason = happening.note or "Points activated automatically"
            details = w.CardDetails(reason=reason, metadata=metadata, points=points)
            return "PENDING_POINTS_ACTIVATED", details
        reason = happening.note or "Pending points canceled"
        details = w.CardDetails(reason=reason, metadata=metadata, points=points)
        return "PENDING_POINTS_CANCELED", details
    if happening.kind == "reversed":
        reason = happening.note or "Order refunded"
        points = w.Points(total=-happening.points)
        return "POINTS_REFUNDED", w.CardDetails(reason=reason, metadata=metadata, points=points)
    points = w.Points(
        total=happening.points, expiration_date=_expiration_date(happening, card, behind)
    )
    reason = _rule_reason(earning, behind)
    return "POINTS_EARNED", w.CardDetails(reason=reason, metadata=metadata, points=points)


def _earning_metadata(earning: Earning, behind: Behind) -> dict[str, Json]:
    told: dict[str, Json] = {
        "event_id": write_id("customer_event", earning.id),
        "member_id": write_id("member", earning.member_id),
        "program_id": write_id("program", earning.program_id),
    }
    if earning.rule_id is not None:
        rule = behind.catalogue.rules[earning.rule_id]
        told["earning_item_id"] = write_id("earning", rule.id)
        told["earning_rule_id"] = rule_id(rule)
    return told


def _rule_reason(earning: Earning, behind: Behind) -> str:
    name = behind.catalogue.programs[earning.program_id].name
    if earning.rule_id is None:
        return earning.note or name
    return f"{name} / {behind.catalogue.rules[earning.rule_id].name}"


def _points_with_expiration(happening: Happening, card: Card, behind: Behind) -> w.Points:
    day = _expiration_date(happening, card, behind)
    kind = None if day is None else expiration_type(behind.catalogue, card.point_type_id)
    return w.Points(total=abs(happening.points), expiration_date=day, expiration_type=kind)


def _expiration_date(happening: Happening, card: Card, behind: Behind) -> str | None:
    """Give the last day of the first of the points credited that expire."""
    moments = [behind.expiries.get(lot_id) for lot_id in happening.lot_ids]
    known = [moment for moment in moments if moment is not None]
    day = _last_day(min(known, default=None), card, behind)
    return None if day is None else day.isoformat()


def _last_day(moment: datetime | None, card: Card, behind: Behind) -> date | None:
    """Give the last day on which something can be spent that expires at an instant."""
    return None if moment is None else _day(moment - _TICK, card, behind)


def _day(moment: datetime, card: Card, behind: Behind) -> date:
    timezone = behind.catalogue.programs[card.program_id].timezone
    return moment.astimezone(zone(timezone)).date()
