"""Cards: what they hold, and the buckets in which their points wait, or will expire."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire_transactions import CardTransaction

POINTS_END = 2**53 - 1
REASON_LENGTH_MAX = 255

PendingType = Literal["PERIOD_BASED", "FIXED_DATES"]
ExpirationType = Literal["ROLLING_EXPIRATION", "CALENDAR_EXPIRATION", "SLIDING_EXPIRATION"]


class LifetimePoints(Struct, frozen=True, kw_only=True):
    """All that ever came and went. The balance is total - subtracted - expired - spent - refunded
    + returned - locked + unlocked - purchased_reversed."""

    total: int = 0
    earned: int = 0
    added: int = 0
    purchased: int = 0
    purchased_reversed: int = 0
    subtracted: int = 0
    expired: int = 0
    spent: int = 0
    refunded: int = 0
    returned: int = 0
    locked: int = 0
    unlocked: int = 0


class LifetimePending(Struct, frozen=True, kw_only=True):
    """What waited; what of it was credited, and what came to nothing."""

    total: int = 0
    activated: int = 0
    canceled: int = 0


class LifetimeBucket(Struct, frozen=True, kw_only=True):
    points: LifetimePoints
    pending_points: LifetimePending


class Balance(Struct, frozen=True, kw_only=True):
    points: int
    pending_points: int


class NextExpiration(Struct, frozen=True, kw_only=True):
    points: int
    date: str


class NextActivation(Struct, frozen=True, kw_only=True):
    points: int
    type: PendingType
    date: str


class Card(Struct, frozen=True, kw_only=True):
    """A member's points of one card definition."""

    id: str
    card_definition_id: str
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    code: str | None
    lifetime_bucket: LifetimeBucket
    balance: Balance
    next_expiration: NextExpiration | None
    next_activation: NextActivation | None
    object: Literal["card"] = "card"


class PointsBody(Body, frozen=True, kw_only=True):
    """How many points to add, or with a minus to take."""

    points: Annotated[int, Meta(ge=-POINTS_END, le=POINTS_END)]
    reason: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] | None = None


class Adjustment(Struct, frozen=True, kw_only=True):
    """The answer to points added or taken; the transaction is still to be processed."""

    transaction: CardTransaction | None
    status: Literal["TRANSACTION_CREATED", "NO_CHANGE"]
    message: str


class BucketPoints(Struct, frozen=True):
    total: int


class PendingBucket(Struct, frozen=True, kw_only=True):
    """Points of one card that will be credited on the same day."""

    id: str
    card_id: str
    card_definition_id: str
    program_id: str
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    member_id: str
    points: BucketPoints
    status: Literal["PENDING"] = "PENDING"
    date: str
    type: PendingType
    created_at: str
    updated_at: str | None
    object: Literal["card_pending_points_bucket"] = "card_pending_points_bucket"


class PointsBucket(Struct, frozen=True, kw_only=True):
    """Points of one card that will expire at the end of the same day."""

    id: str
    card_id: str
    card_definition_id: str
    program_id: str
    card_type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    member_id: str
    customer_id: str
    points: BucketPoints
    status: Literal["ACTIVE"] = "ACTIVE"
    expiration_date: str
    expiration_type: ExpirationType
    created_at: str
    updated_at: str | None
    object: Literal["card_points_bucket"] = "card_points_bucket"


class BucketAct(Struct, frozen=True, kw_only=True):
    """The answer to an act on a bucket; the transaction is still to be processed."""

    transaction: CardTransaction
    status: Literal["TRANSACTION_CREATED"] = "TRANSACTION_CREATED"
    message: str


class TierRef(Struct, frozen=True):
    id: str
    name: str


class TierPoints(Struct, frozen=True, kw_only=True):
    """`max` is absent on the highest tier."""

    current: int
    min: int
    max: int | UnsetType = UNSET


class CurrentTier(Struct, frozen=True, kw_only=True):
    tier: TierRef | None
    start_at: str | None
    expires_at: str | None = None
    points: TierPoints | None


class TierStructureRef(Struct, frozen=True):
    id: str
    object: Literal["tier_structure"] = "tier_structure"


class TierOpportunity(Struct, frozen=True, kw_only=True):
    """The next tier, and the points that are still missing for it."""

    valid_until: str | None = None
    tier: TierRef | None
    points: int


class TierProgress(Struct, frozen=True, kw_only=True):
    """Tiers here are never deferred nor at risk: they follow lifetime points, which do not
    expire."""

    current: CurrentTier | None
    tier_structure: TierStructureRef | None
    deferred: list[TierOpportunity] = []
    risks: list[TierOpportunity] = []
    opportunities: list[TierOpportunity]
    object: Literal["member_tier_progress"] = "member_tier_progress"
