"""Paying for an order with points: what so many points pay, and the debit."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Literal

from msgspec import Struct

from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Done, Outcome, Paid, PayOrder, Refused
from guerdon.domain.errors import (
    BalanceEmpty,
    ExchangeRatioInvalid,
    MemberFrozen,
    MemberUnknown,
    NothingToPay,
    PaymentNotOffered,
    PaymentTooSmall,
    Refusal,
    SpendLimitExhausted,
    WalletUnknown,
)
from guerdon.domain.fold import Fold, Purse
from guerdon.domain.ids import PaymentId
from guerdon.domain.money import minor_exponent
from guerdon.domain.order_payment import CapKind, OrderPayment
from guerdon.domain.spend import name_of, program_refusals

_CAPS_OF_WALLET: tuple[CapKind, ...] = ("wallet_ever", "wallet_interval", "wallet_at_once")


class Cap(Struct, frozen=True):
    """At most so much of a payment, in points or in minor units of money."""

    kind: CapKind
    unit: Literal["points", "money"]
    value: int


def pay_order(fold: Fold, command: PayOrder) -> Outcome:
    """Spend points on an order: as many as it, the balance and every limit allow.

    Refusals in order: program, member unknown, frozen, no such wallet, its points pay for nothing,
    no ratio that makes sense, no points there, nothing left to be paid, a limit of the wallet used
    up, too little to make a point or the smallest coin."""
    program = fold.program(command.program_id)
    refusals = program_refusals(fold, program)
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        return Refused((*refusals, MemberUnknown(name_of(command.member))))
    if fold.default_purse(member_id).is_frozen:
        refusals.append(MemberFrozen())
    purse = fold.purse_of(member_id, command.point_type_id)
    if purse is None:
        return Refused((*refusals, WalletUnknown()))
    point_type = fold.catalogue.point_types[purse.wallet.point_type_id]
    rate = minor_units_per_point(point_type, fold.catalogue.merchant.currency)
    if isinstance(rate, Refusal):
        return Refused((*refusals, rate))
    paid_minor = fold.paid_minor.get((purse.wallet.member_id, command.order_key), 0)
    caps = _caps(fold, purse, point_type, command, command.order_total_minor - paid_minor)
    refusals.extend(_exhausted(caps))
    points, amount_minor, cap = _settle_amount(caps, rate)
    if not refusals and (points < 1 or amount_minor < 1):
        refusals.append(PaymentTooSmall(points, amount_minor))
    if refusals:
        return Refused(tuple(refusals))
    return _pay(fold, purse, command, str(point_type.exchange_ratio), points, amount_minor, cap)


def minor_units_per_point(
    point_type: PointType, currency: str
) -> Decimal | PaymentNotOffered | ExchangeRatioInvalid:
    """Give what one point pays, in minor units; or say why it pays nothing."""
    if point_type.exchange_ratio is None:
        return PaymentNotOffered()
    try:
        ratio = Decimal(point_type.exchange_ratio)
    except InvalidOperation:
        return ExchangeRatioInvalid(point_type.exchange_ratio)
    if not ratio.is_finite() or ratio <= 0:
        return ExchangeRatioInvalid(point_type.exchange_ratio)
    return ratio.scaleb(minor_exponent(currency))


def _caps(
    fold: Fold, purse: Purse, point_type: PointType, command: PayOrder, left_minor: int
) -> list[Cap]:
    """List all that bounds the payment, in the order in which a bound is named."""
    ever, in_interval = fold.spent.get(purse.id, (0, 0))
    limits = point_type.spend_limits
    caps = [
        Cap("balance", "points", max(purse.spendable(fold.now), 0)),
        Cap("order_total", "money", max(left_minor, 0)),
    ]
    if limits.points_max is not None:
        caps.append(Cap("wallet_ever", "points", max(limits.points_max - ever, 0)))
    if limits.interval_points_max is not None:
        left = max(limits.interval_points_max - in_interval, 0)
        caps.append(Cap("wallet_interval", "points", left))
    if limits.at_once_max is not None:
        caps.append(Cap("wallet_at_once", "points", limits.at_once_max))
    if command.points_max is not None:
        caps.append(Cap("request", "points", command.points_max))
    if command.amount_max_minor is not None:
        caps.append(Cap("request", "money", command.amount_max_minor))
    return caps


def _exhausted(caps: list[Cap]) -> list[Refusal]:
    refusals: list[Refusal] = []
    for cap in caps:
        if cap.value > 0:
            continue
        if cap.kind == "balance":
            refusals.append(BalanceEmpty())
        elif cap.kind == "order_total":
            refusals.append(NothingToPay())
        elif cap.kind in _CAPS_OF_WALLET:
            refusals.append(SpendLimitExhausted(cap.kind))
    return refusals


def _settle_amount(caps: list[Cap], rate: Decimal) -> tuple[int, int, Cap]:
    """Give the points, the money that they pay, and what bounds both. No more points are taken
    than the money takes, and no more money is paid than the points are worth."""
    bound = min(caps, key=lambda cap: _worth(cap, rate))
    amount_minor = int(_worth(bound, rate).to_integral_value(ROUND_FLOOR))
    points = int((Decimal(amount_minor) / rate).to_integral_value(ROUND_CEILING))
    return points, amount_minor, bound


def _worth(cap: Cap, rate: Decimal) -> Decimal:
    return cap.value * rate if cap.unit == "points" else Decimal(cap.value)


def _pay(
    fold: Fold,
    purse: Purse,
    command: PayOrder,
    ratio: str,
    points: int,
    amount_minor: int,
    cap: Cap,
) -> Done:
    payment_id = PaymentId(fold.fresh.next_id())
    entry = fold.take(purse, points, "paid", note=command.order_key)
    purse.redeemed += points
    payment = OrderPayment(
        id=payment_id,
        program_id=command.program_id,
        member_id=purse.wallet.member_id,
        wallet_id=purse.id,
        entry_id=entry.id,
        order_key=command.order_key,
        points=points,
        amount_minor=amount_minor,
        exchange_ratio=ratio,
        cap_kind=cap.kind,
        cap_unit=cap.unit,
        cap_value=cap.value,
        points_max=command.points_max,
        amount_max_minor=command.amount_max_minor,
        created_at=fold.now,
    )
    fold.effects.order_payments.append(payment)
    fold.count_spent(purse, points)
    slot = (payment.member_id, command.order_key)
    fold.paid_minor[slot] = fold.paid_minor.get(slot, 0) + amount_minor
    fold.announce("points.paid", purse, points=points, order_key=command.order_key)
    return Done(Paid(payment, purse.balance(fold.now)))
