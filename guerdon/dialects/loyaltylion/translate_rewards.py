"""Rewards and what is claimed of them, in the vendor's words."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Struct

from guerdon.dialects.loyaltylion import wire_rewards as wire
from guerdon.dialects.loyaltylion.translate_kinds import (
    Shape,
    amount_of,
    discount_type,
    multiplier_bounds,
    shape_of,
    wire_kind,
)
from guerdon.dialects.loyaltylion.wire import stamp, stamp_or_none
from guerdon.domain.catalogue import Merchant, Reward
from guerdon.domain.ids import TierId
from guerdon.domain.money import to_major
from guerdon.domain.redemption import Redemption, status_at

_DAY_SECONDS = 86_400
_LAST_CHARACTERS = 4
_NEVER = wire.ExpiryOptions("does_not_expire", None)
# Discount rewards that have a minimum of what is to be spent.
_SPEND: frozenset[Shape] = frozenset({"voucher", "product"})
_encode = msgspec.json.Encoder(order="deterministic").encode


class Scene(Struct, frozen=True, kw_only=True):
    """What every rendering needs besides the value: whose it is, the time, and whether only the
    keys of the vendor's first document are shown."""

    merchant: Merchant
    now: datetime
    is_strict: bool = False


def claimed_reward_to_wire(
    redemption: Redemption, reward: Reward, scene: Scene, *, is_first: bool = False
) -> wire.ClaimedReward:
    """Show a redemption as it stands at the scene's time.

    `reward` is the version that was redeemed. `is_first`: this answers the claim itself, the one
    time that a gift card's code is told."""
    context = redemption.context
    session = None if context is None else context.session
    auto_refund_at = stamp_or_none(redemption.auto_refund_at)
    unit_cost = None if redemption.is_grant else redemption.points_cost // redemption.units
    return wire.ClaimedReward(
        id=redemption.id,
        claimed_at=stamp(redemption.created_at),
        point_cost=redemption.points_cost,
        redeemable=redeemable_to_wire(redemption, reward, scene, is_first=is_first),
        reward=_reward_at(reward, scene, unit_cost),
        state=state_of(redemption, scene.now),
        session=None if session is None else wire.SessionPart(session.kind, session.token),
        auto_refund_at=auto_refund_at,
        expires_at=auto_refund_at,
    )


class _Told(Struct, frozen=True):
    """A reward's wire form, and what it was made of."""

    reward: Reward
    merchant: Merchant
    wire: wire.Reward


_told: dict[tuple[int, int, int | None, bool], _Told] = {}
_TOLD_MAX = 4096


def _reward_at(reward: Reward, scene: Scene, unit_cost: int | None) -> wire.Reward:
    """Show a reward at what was paid for one unit. The values of a catalogue never change, so what
    was made of one of them once serves every claim of it."""
    key = (scene.merchant.id, reward.id, unit_cost, scene.is_strict)
    told = _told.get(key)
    if told is None or told.reward is not reward or told.merchant is not scene.merchant:
        if len(_told) >= _TOLD_MAX:
            _told.clear()
        shown = reward_to_wire(reward, scene, unit_cost=unit_cost)
        told = _told[key] = _Told(reward, scene.merchant, shown)
    return told.wire


def state_of(redemption: Redemption, now: datetime) -> wire.State:
    """Give the state at an instant: past its time a claim is over, though no sweep has come by
    yet. That it was used is said elsewhere; its state stays as it was."""
    status = status_at(redemption, now)
    return "approved" if status == "used" else status


