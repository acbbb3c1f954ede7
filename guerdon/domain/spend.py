"""Spending points on a reward: every check, then the debit."""

from datetime import datetime, timedelta
from operator import neg

from msgspec.structs import replace

from guerdon.domain.catalogue import Program, Reward
from guerdon.domain.clock import moment_after
from guerdon.domain.code import make_code
from guerdon.domain.command import Done, Outcome, Redeem, Redeemed, Refused
from guerdon.domain.condition import NO_TRAITS, Traits, holds
from guerdon.domain.errors import (
    CooldownRunning,
    InsufficientPoints,
    MemberFrozen,
    MemberLimitReached,
    MemberUnknown,
    NoMatchingCost,
    OutOfStock,
    ProgramInactive,
    ProgramOutsideWindow,
    RedemptionLimitReached,
    Refusal,
    RewardInactive,
    RewardOutsideWindow,
    RewardUnknown,
    SessionLimitReached,
    SpendLimitReached,
    TierExcluded,
    TierRequired,
    UnitsOutOfBounds,
    VariantInvalid,
    VariantRequired,
    WalletUnknown,
)
from guerdon.domain.fold import Fold, Purse
from guerdon.domain.ids import MemberId, PointTypeId, RedemptionId, TierId
from guerdon.domain.ledger import Entry
from guerdon.domain.member import MemberRef
from guerdon.domain.opening import is_open
from guerdon.domain.order_payment import CapKind
from guerdon.domain.point_terms import SpendLimits
from guerdon.domain.redemption import NO_CONTEXT, Context, Credit, Redemption
from guerdon.domain.terms import Cost

_UNLIMITED = SpendLimits()
# The code is what the member shows; what is handed over later is asked for by it too.
_CODED = frozenset({"code", "shopify", "gift_card", "manual", "webhook"})
# Kinds that are one variant of a product, whichever the member chooses.
_OF_ONE_VARIANT = frozenset({"product_cart", "active_subscription_product"})


def redeem(fold: Fold, command: Redeem) -> Outcome:
    """Debit the cost and record the redemption; or say every reason why not.

    Pending where it is queued or its way of fulfilment needs an outside platform, else approved."""
    refusals: list[Refusal] = []
    member_id = fold.member_id(command.program_id, command.member)
    if member_id is None:
        refusals.append(MemberUnknown(name_of(command.member)))
    reward = fold.catalogue.rewards.get(command.reward_id)
    if reward is None or reward.program_id != command.program_id or reward.archived_at is not None:
        refusals.append(RewardUnknown(command.reward_id))
        reward = None
    program = fold.program(command.program_id)
    refusals.extend(program_refusals(fold, program))
    if reward is not None:
        refusals.extend(_reward_refusals(fold, reward, command.units, command.units_max))
        if command.context is not None:
            refusals.extend(_choice_refusals(fold, reward, command.context))
    purse = None
    if member_id is not None:
        purse = fold.default_purse(member_id)
        if purse.is_frozen:
            refusals.append(MemberFrozen())
    if member_id is None or reward is None or purse is None:
        return Refused(tuple(refusals))
    refusals.extend(_member_refusals(fold, reward, member_id, purse))
    refusals.extend(_target_refusals(fold, reward, member_id))
    price = price_of(reward, purse.tier_id, fold.traits.get(member_id, NO_TRAITS))
    if price is None:
        return Refused((*refusals, NoMatchingCost()))
    paying: Purse | None = purse
    if price.point_type_id not in (0, purse.wallet.point_type_id):
        paying = fold.purse_of(member_id, price.point_type_id)
    if paying is None:
        return Refused((*refusals, WalletUnknown(price.point_type_id)))
    cost = price.points * max(command.units, 0)
    refusals.extend(_points_refusals(fold, paying, cost))
    if refusals:
        return Refused(tuple(refusals))
    context = command.context or NO_CONTEXT
    if command.metadata is not None:
        context = replace(context, metadata=command.metadata)
    if reward.uses_max > 1:
        context = replace(context, uses_max=reward.uses_max)
    return _grant(
        fold,
        reward,
        paying,
        units=command.units,
        points_cost=cost,
        context=None if context == NO_CONTEXT else context,
        is_queued=command.is_queued,
    )


def price_of(reward: Reward, tier_id: TierId | None, traits: Traits) -> Cost | None:
    """Give what one unit costs a member: the first of the costs that is meant for them."""
    if not reward.costs:
        return Cost(points=reward.points_cost_for(tier_id), point_type_id=reward.point_type_id)
    return next((cost for cost in reward.costs if holds(cost.condition, traits)), None)


