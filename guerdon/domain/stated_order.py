"""An order as the shop itself states it: a statement is the whole truth, and the newest counts."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from guerdon.domain.ids import RedemptionId
from guerdon.domain.order import Amounts, Award, CodeUse, Order, OrderSeen, share_of

PaymentStatus = Literal["not_paid", "partially_paid", "paid"]
RefundStatus = Literal["not_refunded", "partially_refunded", "refunded"]


class Movement(Struct, frozen=True):
    """Money that was paid or given back, as far as a statement showed it."""

    amount_minor: int
    at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """How an order stands; what is None stays as it is known.

    Where all is paid or refunded the sum need not be said: it is the order's total."""

    payment: PaymentStatus | None = None
    paid_minor: int | None = None
    refund: RefundStatus | None = None
    refunded_minor: int | None = None
    is_cancelled: bool | None = None


class MorePaid(Struct, frozen=True):
    """So much was paid besides what is known."""

    amount_minor: int


class MoreRefunded(Struct, frozen=True):
    """So much was given back besides what is known."""

    amount_minor: int


class Placed(Struct, frozen=True, kw_only=True):
    """What the shopper ordered, and how it stands. `total_minor` is after discounts, with shipping
    and tax. `ordered_at` None is the time of the statement."""

    number: str | None = None
    currency: str
    total_minor: int
    shipping_minor: int = 0
    tax_minor: int = 0
    discounts_minor: int = 0
    codes: tuple[str, ...] = ()
    redemption_ids: tuple[RedemptionId, ...] = ()
    ordered_at: datetime | None = None
    standing: Standing


News = Placed | Standing | MorePaid | MoreRefunded


class StatedOrder(Struct, frozen=True, kw_only=True):
    """All that was stated of an order, what it earns and which rewards it used. `payments` and
    `refunds` add up to what was stated last. `awards` is None until something was earned."""

    number: str | None
    currency: str
    total_minor: int
    shipping_minor: int
    tax_minor: int
    discounts_minor: int
    codes: tuple[str, ...] = ()
    redemption_ids: tuple[RedemptionId, ...] = ()
    ordered_at: datetime
    payment: PaymentStatus = "not_paid"
    refund: RefundStatus = "not_refunded"
    is_cancelled: bool = False
    payments: tuple[Movement, ...] = ()
    refunds: tuple[Movement, ...] = ()
    awards: tuple[Award, ...] | None = None
    uses: dict[RedemptionId, CodeUse] = field(default_factory=dict)

    @property
    def paid_minor(self) -> int:
        return sum(each.amount_minor for each in self.payments)

    @property
    def refunded_minor(self) -> int:
        return sum(each.amount_minor for each in self.refunds)


def place(known: StatedOrder | None, placed: Placed, now: datetime) -> StatedOrder:
    """Begin an order, or state again what was ordered: codes and rewards used are added to those
    known, and what the statement is silent about stays."""
    if known is None:
        begun = StatedOrder(
            number=placed.number,
            currency=placed.currency,
            total_minor=placed.total_minor,
            shipping_minor=placed.shipping_minor,
            tax_minor=placed.tax_minor,
            discounts_minor=placed.discounts_minor,
            codes=tuple(sorted({*placed.codes})),
            redemption_ids=tuple(sorted({*placed.redemption_ids})),
            ordered_at=placed.ordered_at or now,
        )
        return restate(begun, placed.standing, now)
    again = replace(
        known,
        number=placed.number or known.number,
        total_minor=placed.total_minor,
        shipping_minor=placed.shipping_minor,
        tax_minor=placed.tax_minor,
        discounts_minor=placed.discounts_minor,
        codes=tuple(sorted({*known.codes, *placed.codes})),
        redemption_ids=tuple(sorted({*known.redemption_ids, *placed.redemption_ids})),
        ordered_at=placed.ordered_at or known.ordered_at,
    )
    return restate(again, placed.standing, now)


def restate(
    known: StatedOrder, news: Standing | MorePaid | MoreRefunded, now: datetime
) -> StatedOrder:
    """Bring an order to where a statement says it stands."""
    match news:
        case MorePaid(amount_minor):
            paid = known.paid_minor + amount_minor
            status: PaymentStatus = "paid" if paid >= known.total_minor else "partially_paid"
            return _pay(known, status, paid, now)
        case MoreRefunded(amount_minor):
            back = known.refunded_minor + amount_minor
            is_all = back >= known.total_minor
            return _refund(known, "refunded" if is_all else "partially_refunded", back, now)
        case Standing():
            stated = known
            if news.payment is not None:
                stated = _pay(stated, news.payment, news.paid_minor, now)
            if news.refund is not None:
                stated = _refund(stated, news.refund, news.refunded_minor, now)
            if news.is_cancelled is not None:
                stated = replace(stated, is_cancelled=news.is_cancelled)
            return stated


def _pay(
    known: StatedOrder, status: PaymentStatus, paid_minor: int | None, now: datetime
) -> StatedOrder:
    total = _told(known, is_none=status == "not_paid", told_minor=paid_minor)
    return replace(known, payment=status, payments=_moved(known.payments, total, now))


def _refund(
    known: StatedOrder, status: RefundStatus, refunded_minor: int | None, now: datetime
) -> StatedOrder:
    total = _told(known, is_none=status == "not_refunded", told_minor=refunded_minor)
    return replace(known, refund=status, refunds=_moved(known.refunds, total, now))


def _told(known: StatedOrder, *, is_none: bool, told_minor: int | None) -> int:
    """The status is believed before the sum."""
    if is_none:
        return 0
    return known.total_minor if told_minor is None else told_minor


def _moved(known: tuple[Movement, ...], total_minor: int, now: datetime) -> tuple[Movement, ...]:
    """Let movements add up to a total: one more, or the newest taken back."""
    missing = total_minor - sum(each.amount_minor for each in known)
    if missing > 0:
        return (*known, Movement(missing, now))
    kept = list(known)
    while missing < 0:
        last = kept.pop()
        missing += last.amount_minor
        if missing > 0:
            return (*kept, Movement(missing, last.at))
    return tuple(kept)


def order_of(stated: StatedOrder, order_key: str, external_id: str | None) -> Order:
    """Give the order as what decides on earnings and used rewards knows it."""
    goods = Amounts(
        goods_minor=stated.total_minor - stated.shipping_minor,
        goods_tax_minor=stated.tax_minor,
        shipping_minor=stated.shipping_minor,
    )
    seen = OrderSeen(
        order_key=order_key,
        number=stated.number,
        external_id=external_id,
        currency=stated.currency,
        paid_currency=stated.currency,
        amounts={stated.currency: goods},
        is_paid=stated.payment == "paid",
        is_refunded=stated.refund == "refunded",
        # A total holds its tax, whatever part of it was said to be tax.
        is_tax_included=True,
        cancelled_at=stated.ordered_at if stated.is_cancelled else None,
        codes=stated.codes,
        ordered_at=stated.ordered_at,
        updated_at=stated.ordered_at,
    )
    return Order(seen=seen, awards=stated.awards, uses=stated.uses)


def points_due_back(stated: StatedOrder, award: Award) -> int:
    """Say how many of an award's points are to be taken back in all: those of a cancelled or
    refunded order, else the share of its total that was refunded. What the refund was for is not
    told, so it counts for goods, tax and shipping alike."""
    if stated.is_cancelled or stated.refund == "refunded":
        return award.points
    return share_of(award.points, stated.refunded_minor, stated.total_minor)