def redeemable_to_wire(
    redemption: Redemption, reward: Reward, scene: Scene, *, is_first: bool = False
) -> wire.Redeemable:
    """Show what the customer holds. A code that was never handed over is not told."""
    expires_on = stamp_or_none(redemption.expires_at)
    used_at = stamp_or_none(redemption.used_at)
    was_given = redemption.status not in ("pending", "declined")
    match shape_of(reward):
        case "fulfilment":
            handed_over_at = redemption.fulfilled_at
            if handed_over_at is None and redemption.fulfilment == "done":
                handed_over_at = redemption.created_at if was_given else None
            return wire.Fulfilment(
                fulfilled=handed_over_at is not None,
                fulfilled_at=stamp_or_none(handed_over_at),
            )
        case "product":
            return _product(redemption, reward, scene, used_at=used_at, expires_on=expires_on)
        case "gift_card":
            return _gift_card(redemption, reward, scene, is_first=is_first, expires_on=expires_on)
        case "voucher":
            units = redemption.units
            amount = None
            if units > 1 and discount_type(reward) == "flat":
                amount = amount_of(reward, scene.merchant.currency, units=units)
            return wire.Voucher(
                code=(redemption.code or "") if was_given else "",
                discount_amount=amount,
                usage_count=redemption.uses,
                usage_limit=redemption.uses_max,
                used_at=UNSET if scene.is_strict else used_at,
                expires_on=expires_on,
            )


def _product(
    redemption: Redemption,
    reward: Reward,
    scene: Scene,
    *,
    used_at: str | None,
    expires_on: str | None,
) -> wire.Product:
    context = redemption.context
    variant_id = None if context is None else context.variant_id
    of = reward.product_of(variant_id) if variant_id is not None else None
    if of is None and reward.products:
        of = reward.products[0]
    is_cart = reward.kind == "product_cart"
    return wire.Product(
        product=wire.ProductPart(
            id=None if of is None else int(of.product_id),
            variant_id=None if variant_id is None else int(variant_id),
        ),
        used_at=used_at,
        shopify_cart_line_item_context=cart_line_token(redemption) if is_cart else UNSET,
        subscription_details=UNSET if is_cart or scene.is_strict else None,
        expires_on=expires_on,
    )


def cart_line_token(redemption: Redemption) -> str:
    """Make the secret that says of a cart's line that it is claimed: it names the redemption, and
    is signed with its code, which whoever hands it over knows and the shopper does not."""
    context = redemption.context
    facts = {"id": redemption.id, "variant_id": context and context.variant_id}
    payload = urlsafe_b64encode(_encode(facts)).rstrip(b"=")
    key = f"{redemption.id}/{redemption.code or ''}".encode()
    signature = hmac.new(key, b"v1." + payload, hashlib.sha256).digest()
    return f"v1.{payload.decode()}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _gift_card(
    redemption: Redemption,
    reward: Reward,
    scene: Scene,
    *,
    is_first: bool,
    expires_on: str | None,
) -> wire.GiftCard:
    """A card is worth all or nothing here: how much of it is left only its platform knows."""
    worth = amount_of(reward, scene.merchant.currency, units=redemption.units) or 0
    is_live = state_of(redemption, scene.now) == "approved" and redemption.status != "used"
    balance = worth if is_live else 0
    if scene.is_strict:
        return wire.GiftCard(balance=balance, expires_on=expires_on)
    was_given = redemption.status not in ("pending", "declined")
    code = (redemption.code or "") if was_given else ""
    return wire.GiftCard(
        code=code if is_first else UNSET,
        last_characters=code[-_LAST_CHARACTERS:],
        currency=scene.merchant.currency.lower(),
        initial_value=worth,
        balance=balance,
        expires_on=expires_on,
    )


