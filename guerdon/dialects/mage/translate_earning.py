"""Rules, awards, custom actions and tiers in the vendor's words."""

from datetime import datetime

from msgspec.structs import asdict

from guerdon.dialects.mage import wire, wire_earning
from guerdon.dialects.mage.translate import dress, reward_attributes, stamp, stamp_or_none
from guerdon.dialects.mage.wire import Document, Resource
from guerdon.domain.catalogue import Catalogue, EarningRule, Reward, Tier
from guerdon.domain.command import Earned
from guerdon.domain.earning import Earning


def multiplier(permille: int) -> int | float:
    """Write a multiplier as a JSON number, whole where it is whole."""
    return permille // 1000 if permille % 1000 == 0 else permille / 1000


def rule_resource(rule: EarningRule) -> Resource[wire_earning.EarningRule]:
    attributes = wire_earning.EarningRule(
        name=rule.name,
        description=rule.description,
        action=rule.action,
        category=rule.category,
        is_active=rule.is_active,
        points_to_give=rule.points,
        customer_facing_label=rule.customer_facing_label,
        call_to_action_url=rule.call_to_action_url,
        created_at=stamp(rule.created_at),
        updated_at=stamp(rule.updated_at),
    )
    return Resource("earning_rule", dress("rule", rule.id), attributes)


def award_document(earning: Earning) -> Document[wire_earning.AwardedEntry]:
    """Show an award by a rule as it was made."""
    assert earning.rule_id is not None, "an award names its rule"
    entry = wire_earning.AwardedEntry(
        earning_rule_id=dress("rule", earning.rule_id),
        action=earning.action,
        points=earning.points,
        base_points=earning.base_points,
        points_multiplier=multiplier(earning.multiplier_permille),
        status=earning.status,
        points_given_at=stamp_or_none(earning.given_at),
        points_due_at=stamp_or_none(earning.due_at),
        points_expiry_at=stamp_or_none(earning.expires_at),
        created_at=stamp(earning.created_at),
        updated_at=stamp(earning.updated_at),
    )
    return Document(Resource("earning_history_entry", dress("cer", earning.id), entry))


def action_document(earned: Earned) -> Document[wire_earning.ActionEntry]:
    """Show a custom action's award, or the one made before under the same completion key."""
    earning = earned.earning
    assert earning.rule_id is not None, "an action has a rule"
    entry = wire_earning.ActionEntry(
        earning_rule_id=dress("rule", earning.rule_id),
        action="custom",
        points=earning.points,
        points_balance=earned.points_after,
        status=earning.status,
        idempotency_key=earning.action_key,
        replayed=earned.is_repeat,
        points_given_at=stamp_or_none(earning.given_at),
        points_due_at=stamp_or_none(earning.due_at),
        created_at=stamp(earning.created_at),
    )
    return Document(Resource("earning_history_entry", dress("cer", earning.id), entry))


def skipped_document(
    rule: EarningRule, points_balance: int, idempotency_key: str | None, now: datetime
) -> Document[wire_earning.ActionEntry]:
    """Show that an action awarded nothing because the program is off. The id names no entry."""
    entry = wire_earning.ActionEntry(
        earning_rule_id=dress("rule", rule.id),
        action="custom",
        points=0,
        points_balance=points_balance,
        status="skipped",
        idempotency_key=idempotency_key,
        replayed=False,
        points_given_at=None,
        points_due_at=None,
        created_at=stamp(now),
    )
    return Document(Resource("earning_history_entry", dress("cer", 0), entry))


def tier_resource(tier: Tier, catalogue: Catalogue) -> Resource[wire_earning.VipTier]:
    """Show a tier with the rewards that are for its members alone, oldest first."""
    rewards = [
        reward
        for reward in catalogue.rewards.values()
        if reward.tier_id == tier.id and reward.archived_at is None
    ]
    rewards.sort(key=lambda reward: (reward.created_at, reward.id))
    attributes = wire_earning.VipTier(
        name=tier.name,
        description=tier.description,
        points_required=tier.points_required,
        points_multiplier=multiplier(tier.multiplier_permille),
        badge_image_url=tier.badge_image_url,
        badge_color=tier.badge_color,
        rewards=[_tier_reward(reward, catalogue.merchant.currency) for reward in rewards],
        created_at=stamp(tier.created_at),
        updated_at=stamp(tier.updated_at),
    )
    return Resource("vip_tier", dress("tier", tier.id), attributes)


def _tier_reward(reward: Reward, currency: str) -> wire_earning.TierReward:
    attributes: wire.Reward = reward_attributes(reward, currency)
    return wire_earning.TierReward(id=dress("reward", reward.id), **asdict(attributes))
