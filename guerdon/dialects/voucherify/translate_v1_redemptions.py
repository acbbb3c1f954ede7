"""Rewards taken with a loyalty card, in the words of the older API."""

from datetime import datetime
from hashlib import blake2b

import msgspec
from msgspec import UNSET, Struct, UnsetType

from guerdon.dialects.voucherify import wire_v1
from guerdon.dialects.voucherify import wire_v1_redemptions as w
from guerdon.dialects.voucherify.ids import source_id_of, write_customer_id, write_id
from guerdon.dialects.voucherify.offer_ids import reward_number
from guerdon.dialects.voucherify.translate_kinds import shape_of
from guerdon.dialects.voucherify.translate_rewards import Source
from guerdon.dialects.voucherify.translate_terms import metadata_to_wire
from guerdon.dialects.voucherify.translate_v1 import holder_to_wire, voucher_to_wire
from guerdon.dialects.voucherify.v1_holders import Holder
from guerdon.dialects.voucherify.wire import Json, stamp, stamp_or_none
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.redemption import Redemption, status_at
from guerdon.domain.template import Template
from guerdon.store.purchases import Refund

_TRACKING_BYTES = 16


class Scene(Struct, frozen=True, kw_only=True):
    """What a redemption is shown with: whose card, the reward as it was taken and the template that
    it was made of, the refund if it went back, and when it is looked at."""

    holder: Holder
    reward: Reward
    template: Template | None
    refund: Refund | None
    now: datetime


def redemption_to_wire(redemption: Redemption, scene: Scene) -> w.Redemption:
    """Show a reward taken, or what came to nothing."""
    status = status_at(redemption, scene.now)
    has_failed = status == "declined"
    related: w.Related | UnsetType = UNSET
    if scene.refund is not None:
        done = scene.refund
        related = w.Related([w.RollbackRef(_rollback_id(redemption, done), stamp(done.created_at))])
    return w.Redemption(
        id=write_id("redemption", redemption.id),
        date=stamp(redemption.created_at),
        customer_id=write_customer_id(scene.holder.view.member.external_id),
        tracking_id=_tracking_id(scene.holder),
        metadata=_metadata(redemption),
        amount=redemption.points_cost,
        result="FAILURE" if has_failed else "SUCCESS",
        status="FAILED" if has_failed else "ROLLED_BACK" if status == "void" else "SUCCEEDED",
        related_redemptions=related,
        failure_code="reward_not_handed_over" if has_failed else UNSET,
        failure_message=(redemption.reason or "The reward could not be handed over")
        if has_failed
        else UNSET,
        customer=holder_to_wire(scene.holder),
        related_object_id=write_id("voucher", redemption.wallet_id),
        reward=_result(redemption, scene),
        loyalty_card=w.CardPoints(redemption.points_cost),
        voucher=_card(scene),
    )


def rollback_to_wire(redemption: Redemption, scene: Scene) -> w.Rollback:
    """Show a reward given back; one that had cost nothing by its own number."""
    done = scene.refund
    moment = redemption.refunded_at or redemption.updated_at
    return w.Rollback(
        id=_rollback_id(redemption, done),
        date=stamp(moment if done is None else done.created_at),
        customer_id=write_customer_id(scene.holder.view.member.external_id),
        tracking_id=_tracking_id(scene.holder),
        metadata=_metadata(redemption),
        amount=0 if done is None else -done.points,
        redemption=write_id("redemption", redemption.id),
        reason=redemption.reason,
        customer=holder_to_wire(scene.holder),
        related_object_id=write_id("voucher", redemption.wallet_id),
        reward=_result(redemption, scene),
        loyalty_card=w.CardPoints(0 if done is None else -done.points),
        voucher=_card(scene),
    )


def _rollback_id(redemption: Redemption, refund: Refund | None) -> str:
    return write_id("rollback", redemption.id if refund is None else refund.entry_id)


def _card(scene: Scene) -> wire_v1.Voucher:
    return msgspec.structs.replace(
        voucher_to_wire(scene.holder), holder=holder_to_wire(scene.holder)
    )


def _metadata(redemption: Redemption) -> dict[str, Json] | None:
    context = redemption.context
    if context is None or context.metadata is None:
        return None
    return metadata_to_wire(context.metadata)


def _tracking_id(holder: Holder) -> str | None:
    """Name a customer to those who are not to know the shop's id of them."""
    source_id = source_id_of(holder.view.member.external_id)
    if source_id is None:
        return None
    told = f"{holder.catalogue.merchant.id} {source_id}".encode("utf-8", "surrogatepass")
    return f"track_{blake2b(told, digest_size=_TRACKING_BYTES).hexdigest()}"


def type_of(reward: Reward) -> w.RewardType:
    """Say what a reward is; points of another card are a campaign's as well."""
    return "MATERIAL" if shape_of(reward) == "MATERIAL" else "CAMPAIGN"


def source_of(reward: Reward, template: Template | None) -> int:
    """Give the number of the campaign whose codes a reward gives; the file's own are its own."""
    if template is not None and template.document is not None:
        source = msgspec.json.decode(template.document, type=Source).campaign
        if source is not None:
            return source
    return reward_number(reward)


