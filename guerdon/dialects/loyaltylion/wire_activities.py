"""Activities: what customers did for points, asked about and told of."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from guerdon.dialects.loyaltylion.wire import Cursor
from guerdon.dialects.loyaltylion.wire_announcing import Activity

TEXT_LENGTH_MAX = 255
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
# Shops number their customers; the API writes numbers as text.
CustomerId = Annotated[int, Meta(ge=0)] | Text


class ActivityBody(Struct, frozen=True, kw_only=True):
    """`state` is ignored, as at the vendor; so are `ip_address`, `user_agent`, `referral_id` and
    `tracking_id`, which only serve to trace referrals: they are not kept."""

    name: Text
    customer_id: CustomerId
    customer_email: str
    merchant_id: Text | Annotated[int, Meta(ge=0)] | None = None
    properties: dict[str, Any] | None = None
    date: str | None = None
    guest: bool | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    referral_id: str | None = None
    tracking_id: str | None = None
    state: str | None = None


class ActivityStateBody(Struct, frozen=True):
    state: Literal["approved", "declined", "void"]


class Activities(Struct, frozen=True):
    activities: list[Activity]
    cursor: Cursor
