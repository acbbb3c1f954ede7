"""Customers, from our words into the vendor's."""

from collections.abc import Mapping

from msgspec import UNSET

from guerdon.dialects.loyaltylion.translate_announcing import to_tier
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_announcing import LoyaltyTier, TierMembership
from guerdon.dialects.loyaltylion.wire_customers import Customer
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.ids import ProgramId, TierId
from guerdon.store.member_lists import Taken
from guerdon.store.member_views import MemberView

_NOTHING_TAKEN = Taken()
# Shared by all customers, and never changed: a list of many makes fewer objects so.
_NO_METADATA: dict[str, str] = {}
_NO_IDS: list[str] = []

Tiers = Mapping[TierId, LoyaltyTier]


def tiers_to_wire(catalogue: Catalogue, program_id: ProgramId) -> Tiers:
    """Show a program's tiers, for all the customers of an answer."""
    tiers = catalogue.tiers.get(program_id, ())
    return {tier.id: to_tier(tiers, place) for place, tier in enumerate(tiers)}


def customer_to_wire(
    view: MemberView, taken: Taken | None, tiers: Tiers, *, is_strict: bool = False
) -> Customer:
    """Show a member as they stand, with what they took of rewards; None is nothing."""
    member = view.member
    enrolled_at = stamp(member.created_at)
    taken = taken or _NOTHING_TAKEN
    properties = {}
    if member.first_name is not None:
        properties["first_name"] = member.first_name
    if member.last_name is not None:
        properties["last_name"] = member.last_name
    return Customer(
        member.id,
        member.external_id,
        member.email,
        view.points_available,
        view.points_pending,
        view.points_redeemed,
        taken.rewards,
        UNSET if is_strict else taken.rewards_used,
        properties,
        _NO_METADATA,
        view.is_frozen,
        guest=False,
        enrolled=True,
        enrolled_at=enrolled_at,
        referral_id=member.referral_code,
        referred_by=None,
        loyalty_tier_membership=_membership(view, tiers, enrolled_at),
        tier_eligibility=UNSET if is_strict else None,
        insights_segment=None,
        birthday=None if member.birthday is None else member.birthday.isoformat(),
        referral_url=None,
        loyalty_pass_url=UNSET if is_strict else None,
        linked_merchant_ids=_NO_IDS,
        created_at=enrolled_at,
        updated_at=stamp(view.updated_at),
    )


def _membership(view: MemberView, tiers: Tiers, enrolled_at: str) -> TierMembership | None:
    """Show the tier; one that has been taken out of the program is none."""
    tier = None if view.tier_id is None else tiers.get(view.tier_id)
    if tier is None:
        return None
    since = enrolled_at if view.tier_entered_at is None else stamp(view.tier_entered_at)
    return TierMembership(since, None, manual=False, loyalty_tier=tier)
