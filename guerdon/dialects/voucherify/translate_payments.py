"""Payments of orders in this dialect's words."""

from typing import Any

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.wire import stamp
from guerdon.dialects.voucherify.wire_payments import (
    CapType,
    Details,
    OrderTransaction,
    Payment,
    SimulatedTransaction,
    SpendingCap,
)
from guerdon.domain.ids import PointTypeId
from guerdon.domain.order_payment import CapKind, OrderPayment

_CAPS: dict[CapKind, CapType] = {
    "balance": "CARD_BALANCE_POINTS",
    "order_total": "ORDER_TOTAL_AMOUNT",
    "wallet_ever": "CARD_SPENDING_GLOBAL_SPENDING_BASED_LIMIT",
    "wallet_interval": "CARD_SPENDING_GLOBAL_TIME_BASED_LIMIT",
    "wallet_at_once": "CARD_SPENDING_TRANSACTIONS_LIMIT",
    "request": "REQUEST_PAYMENT_LIMIT",
}
# What an order's id is once nobody knows the order any more.
_NO_ORDER = 0


def payment_to_wire(
    payment: OrderPayment,
    point_type_id: PointTypeId,
    order_id: int | None,
    *,
    is_new: bool = False,
) -> OrderTransaction:
    """Show a payment. The debit was made with it, so it is approved from then on; the answer that
    takes it on says, as the vendor's does, that this is still to come."""
    return OrderTransaction(
        id=ids.write_id("order_transaction", payment.id),
        program_id=ids.write_id("program", payment.program_id),
        member_id=ids.write_id("member", payment.member_id),
        card_id=ids.write_id("card", payment.wallet_id),
        card_definition_id=ids.write_id("card_definition", point_type_id),
        card_transaction_id=ids.write_id("card_transaction", payment.entry_id),
        order_id=ids.write_id("order", _NO_ORDER if order_id is None else order_id),
        status="PENDING" if is_new else "APPROVED",
        details=_details(payment, ids.write_id("payment", payment.id)),
        created_at=stamp(payment.created_at),
        updated_at=None if is_new else stamp(payment.created_at),
    )


def simulated_to_wire(
    payment: OrderPayment, point_type_id: PointTypeId, order_id: int
) -> SimulatedTransaction:
    """Show what a payment would have been."""
    return SimulatedTransaction(
        program_id=ids.write_id("program", payment.program_id),
        member_id=ids.write_id("member", payment.member_id),
        card_id=ids.write_id("card", payment.wallet_id),
        card_definition_id=ids.write_id("card_definition", point_type_id),
        order_id=ids.write_id("order", order_id),
        details=_details(payment, None),
    )


def _details(payment: OrderPayment, payment_id: str | None) -> Details:
    metadata: dict[str, Any] = {}
    if payment.points_max is not None:
        metadata["points_limit"] = {"max": payment.points_max}
    if payment.amount_max_minor is not None:
        metadata["amount_limit"] = {"max": payment.amount_max_minor}
    return Details(
        metadata=metadata,
        payment=Payment(
            id=payment_id,
            amount=payment.amount_minor,
            points_spent=payment.points,
            exchange_ratio=payment.exchange_ratio,
        ),
        spending_cap=SpendingCap(
            type=_CAPS[payment.cap_kind],
            unit="POINTS" if payment.cap_unit == "points" else "AMOUNT",
            value=payment.cap_value,
        ),
    )
