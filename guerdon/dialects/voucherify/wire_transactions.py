"""Transactions of cards and of rewards, and what a purchase and its refund answer with."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from guerdon.dialects.voucherify.wire import Json

CardTransactionType = Literal[
    "ADMIN_CREDIT",
    "ADMIN_DEBIT",
    "ADMIN_POINTS_EXPIRATION",
    "POINTS_EARNED",
    "POINTS_SPENT_ON_REWARD",
    "POINTS_PURCHASED",
    "POINTS_PURCHASE_REVERSED",
    "POINTS_SPENT_ON_ORDER",
    "POINTS_REFUNDED",
    "POINTS_RETURNED",
    "POINTS_EXPIRED",
    "PENDING_POINTS_ADDED",
    "PENDING_POINTS_ACTIVATED",
    "PENDING_POINTS_CANCELED",
]
CardTransactionStatus = Literal["PENDING", "PROCESSING", "APPROVED", "REJECTED"]
RewardTransactionStatus = Literal[
    "PENDING", "PROCESSING", "APPROVED", "REJECTED", "REFUNDED", "SIMULATED"
]


class Ref(Struct, frozen=True):
    """Another object, by its id alone."""

    id: str


class Rejection(Struct, frozen=True, omit_defaults=True):
    """Why what was accepted came to nothing. `reason` is for machines."""

    reason: str
    details: str | None = None


class Points(Struct, frozen=True, kw_only=True):
    """`date` and `type` are those of pending points, the expiration that of points credited."""

    total: int
    expiration_date: str | None | UnsetType = UNSET
    expiration_type: str | None | UnsetType = UNSET
    date: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET


class Bucket(Struct, frozen=True, kw_only=True):
    """Points that expired, or expire, together."""

    id: str
    points: Points
    expiration_date: str | None = None
    expiration_type: str | None = None


class PurchaseRef(Struct, frozen=True):
    """A purchase, by both of its transactions."""

    card_transaction: Ref
    reward_transaction: Ref


class ResultReward(Struct, frozen=True):
    id: str
    type: Literal["MATERIAL", "DIGITAL"]


class Sku(Struct, frozen=True):
    id: str
    product_id: str


class Material(Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: Literal["PRODUCT", "SKU"]
    product: Ref | None = None
    sku: Sku | None = None


class Coupon(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`result` is what a refund did to it."""

    id: str
    code: str | None
    result: Literal["DELETED", "SKIPPED"] | None = None


class GiftVoucher(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Amounts are in minor units. `result` is what a refund did to it."""

    id: str
    code: str | None
    amount: int
    balance: int
    result: Literal["CREDITS_SUBTRACTED", "SKIPPED"] | None = None


class CardPoints(Struct, frozen=True):
    """Points that were bought, and the card that they were credited to."""

    points: int
    card_definition_id: str | None
    card_id: str | None


class Digital(Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_CARD_POINTS"]
    discount_coupons: list[Coupon] | None = None
    gift_vouchers: list[GiftVoucher] | None = None
    loyalty_card_points: CardPoints | None = None


class Result(Struct, frozen=True, kw_only=True):
    """What was handed over."""

    reward: ResultReward
    quantity: int = 1
    material: Material | None = None
    digital: Digital | None = None


class CardDetails(Struct, frozen=True, kw_only=True):
    """What of these is there depends on the transaction's type. The older generation has all that
    it knows, as null where they do not apply."""

    reason: str | None
    metadata: dict[str, Json] = field(default_factory=dict)
    rejection: Rejection | None = None
    points: Points | UnsetType = UNSET
    result: Result | None | UnsetType = UNSET
    reward_id: str | None | UnsetType = UNSET
    bucket: Bucket | None | UnsetType = UNSET
    date: str | None | UnsetType = UNSET
    buckets: list[Bucket] | UnsetType = UNSET
    reward: Ref | UnsetType = UNSET
    reward_transaction: Ref | UnsetType = UNSET
    card_transaction: Ref | UnsetType = UNSET
    purchase: PurchaseRef | UnsetType = UNSET
    target_card: Ref | None | UnsetType = UNSET
    purchase_transaction: Ref | None | UnsetType = UNSET
    order: Ref | UnsetType = UNSET
    order_transaction: Ref | UnsetType = UNSET


class CardTransaction(Struct, frozen=True, kw_only=True):
    """A movement of a card's points. The last three ids are there of purchases alone, and only in
    the older generation's form."""

    id: str
    card_id: str
    program_id: str
    member_id: str
    card_definition_id: str
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    type: CardTransactionType
    details: CardDetails
    status: CardTransactionStatus
    reward_id: str | UnsetType = UNSET
    card_transaction_id: str | UnsetType = UNSET
    reward_transaction_id: str | UnsetType = UNSET
    created_at: str
    updated_at: str | None
    object: Literal["card_transaction"] = "card_transaction"


class TotalPoints(Struct, frozen=True):
    total: int


class RewardDetails(Struct, frozen=True, kw_only=True):
    """`purchase` is there of refunds: what is refunded."""

    reason: str
    rejection: Rejection | None = None
    metadata: dict[str, Json] = field(default_factory=dict)
    points: TotalPoints
    result: Result | None = None
    purchase: PurchaseRef | UnsetType = UNSET


class RewardTransaction(Struct, frozen=True, kw_only=True):
    """A reward bought or given back. One that was only simulated has neither id nor creation."""

    id: str | UnsetType = UNSET
    card_id: str
    card_transaction_id: str | None
    card_definition_id: str
    program_id: str
    member_id: str
    reward_id: str
    status: RewardTransactionStatus
    type: Literal["PURCHASE", "REFUND"] = "PURCHASE"
    details: RewardDetails
    created_at: str | UnsetType = UNSET
    updated_at: str | None = None
    object: Literal["reward_transaction"] = "reward_transaction"


class SeedPurchase(Struct, frozen=True, kw_only=True):
    """The answer to a purchase in the older generation's form."""

    transaction: CardTransaction
    status: Literal["TRANSACTION_CREATED"] = "TRANSACTION_CREATED"
    message: str = "Points spent on reward transaction created"


class CurrentPurchase(Struct, frozen=True, kw_only=True):
    """The answer to a purchase in the newest generation's form."""

    transaction: RewardTransaction
    status: Literal["TRANSACTION_CREATED"] = "TRANSACTION_CREATED"
    message: str = "Reward purchase transaction created"


class DryRun(Struct, frozen=True, kw_only=True):
    """The answer to a purchase that was only tried."""

    transaction: RewardTransaction
    status: Literal["DRY_RUN"] = "DRY_RUN"
    message: str = "Dry run mode. No transaction was created. This is only a simulation."


class Refunded(Struct, frozen=True, kw_only=True):
    """The answer to a refund."""

    transaction: RewardTransaction
    status: Literal["APPROVED"] = "APPROVED"
    message: str = (
        "Reward refund transaction created. Points will be returned to the member's card shortly."
    )
