"""What happened on wallets, and what members bought, as the vendor's transactions."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.call import PurchaseProfile
from guerdon.dialects.voucherify.ids import write_bucket_id, write_id
from guerdon.dialects.voucherify.offer_ids import reward_id, rule_id
from guerdon.dialects.voucherify.translate_cards import expiration_type, pending_type
from guerdon.dialects.voucherify.translate_results import Cards, rejection_to_wire, result_to_wire
from guerdon.dialects.voucherify.wire import Json, stamp
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.clock import zone
from guerdon.domain.earning import Earning
from guerdon.domain.ids import EarningId, EntryId, LotId, RedemptionId, RewardVersionId
from guerdon.domain.ledger import EARLY
from guerdon.domain.order_payment import OrderPayment
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Card, Credit, Happening
from guerdon.store.purchases import Refund

SPENT = "Points spent on reward"
REFUNDED = "Manual reward refund"
# A refund's reward transaction has the id after its entry's, as a purchase's that after its own.
_NEXT = 1
# What was paid in advance of an order that is not known.
_NO_ORDER = 0
_TICK = timedelta(milliseconds=1)


class Behind(Struct, frozen=True, kw_only=True):
    """All that transactions name, as it stands in one view, and how they are to be shown.

    What is queued is processed once it is `delay` old, as seen at `now`. `orders` gives the numbers
    of the orders that were paid, by the shop's own ids."""

    profile: PurchaseProfile
    catalogue: Catalogue
    now: datetime
    delay: timedelta
    cards: Cards
    redemptions: Mapping[RedemptionId, Redemption]
    versions: Mapping[RewardVersionId, Reward]
    credits: Mapping[RedemptionId, Credit]
    refunds: Mapping[RedemptionId, Refund]
    expiries: Mapping[LotId, datetime | None]
    earnings: Mapping[EarningId, Earning]
    payments: Mapping[EntryId, OrderPayment]
    orders: Mapping[str, int]

    def reward_of(self, redemption: Redemption) -> Reward:
        """Give the reward as it was when it was bought."""
        return self.versions[redemption.reward_version_id]

    @property
    def is_seed(self) -> bool:
        return self.profile == "seed"


def purchase_status(redemption: Redemption, behind: Behind) -> w.CardTransactionStatus:
    """Say how far a purchase has come. A refund later on changes nothing about that."""
    if redemption.status == "declined":
        return "REJECTED"
    if redemption.status != "pending":
        return "APPROVED"
    waits = redemption.fulfilment == "queued" and redemption.created_at + behind.delay > behind.now
    return "PENDING" if waits else "PROCESSING"


def reward_transaction_id(redemption_id: int) -> str:
    return write_id("reward_transaction", redemption_id + _NEXT)


def purchase_ref(redemption_id: int) -> w.PurchaseRef:
    return w.PurchaseRef(
        w.Ref(write_id("card_transaction", redemption_id)),
        w.Ref(reward_transaction_id(redemption_id)),
    )


