"""Transactions: movements of points, as JSON or as a table."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from guerdon.dialects.loyaltylion.wire import Cursor
from guerdon.dialects.loyaltylion.wire_announcing import Activity, Adjustment, CustomerPart
from guerdon.dialects.loyaltylion.wire_rewards import ClaimedReward

Resource = Literal["activity", "claimed_reward", "adjustment", "expiry"]

COLUMNS = (
    "id",
    "customer_id",
    "customer_merchant_id",
    "customer_email",
    "points_approved",
    "points_pending",
    "created_at",
    "resource",
    "activity_id",
    "activity_merchant_id",
    "activity_rule",
    "activity_state",
    "claimed_reward_id",
    "claimed_reward_title",
    "claimed_reward_state",
    "adjustment_note",
)


class Expiry(Struct, frozen=True):
    """Points whose time was over. Nothing more is told of it."""


class Transaction(Struct, frozen=True, kw_only=True, gc=False):
    """One movement, never changed; what it is of is shown as it stands now, under the name that
    `resource` gives."""

    id: int
    customer: CustomerPart
    points_approved: int
    points_pending: int
    created_at: str
    resource: Resource
    activity: Activity | UnsetType = UNSET
    claimed_reward: ClaimedReward | UnsetType = UNSET
    adjustment: Adjustment | UnsetType = UNSET
    expiry: Expiry | UnsetType = UNSET


class Transactions(Struct, frozen=True):
    transactions: list[Transaction]
    cursor: Cursor
