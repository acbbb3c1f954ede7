"""What each of our rewards is to the vendor: a thing, a coupon, a gift card, or points."""

from typing import Literal

from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.ids import PointTypeId

Shape = Literal["MATERIAL", "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_CARD_POINTS"]

_WORTH_MONEY = frozenset({"gift_card", "store_credit"})
_HANDED_OVER = frozenset({"manual", "webhook"})


def shape_of(reward: Reward) -> Shape:
    """Say what a member gets who buys a reward. What people or the shop hand over is a thing."""
    if reward.fulfil_by == "points":
        return "LOYALTY_CARD_POINTS"
    if reward.kind == "gift_card" or reward.fulfil_by in _WORTH_MONEY:
        return "GIFT_VOUCHERS"
    if reward.fulfil_by in _HANDED_OVER:
        return "MATERIAL"
    return "DISCOUNT_COUPONS"


def type_of(reward: Reward) -> Literal["MATERIAL", "DIGITAL"]:
    return "MATERIAL" if shape_of(reward) == "MATERIAL" else "DIGITAL"


def credited_point_type(catalogue: Catalogue, reward: Reward) -> PointTypeId | None:
    """Give whose points a reward of points is worth; None where there are none such any more."""
    if reward.credit_point_type is None:
        program = catalogue.programs.get(reward.program_id)
        return None if program is None else program.point_type_id
    for point_type in catalogue.point_types.values():
        if point_type.slug == reward.credit_point_type:
            return point_type.id
    return None
