"""Loyalty cards and what happens on them, in the words of the older API."""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_customers import CustomerBody

W = TypeVar("W")
Reason = Annotated[str, Meta(max_length=1000)]
SourceId = Annotated[str, Meta(max_length=255)]
POINTS_END = 2**53 - 1


class NoRules(Struct, frozen=True, kw_only=True):
    """The validation rules of a voucher: there are none here."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Json] = []
    total: int = 0


class LoyaltyCard(Struct, frozen=True, kw_only=True):
    """`points` is all that ever was credited, `balance` what can be spent."""

    points: int
    balance: int
    next_expiration_date: str | None
    next_expiration_points: int | None
    pending_points: int
    expired_points: int
    subtracted_points: int


class Discount(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a coupon takes off: an amount in minor units, a percentage, or a product."""

    type: Literal["AMOUNT", "PERCENT", "UNIT"]
    amount_off: int | None = None
    percent_off: float | None = None
    unit_off: int | None = None
    unit_type: str | None = None
    effect: str | None = None


class Gift(Struct, frozen=True, kw_only=True):
    """Amounts are in minor units."""

    amount: int
    balance: int
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class Publish(Struct, frozen=True, kw_only=True):
    """A card is its holder's from the beginning."""

    object: Literal["list"] = "list"
    count: int = 1
    url: str | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """How often a voucher was redeemed; for cards also the points that were taken for it."""

    quantity: int | None
    redeemed_quantity: int
    redeemed_points: int | None = None
    object: Literal["list"] = "list"
    url: str | None = None


class SimpleCustomer(Struct, frozen=True, kw_only=True):
    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: dict[str, Json]
    object: Literal["customer"] = "customer"


class Voucher(Struct, frozen=True, kw_only=True):
    """A loyalty card, or a coupon or gift card that was given as a reward. The answer to a transfer
    leaves `active` out and has no null among its terms: its published form is like that."""

    id: str
    code: str | None
    campaign: str | None
    campaign_id: str | None
    category: None = None
    category_id: None = None
    categories: list[Json] = []
    type: Literal["LOYALTY_CARD", "DISCOUNT_VOUCHER", "GIFT_VOUCHER"]
    discount: Discount | None = None
    gift: Gift | None = None
    loyalty_card: LoyaltyCard | None = None
    start_date: str | None
    expiration_date: str | None
    validity_timeframe: dict[str, Json] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Json] | None = None
    active: bool | UnsetType = UNSET
    additional_info: None = None
    metadata: dict[str, Json]
    assets: None = None
    is_referral_code: bool = False
    created_at: str
    updated_at: str | None
    holder_id: str | None
    holder: SimpleCustomer | UnsetType = UNSET
    redemption: Taken
    publish: Publish = Publish()
    validation_rules_assignments: NoRules = NoRules()
    object: Literal["voucher"] = "voucher"


class Vouchers(Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"
    vouchers: list[Voucher]
    total: int


class PageOf(Struct, Generic[W], frozen=True, kw_only=True):
    """v1's list; `total` counts all pages."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[W]
    total: int


class More(Struct, Generic[W], frozen=True, kw_only=True):
    """v1's list of what happened; it goes on after `more_starting_after`."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[W]
    has_more: bool
    more_starting_after: str | None


class MemberBody(Body, frozen=True, kw_only=True):
    """Who is to get a card. `voucher` would name a card that is nobody's yet; there are none."""

    customer: CustomerBody
    voucher: str | None = None
    channel: str | None = None
    metadata: dict[str, Json] | None = None
    source_id: str | None = None


class BalanceBody(Body, frozen=True, kw_only=True):
    """How many points to add, or with a minus to take. `expiration_date` counts with `CUSTOM_DATE`
    alone, and both are for points that are added."""

    points: Annotated[int, Meta(ge=-POINTS_END, le=POINTS_END)]
    expiration_type: Literal["PROGRAM_RULES", "CUSTOM_DATE", "NON_EXPIRING"] | None = None
    expiration_date: str | None = None
    reason: Reason | None = None
    source_id: SourceId | None = None


class RelatedObject(Struct, frozen=True, kw_only=True):
    id: str
    type: Literal["voucher"] = "voucher"


class Balance(Struct, frozen=True, kw_only=True):
    """`points` were added, or with a minus taken; `total` is all that ever was credited."""

    points: int
    total: int
    balance: int
    type: Literal["loyalty_card"] = "loyalty_card"
    object: Literal["balance"] = "balance"
    related_object: RelatedObject
    operation_type: Literal["MANUAL", "AUTOMATIC"] = "MANUAL"


class TransferBody(Body, frozen=True, kw_only=True):
    """What another card gives to the card of the path."""

    code: Annotated[str, Meta(min_length=1)]
    points: Annotated[int, Meta(ge=1, le=POINTS_END)]
    reason: Reason | None = None
    source_id: SourceId


class Id(Struct, frozen=True):
    id: str


class NamedId(Struct, frozen=True):
    id: str
    name: str | None


class OrderRef(Struct, frozen=True):
    id: None
    source_id: str


TransactionType = Literal[
    "POINTS_ACCRUAL",
    "POINTS_REDEMPTION",
    "POINTS_REFUND",
    "POINTS_ADDITION",
    "POINTS_REMOVAL",
    "POINTS_EXPIRATION",
    "POINTS_TRANSFER_IN",
    "POINTS_TRANSFER_OUT",
]


class TransactionDetails(Struct, frozen=True, kw_only=True):
    """The balance after it, and what it came of."""

    balance: Balance
    order: OrderRef | UnsetType = UNSET
    earning_rule: Id | UnsetType = UNSET
    reward: NamedId | UnsetType = UNSET
    redemption: Id | UnsetType = UNSET
    rollback: Id | UnsetType = UNSET


class Transaction(Struct, frozen=True, kw_only=True):
    """A movement of a card's points."""

    id: str
    source_id: str | None
    voucher_id: str
    campaign_id: str
    source: str | None
    reason: str | None
    type: TransactionType
    details: TransactionDetails
    related_transaction_id: str | None
    created_at: str


class BucketPoints(Struct, frozen=True):
    total_points: int


class PointsBucket(Struct, frozen=True, kw_only=True):
    """Points that expire at the end of the same day."""

    id: str
    voucher_id: str
    campaign_id: str
    bucket: BucketPoints
    status: Literal["ACTIVE"] = "ACTIVE"
    expires_at: str
    created_at: str
    updated_at: None = None
    object: Literal["loyalty_points_bucket"] = "loyalty_points_bucket"
