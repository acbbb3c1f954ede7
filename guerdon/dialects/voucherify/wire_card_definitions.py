"""Card definitions, in the vendor's words: what holds for the points of one kind."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_offers import (
    InCurrentPeriod,
    Metadata,
    Name,
    PeriodUnit,
    Status,
    StatusAtFirst,
)

Whole = Annotated[int, Meta(ge=1, le=9007199254740991)]
Points = Annotated[int, Meta(ge=0, le=9007199254740991)]
NoItems = Annotated[list[Json], Meta(max_length=0)]
Text = Annotated[str, Meta(max_length=200)]


class CodeConfig(Body, frozen=True, kw_only=True):
    """`length` is how many `#` the pattern has; each of them becomes a character of the set."""

    pattern: Text | None = None
    length: Annotated[int, Meta(ge=1, le=100)] | None = None
    charset: Text | None = None
    prefix: Text | None = None
    postfix: Text | None = None


class Period(Body, frozen=True, kw_only=True):
    value: Whole
    unit: PeriodUnit


class YearDay(Body, frozen=True, kw_only=True):
    day: Annotated[int, Meta(ge=1, le=31)]
    month: Annotated[int, Meta(ge=1, le=12)]


YearDays = Annotated[list[YearDay], Meta(min_length=1, max_length=20)]
RoundingType = Literal[
    "END_OF_MONTH",
    "END_OF_QUARTER",
    "END_OF_HALF_YEAR",
    "END_OF_YEAR",
    "END_OF_PARTICULAR_MONTH",
]


class Rounding(Body, frozen=True, kw_only=True):
    type: RoundingType
    value: Annotated[int, Meta(ge=1, le=12)] | None | UnsetType = UNSET


class Rolling(Body, frozen=True, kw_only=True):
    period: Period
    rounding: Rounding | None = None


class Calendar(Body, frozen=True, kw_only=True):
    expiration_dates: YearDays


class Sliding(Body, frozen=True, kw_only=True):
    earning_activity: bool | None = None
    spending_activity: bool | None = None
    custom_activity: bool | None = None
    custom_activity_types: list[str] | None = None
    period: Period


class NoExpiration(Body, frozen=True, kw_only=True, tag="NO_EXPIRATION"):
    """Points stay."""


class RollingExpiration(Body, frozen=True, kw_only=True, tag="ROLLING_EXPIRATION"):
    rolling_expiration: Rolling


class CalendarExpiration(Body, frozen=True, kw_only=True, tag="CALENDAR_EXPIRATION"):
    calendar_expiration: Calendar


class SlidingExpiration(Body, frozen=True, kw_only=True, tag="SLIDING_EXPIRATION"):
    sliding_expiration: Sliding


PointsExpiration = NoExpiration | RollingExpiration | CalendarExpiration | SlidingExpiration


class PeriodBased(Body, frozen=True, kw_only=True):
    period: Period


class FixedDates(Body, frozen=True, kw_only=True):
    dates: YearDays


class Immediate(Body, frozen=True, kw_only=True, tag="IMMEDIATE"):
    """Earned points count at once."""


class AfterPeriod(Body, frozen=True, kw_only=True, tag="PERIOD_BASED"):
    period_based: PeriodBased


class OnFixedDates(Body, frozen=True, kw_only=True, tag="FIXED_DATES"):
    fixed_dates: FixedDates


PendingPoints = Immediate | AfterPeriod | OnFixedDates


class Bound(Body, frozen=True, kw_only=True):
    max: Whole


class SpendingBased(Body, frozen=True, kw_only=True, tag="SPENDING_BASED"):
    """`max` may also be said as `points.max`."""

    max: Whole | UnsetType = UNSET
    points: Bound | UnsetType = UNSET


class TimeBased(Body, frozen=True, kw_only=True, tag="TIME_BASED"):
    period: InCurrentPeriod
    points: Bound


class AtOnce(Body, frozen=True, kw_only=True, tag="POINTS"):
    """`max` may also be said as `points.max`."""

    max: Whole | UnsetType = UNSET
    points: Bound | UnsetType = UNSET


class GlobalLimits(Body, frozen=True, kw_only=True):
    type: Literal["NO_LIMIT", "LIMITED"]
    limits: Annotated[list[SpendingBased | TimeBased], Meta(max_length=1)] | UnsetType = UNSET


class TransactionLimits(Body, frozen=True, kw_only=True):
    type: Literal["NO_LIMIT", "LIMITED"]
    limits: Annotated[list[AtOnce], Meta(max_length=1)] | UnsetType = UNSET


class SpendingLimits(Body, frozen=True, kw_only=True, rename={"overall": "global"}):
    overall: GlobalLimits | None = None
    transactions: TransactionLimits | None = None


class NoLimits(Body, frozen=True, kw_only=True):
    """What is earned has no limit here."""

    type: Literal["NO_LIMIT"] = "NO_LIMIT"
    limits: NoItems | UnsetType = UNSET


class EarningLimits(Body, frozen=True, kw_only=True, rename={"overall": "global"}):
    overall: NoLimits = NoLimits()
    transactions: NoLimits = NoLimits()


class NoRefunds(Body, frozen=True, kw_only=True):
    """Refunds of orders are not chosen here: points go back in the share that was refunded."""

    type: Literal["NONE"] = "NONE"
    methods: NoItems | UnsetType = UNSET


class Refunds(Body, frozen=True, kw_only=True):
    spent_points: NoRefunds = NoRefunds()
    earned_points: NoRefunds = NoRefunds()


class BalanceSettings(Body, frozen=True, kw_only=True):
    allow_negative: bool = False


class ExchangeRatio(Body, frozen=True, kw_only=True):
    """What of the currency one point pays: a decimal number."""

    formula: str | int | float


class NoPayments(Body, frozen=True, kw_only=True, tag="NO_PAYMENTS"):
    """Points pay for rewards alone."""


class ByExchangeRatio(Body, frozen=True, kw_only=True, tag="EXCHANGE_RATIO"):
    exchange_ratio: ExchangeRatio


PayWithPoints = NoPayments | ByExchangeRatio


class CardDefinitionTerms(Body, frozen=True, kw_only=True):
    """What can be said of a card definition at first, and as long as it is a draft."""

    metadata: Metadata | None | UnsetType = UNSET
    code_config: CodeConfig | None | UnsetType = UNSET
    points_expiration: PointsExpiration | None | UnsetType = UNSET
    pending_points: PendingPoints | None | UnsetType = UNSET
    earning_limits: EarningLimits | None | UnsetType = UNSET
    spending_limits: SpendingLimits | None | UnsetType = UNSET
    refunds: Refunds | None | UnsetType = UNSET
    balance_settings: BalanceSettings | None | UnsetType = UNSET
    pay_with_points: PayWithPoints | None | UnsetType = UNSET


class CardDefinitionBody(CardDefinitionTerms, frozen=True, kw_only=True):
    name: Name
    type: Literal["INDIVIDUAL"]
    status: StatusAtFirst = "DRAFT"


class CardDefinitionChange(CardDefinitionTerms, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET


class CardDefinition(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    type: Literal["INDIVIDUAL"] = "INDIVIDUAL"
    status: Status
    code_config: CodeConfig
    points_expiration: PointsExpiration
    pending_points: PendingPoints
    earning_limits: EarningLimits = EarningLimits()
    spending_limits: SpendingLimits
    refunds: Refunds = Refunds()
    balance_settings: BalanceSettings = BalanceSettings()
    pay_with_points: PayWithPoints
    metadata: dict[str, Json]
    created_at: str | None
    updated_at: str | None
    object: str = "card_definition"