def reward_transaction(redemption: Redemption, card: Card, behind: Behind) -> w.RewardTransaction:
    """Show a purchase as a reward transaction."""
    status: w.RewardTransactionStatus = purchase_status(redemption, behind)
    if redemption.status == "void":
        status = "REFUNDED"
    return w.RewardTransaction(
        id=reward_transaction_id(redemption.id),
        card_id=write_id("card", card.id),
        card_transaction_id=write_id("card_transaction", redemption.id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        reward_id=reward_id(behind.reward_of(redemption)),
        status=status,
        details=w.RewardDetails(
            reason=SPENT,
            rejection=_reason_alone(rejection_to_wire(redemption)),
            points=w.TotalPoints(redemption.points_cost),
            result=_result(redemption, behind),
        ),
        created_at=stamp(redemption.created_at),
        updated_at=_changed(redemption),
    )


def refund_transaction(
    redemption: Redemption, card: Card, behind: Behind, done: Refund | None
) -> w.RewardTransaction:
    """Show a refund as a reward transaction, with what became of what was bought. What had cost
    nothing gave no points back."""
    reward = behind.reward_of(redemption)
    return w.RewardTransaction(
        id=reward_transaction_id(redemption.id + _NEXT if done is None else done.entry_id),
        card_id=write_id("card", card.id),
        card_transaction_id=None if done is None else write_id("card_transaction", done.entry_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        reward_id=reward_id(reward),
        status="APPROVED",
        type="REFUND",
        details=w.RewardDetails(
            reason=REFUNDED,
            points=w.TotalPoints(0 if done is None else done.points),
            result=result_to_wire(
                redemption, reward, behind.catalogue, behind.cards, is_refund=True
            ),
            purchase=purchase_ref(redemption.id),
        ),
        created_at=stamp(redemption.updated_at if done is None else done.created_at),
    )


def card_transaction(
    happening: Happening,
    card: Card,
    behind: Behind,
    *,
    status: w.CardTransactionStatus | None = None,
) -> w.CardTransaction:
    """Show what happened on a wallet. With a `status`, as it was then: only just made."""
    if happening.kind == "redeemed":
        assert happening.redemption_id is not None, "a redemption has its own id"
        return purchase_card_transaction(behind.redemptions[happening.redemption_id], card, behind)
    kind, details = _told(happening, card, behind)
    told = w.CardTransaction(
        id=write_id("card_transaction", happening.id),
        card_id=write_id("card", card.id),
        program_id=write_id("program", card.program_id),
        member_id=write_id("member", card.member_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        type=kind,
        details=_in_full(details) if behind.is_seed else details,
        status=status or ("REJECTED" if happening.kind == "refused" else "APPROVED"),
        created_at=stamp(happening.created_at),
        updated_at=None if status == "PENDING" else stamp(happening.created_at),
    )
    if status == "PENDING" and happening.kind == "refused":
        # It is taken on first, and refused when it is processed.
        return replace(told, details=replace(told.details, rejection=None))
    return told


def purchase_card_transaction(
    redemption: Redemption, card: Card, behind: Behind
) -> w.CardTransaction:
    """Show a purchase as a card transaction."""
    reward = reward_id(behind.reward_of(redemption))
    own_id = write_id("card_transaction", redemption.id)
    credit = behind.credits.get(redemption.id)
    details = w.CardDetails(
        reason=SPENT,
        rejection=rejection_to_wire(redemption),
        points=w.Points(total=redemption.points_cost),
        reward=w.Ref(reward),
        reward_transaction=w.Ref(reward_transaction_id(redemption.id)),
        target_card=None if credit is None else w.Ref(write_id("card", credit.wallet_id)),
        purchase_transaction=None
        if credit is None
        else w.Ref(write_id("card_transaction", credit.entry_id)),
    )
    told = w.CardTransaction(
        id=own_id,
        card_id=write_id("card", card.id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        type="POINTS_SPENT_ON_REWARD",
        details=details,
        status=purchase_status(redemption, behind),
        created_at=stamp(redemption.created_at),
        updated_at=_changed(redemption),
    )
    if not behind.is_seed:
        return told
    details = replace(details, result=_result(redemption, behind), reward_id=reward)
    return replace(
        told,
        details=_in_full(details),
        reward_id=reward,
        card_transaction_id=own_id,
        reward_transaction_id=reward_transaction_id(redemption.id),
    )


def _result(redemption: Redemption, behind: Behind) -> w.Result | None:
    """What was given; nobody is shown a code before it is the member's."""
    if redemption.status in ("pending", "declined"):
        return None
    reward = behind.reward_of(redemption)
    return result_to_wire(redemption, reward, behind.catalogue, behind.cards)


def _reason_alone(rejection: w.Rejection | None) -> w.Rejection | None:
    """A reward transaction's details of a rejection would be an object; there is none to give."""
    return None if rejection is None else w.Rejection(rejection.reason)


def _changed(redemption: Redemption) -> str | None:
    return None if redemption.status == "pending" else stamp(redemption.updated_at)


def _in_full(details: w.CardDetails) -> w.CardDetails:
    """Give the older generation all that it knows, as null where it does not apply."""
    points = details.points
    if isinstance(points, w.Points):
        points = w.Points(
            total=points.total,
            expiration_date=points.expiration_date or None,
            expiration_type=points.expiration_type or None,
            date=points.date or None,
            type=points.type or None,
        )
    return replace(
        details,
        points=points,
        result=details.result or None,
        reward_id=details.reward_id or None,
        bucket=details.bucket or None,
    )


_Told = tuple[w.CardTransactionType, w.CardDetails]


def _told(happening: Happening, card: Card, behind: Behind) -> _Told:
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


def _adjusted(happening: Happening, card: Card, behind: Behind) -> _Told:
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


def _credited(happening: Happening, card: Card, behind: Behind) -> _Told:
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


def _expired(happening: Happening, card: Card, behind: Behind) -> _Told:
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


def _earned(happening: Happening, card: Card, behind: Behind) -> _Told:
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
