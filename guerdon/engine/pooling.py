"""Codes uploaded for a reward, to be handed out one by one."""

from guerdon.domain.errors import Conflict, Invalid, OutcomeUnknown
from guerdon.domain.ids import MerchantId, RewardId
from guerdon.engine.runtime import Runtime
from guerdon.store import offers, sequences
from guerdon.store.catalogues import find_merchant, list_offers
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

CODES_PER_ROUND = 5_000
CODE_LENGTH_MAX = 255


async def add_codes(
    runtime: Runtime, merchant_id: MerchantId, reward_id: RewardId, codes: list[str]
) -> int:
    """Add codes to the pool of a reward; give how many were new, as others are left out.

    All are added or none of a round, so that a repetition after a loss adds what is missing.
    Raises Conflict where the reward does not take its codes from a pool, Invalid for a code that
    could not be typed."""
    await _check(runtime, merchant_id, reward_id, codes)
    added = 0
    for start in range(0, len(codes), CODES_PER_ROUND):
        part = codes[start : start + CODES_PER_ROUND]
        try:
            async with transaction(runtime.pool) as tx:
                first = await sequences.take_ids(tx, merchant_id, len(part))
                numbered = list(enumerate(part, start=first))
                added += await offers.insert_pool_codes(
                    tx, merchant_id, reward_id, numbered, runtime.now()
                )
        except CommitUnknown as error:
            raise OutcomeUnknown(
                "the connection was lost while committing; add the codes again, which is harmless"
            ) from error
    return added


async def _check(
    runtime: Runtime, merchant_id: MerchantId, reward_id: RewardId, codes: list[str]
) -> None:
    async with snapshot(runtime.pool) as view:
        merchant = await find_merchant(view, merchant_id)
        assert merchant is not None, "the caller found it"
        reward = (await list_offers(view, merchant)).rewards[reward_id]
    if reward.codes_from is not None:
        raise Conflict(f"the reward {reward.slug!r} takes its codes from another's pool")
    if not reward.is_pooled:
        raise Conflict(
            f"the reward {reward.slug!r} makes its codes by {reward.fulfil_by!r}, not from a pool"
        )
    for number, code in enumerate(codes, 1):
        if not code or len(code) > CODE_LENGTH_MAX or not code.isprintable() or " " in code:
            raise Invalid(f"code {number} is no code: {code[:40]!r}")
