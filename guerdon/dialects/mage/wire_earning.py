"""How points are earned, in the vendor's words: rules, awards, custom actions, VIP tiers."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from guerdon.dialects.mage.wire import DiscountType, Resource
from guerdon.domain.catalogue import Category

EarningStatus = Literal["pending", "approved", "rejected"]

ACTION_KEY_LENGTH_MAX = 100
IDEMPOTENCY_KEY_LENGTH_MAX = 255


class EarningRule(Struct, frozen=True):
    name: str
    description: str | None
    action: str
    category: Category
    is_active: bool
    points_to_give: int
    customer_facing_label: str | None
    call_to_action_url: str | None
    created_at: str
    updated_at: str


class AwardBody(Struct, frozen=True):
    customer_identifier: str


class AwardedEntry(Struct, frozen=True):
    """What an award answers: fewer attributes than the same entry has in the history."""

    earning_rule_id: str
    action: str
    points: int
    base_points: int
    points_multiplier: int | float
    status: EarningStatus
    points_given_at: str | None
    points_due_at: str | None
    points_expiry_at: str | None
    created_at: str
    updated_at: str


class ActionBody(Struct, frozen=True):
    """One of `customer_id` and `customer_email` is needed; of both, the id counts."""

    # Lengths and patterns are checked in actions.py, in the vendor's manner; here they document.
    action_key: Annotated[
        str,
        Meta(extra_json_schema={"pattern": "^[a-z0-9_]+$", "maxLength": ACTION_KEY_LENGTH_MAX}),
    ]
    customer_id: str | None = None
    customer_email: str | None = None
    idempotency_key: (
        Annotated[
            str,
            Meta(extra_json_schema={"minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH_MAX}),
        ]
        | None
    ) = None
    # The shop's own JSON: kept, never read.
    metadata: dict[str, Any] | None = None


class ActionEntry(Struct, frozen=True):
    """`skipped` is no status of an entry: the program is off, and there is none."""

    earning_rule_id: str
    action: Literal["custom"]
    points: int
    points_balance: int
    status: Literal["pending", "approved", "rejected", "skipped"]
    idempotency_key: str | None
    replayed: bool
    points_given_at: str | None
    points_due_at: str | None
    created_at: str


class TierReward(Struct, frozen=True):
    """A reward inside a tier: flat, its id among its attributes."""

    id: str
    name: str
    description: str | None
    discount_type: DiscountType
    reward_type: Literal["discount", "tier"]
    points_cost: int
    discount_amount: int | float | None
    minimum_spend: int | float | None
    is_active: bool
    max_redemptions: int | None
    expiry_days: int | None
    created_at: str
    updated_at: str


class VipTier(Struct, frozen=True):
    name: str
    description: str | None
    points_required: int
    points_multiplier: int | float
    badge_image_url: str | None
    badge_color: str | None
    rewards: list[TierReward]
    created_at: str
    updated_at: str


class VipTiers(Struct, frozen=True):
    """The one list without `meta`."""

    data: list[Resource[VipTier]]
