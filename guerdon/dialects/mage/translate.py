"""The vendor's words for ours, and ours for theirs."""

import re
from datetime import datetime
from functools import lru_cache

from guerdon.dialects.mage import wire
from guerdon.dialects.mage.wire import (
    Customer,
    DiscountType,
    Document,
    EarningHistoryEntry,
    Resource,
    RewardHistoryEntry,
    VipTierPart,
)
from guerdon.domain.catalogue import Catalogue, Discount, Merchant, Reward, RewardKind, Tier
from guerdon.domain.earning import Earning
from guerdon.domain.member import MemberRef
from guerdon.domain.money import to_major
from guerdon.domain.redemption import Redemption, status_at
from guerdon.store.member_views import MemberView
from guerdon.store.redemption_views import status_seen

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_ID_LENGTH = 16
_ID = re.compile(r"[0-9a-z]{16}")
_ID_MAX = 2**53
_GID = re.compile(r"gid://shopify/Customer/([0-9]+)")
_IDENTIFIER_LENGTH_MAX = 320

# Rewards without a discount of their own; all other kinds are money off.
_BY_KIND: dict[RewardKind, DiscountType] = {
    "free_shipping": "free_shipping",
    "product_cart": "free_product",
    "active_subscription_product": "free_product",
    "custom": "free_product",
}


def dress(prefix: str, number: int) -> str:
    """Write one of our ids in the vendor's form: `reward_` and 16 lowercase alphanumerics."""
    text = ""
    while number:
        number, pair = divmod(number, 1296)
        text = _PAIRS[pair] + text
    return f"{prefix}_{text:0>{_ID_LENGTH}}"


# A shop has few rewards and rules, and asks for them in every call.
@lru_cache(maxsize=4096)
def undress(prefix: str, text: str) -> int | None:
    """Read an id in the vendor's form; None where it is none of ours."""
    start = f"{prefix}_"
    if not text.startswith(start) or not _ID.fullmatch(text, len(start)):
        return None
    number = int(text[len(start) :], 36)
    return number if 0 < number < _ID_MAX else None


def member_ref(identifier: str) -> MemberRef | None:
    """Read a customer identifier: an e-mail address where it has an @, else a Shopify customer
    id, bare or as a GID. None where no customer can be so called."""
    name = identifier.strip()
    if not name or len(name) > _IDENTIFIER_LENGTH_MAX or not name.isprintable():
        return None
    if "@" in name:
        return MemberRef(email=name.lower())
    return MemberRef(external_id=shopify_id(name))


def shopify_id(name: str) -> str:
    """Take the number out of a GID; anything else stays."""
    gid = _GID.fullmatch(name)
    return gid[1] if gid else name


def stamp(moment: datetime) -> str:
    """Write an instant as the vendor does: UTC, three fractional digits, Z."""
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def purchase_document(redemption: Redemption, reward: Reward) -> Document[RewardHistoryEntry]:
    """Show a redemption as it was made: whatever came of it since, it reads as on that day."""
    created_at = stamp(redemption.created_at)
    entry = RewardHistoryEntry(
        reward_id=dress("reward", redemption.reward_id),
        reward_name=reward.name,
        reward_discount_type=discount_type(reward),
        points_spent=redemption.points_cost,
        discount_code=redemption.code,
        status="active",
        is_refunded=False,
        discount_code_redeemed_at=None,
        redeemed_at=None,
        expires_at=stamp_or_none(redemption.expires_at),
        created_at=created_at,
        updated_at=created_at,
    )
    return Document(Resource("reward_history_entry", dress("cr", redemption.id), entry))


def discount_type(reward: Reward) -> DiscountType:
    """Give the vendor's word for what a reward does; of what it has no word for, the nearest."""
    if reward.discount is not None:
        return reward.discount.type
    return _BY_KIND.get(reward.kind, "fixed_amount")


def history_resource(
    redemption: Redemption, reward: Reward, now: datetime
) -> Resource[RewardHistoryEntry]:
    """Show a redemption as it stands now. In a history `redeemed_at` is when it was made, while
    the answer to the purchase itself leaves it null; so the vendor's own examples have it."""
    created_at = stamp(redemption.created_at)
    entry = RewardHistoryEntry(
        reward_id=dress("reward", redemption.reward_id),
        reward_name=reward.name,
        reward_discount_type=discount_type(reward),
        points_spent=redemption.points_cost,
        discount_code=redemption.code,
        status=status_seen(redemption, now),
        is_refunded=status_at(redemption, now) == "void",
        discount_code_redeemed_at=stamp_or_none(redemption.used_at),
        redeemed_at=created_at,
        expires_at=stamp_or_none(redemption.expires_at),
        created_at=created_at,
        updated_at=stamp(redemption.updated_at),
    )
    return Resource("reward_history_entry", dress("cr", redemption.id), entry)


