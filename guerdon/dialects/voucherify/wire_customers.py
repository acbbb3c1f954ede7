"""Customers, in the vendor's words."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json

Text = Annotated[str, Meta(max_length=500)]
SourceId = Annotated[str, Meta(min_length=1, max_length=255)]
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^\s*[!-?A-~]+@[!-?A-~]+\s*$")]


class Address(Body, frozen=True, kw_only=True):
    city: Text | None = None
    state: Text | None = None
    line_1: Text | None = None
    line_2: Text | None = None
    country: Text | None = None
    postal_code: Text | None = None


class CustomerBody(Body, frozen=True, kw_only=True):
    """Who is stated: by this API's own id, by the shop's, or, without either, somebody new.
    `birthday` is the older name of `birthdate`."""

    id: SourceId | None = None
    source_id: SourceId | None = None
    name: Text | None | UnsetType = UNSET
    email: Email | None | UnsetType = UNSET
    phone: Text | None | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    birthday: date | None | UnsetType = UNSET
    birthdate: date | None | UnsetType = UNSET
    address: Address | None | UnsetType = UNSET
    metadata: dict[str, Json] | None | UnsetType = UNSET


class LoyaltySummary(Struct, frozen=True, kw_only=True):
    """`points` are those of all cards."""

    points: int
    referred_customers: int = 0
    campaigns: dict[str, Json]


class Customer(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    birthday: str | None
    birthdate: str | None
    address: dict[str, Json] | None
    metadata: dict[str, Json]
    system_metadata: dict[str, Json] = {}
    loyalty: LoyaltySummary
    created_at: str
    updated_at: str | None
    object: Literal["customer"] = "customer"