def grant_for_tier(fold: Fold, reward: Reward, purse: Purse) -> None:
    """Give a tier's reward for nothing, once per member; nothing where it is out of stock."""
    member_id = purse.wallet.member_id
    if (member_id, reward.id) in fold.granted or _reward_refusals(fold, reward, 1):
        return
    fold.granted.add((member_id, reward.id))
    _grant(fold, reward, purse, units=1, points_cost=0, is_grant=True)


def name_of(ref: MemberRef) -> str:
    """Give the member as the caller named them."""
    return ref.external_id or ref.email or str(ref.id)


def program_refusals(fold: Fold, program: Program) -> list[Refusal]:
    """Say why a program is not open for earning or spending now, if it is not."""
    return why_closed(program, fold.now)


def why_closed(program: Program, now: datetime) -> list[Refusal]:
    """Say why a program is not open for earning or spending at an instant, if it is not."""
    refusals: list[Refusal] = []
    if program.status != "active":
        refusals.append(ProgramInactive())
    if (
        (program.starts_at and now < program.starts_at)
        or (program.ends_at and now >= program.ends_at)
        or not is_open(program.hours, now, program.timezone)
    ):
        refusals.append(ProgramOutsideWindow())
    return refusals


def _reward_refusals(
    fold: Fold, reward: Reward, units: int, callers_max: int | None = None
) -> list[Refusal]:
    refusals: list[Refusal] = []
    if reward.status != "active":
        refusals.append(RewardInactive(reward.id))
    if (
        (reward.starts_at and fold.now < reward.starts_at)
        or (reward.ends_at and fold.now >= reward.ends_at)
        or not is_open(reward.hours, fold.now, fold.program(reward.program_id).timezone)
    ):
        refusals.append(RewardOutsideWindow(reward.starts_at, reward.ends_at))
    units_max = reward.units_max if callers_max is None else min(callers_max, reward.units_max)
    if not reward.units_min <= units <= units_max:
        refusals.append(UnitsOutOfBounds(units, reward.units_min, units_max))
    if not reward.is_counted:
        return refusals
    redemptions_live, units_live = fold.counters.get(reward.id, (0, 0))
    if reward.stock is not None and units_live + units > reward.stock:
        refusals.append(OutOfStock(max(reward.stock - units_live, 0)))
    elif reward.is_pooled and not fold.pools.get(reward.pool_id):
        refusals.append(OutOfStock(0))
    if reward.max_redemptions is not None and redemptions_live >= reward.max_redemptions:
        refusals.append(RedemptionLimitReached(reward.max_redemptions))
    return refusals


def _choice_refusals(fold: Fold, reward: Reward, context: Context) -> list[Refusal]:
    """What the caller chose: the variant, and the cart or checkout that it is for."""
    refusals: list[Refusal] = []
    if reward.kind in _OF_ONE_VARIANT and context.variant_id is not None:
        if not reward.takes_variant(context.variant_id):
            refusals.append(VariantInvalid(context.variant_id))
    elif reward.kind == "product_cart":
        refusals.append(VariantRequired())
    limit = reward.session_limit
    if limit is not None and context.session is not None:
        slot = (reward.id, context.session.token)
        if fold.taken_in_session.get(slot, 0) >= limit.count:
            refusals.append(SessionLimitReached(limit.count))
    return refusals


def _member_refusals(
    fold: Fold, reward: Reward, member_id: MemberId, purse: Purse
) -> list[Refusal]:
    refusals: list[Refusal] = []
    if reward.tier_id is not None and not fold.catalogue.is_open_to(reward, purse.tier_id):
        refusals.append(TierRequired(reward.tier_id, purse.tier_id))
    terms = reward.terms_for(purse.tier_id)
    if terms is not None and not terms.is_enabled:
        refusals.append(TierExcluded(purse.tier_id))
    if reward.cooldown is not None:
        timezone = fold.program(reward.program_id).timezone
        taken = fold.taken_at.get((member_id, reward.id))
        until = moment_after(max(taken), reward.cooldown, timezone) if taken else fold.now
        if until > fold.now:
            refusals.append(CooldownRunning(until))
    limit = reward.limit_per_member
    if limit is not None and fold.taken_by_member.get((member_id, reward.id), 0) >= limit.count:
        refusals.append(MemberLimitReached(limit))
    return refusals


def _target_refusals(fold: Fold, reward: Reward, member_id: MemberId) -> list[Refusal]:
    """A reward of points needs a wallet to put them into."""
    point_type_id = _credited_type(fold, reward)
    if point_type_id is not None and fold.purse_of(member_id, point_type_id) is None:
        return [WalletUnknown(point_type_id)]
    return []


