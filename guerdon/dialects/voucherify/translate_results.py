"""What a purchase gave, and why one came to nothing, in the vendor's words."""

from collections.abc import Mapping

from msgspec import Struct

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.offer_ids import reward_id
from guerdon.dialects.voucherify.translate_kinds import credited_point_type, shape_of, type_of
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.ids import MemberId, PointTypeId, WalletId
from guerdon.domain.redemption import MEMBER_GONE, PROGRAM_GONE, WALLET_GONE, Redemption

# Reasons that a worker gives in one word; any other is a sentence about a platform.
_REASONS = {
    MEMBER_GONE: ("MEMBER_NOT_ACTIVE", "The member is not in the program any more"),
    PROGRAM_GONE: ("PROGRAM_NOT_ACTIVE", "The program is not there any more"),
    WALLET_GONE: ("CARD_NOT_FOUND", "The member has no card to credit"),
}


class Cards(Struct, frozen=True):
    """The wallets of the members that are spoken of, by whose and of what points they are."""

    wallets: Mapping[tuple[MemberId, PointTypeId], WalletId]

    def find(self, member_id: MemberId, point_type_id: PointTypeId | None) -> WalletId | None:
        if point_type_id is None:
            return None
        return self.wallets.get((member_id, point_type_id))


def result_to_wire(
    redemption: Redemption,
    reward: Reward,
    catalogue: Catalogue,
    cards: Cards,
    *,
    is_refund: bool = False,
) -> w.Result:
    """Show what was handed over; with `is_refund`, what became of it when it was given back. The
    reward is as it was when it was bought."""
    return w.Result(
        reward=w.ResultReward(reward_id(reward), type_of(reward)),
        quantity=redemption.units,
        material=_material(reward) if shape_of(reward) == "MATERIAL" else None,
        digital=None
        if shape_of(reward) == "MATERIAL"
        else _digital(redemption, reward, catalogue, cards, is_refund=is_refund),
    )


def _material(reward: Reward) -> w.Material:
    """Show the product; a reward that names none is a product of its own."""
    if not reward.products:
        return w.Material(type="PRODUCT", product=w.Ref(reward.slug))
    product = reward.products[0]
    if product.sku is not None:
        return w.Material(type="SKU", sku=w.Sku(product.sku, product.product_id))
    return w.Material(type="PRODUCT", product=w.Ref(product.product_id))


def _digital(
    redemption: Redemption, reward: Reward, catalogue: Catalogue, cards: Cards, *, is_refund: bool
) -> w.Digital:
    shape = shape_of(reward)
    voucher_id = write_id("voucher", redemption.id)
    if shape == "LOYALTY_CARD_POINTS":
        point_type_id = credited_point_type(catalogue, reward)
        wallet_id = cards.find(redemption.member_id, point_type_id)
        credited = w.CardPoints(
            points=(reward.credit_points or 0) * redemption.units,
            card_definition_id=None
            if point_type_id is None
            else write_id("card_definition", point_type_id),
            card_id=None if wallet_id is None else write_id("card", wallet_id),
        )
        return w.Digital(type=shape, loyalty_card_points=credited)
    if shape == "GIFT_VOUCHERS":
        amount = 0 if reward.discount is None else reward.discount.amount_minor or 0
        gift = w.GiftVoucher(
            id=voucher_id,
            code=redemption.code,
            amount=amount * redemption.units,
            balance=0 if is_refund else amount * redemption.units,
            result="CREDITS_SUBTRACTED" if is_refund else None,
        )
        return w.Digital(type=shape, gift_vouchers=[gift])
    coupon = w.Coupon(id=voucher_id, code=redemption.code, result="DELETED" if is_refund else None)
    return w.Digital(type="DISCOUNT_COUPONS", discount_coupons=[coupon])


def rejection_to_wire(redemption: Redemption) -> w.Rejection | None:
    """Say why a purchase that was taken on came to nothing, if it did."""
    if redemption.status != "declined":
        return None
    said = redemption.reason or "It could not be handed over"
    reason, details = _REASONS.get(said, ("FULFILLMENT_FAILED", said))
    return w.Rejection(reason, details)
