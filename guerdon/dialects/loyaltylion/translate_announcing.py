"""What webhooks tell, from our words into the vendor's."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from guerdon.dialects.loyaltylion.translate_kinds import amount_of, discount_type, wire_kind
from guerdon.dialects.loyaltylion.wire_announcing import (
    Activity,
    Adjustment,
    AvailableReward,
    ClaimedReward,
    Customer,
    CustomerPart,
    Enrolled,
    Enrollment,
    LoyaltyTier,
    PointsEarned,
    Properties,
    RulePart,
    TierChanged,
    TierMembership,
    Topic,
    Transaction,
)
from guerdon.domain.announcement import is_of_default_wallet
from guerdon.domain.catalogue import Reward, RewardKind, Tier
from guerdon.domain.delivery import Letter
from guerdon.domain.money import to_major

# What is handed over as neither a voucher nor a gift card is not announced as claimed.
_UNANNOUNCED: frozenset[RewardKind] = frozenset(
    {"active_subscription_product", "custom", "product_cart"}
)
_LAST_CHARACTERS = 4


def say(letter: Letter) -> tuple[Topic, Properties] | None:
    """Say what happened, where the vendor has a program event for it."""
    match letter.event.kind:
        case "redemption.approved":
            return _claimed(letter)
        case "points.earned" | "points.adjusted":
            return _earned(letter)
        case "member.enrolled":
            enrollment = Enrollment(stamp(letter.event.created_at), "api")
            enrolled = Enrolled(to_customer(letter), enrollment)
            return "program_events/customer.enrolled", enrolled
        case "member.tier_changed":
            return _tier_changed(letter)
        case _:
            return None


def _claimed(letter: Letter) -> tuple[Topic, Properties] | None:
    redemption, reward = letter.redemption, letter.reward
    if redemption is None or reward is None or reward.kind in _UNANNOUNCED:
        return None
    if redemption.is_grant or letter.event.facts.get("is_handed_over"):
        return None
    amount = amount_of(reward, letter.merchant.currency, units=redemption.units)
    is_card = reward.kind == "gift_card"
    code = redemption.code
    return "program_events/customer.claimed_reward", ClaimedReward(
        title=reward.name,
        reward_type="gift_card" if is_card else "voucher",
        discount_type="percentage" if discount_type(reward) == "percentage" else "flat",
        discount_amount=None if is_card else amount,
        voucher_code=None if is_card else code,
        # A card's whole code is never told by webhook.
        gift_card_last_characters=code[-_LAST_CHARACTERS:] if is_card and code else None,
        currency=letter.merchant.currency.lower() if is_card else None,
        initial_value=amount if is_card else None,
        balance=amount if is_card else None,
        customer=to_customer(letter),
    )


def _earned(letter: Letter) -> tuple[Topic, Properties] | None:
    points, earning, customer = _number(letter, "points"), letter.earning, _customer_part(letter)
    if points <= 0 or not is_of_default_wallet(letter.event):
        return None
    at = stamp(letter.event.created_at)
    number = letter.event.id if earning is None else earning.id
    transaction = Transaction(
        id=number,
        customer=customer,
        points_approved=points,
        # An approval moves what was pending.
        points_pending=-points if earning is not None and earning.due_at is not None else 0,
        created_at=at,
        resource="adjustment" if letter.rule is None else "activity",
    )
    if letter.rule is None:
        note = letter.event.facts.get("note")
        adjustment = Adjustment(note if isinstance(note, str) else None)
        transaction = replace(transaction, adjustment=adjustment)
    else:
        rule = RulePart(letter.rule.id, letter.rule.action, letter.rule.name)
        made_at = at if earning is None else stamp(earning.created_at)
        caller_key = None if earning is None else earning.action_key
        activity = Activity(number, caller_key, points, "approved", customer, made_at, rule)
        transaction = replace(transaction, activity=activity)
    told = PointsEarned(to_customer(letter), transaction, _available(letter))
    return "program_events/customer.points_earned", told


def _available(letter: Letter) -> list[AvailableReward]:
    """List what the customer can afford now, by cost."""
    catalogue = letter.catalogue
    if catalogue is None:
        return []
    currency = letter.merchant.currency
    affordable = [
        reward
        for reward in catalogue.rewards.values()
        if reward.program_id == letter.program.id
        and reward.status == "active"
        and reward.archived_at is None
        and reward.point_type_id == letter.program.point_type_id
        and reward.points_cost <= letter.standing.points_available
        and _is_open_to(reward, letter)
    ]
    affordable.sort(key=lambda reward: (reward.points_cost, reward.id))
    return [_available_reward(reward, currency) for reward in affordable]


def _is_open_to(reward: Reward, letter: Letter) -> bool:
    tier, now = letter.standing.tier, letter.event.created_at
    if reward.tier_id is not None and (tier is None or reward.tier_id != tier.id):
        return False
    is_begun = reward.starts_at is None or reward.starts_at <= now
    return is_begun and (reward.ends_at is None or now < reward.ends_at)


def _available_reward(reward: Reward, currency: str) -> AvailableReward:
    discount = reward.discount
    minimum = None if discount is None else discount.minimum_spend_minor
    return AvailableReward(
        id=reward.id,
        title=reward.name,
        description=reward.description,
        point_cost=reward.points_cost,
        kind=wire_kind(reward.kind),
        discount_type=discount_type(reward),
        discount_amount=amount_of(reward, currency),
        minimum_spend=None if minimum is None else to_major(minimum, currency),
    )


def _tier_changed(letter: Letter) -> tuple[Topic, Properties] | None:
    facts = letter.event.facts
    tiers = _tiers(letter)
    by_name = {tier.name: index for index, tier in enumerate(tiers)}
    previous, new = facts.get("previous_tier"), facts.get("new_tier")
    if previous is None:
        # Not told of a customer's first tier.
        return None

    def named(name: object) -> LoyaltyTier | None:
        index = by_name.get(name) if isinstance(name, str) else None
        return None if index is None else to_tier(tiers, index)

    topic: Topic = (
        "program_events/customer.tier_upgraded"
        if facts.get("is_up")
        else "program_events/customer.tier_downgraded"
    )
    return topic, TierChanged(to_customer(letter), named(previous), named(new))


def _tiers(letter: Letter) -> tuple[Tier, ...]:
    if letter.catalogue is not None:
        return letter.catalogue.tiers.get(letter.program.id, ())
    return () if letter.standing.tier is None else (letter.standing.tier,)


def to_tier(tiers: Sequence[Tier], index: int) -> LoyaltyTier:
    """Show one of a program's tiers, which come in rising order."""
    tier = tiers[index]
    above = tiers[index + 1].points_required if index + 1 < len(tiers) else None
    return LoyaltyTier(
        id=tier.id,
        name=tier.name,
        number=index + 1,
        default=index == 0,
        hidden=False,
        lower_bound=_bound(tier.points_required),
        upper_bound=None if above is None else _bound(above),
        position=index,
    )