def _credited_type(fold: Fold, reward: Reward) -> PointTypeId | None:
    if reward.fulfil_by != "points":
        return None
    if reward.credit_point_type is None:
        return fold.program(reward.program_id).point_type_id
    for point_type in fold.catalogue.point_types.values():
        if point_type.slug == reward.credit_point_type:
            return point_type.id
    return None


def _with_credit(fold: Fold, reward: Reward, units: int, context: Context | None) -> Context | None:
    """Write down what a reward of points is worth, so that a refund takes just that."""
    point_type_id = _credited_type(fold, reward)
    if point_type_id is None or reward.credit_points is None:
        return context
    credit = Credit(reward.credit_points * units, point_type_id, reward.name)
    return replace(context or NO_CONTEXT, credit=credit)


def _points_refusals(fold: Fold, paying: Purse, cost: int) -> list[Refusal]:
    refusals: list[Refusal] = []
    spendable = paying.spendable(fold.now)
    if spendable < cost:
        refusals.append(InsufficientPoints(spendable, cost))
    point_type = fold.catalogue.point_types.get(paying.wallet.point_type_id)
    if point_type is None or point_type.spend_limits == _UNLIMITED:
        return refusals
    limits = point_type.spend_limits
    ever, in_interval = fold.spent.get(paying.id, (0, 0))
    caps: tuple[tuple[CapKind, int | None, int], ...] = (
        ("wallet_ever", limits.points_max, ever),
        ("wallet_interval", limits.interval_points_max, in_interval),
        ("wallet_at_once", limits.at_once_max, 0),
    )
    for kind, most, spent in caps:
        if most is not None and spent + cost > most:
            refusals.append(SpendLimitReached(kind, max(most - spent, 0), cost))
    return refusals


def _grant(
    fold: Fold,
    reward: Reward,
    purse: Purse,
    *,
    units: int,
    points_cost: int,
    is_grant: bool = False,
    context: Context | None = None,
    is_queued: bool = False,
) -> Done:
    fold.open(purse)
    redemption_id = RedemptionId(fold.fresh.next_id())
    is_pending = is_queued or reward.needs_platform or reward.fulfil_by == "points"
    # What people hand over is owed until they do.
    is_owed = reward.kind == "custom" and reward.is_handed_over_later
    lives_days = None if is_owed else reward.expiry_days
    entry: Entry | None = None
    if points_cost:
        entry = fold.take(purse, points_cost, "redeemed", redemption_id=redemption_id)
        purse.redeemed += points_cost
        fold.count_spent(purse, points_cost)
        if is_pending:
            purse.held += points_cost
    redemption = Redemption(
        id=redemption_id,
        program_id=reward.program_id,
        member_id=purse.wallet.member_id,
        wallet_id=purse.id,
        reward_id=reward.id,
        reward_version_id=reward.version_id,
        status="pending" if is_pending else "approved",
        units=units,
        points_cost=points_cost,
        lot_ids=entry.lot_ids if entry else (),
        lot_points=tuple(map(neg, entry.lot_points)) if entry else (),
        entry_id=entry.id if entry else None,
        code=_choose_code(fold, reward, redemption_id),
        fulfilment="queued"
        if is_queued
        else "open"
        if is_pending or reward.is_handed_over_later
        else "done",
        is_grant=is_grant,
        context=_with_credit(fold, reward, units, context),
        expires_at=fold.now + timedelta(days=lives_days) if lives_days else None,
        auto_refund_at=fold.now + timedelta(seconds=reward.auto_refund_seconds)
        if reward.auto_refund_seconds
        else None,
        created_at=fold.now,
        updated_at=fold.now,
    )
    fold.put_redemption(redemption, is_new=True)
    fold.count(reward.id, 1, units)
    if reward.limit_per_member is not None and not is_grant:
        slot = (redemption.member_id, reward.id)
        fold.taken_by_member[slot] = fold.taken_by_member.get(slot, 0) + 1
    if reward.cooldown is not None and not is_grant:
        fold.taken_at.setdefault((redemption.member_id, reward.id), []).append(fold.now)
    if context is not None and context.session is not None:
        session = (reward.id, context.session.token)
        fold.taken_in_session[session] = fold.taken_in_session.get(session, 0) + 1
    fold.announce(
        "redemption.requested" if is_pending else "redemption.approved",
        purse,
        redemption_id=redemption_id,
        points=points_cost,
    )
    return Done(Redeemed(redemption, purse.balance(fold.now)))


def _choose_code(fold: Fold, reward: Reward, redemption_id: RedemptionId) -> str | None:
    if reward.is_pooled:
        code = fold.pools[reward.pool_id].pop(0)
        fold.effects.pool_codes.append((code, redemption_id))
        return code
    if reward.fulfil_by in _CODED:
        return make_code(fold.program(reward.program_id), fold.fresh.bits())
    return None