def reward_to_wire(
    reward: Reward, scene: Scene, *, tier_id: TierId | None = None, unit_cost: int | None = None
) -> wire.Reward:
    """Show a reward: as a member of a tier pays for it, or at what was paid for one unit."""
    shape, discount = shape_of(reward), reward.discount
    currency = scene.merchant.currency
    units_min, units_max = multiplier_bounds(reward)
    minimum = discount.minimum_spend_minor if discount and shape in _SPEND else None
    shipping = discount.shipping_max_minor if discount and reward.kind == "free_shipping" else None
    limit, refund_after = reward.session_limit, reward.auto_refund_seconds
    lives_days = None if shape == "fulfilment" else reward.expiry_days
    return wire.Reward(
        id=reward.id,
        title=reward.name,
        description=reward.description,
        sort_key=reward.position,
        content=reward.content,
        point_cost=reward.points_cost_for(tier_id) if unit_cost is None else unit_cost,
        method=_method(shape),
        discount_type=discount_type(reward),
        discount_amount=amount_of(reward, currency),
        minimum_spend=None if minimum is None else to_major(minimum, currency),
        usage_limit=reward.uses_max,
        min_redemption_amount=units_min,
        max_redemption_amount=units_max,
        max_free_shipping=None if shipping is None else to_major(shipping, currency),
        site_id=scene.merchant.id,
        target_site=site_part(scene.merchant),
        order_type=_order_type(reward),
        target_type=_target_type(reward),
        target_collections=_collections(reward),
        target_products=_products(reward, is_strict=scene.is_strict),
        session_options=None if limit is None else wire.SessionOptions(limit.kind, limit.count),
        auto_refund_seconds=refund_after,
        expiry_options=_NEVER
        if refund_after is None
        else wire.ExpiryOptions("expires_after", refund_after),
        redeemable_expiry_options=None
        if lives_days is None
        else wire.ExpiryOptions("expires_after", lives_days * _DAY_SECONDS),
        supported_channels=UNSET if scene.is_strict else ["web"],
        kind=wire_kind(reward.kind),
        recurring_cycle_limit=_cycles(reward, is_strict=scene.is_strict),
    )


def site_part(merchant: Merchant) -> wire.TargetSite:
    """Show the one site that a merchant has."""
    url = merchant.storefront_url or f"https://{merchant.slug}.myshopify.com"
    return wire.TargetSite(id=merchant.id, name=merchant.name, url=url)


def _method(shape: Shape) -> Literal["voucher", "store_fulfilment", "gift_card"]:
    if shape == "fulfilment":
        return "store_fulfilment"
    return "gift_card" if shape == "gift_card" else "voucher"


def _order_type(reward: Reward) -> Literal["all", "one_time", "subscription"]:
    """Only a discount on the cart is for one sort of orders or for the other, as it says."""
    if reward.kind in ("active_subscription_discount", "active_subscription_product"):
        return "subscription"
    discount = reward.discount
    if reward.kind != "cart_discount" or discount is None:
        return "all"
    if discount.applies_on_one_time and discount.applies_on_subscription:
        return "all"
    return "subscription" if discount.applies_on_subscription else "one_time"


def _target_type(
    reward: Reward,
) -> Literal["all", "collection", "custom", "product", "shipping"]:
    match reward.kind:
        case "collection_discount":
            return "collection"
        case "product_discount" | "product_cart" | "active_subscription_product":
            return "product"
        case "free_shipping":
            return "shipping"
        case "custom":
            return "custom"
        case _:
            return "all"


def _collections(reward: Reward) -> list[wire.TargetCollection]:
    return [
        wire.TargetCollection(int(each.collection_id), each.url, each.restriction_text)
        for each in reward.collections
    ]


def _products(reward: Reward, *, is_strict: bool) -> list[wire.TargetProduct]:
    """List what the reward is for, a line for each variant that is named. What another dialect
    calls by something else than a number is not among the shop's products."""
    variants = [
        (product, variant_id)
        for product in reward.products
        if product.product_id.isdecimal()
        for variant_id in product.variant_ids or (None,)
    ]
    return [
        wire.TargetProduct(
            id=int(product.product_id),
            variant_id=None if variant_id is None else int(variant_id),
            sku=product.sku,
            url=product.url,
            image_url=product.image_url,
            sort_key=place,
            title=product.title or reward.name,
            inventory_count=UNSET if is_strict else None,
            handle=UNSET if is_strict else product.handle,
        )
        for place, (product, variant_id) in enumerate(variants, start=1)
    ]


def _cycles(reward: Reward, *, is_strict: bool) -> int | None | msgspec.UnsetType:
    discount = reward.discount
    cycles = None if discount is None else discount.recurring_cycles_max
    if reward.kind == "active_subscription_discount":
        return cycles
    if reward.kind == "cart_discount" and not is_strict:
        return cycles if discount is not None and discount.applies_on_subscription else UNSET
    return UNSET
