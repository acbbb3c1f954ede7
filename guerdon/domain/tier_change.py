"""A member's tier follows their lifetime points."""

from guerdon.domain.fold import Fold, Purse
from guerdon.domain.spend import grant_for_tier


def reassess_tier(fold: Fold, purse: Purse) -> None:
    """Put the member on the highest tier reached; entering one may grant its rewards."""
    if not purse.wallet.is_default:
        return
    program_id = purse.wallet.program_id
    tier = fold.catalogue.tier_for(program_id, purse.lifetime)
    tier_id = tier.id if tier else None
    if tier_id == purse.tier_id:
        return
    previous = fold.catalogue.tier(program_id, purse.tier_id)
    is_up = previous is None or (
        tier is not None and tier.points_required > previous.points_required
    )
    fold.set_tier(purse, tier_id)
    fold.announce(
        "member.tier_changed",
        purse,
        previous_tier=previous.name if previous else None,
        new_tier=tier.name if tier else None,
        is_up=is_up,
    )
    if tier is not None and is_up:
        for reward in fold.catalogue.grants(program_id, tier.id):
            grant_for_tier(fold, reward, purse)
