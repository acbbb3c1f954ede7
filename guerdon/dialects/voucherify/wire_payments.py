"""Orders paid with points, as v2 takes and shows them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from guerdon.dialects.voucherify.body import Body

Bound = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
TransactionStatus = Literal["PENDING", "PROCESSING", "APPROVED", "REJECTED", "SIMULATED"]
CapType = Literal[
    "CARD_SPENDING_GLOBAL_SPENDING_BASED_LIMIT",
    "CARD_SPENDING_GLOBAL_TIME_BASED_LIMIT",
    "CARD_SPENDING_TRANSACTIONS_LIMIT",
    "REQUEST_PAYMENT_LIMIT",
    "ORDER_TOTAL_AMOUNT",
    "CARD_BALANCE_POINTS",
]


class OrderRef(Body, frozen=True, kw_only=True):
    """An order, by our id or by the shop's."""

    id: Id | None = None
    source_id: Id | None = None


class Most(Body, frozen=True, kw_only=True):
    max: Bound


class CardBalanceLimit(Body, frozen=True, kw_only=True, tag_field="type", tag="CARD_BALANCE"):
    """As many points as there are."""


class PointsLimit(Body, frozen=True, kw_only=True, tag_field="type", tag="POINTS_LIMIT"):
    points_limit: Most


class AmountLimit(Body, frozen=True, kw_only=True, tag_field="type", tag="AMOUNT_LIMIT"):
    """In minor units of the currency."""

    amount_limit: Most


class PaymentBody(Body, frozen=True, kw_only=True):
    card_id: Id
    order: OrderRef
    payment_limit: CardBalanceLimit | PointsLimit | AmountLimit | None = None
    mode: Literal["TRANSACTION", "DRY_RUN"] = "TRANSACTION"


class Payment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`amount` is in minor units of the currency."""

    id: str | None = None
    amount: int
    points_spent: int
    exchange_ratio: str


class SpendingCap(Struct, frozen=True, kw_only=True):
    """What the payment was bounded by."""

    type: CapType
    unit: Literal["POINTS", "AMOUNT"]
    value: int


class Details(Struct, frozen=True, kw_only=True):
    reason: str = "Points spent on order payment"
    rejection: None = None
    metadata: dict[str, Any]
    payment: Payment
    spending_cap: SpendingCap


class OrderTransaction(Struct, frozen=True, kw_only=True):
    id: str
    program_id: str
    member_id: str
    card_id: str
    card_definition_id: str
    card_transaction_id: str
    order_id: str
    status: TransactionStatus
    type: Literal["PAY_WITH_POINTS"] = "PAY_WITH_POINTS"
    details: Details
    created_at: str
    updated_at: str | None
    object: str = "order_transaction"


class SimulatedTransaction(Struct, frozen=True, kw_only=True):
    """A payment that was only tried: it has no id, and no time."""

    program_id: str
    member_id: str
    card_id: str
    card_definition_id: str
    card_transaction_id: None = None
    order_id: str
    status: Literal["SIMULATED"] = "SIMULATED"
    type: Literal["PAY_WITH_POINTS"] = "PAY_WITH_POINTS"
    details: Details
    updated_at: None = None
    object: str = "order_transaction"


class PaymentAnswer(Struct, frozen=True, kw_only=True):
    transaction: OrderTransaction
    status: Literal["TRANSACTION_CREATED"] = "TRANSACTION_CREATED"
    message: str = "Pay with points transaction created"


class DryPaymentAnswer(Struct, frozen=True, kw_only=True):
    transaction: SimulatedTransaction
    status: Literal["DRY_RUN"] = "DRY_RUN"
    message: str = "Dry run mode. No transaction was created. This is only a simulation."
