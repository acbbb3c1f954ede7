"""Rewards that are points in another wallet: handed over by the ledger itself."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Adjust, Refused
from guerdon.domain.errors import WalletUnknown
from guerdon.domain.ids import MerchantId, PointTypeId, RedemptionId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import WALLET_GONE, Redemption
from guerdon.engine.submitting import Ledger
from guerdon.store import idempotency_records
from guerdon.store.snapshot import snapshot

# Less than keys are kept: for so long, asking again is known for that.
KNOWN_FOR = timedelta(hours=24)


async def credit(
    ledger: Ledger, merchant_id: MerchantId, reward: Reward, redemption: Redemption
) -> str | None:
    """Credit what the reward is worth, once however often it is asked for; say why not, if not."""
    point_type_id = await _find_point_type(ledger, merchant_id, reward)
    if reward.credit_points is None or point_type_id is None:
        return "the reward does not say which points it is worth"
    adjust = Adjust(
        program_id=redemption.program_id,
        member=MemberRef(id=redemption.member_id),
        points=reward.credit_points * redemption.units,
        note=reward.name,
        moves_lifetime=False,
        point_type_id=point_type_id,
        redemption_id=redemption.id,
    )
    outcome = await ledger.submit(merchant_id, adjust, key=_key_of(redemption))
    if isinstance(outcome, Refused):
        if any(isinstance(refusal, WalletUnknown) for refusal in outcome.refusals):
            return WALLET_GONE
        return "; ".join(refusal.message for refusal in outcome.refusals)
    return None


async def credit_all(
    ledger: Ledger, merchant_id: MerchantId, wanted: Sequence[tuple[Reward, Redemption]]
) -> dict[RedemptionId, str]:
    """Credit many side by side, as `credit` does; give why not, of those that cannot be."""
    refused = await asyncio.gather(
        *(credit(ledger, merchant_id, reward, redemption) for reward, redemption in wanted)
    )
    return {
        redemption.id: why
        for (_, redemption), why in zip(wanted, refused, strict=True)
        if why is not None
    }


async def take_back(
    ledger: Ledger, merchant_id: MerchantId, reward: Reward, redemption: Redemption
) -> None:
    """Take back what was credited for a redemption that came to nothing, as far as it is still
    there; once however often it is asked for within `KNOWN_FOR`. A refund takes it by itself."""
    if redemption.status != "declined":
        return
    key = _key_of(redemption)
    async with snapshot(ledger.runtime.pool) as view:
        is_credited = bool(await idempotency_records.list_key_records(view, merchant_id, [key]))
    point_type_id = await _find_point_type(ledger, merchant_id, reward)
    if not is_credited or reward.credit_points is None or point_type_id is None:
        return
    adjust = Adjust(
        program_id=redemption.program_id,
        member=MemberRef(id=redemption.member_id),
        points=-reward.credit_points * redemption.units,
        note=reward.name,
        moves_lifetime=False,
        floors_at_zero=True,
        point_type_id=point_type_id,
        redemption_id=redemption.id,
    )
    await ledger.submit(merchant_id, adjust, key=f"{key} back")


def _key_of(redemption: Redemption) -> str:
    # No caller's key holds a space.
    return f"redemption {redemption.id} credit"


async def _find_point_type(
    ledger: Ledger, merchant_id: MerchantId, reward: Reward
) -> PointTypeId | None:
    catalogue = await ledger.catalogues.get(merchant_id)
    if reward.credit_point_type is None:
        program = catalogue.programs.get(reward.program_id)
        return None if program is None else program.point_type_id
    for point_type in catalogue.point_types.values():
        if point_type.slug == reward.credit_point_type:
            return point_type.id
    return None
