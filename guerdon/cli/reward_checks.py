"""Checks the rewards of a program file: what they are worth, and who hands them over."""

import re
from datetime import UTC, datetime

from guerdon.cli.checking import Checks
from guerdon.cli.program_file import DiscountPart, ProgramFile, ProgramPart, RewardPart
from guerdon.cli.target_checks import (
    item_ids,
    session_limit,
    target_collections,
    target_products,
    wanted_terms,
)
from guerdon.domain.blueprint import UNDATED, WantedReward
from guerdon.domain.catalogue import Discount, MemberLimit, Reward
from guerdon.domain.ids import ProgramId, RewardId, RewardVersionId

_ON_SHOPIFY = ("shopify", "shopify_pool", "gift_card", "store_credit")
_OF_PRODUCTS = ("product_discount", "product_cart", "active_subscription_product")
# Which way of fulfilment each setting is of.
_SETTINGS = {
    "low_water": "shopify_pool",
    "refill": "shopify_pool",
    "points": "points",
    "point_type": "points",
}
_SHOPIFY_ID = re.compile(r"[0-9]{1,20}|gid://shopify/[A-Za-z]+/[0-9]{1,20}")
_LOW_WATER, _REFILL = 50, 250
_GIFT_CARD_LENGTH_MIN = 8


def utc(moment: datetime | None) -> datetime | None:
    """Give a time in UTC."""
    return None if moment is None else moment.astimezone(UTC)


def wanted_reward(
    checks: Checks, path: str, part: RewardPart, tiers: set[str], *, position: int
) -> WantedReward:
    if part.tier is not None and part.tier not in tiers:
        checks.refuse(f"{path}.tier", f"no tier {part.tier!r}")
    if part.grant_on_entry and part.tier is None:
        checks.refuse(f"{path}.grant_on_entry", "it needs a tier to be entered")
    if part.units.min > part.units.max:
        checks.refuse(f"{path}.units", f"min {part.units.min} is above max {part.units.max}")
    if part.starts_at is not None and part.ends_at is not None and part.ends_at <= part.starts_at:
        checks.refuse(f"{path}.ends_at", "it is not after starts_at")
    _check_fulfil(checks, path, part)
    limit = None
    if part.limit_per_member is not None:
        limit = MemberLimit(
            count=part.limit_per_member.count, interval=part.limit_per_member.interval
        )
    reward = Reward(
        id=RewardId(0),
        version_id=RewardVersionId(0),
        program_id=ProgramId(0),
        slug=part.slug,
        name=part.name,
        description=part.description,
        kind=part.kind,
        points_cost=part.points_cost,
        discount=_discount(checks, f"{path}.discount", part),
        expiry_days=part.expiry_days,
        stock=part.stock,
        max_redemptions=part.max_redemptions,
        limit_per_member=limit,
        grant_on_entry=part.grant_on_entry,
        units_min=part.units.min,
        units_max=part.units.max,
        auto_refund_seconds=part.auto_refund_seconds,
        reenable_on_refund=part.reenable_on_refund,
        uses_max=part.uses,
        starts_at=utc(part.starts_at),
        ends_at=utc(part.ends_at),
        status=part.status,
        fulfil_by=part.fulfil.by,
        pool_low_water=_LOW_WATER if part.fulfil.low_water is None else part.fulfil.low_water,
        pool_refill=part.fulfil.refill or _REFILL,
        credit_points=part.fulfil.points,
        credit_point_type=part.fulfil.point_type,
        position=position,
        session_limit=session_limit(part),
        products=target_products(checks, path, part),
        collections=target_collections(checks, path, part),
        countries=part.countries,
        content=part.content,
        created_at=UNDATED,
        updated_at=UNDATED,
    )
    terms = wanted_terms(checks, path, part, tiers)
    return WantedReward(reward=reward, points_of=part.points_of, tier=part.tier, terms=terms)


def _discount(checks: Checks, path: str, reward: RewardPart) -> Discount | None:
    part = reward.discount
    if part is None:
        return None
    _check_amount(checks, path, part)
    _check_buys(checks, path, part)
    _check_subscription(checks, path, part)
    if part.collection_ids and (part.product_ids or part.variant_ids):
        checks.refuse(f"{path}.collection_ids", "products are there too; give either")
    percent = None
    if part.type == "percentage" and part.amount:
        percent = checks.scaled(f"{path}.amount", part.amount, 100, 0, 100)
    is_money = part.type in ("fixed_amount", "free_product")
    return Discount(
        type=part.type,
        amount_minor=checks.minor(f"{path}.amount", part.amount) if is_money else None,
        percent_hundredths=percent,
        minimum_spend_minor=checks.minor(f"{path}.minimum_spend", part.minimum_spend),
        shipping_max_minor=checks.minor(f"{path}.shipping_max", part.shipping_max),
        collection_ids=item_ids(reward, "collection_ids"),
        product_ids=item_ids(reward, "product_ids"),
        variant_ids=item_ids(reward, "variant_ids"),
        buys_collection_ids=part.buys_collection_ids,
        buys_product_ids=part.buys_product_ids,
        buys_quantity=part.buys_quantity or 1,
        combines_with=part.combines_with,
        applies_on_one_time=part.applies_on_one_time,
        applies_on_subscription=part.applies_on_subscription,
        recurring_cycles_max=part.recurring_cycles_max,
    )


