"""What a shop's theme may read: each member's standing, and what the programs offer."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from guerdon.adapters.shopify.client import Budget, Shop
from guerdon.adapters.shopify.documents import document
from guerdon.adapters.shopify.failures import Declined, read_user_errors
from guerdon.domain.catalogue import Catalogue, Discount, EarningRule, Program, Reward, Tier
from guerdon.domain.delivery import Standing
from guerdon.domain.money import to_major

NAMESPACE = "mage"
KEY = "loyalty"
# As many as Shopify takes in one call.
PER_CALL = 25

_DISCOUNTS = {
    "fixed_amount": "fixed",
    "percentage": "percentage",
    "free_shipping": "free-shipping",
    "free_product": "free-product",
}

Json = dict[str, Any]


def standing_value(standing: Standing) -> Json:
    """Write a member's standing as the customer metafield holds it."""
    return {
        "points_balance": standing.points_available,
        "lifetime_points": standing.points_lifetime,
        "redeemed_points": standing.points_redeemed,
        "vip_tier": standing.tier.name if standing.tier else None,
        "status": "excluded" if standing.is_frozen else "member",
    }


def offers_value(catalogue: Catalogue) -> Json:
    """Write what a merchant offers as the shop metafield holds it: that of the first active
    program, as a shop has one such field."""
    programs = sorted(
        catalogue.programs.values(), key=lambda each: (each.status != "active", each.id)
    )
    program = programs[0] if programs else None
    return {
        "points_program": _points_program(catalogue, program),
        "vip_program": _vip_program(catalogue, program),
        "referral_program": {
            "enabled": False,
            "referral_rewards": [],
            "social_settings": {
                "twitter": False,
                "facebook": False,
                "email": False,
                "whatsapp": False,
            },
            "customer_account_required": True,
        },
    }


def _points_program(catalogue: Catalogue, program: Program | None) -> Json:
    rules = [each for each in catalogue.rules.values() if _is_of(each, program)]
    rewards = [each for each in catalogue.rewards.values() if _is_of(each, program)]
    days = program.points_expiry_days if program else None
    return {
        "enabled": program is not None and program.status == "active",
        "ways_to_earn": [_way_to_earn(each) for each in rules],
        "points_rewards": [_reward(each, catalogue.merchant.currency) for each in rewards],
        "points_expiry_enabled": days is not None,
        "points_expiry_days": days,
    }


def _is_of(offer: EarningRule | Reward, program: Program | None) -> bool:
    return program is not None and offer.program_id == program.id and offer.archived_at is None


def _way_to_earn(rule: EarningRule) -> Json:
    return {
        "name": rule.name,
        "description": rule.description,
        "points": rule.points,
        "type": rule.action,
        "category": rule.category,
        "is_active": rule.is_active,
        "customer_facing_label": rule.customer_facing_label,
        "call_to_action_url": rule.call_to_action_url,
    }


def _reward(reward: Reward, currency: str) -> Json:
    discount = reward.discount
    minimum = discount.minimum_spend_minor if discount else None
    return {
        "name": reward.name,
        "points_cost": reward.points_cost,
        "discount_type": _DISCOUNTS[discount.type] if discount else None,
        "discount_amount": _amount(discount, currency) if discount else None,
        "minimum_spend": None if minimum is None else to_major(minimum, currency),
        "is_active": reward.status == "active",
    }


def _amount(discount: Discount, currency: str) -> int | float | None:
    if discount.type == "percentage":
        per_cent, rest = divmod(discount.percent_hundredths or 0, 100)
        return per_cent if rest == 0 else (discount.percent_hundredths or 0) / 100
    return None if discount.amount_minor is None else to_major(discount.amount_minor, currency)


def _vip_program(catalogue: Catalogue, program: Program | None) -> Json:
    tiers = catalogue.tiers.get(program.id, ()) if program else ()
    return {
        "enabled": bool(tiers) and program is not None and program.status == "active",
        "multiplier_mode": "multiplier",
        "tiers": [_tier(each) for each in tiers],
    }


def _tier(tier: Tier) -> Json:
    whole, rest = divmod(tier.multiplier_permille, 1000)
    return {
        "name": tier.name,
        "points_required": tier.points_required,
        "multiplier": whole if rest == 0 else tier.multiplier_permille / 1000,
        "badge_color": tier.badge_color,
        "badge_image_url": tier.badge_image_url,
        "description": tier.description,
    }


def write_metafields(values: Mapping[str, Json]) -> list[Json]:
    """Write values as the variables of one call, by the id of their owner."""
    return [
        {
            "ownerId": owner,
            "namespace": NAMESPACE,
            "key": KEY,
            "type": "json",
            "value": msgspec.json.encode(value).decode(),
        }
        for owner, value in values.items()
    ]


async def set_metafields(shop: Shop, values: Mapping[str, Json], budget: Budget) -> dict[str, str]:
    """Overwrite the metafields of at most 25 owners; give what was wrong with whom.

    Shopify takes all of a call or none, so those that it complains of are left out and the others
    sent again. Raises NotExecuted or AnswerLost; both may be repeated. Raises Declined where it
    does not say whom it complains of."""
    left = dict(values)
    wrong: dict[str, str] = {}
    while left:
        owners = list(left)
        variables = {"metafields": write_metafields(left)}
        data = await shop.call(document("metafields_set"), variables, budget)
        errors = read_user_errors(data["metafieldsSet"] or {})
        if not errors:
            break
        blamed = {
            owners[place]: error.message
            for error in errors
            if (place := _place_of(error.field, owners)) is not None
        }
        if not blamed:
            raise Declined(errors)
        for owner, message in blamed.items():
            wrong[owner] = message
            del left[owner]
    return wrong


def _place_of(field: Sequence[str], owners: Sequence[str]) -> int | None:
    if len(field) < 2 or field[0] != "metafields" or not field[1].isdecimal():
        return None
    place = int(field[1])
    return place if place < len(owners) else None
