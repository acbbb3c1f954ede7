"""Webhooks in the vendor's words."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

PREFIX = "program_events/"
Topic = Literal[
    "customers/update",
    "loyalty_emails/unsubscribe",
    "program_events/customer.claimed_reward",
    "program_events/customer.points_earned",
    "program_events/customer.enrolled",
    "program_events/customer.tier_upgraded",
    "program_events/customer.tier_downgraded",
]


class LoyaltyTier(Struct, frozen=True):
    """`lower_bound` and `upper_bound` are points divided by 100, as decimal strings."""

    id: int
    name: str
    number: int
    default: bool
    hidden: bool
    lower_bound: str
    upper_bound: str | None
    position: int


class TierMembership(Struct, frozen=True, gc=False):
    started_at: str | None
    expires_at: str | None
    manual: bool
    loyalty_tier: LoyaltyTier


class Customer(Struct, frozen=True):
    """The customer as they are at delivery. What the ledger cannot tell there, such as how many
    rewards they claimed in all, is left out and not made up."""

    id: int
    merchant_id: str
    email: str | None
    points_approved: int
    points_pending: int
    points_spent: int
    properties: dict[str, str | None]
    metadata: dict[str, str]
    blocked: bool
    guest: bool
    enrolled: bool
    enrolled_at: str
    referral_id: str
    loyalty_tier_membership: TierMembership | None
    tier_eligibility: None
    birthday: str | None
    linked_merchant_ids: list[str]
    created_at: str
    updated_at: str


class Unsubscriber(Struct, frozen=True):
    id: int
    email: str | None


class Unsubscribe(Struct, frozen=True):
    customer: Unsubscriber


class UnsubscribePayload(Struct, frozen=True):
    unsubscribe: Unsubscribe


class UnsubscribeBody(Struct, frozen=True):
    """A customer wants no more loyalty e-mails."""

    id: str
    topic: Topic
    created_at: str
    payload: UnsubscribePayload


class CustomerPart(Struct, frozen=True, gc=False):
    """A customer inside a transaction."""

    id: int
    merchant_id: str
    email: str | None
    points_pending: int
    points_approved: int
    points_spent: int


class RulePart(Struct, frozen=True, gc=False):
    id: int | None
    name: str | None
    title: str | None


class Activity(Struct, frozen=True, gc=False):
    id: int
    merchant_id: str | None
    value: int
    state: Literal["pending", "approved", "declined", "void"]
    customer: CustomerPart
    created_at: str
    rule: RulePart


class Adjustment(Struct, frozen=True):
    note: str | None


class Transaction(Struct, frozen=True):
    """`activity` or `adjustment` is there, whichever `resource` names."""

    id: int
    customer: CustomerPart
    points_approved: int
    points_pending: int
    created_at: str
    resource: Literal["activity", "adjustment"]
    activity: Activity | UnsetType = UNSET
    adjustment: Adjustment | UnsetType = UNSET


class AvailableReward(Struct, frozen=True):
    """What a customer can afford. The rest of a reward is told by the API."""

    id: int
    title: str
    description: str | None
    point_cost: int
    kind: str
    discount_type: Literal["flat", "percentage", "custom"]
    discount_amount: int | float | None
    minimum_spend: int | float | None


class ClaimedReward(Struct, frozen=True):
    title: str
    reward_type: Literal["voucher", "gift_card"]
    discount_type: Literal["flat", "percentage"]
    discount_amount: int | float | None
    voucher_code: str | None
    gift_card_last_characters: str | None
    currency: str | None
    initial_value: int | float | None
    balance: int | float | None
    customer: Customer


class PointsEarned(Struct, frozen=True):
    customer: Customer
    transaction: Transaction
    available_rewards: list[AvailableReward]


class Enrollment(Struct, frozen=True):
    date: str
    trigger: str


class Enrolled(Struct, frozen=True):
    customer: Customer
    enrollment: Enrollment


class TierChanged(Struct, frozen=True):
    customer: Customer
    previous_tier: LoyaltyTier | None
    new_tier: LoyaltyTier | None


Properties = ClaimedReward | PointsEarned | Enrolled | TierChanged


class ProgramEvent(Struct, frozen=True):
    id: str
    created_at: str
    kind: str
    unique_until: None
    properties: Properties


class ProgramEventBody(Struct, frozen=True):
    id: str
    topic: str
    created_at: str
    payload: ProgramEvent


class CustomerPayload(Struct, frozen=True):
    customer: Customer


class CustomerBody(Struct, frozen=True):
    """The customer is there twice: receivers were taught both places."""

    id: str
    topic: str
    created_at: str
    payload: CustomerPayload
    customer: Customer
