"""VIP tiers."""

from guerdon.dialects.mage.call import Call
from guerdon.dialects.mage.translate_earning import tier_resource
from guerdon.dialects.mage.wire_earning import VipTiers
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot


async def list_tiers(call: Call) -> Answer:
    """List the program's tiers with their rewards: all of them, the lowest first."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    tiers = sorted(
        catalogue.tiers.get(call.program_id, ()), key=lambda tier: (tier.points_required, tier.id)
    )
    return answer(200, VipTiers([tier_resource(tier, catalogue) for tier in tiers]))
