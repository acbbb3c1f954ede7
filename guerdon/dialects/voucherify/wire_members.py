"""Members, their memberships, and what enrols them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from guerdon.dialects.voucherify.body import Body
from guerdon.dialects.voucherify.wire import Json
from guerdon.dialects.voucherify.wire_cards import Card, TierProgress

MemberStatus = Literal["ACTIVE", "INACTIVE", "DELETED"]
IdentificationType = Literal["customer_id", "customer_source_id", "member_id"]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Metadata = dict[str, Json]


class Identification(Body, frozen=True, kw_only=True):
    """Who is meant: by this API's own id, or by the shop's."""

    type: Literal["customer_id", "customer_source_id"]
    customer_id: Name | None = None
    customer_source_id: Name | None = None


class EnrolBody(Body, frozen=True, kw_only=True):
    """Who becomes a member. `customer_id` alone is the older form."""

    customer_identification: Identification | None = None
    customer_id: Name | None = None
    status: Literal["ACTIVE", "INACTIVE"] | None = None
    metadata: Metadata | None = None


class ChangeBody(Body, frozen=True, kw_only=True):
    """Keys are merged into what is there; null clears all."""

    metadata: Metadata | None


class Member(Struct, frozen=True, kw_only=True):
    id: str
    customer_id: str
    program_id: str
    status: MemberStatus
    metadata: Metadata
    created_at: str
    updated_at: str | None
    object: Literal["member"] = "member"


class MemberCard(Struct, frozen=True, kw_only=True):
    """`tier_progress` comes with a single membership, on the card that counts for tiers."""

    member_role: Literal["OWNER"] = "OWNER"
    created_at: str
    card: Card
    tier_progress: TierProgress | UnsetType = UNSET
    object: Literal["member_card"] = "member_card"


class MemberWithCards(Struct, frozen=True, kw_only=True):
    id: str
    customer_id: str
    program_id: str
    status: MemberStatus
    metadata: Metadata
    cards: list[MemberCard]
    created_at: str
    updated_at: str | None
    object: Literal["member"] = "member"


class SimpleProgram(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: Literal["DRAFT", "ACTIVE", "INACTIVE"]
    metadata: Metadata
    object: Literal["program"] = "program"


class Membership(Struct, frozen=True, kw_only=True):
    member: Member
    program: SimpleProgram
    cards: list[MemberCard]
    object: Literal["membership"] = "membership"


class MembershipCustomer(Struct, frozen=True, kw_only=True):
    id: str
    source_id: str | None
    object: Literal["customer"] = "customer"


class Memberships(Struct, frozen=True, kw_only=True):
    customer: MembershipCustomer
    memberships: list[Membership]
    object: Literal["memberships_result"] = "memberships_result"


class BatchAccepted(Struct, frozen=True):
    """What is to be done is known; the action says how far it is."""

    async_action_id: str
