"""What each kind of reward is to the vendor: its name, what it gives, what it takes off."""

from typing import Literal

from guerdon.domain.catalogue import Reward, RewardKind
from guerdon.domain.money import to_major

# What a customer holds of a reward.
Shape = Literal["voucher", "product", "fulfilment", "gift_card"]

# Kinds whose name the vendor gives an ending; the others are named as ours are.
_VOUCHERS: frozenset[RewardKind] = frozenset(
    {
        "active_subscription_discount",
        "cart_discount",
        "cart_variable_discount",
        "collection_discount",
        "free_shipping",
        "product_discount",
    }
)
# Kinds that take everything off what they are for.
_FREE: frozenset[RewardKind] = frozenset(
    {"free_shipping", "product_cart", "active_subscription_product"}
)
# Kinds of which a caller of this vendor may take several units at once. Of a checkout redemption a
# unit is one unit of the currency.
_MULTIPLIED: frozenset[RewardKind] = frozenset({"custom", "checkout_redemption"})
# Ways of fulfilment that leave no code.
_CODELESS = frozenset({"store_credit", "points"})
_HANDED_OVER = frozenset({"manual", "webhook"})


def wire_kind(kind: RewardKind) -> str:
    """Give the vendor's name of a kind."""
    if kind == "active_subscription_product":
        return "subscription_buy_with_points"
    return f"{kind}_voucher" if kind in _VOUCHERS else kind


def shape_of(reward: Reward) -> Shape:
    """Say what a customer holds who claims a reward."""
    match reward.kind:
        case "gift_card":
            return "gift_card"
        case "product_cart" | "active_subscription_product":
            return "product"
        case "custom" if reward.fulfil_by in _HANDED_OVER:
            return "fulfilment"
        case _:
            return "fulfilment" if reward.fulfil_by in _CODELESS else "voucher"


def is_multiplied(reward: Reward) -> bool:
    """Say whether a caller of this vendor may take several units of a reward at once."""
    return reward.kind in _MULTIPLIED


def multiplier_bounds(reward: Reward) -> tuple[int, int]:
    """Give how many units at once a caller of this vendor may take, at least and at most."""
    return (reward.units_min, reward.units_max) if is_multiplied(reward) else (1, 1)


def discount_type(reward: Reward) -> Literal["flat", "percentage", "custom"]:
    if reward.kind == "custom":
        return "custom"
    if reward.kind in _FREE:
        return "percentage"
    discount = reward.discount
    is_share = discount is not None and discount.type != "fixed_amount"
    return "percentage" if is_share else "flat"


def amount_of(reward: Reward, currency: str, *, units: int = 1) -> int | float | None:
    """Give what so many units of a reward take off, or are worth: money or, however many they are,
    per cent, as its type is."""
    if reward.kind == "custom":
        return None
    if reward.kind in _FREE:
        return 100
    discount = reward.discount
    if discount is None:
        return units if reward.kind == "checkout_redemption" else None
    if discount.type == "fixed_amount":
        minor = discount.amount_minor
        return None if minor is None else to_major(minor * units, currency)
    if discount.type == "percentage" and discount.percent_hundredths is not None:
        whole, rest = divmod(discount.percent_hundredths, 100)
        return whole if rest == 0 else discount.percent_hundredths / 100
    return 100
