"""Our wallets and lots, in the vendor's words."""

from guerdon.dialects.voucherify import wire_cards as w
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.wire import stamp_or_none
from guerdon.domain.card_code import card_code
from guerdon.domain.catalogue import Catalogue, Tier
from guerdon.domain.ids import PointTypeId
from guerdon.store.cards import Card


def card_to_wire(card: Card, catalogue: Catalogue) -> w.Card:
    """Show a wallet as a card, with its balance and how that came about."""
    next_expiration = None
    if card.next_expires_on is not None:
        next_expiration = w.NextExpiration(
            points=card.next_expires_points, date=card.next_expires_on.isoformat()
        )
    next_activation = None
    if card.next_activates_on is not None:
        next_activation = w.NextActivation(
            points=card.next_activates_points,
            type=pending_type(catalogue, card.point_type_id),
            date=card.next_activates_on.isoformat(),
        )
    return w.Card(
        id=write_id("card", card.id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        code=code_of(card, catalogue),
        lifetime_bucket=_lifetime_bucket(card),
        balance=w.Balance(points=card.balance, pending_points=card.pending),
        next_expiration=next_expiration,
        next_activation=next_activation,
    )


def code_of(card: Card, catalogue: Catalogue) -> str:
    """Give the code by which a card is known."""
    return card.code or card_code(catalogue.merchant.id, card.id)


def pending_type(catalogue: Catalogue, point_type_id: PointTypeId) -> w.PendingType:
    """Say how points of this type come to wait. A rule's own delay is a period."""
    point_type = catalogue.point_types.get(point_type_id)
    delay = None if point_type is None else point_type.delay
    return "FIXED_DATES" if delay is not None and delay.kind == "dates" else "PERIOD_BASED"


def expiration_type(catalogue: Catalogue, point_type_id: PointTypeId) -> w.ExpirationType:
    """Say how points of this type come to expire. A program's own days are a rolling period."""
    point_type = catalogue.point_types.get(point_type_id)
    expiry = None if point_type is None else point_type.expiry
    if expiry is not None and expiry.kind == "calendar":
        return "CALENDAR_EXPIRATION"
    if expiry is not None and expiry.kind == "sliding":
        return "SLIDING_EXPIRATION"
    return "ROLLING_EXPIRATION"


def _lifetime_bucket(card: Card) -> w.LifetimeBucket:
    return w.LifetimeBucket(
        points=w.LifetimePoints(
            total=card.total,
            earned=card.earned,
            added=card.added,
            purchased=card.purchased,
            purchased_reversed=card.purchased_reversed,
            subtracted=card.subtracted,
            expired=card.expired,
            spent=card.spent,
            refunded=card.refunded,
            returned=card.returned,
            locked=card.locked,
            unlocked=card.unlocked,
        ),
        pending_points=w.LifetimePending(
            total=card.pending_total, activated=card.activated, canceled=card.canceled
        ),
    )


def tier_progress_to_wire(card: Card, catalogue: Catalogue) -> w.TierProgress | None:
    """Show how far a member is on the program's tiers; None where this card counts for none."""
    tiers = catalogue.tiers.get(card.program_id, ())
    if not card.is_default or not tiers:
        return None
    current = catalogue.tier(card.program_id, card.tier_id)
    above = [
        tier for tier in tiers if current is None or tier.points_required > current.points_required
    ]
    return w.TierProgress(
        current=None if current is None else _current(card, current, above),
        tier_structure=w.TierStructureRef(write_id("tier_structure", card.program_id)),
        opportunities=[
            w.TierOpportunity(
                tier=_tier_ref(tier), points=max(tier.points_required - card.points_lifetime, 0)
            )
            for tier in above[:1]
        ],
    )


def _current(card: Card, tier: Tier, above: list[Tier]) -> w.CurrentTier:
    points = w.TierPoints(current=card.points_lifetime, min=tier.points_required)
    if above:
        points = w.TierPoints(
            current=points.current, min=points.min, max=above[0].points_required - 1
        )
    return w.CurrentTier(
        tier=_tier_ref(tier),
        start_at=stamp_or_none(card.tier_entered_at or card.created_at),
        points=points,
    )


def _tier_ref(tier: Tier) -> w.TierRef:
    return w.TierRef(write_id("tier", tier.id), tier.name)