def parameters_of(
    reward: Reward, template: Template | None, catalogue: Catalogue
) -> w.RewardParameters:
    """Show what a reward gives."""
    shape = shape_of(reward)
    if shape == "MATERIAL":
        if not reward.products:
            return w.RewardParameters(product=w.ProductParameters(id=reward.slug))
        product = reward.products[0]
        named = product.product_id or product.sku or reward.slug
        return w.RewardParameters(product=w.ProductParameters(id=named, sku_id=product.sku))
    if shape == "LOYALTY_CARD_POINTS":
        return w.RewardParameters(
            campaign=w.CampaignParameters(
                id=write_id("campaign", _credited_program(reward, catalogue)),
                balance=reward.credit_points,
                type="LOYALTY_PROGRAM",
            )
        )
    worth = None if reward.discount is None else reward.discount.amount_minor
    return w.RewardParameters(
        campaign=w.CampaignParameters(
            id=write_id("campaign", source_of(reward, template)),
            balance=worth if shape == "GIFT_VOUCHERS" else None,
            type=shape,
        )
    )


def _credited_program(reward: Reward, catalogue: Catalogue) -> int:
    for point_type in catalogue.point_types.values():
        if point_type.slug == reward.credit_point_type:
            for program in catalogue.programs.values():
                if program.point_type_id == point_type.id:
                    return program.id
    return reward.program_id


def _result(redemption: Redemption, scene: Scene) -> w.RewardResult:
    reward, template, holder = scene.reward, scene.template, scene.holder
    shown = type_of(reward)
    parameters = parameters_of(reward, template, holder.catalogue)
    product = sku = None
    if parameters.product is not None:
        named, sku_id = parameters.product.id, parameters.product.sku_id
        title = reward.products[0].title if reward.products else None
        product = w.Product(id=named, source_id=named, name=title or reward.name)
        if sku_id is not None:
            sku = w.Sku(id=sku_id, source_id=sku_id, product_id=named, sku=title)
    return w.RewardResult(
        id=write_id("v1_reward", reward_number(reward)),
        name=reward.name,
        type=shown,
        assignment_id=write_id("assignment", reward.id),
        customer=holder_to_wire(holder),
        voucher=_given(redemption, scene),
        product=product,
        sku=sku,
        parameters=parameters,
        metadata={} if template is None else metadata_to_wire(template.metadata),
        created_at=stamp(reward.created_at),
        updated_at=stamp(reward.updated_at) if reward.updated_at != reward.created_at else None,
    )


def _given(redemption: Redemption, scene: Scene) -> wire_v1.Voucher | None:
    """Show the coupon or gift card that was given. What came to nothing gave none."""
    reward, holder = scene.reward, scene.holder
    shape = shape_of(reward)
    if shape not in ("DISCOUNT_COUPONS", "GIFT_VOUCHERS") or redemption.status == "declined":
        return None
    source = source_of(reward, scene.template)
    campaign = next((e for e in holder.catalogue.rewards.values() if e.id == source), reward)
    gift = None
    if shape == "GIFT_VOUCHERS":
        amount = 0 if reward.discount is None else reward.discount.amount_minor or 0
        is_back = redemption.status == "void"
        gift = wire_v1.Gift(
            amount=amount * redemption.units, balance=0 if is_back else amount * redemption.units
        )
    status = status_at(redemption, scene.now)
    return wire_v1.Voucher(
        id=write_id("voucher", redemption.id),
        code=redemption.code,
        campaign=campaign.name,
        campaign_id=write_id("campaign", source),
        type="GIFT_VOUCHER" if gift else "DISCOUNT_VOUCHER",
        discount=None if gift else _discount(reward),
        gift=gift,
        start_date=None,
        expiration_date=stamp_or_none(redemption.expires_at),
        active=status == "approved",
        metadata={},
        created_at=stamp(redemption.created_at),
        updated_at=None,
        holder_id=write_customer_id(holder.view.member.external_id),
        redemption=wire_v1.Taken(quantity=1, redeemed_quantity=1 if status == "used" else 0),
    )


def _discount(reward: Reward) -> wire_v1.Discount | None:
    """Show what a coupon takes off. Free shipping has no form of its own at the vendor."""
    discount = reward.discount
    if discount is None:
        return None
    if discount.type == "fixed_amount":
        return wire_v1.Discount(
            type="AMOUNT", amount_off=discount.amount_minor, effect="APPLY_TO_ORDER"
        )
    if discount.type == "percentage":
        return wire_v1.Discount(
            type="PERCENT",
            percent_off=(discount.percent_hundredths or 0) / 100,
            effect="APPLY_TO_ORDER",
        )
    if discount.type == "free_product":
        product = next(iter((*discount.variant_ids, *discount.product_ids)), None)
        return wire_v1.Discount(
            type="UNIT", unit_off=1, unit_type=product, effect="ADD_MISSING_ITEMS"
        )
    return None
