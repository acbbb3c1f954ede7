"""Rewards: bought, listed, shown."""

from collections.abc import Callable

from guerdon.dialects.mage.call import Call, required_text
from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
from guerdon.dialects.mage.parameters import (
    collection_answer,
    flag_of,
    page_of,
    slice_of,
    sort_of,
)
from guerdon.dialects.mage.translate import (
    member_ref,
    purchase_document,
    reward_resource,
    undress,
)
from guerdon.dialects.mage.wire import Document, PurchaseBody
from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Redeem, Redeemed, Refused
from guerdon.domain.ids import RewardId
from guerdon.engine.redeeming import redeem
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot

# No reward has it; the ledger then answers for the customer first, as the vendor does.
_NO_REWARD = RewardId(0)

_SORTS: dict[str, Callable[[Reward], tuple[object, int]]] = {
    "created_at": lambda reward: (reward.created_at, reward.id),
    "name": lambda reward: (reward.name.casefold(), reward.id),
    "points_cost": lambda reward: (reward.points_cost, reward.id),
}


async def purchase_reward(call: Call) -> Answer:
    """Spend a customer's points on a reward."""
    body = call.decode(PurchaseBody)
    identifier = required_text(body.customer_identifier, "customer_identifier")
    named = Named(customer=identifier, reward=call.path[0])
    member = member_ref(identifier)
    if member is None:
        raise Fault(404, f"Customer '{identifier}' not found")
    reward_id = undress("reward", call.path[0])
    key, fingerprint = call.idempotency()
    command = Redeem(
        program_id=call.program_id,
        member=member,
        reward_id=_NO_REWARD if reward_id is None else RewardId(reward_id),
    )
    outcome = await redeem(call.ledger, call.merchant_id, command, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, named)
    assert isinstance(outcome.result, Redeemed)
    redemption = outcome.result.redemption
    reward = await call.reward_version(redemption)
    return answer(201, purchase_document(redemption, reward), is_replay=outcome.is_replay)


async def list_rewards(call: Call) -> Answer:
    """List the program's rewards, those switched off too unless filtered."""
    page = page_of(call)
    sort = sort_of(call, *_SORTS)
    is_active = flag_of(call, "is_active")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    found = [
        reward
        for reward in catalogue.rewards.values()
        if _is_shown(call, reward) and is_active in (None, reward.status == "active")
    ]
    found.sort(key=_SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    currency = catalogue.merchant.currency
    data = [reward_resource(reward, currency) for reward in slice_of(page, found)]
    return collection_answer(page, len(found), data)


async def get_reward(call: Call) -> Answer:
    """Show one reward. Not among the vendor's own operations."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    reward = catalogue.rewards.get(RewardId(undress("reward", call.path[0]) or 0))
    if reward is None or not _is_shown(call, reward):
        raise Fault(404, f"Reward '{call.path[0]}' not found")
    return answer(200, Document(reward_resource(reward, catalogue.merchant.currency)))


def _is_shown(call: Call, reward: Reward) -> bool:
    return (
        reward.program_id == call.program_id
        and reward.archived_at is None
        and reward.status != "draft"
    )