def _bound(points: int) -> str:
    return f"{points // 100}.{points % 100:02}"


def to_customer(letter: Letter) -> Customer:
    """Show the member as they stand at delivery."""
    member, standing = letter.member, letter.standing
    names = {"first_name": member.first_name, "last_name": member.last_name}
    return Customer(
        id=member.id,
        merchant_id=member.external_id,
        email=member.email,
        points_approved=standing.points_available,
        points_pending=standing.points_pending,
        points_spent=standing.points_redeemed,
        properties={name: value for name, value in names.items() if value is not None},
        metadata={},
        blocked=standing.is_frozen,
        guest=False,
        enrolled=True,
        enrolled_at=stamp(member.created_at),
        referral_id=member.referral_code,
        loyalty_tier_membership=_membership(letter),
        tier_eligibility=None,
        birthday=None if member.birthday is None else member.birthday.isoformat(),
        linked_merchant_ids=[],
        created_at=stamp(member.created_at),
        updated_at=stamp(member.updated_at),
    )


def _membership(letter: Letter) -> TierMembership | None:
    tier, tiers = letter.standing.tier, _tiers(letter)
    for index, each in enumerate(tiers):
        if tier is not None and each.id == tier.id:
            return TierMembership(None, None, manual=False, loyalty_tier=to_tier(tiers, index))
    return None


def _customer_part(letter: Letter) -> CustomerPart:
    standing = letter.standing
    return CustomerPart(
        id=letter.member.id,
        merchant_id=letter.member.external_id,
        email=letter.member.email,
        points_pending=standing.points_pending,
        points_approved=standing.points_available,
        points_spent=standing.points_redeemed,
    )


def _number(letter: Letter, fact: str) -> int:
    value = letter.event.facts.get(fact)
    return value if isinstance(value, int) else 0


def stamp(moment: datetime) -> str:
    """Write an instant as the vendor does: UTC, milliseconds, Z."""
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"
