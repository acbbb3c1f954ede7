"""Webhook subscriptions in the vendor's words."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Event = Literal[
    "points.earned", "points.redeemed", "customer.tier_upgrade", "customer.tier_downgrade"
]
EVENTS: tuple[Event, ...] = (
    "points.earned",
    "points.redeemed",
    "customer.tier_upgrade",
    "customer.tier_downgrade",
)
DESCRIPTION_LENGTH_MAX = 1000

# Checked in webhooks.py, which says what is wrong in the vendor's manner; here they document.
_Url = Annotated[str, Meta(extra_json_schema={"format": "uri", "pattern": "^https://"})]
_Events = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": list(EVENTS)})]],
    Meta(extra_json_schema={"minItems": 1}),
]
_Description = Annotated[str, Meta(extra_json_schema={"maxLength": DESCRIPTION_LENGTH_MAX})]


class CreateSubscriptionBody(Struct, frozen=True):
    url: _Url
    events: _Events
    description: _Description | None = None


class UpdateSubscriptionBody(Struct, frozen=True):
    """Any of them; what is absent stays, a description of null clears."""

    url: _Url | UnsetType = UNSET
    events: _Events | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    description: _Description | None | UnsetType = UNSET


class WebhookSubscription(Struct, frozen=True):
    url: str
    events: list[str]
    is_active: bool
    description: str | None
    created_at: str
    updated_at: str


class WebhookSubscriptionWithSecret(Struct, frozen=True):
    """Answered by create and rotate alone."""

    url: str
    events: list[str]
    is_active: bool
    description: str | None
    secret: str
    created_at: str
    updated_at: str