def earning_resource(earning: Earning) -> Resource[EarningHistoryEntry]:
    """Show an earning in the full form of lists."""
    rule_id = earning.rule_id
    entry = EarningHistoryEntry(
        earning_rule_id=None if rule_id is None else dress("rule", rule_id),
        action=earning.action,
        points=earning.points,
        base_points=earning.base_points,
        points_multiplier=times(earning.multiplier_permille),
        status=earning.status,
        order_id=earning.order_id,
        order_number=earning.order_number,
        shopify_date=stamp_or_none(earning.ordered_at),
        points_due_at=stamp_or_none(earning.due_at),
        points_given_at=stamp_or_none(earning.given_at),
        points_expiry_at=stamp_or_none(earning.expires_at),
        manual_intervention=earning.is_manual,
        created_at=stamp(earning.created_at),
        updated_at=stamp(earning.updated_at),
    )
    return Resource("earning_history_entry", dress("cer", earning.id), entry)


def times(permille: int) -> int | float:
    """Write a factor as a JSON number, whole where it is whole."""
    return permille // 1000 if permille % 1000 == 0 else permille / 1000


def customer_resource(
    view: MemberView, catalogue: Catalogue, *, shows_tier: bool = True
) -> Resource[Customer]:
    """Show a member; the id is the shop's own."""
    member = view.member
    tier = catalogue.tier(member.program_id, view.tier_id) if shows_tier else None
    customer = Customer(
        shopify_customer_id=member.external_id,
        email=member.email,
        first_name=member.first_name,
        last_name=member.last_name,
        current_points=view.points_available,
        lifetime_points=view.points_lifetime,
        redeemed_points=view.points_redeemed,
        loyalty_status="excluded" if view.is_frozen else "member",
        date_of_birth=None if member.birthday is None else f"{member.birthday}T00:00:00.000Z",
        referral_url=referral_url(catalogue.merchant, member.referral_code),
        referral_code=member.referral_code,
        vip_tier=None if tier is None else tier_part(tier),
        points_expire_at=stamp_or_none(view.next_expires_at),
        created_at=stamp(member.created_at),
        updated_at=stamp(view.updated_at),
    )
    return Resource("customer", member.external_id, customer)


def tier_part(tier: Tier) -> VipTierPart:
    return VipTierPart(
        id=dress("tier", tier.id),
        name=tier.name,
        points_required=tier.points_required,
        points_multiplier=times(tier.multiplier_permille),
        badge_image_url=tier.badge_image_url,
        badge_color=tier.badge_color,
    )


def referral_url(merchant: Merchant, code: str) -> str:
    """Write the link that a member sends to friends."""
    shop = merchant.storefront_url or f"https://{merchant.slug}.myshopify.com"
    return f"{shop}{'&' if '?' in shop else '?'}referral_code={code}"


def reward_attributes(reward: Reward, currency: str) -> wire.Reward:
    """Show a reward. What limits it over all customers, be it stock or a number of redemptions,
    is one figure to this vendor."""
    discount = reward.discount
    minimum = None if discount is None else discount.minimum_spend_minor
    limits = [each for each in (reward.max_redemptions, reward.stock) if each is not None]
    return wire.Reward(
        name=reward.name,
        description=reward.description,
        discount_type=discount_type(reward),
        reward_type="discount" if reward.tier_id is None else "tier",
        points_cost=reward.points_cost,
        discount_amount=_amount(discount, currency),
        minimum_spend=None if minimum is None else to_major(minimum, currency),
        is_active=reward.status == "active",
        max_redemptions=min(limits, default=None),
        expiry_days=reward.expiry_days,
        created_at=stamp(reward.created_at),
        updated_at=stamp(reward.updated_at),
    )


def reward_resource(reward: Reward, currency: str) -> Resource[wire.Reward]:
    return Resource("reward", dress("reward", reward.id), reward_attributes(reward, currency))


def _amount(discount: Discount | None, currency: str) -> int | float | None:
    if discount is None:
        return None
    if discount.type == "fixed_amount" and discount.amount_minor is not None:
        return to_major(discount.amount_minor, currency)
    if discount.type == "percentage" and discount.percent_hundredths is not None:
        whole, rest = divmod(discount.percent_hundredths, 100)
        return whole if rest == 0 else discount.percent_hundredths / 100
    return None
