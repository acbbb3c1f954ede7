"""The vendor's words for ours, and ours for theirs."""

import re
from datetime import datetime

from guerdon.dialects.mage.wire import DiscountType, Document, Resource, RewardHistoryEntry
from guerdon.domain.catalogue import Reward, RewardKind
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
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
    characters = []
    while number:
        number, digit = divmod(number, 36)
        characters.append(_DIGITS[digit])
    return f"{prefix}_{''.join(reversed(characters)).rjust(_ID_LENGTH, '0')}"


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