def _check_amount(checks: Checks, path: str, part: DiscountPart) -> None:
    if part.type in ("fixed_amount", "percentage"):
        if not part.amount:
            checks.refuse(f"{path}.amount", f"a {part.type} discount needs one above 0")
    elif part.type == "free_shipping" and part.amount is not None:
        checks.refuse(f"{path}.amount", f"a {part.type} discount has none")


def _check_buys(checks: Checks, path: str, part: DiscountPart) -> None:
    """What must be bought comes with a free product only, and is products or collections."""
    buys = {
        "buys_collection_ids": part.buys_collection_ids,
        "buys_product_ids": part.buys_product_ids,
        "buys_quantity": part.buys_quantity,
    }
    if part.type != "free_product":
        for name, value in buys.items():
            if value:
                checks.refuse(f"{path}.{name}", "only a free_product discount has it")
    elif part.buys_collection_ids and part.buys_product_ids:
        checks.refuse(f"{path}.buys_collection_ids", "products are there too; give either")


def _check_subscription(checks: Checks, path: str, part: DiscountPart) -> None:
    if not part.applies_on_one_time and not part.applies_on_subscription:
        checks.refuse(
            f"{path}.applies_on_one_time", "it applies to nothing; set applies_on_subscription"
        )
    if part.recurring_cycles_max is not None and not part.applies_on_subscription:
        checks.refuse(f"{path}.recurring_cycles_max", "it needs applies_on_subscription")


def _check_fulfil(checks: Checks, path: str, part: RewardPart) -> None:
    """A way of fulfilment has its own settings and no other's, and is told what to make."""
    fulfil, by = part.fulfil, part.fulfil.by
    for name, way in _SETTINGS.items():
        if getattr(fulfil, name) is not None and by != way:
            checks.refuse(f"{path}.fulfil.{name}", f"only {way} has it")
    if by == "points" and fulfil.points is None:
        checks.refuse(f"{path}.fulfil.points", "missing")
    if by not in _ON_SHOPIFY:
        return
    if part.discount is None:
        checks.refuse(f"{path}.discount", f"missing; {by} has to know what it is worth")
    elif by in ("gift_card", "store_credit"):
        if part.discount.type != "fixed_amount":
            checks.refuse(f"{path}.discount.type", f"{by} has a fixed_amount")
    else:
        _check_items(checks, path, part, part.discount)


def _check_items(checks: Checks, path: str, part: RewardPart, discount: DiscountPart) -> None:
    has_products = bool(discount.product_ids or discount.variant_ids or part.products)
    has_collections = bool(discount.collection_ids or part.collections)
    if part.kind in _OF_PRODUCTS and not has_products:
        checks.refuse(f"{path}.discount.product_ids", f"missing; a {part.kind} is for products")
    elif part.kind == "collection_discount" and not has_collections:
        checks.refuse(f"{path}.discount.collection_ids", "missing; it is for collections")
    elif discount.type == "free_product" and not (has_products or has_collections):
        checks.refuse(f"{path}.discount.product_ids", "missing; which product is free")
    for name in ("collection_ids", "product_ids", "variant_ids"):
        for index, each in enumerate(getattr(discount, name)):
            if not _SHOPIFY_ID.fullmatch(each):
                checks.refuse(f"{path}.discount.{name}[{index}]", f"{each!r} is no Shopify id")


def check_codes_of_gift_cards(checks: Checks, path: str, part: ProgramPart) -> None:
    """Refuse gift cards whose codes Shopify would not have."""
    is_short = part.code_length < _GIFT_CARD_LENGTH_MIN
    if is_short and any(each.fulfil.by == "gift_card" for each in part.rewards):
        checks.refuse(
            f"{path}.code_length", f"a gift card's code has {_GIFT_CARD_LENGTH_MIN} at least"
        )


def warn_of_platforms(checks: Checks, file: ProgramFile) -> None:
    """Warn of rewards that nobody is there to hand over."""
    shopify, endpoint = file.integrations.shopify, file.integrations.endpoint
    for program_index, program in enumerate(file.programs):
        for index, reward in enumerate(program.rewards):
            by, lacking = reward.fulfil.by, None
            if by in _ON_SHOPIFY and shopify is None:
                lacking = "integrations.shopify"
            elif by == "store_credit" and shopify is not None and not shopify.store_credit:
                lacking = "integrations.shopify.store_credit"
            elif by == "webhook" and endpoint is None:
                lacking = "integrations.endpoint"
            if lacking is not None:
                checks.warnings.append(
                    f"programs[{program_index}].rewards[{index}].fulfil.by: {by} "
                    f"cannot hand anything over without {lacking}"
                )
