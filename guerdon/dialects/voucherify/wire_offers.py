"""What programs, rewards and card definitions have in common, in the vendor's words."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json

Status = Literal["DRAFT", "ACTIVE", "INACTIVE", "DELETED"]
StatusAtFirst = Literal["DRAFT", "ACTIVE"]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]
Metadata = dict[str, Json]
PeriodUnit = Literal["HOUR", "DAY", "WEEK", "MONTH", "YEAR"]
DayUnit = Literal["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]


class Daily(Body, frozen=True, kw_only=True):
    """Days count from 0, Sunday."""

    days_of_week: Annotated[
        list[Annotated[int, Meta(ge=0, le=6)]], Meta(min_length=1, max_length=7)
    ]
    start_time: str
    end_time: str


class AnyTime(Body, frozen=True, kw_only=True, tag="ANY_TIME"):
    """Open at all hours."""


class DailyHours(Body, frozen=True, kw_only=True, tag="DAILY"):
    daily: Annotated[list[Daily], Meta(min_length=1, max_length=21)]


ValidityHours = AnyTime | DailyHours


class CurrentPeriod(Body, frozen=True, kw_only=True):
    unit: DayUnit


class InCurrentPeriod(Body, frozen=True, kw_only=True, tag="CURRENT_PERIOD"):
    current_period: CurrentPeriod


Reference = Annotated[str, Meta(min_length=1, max_length=255)]


class Id(Body, frozen=True, kw_only=True):
    id: Reference


class Unlimited(Body, frozen=True, kw_only=True, tag="UNLIMITED"):
    """It never runs out."""


class Quantity(Body, frozen=True, kw_only=True):
    quantity: Annotated[int, Meta(ge=0, le=9007199254740991)]


class Limited(Body, frozen=True, kw_only=True, tag="LIMITED"):
    limited: Quantity


Stock = Unlimited | Limited
