"""Rewards: bought, listed, shown."""

from guerdon.dialects.mage.call import Call, answer, required_text
from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
from guerdon.dialects.mage.translate import member_ref, purchase_document, undress
from guerdon.dialects.mage.wire import PurchaseBody
from guerdon.domain.command import Redeem, Redeemed, Refused
from guerdon.domain.ids import RewardId
from guerdon.engine.redeeming import redeem
from guerdon.http.asgi import Answer

# No reward has it; the ledger then answers for the customer first, as the vendor does.
_NO_REWARD = RewardId(0)


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
