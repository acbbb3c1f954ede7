"""Customers, asked about and changed."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.loyaltylion.wire import Cursor
from guerdon.dialects.loyaltylion.wire_announcing import TierMembership

POINTS_ADDED_MAX = 1_000_000
POINTS_REMOVED_MAX = 1_000_000_000_000
Reason = Annotated[str, Meta(max_length=1000)]


class Customer(Struct, frozen=True, gc=False):
    """A customer as they stand. `points_approved` are those that can be spent now. What nobody here
    knows is null; what only newer documents of the vendor show is left out of a strict answer."""

    id: int
    merchant_id: str
    email: str | None
    points_approved: int
    points_pending: int
    points_spent: int
    rewards_claimed: int
    rewards_used: int | UnsetType
    properties: dict[str, str]
    metadata: dict[str, str]
    blocked: bool
    guest: bool
    enrolled: bool
    enrolled_at: str
    referral_id: str
    referred_by: None
    loyalty_tier_membership: TierMembership | None
    tier_eligibility: None | UnsetType
    insights_segment: None
    birthday: str | None
    referral_url: None
    loyalty_pass_url: None | UnsetType
    linked_merchant_ids: list[str]
    created_at: str
    updated_at: str


class Customers(Struct, frozen=True):
    customers: list[Customer]
    cursor: Cursor


class CustomerDocument(Struct, frozen=True):
    customer: Customer


class CustomerChange(Struct, frozen=True):
    """`birthday` null clears it. `blocked` keeps the customer from earning and spending."""

    birthday: date | None | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET


class CustomerChangeDocument(Struct, frozen=True):
    customer: CustomerChange


class PointsBody(Struct, frozen=True):
    """`reason` is what the shopper is told."""

    points: Annotated[int, Meta(ge=1, le=POINTS_ADDED_MAX)]
    reason: Reason | None = None


class RemovePointsBody(Struct, frozen=True):
    """`reason` is what the shopper is told."""

    points: Annotated[int, Meta(ge=1, le=POINTS_REMOVED_MAX)]
    reason: Reason | None = None
