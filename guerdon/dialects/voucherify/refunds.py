"""Purchases given back."""

from msgspec import Struct

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.offer_ids import find_reward, reward_id, reward_number
from guerdon.dialects.voucherify.places import is_gone, program_in
from guerdon.dialects.voucherify.problems import Fault, locked
from guerdon.dialects.voucherify.transactions import cards_of, look_behind
from guerdon.dialects.voucherify.translate_kinds import credited_point_type
from guerdon.dialects.voucherify.translate_transactions import refund_transaction
from guerdon.dialects.voucherify.wire_purchases import Policies, RefundBody
from guerdon.dialects.voucherify.wire_transactions import Refunded
from guerdon.domain.catalogue import Catalogue, Program, Reward
from guerdon.domain.command import Redeemed, Refund, Refused
from guerdon.domain.errors import InsufficientPoints
from guerdon.domain.ids import EntryId, RedemptionId
from guerdon.domain.redemption import Redemption, status_at
from guerdon.domain.spend import why_closed
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.card_transactions import (
    find_card,
    find_spendable,
    list_cards_of,
    list_credits,
)
from guerdon.store.connection import Connection
from guerdon.store.idempotency_records import list_key_records
from guerdon.store.members import list_members
from guerdon.store.offers import list_reward_versions
from guerdon.store.purchases import find_last_refund, find_refund
from guerdon.store.redemptions import list_redemptions
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import find_template

_NAMED = "refund reward"


class _Asked(Struct, frozen=True):
    """The purchase that is to be given back, with the reward as it was bought."""

    redemption: Redemption
    reward: Reward
    program: Program
    catalogue: Catalogue


async def refund_purchase(call: Call) -> Answer:
    """Give a purchase back: points, stock and limits. Codes end with it, and points that were
    bought are taken off again."""
    body = call.decode(RefundBody) if call.body.strip() else RefundBody()
    policies = body.policies or Policies()
    key, _ = call.idempotency()
    async with snapshot(call.pool) as view:
        asked = await _find(call, view)
        known = {} if key is None else await list_key_records(view, call.merchant_id, [key])
        if not known:
            # What was done under this key is answered again, whatever has changed by it.
            await _check(call, view, asked, policies)
    command = Refund(
        redemption_id=asked.redemption.id,
        keeps_stock=policies.stock == "WRITE_OFF",
        insists=policies.refund == "ALLOW",
    )
    outcome = await call.carry_out(command)
    if isinstance(outcome, Refused):
        if any(isinstance(each, InsufficientPoints) for each in outcome.refusals):
            # They were spent just now.
            raise _points_spent("The target card")
        named = Named(action=_NAMED, reward=reward_id(asked.reward), transaction=call.path[1])
        return refusal_answer(outcome.refusals, named)
    assert isinstance(outcome.result, Redeemed), "a refund gives what was redeemed"
    refunded = await _show(call, asked.catalogue, outcome.result.redemption)
    return answer(202, refunded, is_replay=outcome.is_replay)


async def _find(call: Call, view: Connection) -> _Asked:
    """Find the purchase, by either of its transactions."""
    catalogue = await call.catalogue(view)
    program = program_in(call, catalogue)
    named = call.path[1]
    card_transaction_id = ids.read_id("card_transaction", named)
    number = ids.read_id("reward_transaction", named)
    if card_transaction_id is not None and call.settings.purchase_profile == "seed":
        number = card_transaction_id + 1
    if number is None:
        raise call.missing(1, "reward_transaction")
    found = await list_redemptions(view, call.merchant_id, [RedemptionId(number - 1)])
    if not found:
        await _refuse_refund(call, view, program, EntryId(number - 1))
    if not found or found[0].program_id != program.id or found[0].is_grant:
        raise call.missing(1, "reward_transaction")
    redemption = found[0]
    version_id = redemption.reward_version_id
    reward = catalogue.rewards.get(redemption.reward_id)
    if reward is None or reward.version_id != version_id:
        versions = await list_reward_versions(view, call.merchant_id, [version_id])
        reward = versions[version_id]
    return _Asked(redemption, reward, program, catalogue)


async def _refuse_refund(call: Call, view: Connection, program: Program, entry_id: EntryId) -> None:
    """Refuse to give back what is itself a refund, of this program."""
    known = await find_refund(view, call.merchant_id, entry_id)
    if known is None:
        return
    (redemption,) = await list_redemptions(view, call.merchant_id, [known.redemption_id])
    if redemption.program_id == program.id:
        raise _refused("non_purchase_reward_transaction", "Invalid reward_transaction type")


async def _check(call: Call, view: Connection, asked: _Asked, policies: Policies) -> None:
    """Make the vendor's checks, in the vendor's order; what may change until the points move is
    checked there once more."""
    redemption, program = asked.redemption, asked.program
    now = call.ledger.runtime.now()
    closed = why_closed(program, now)
    if closed:
        raise Fault(refusal_answer(closed, Named(action=_NAMED)))
    if status_at(redemption, now) != "approved":
        raise locked(
            "non_approved_reward_transaction",
            "Cannot refund reward when transaction status is not APPROVED",
            "Invalid reward_transaction status",
        )
    current = asked.catalogue.rewards.get(redemption.reward_id, asked.reward)
    if current.archived_at is not None:
        assigned = find_reward(asked.catalogue, program.id, reward_number(current))
        await _check_assigned(call, view, current, assigned)
        current = assigned or current
    if not current.is_refundable and policies.refund != "ALLOW":
        raise _refused(
            "reward_refund_policy_does_not_allow_refunds",
            f"Reward {reward_id(current)} refund policy does not allow refunds. To refund reward, "
            "set the refund policy to 'ALLOW' in the request body",
        )
    (member,) = await list_members(view, call.merchant_id, [redemption.member_id])
    if is_gone(member):
        raise _refused("refund_card_not_found", "The member has left, and the card with them")
    if asked.reward.fulfil_by == "points":
        await _check_points(call, view, asked)


async def _check_assigned(
    call: Call, view: Connection, reward: Reward, assigned: Reward | None
) -> None:
    if assigned is not None:
        return
    template = None
    if reward.template_id is not None:
        template = await find_template(view, call.merchant_id, reward.template_id)
    if template is not None:
        raise _refused(
            "refund_reward_not_assigned_to_program",
            f"Reward {reward_id(reward)} is not assigned to the program",
        )
    raise _refused("reward_not_found", f"Reward {reward_id(reward)} is not there any more")


async def _check_points(call: Call, view: Connection, asked: _Asked) -> None:
    """See that the points that were bought can be taken off again."""
    redemption, reward = asked.redemption, asked.reward
    point_type_id = credited_point_type(asked.catalogue, reward)
    if point_type_id is None:
        raise _refused(
            "loyalty_card_points_target_card_definition_not_found",
            "The card definition of the points is not there any more",
        )
    cards = cards_of(await list_cards_of(view, call.merchant_id, [redemption.member_id]))
    wallet_id = cards.find(redemption.member_id, point_type_id)
    if wallet_id is None:
        raise _refused(
            "loyalty_card_points_target_card_not_found", "The card of the points is not there"
        )
    credited = await list_credits(view, call.merchant_id, redemption.member_id, [redemption.id])
    if redemption.id not in credited:
        raise _refused(
            "loyalty_card_points_purchase_not_found", "The purchase of the points is not there"
        )
    balance = await find_spendable(view, call.merchant_id, wallet_id, call.ledger.runtime.now())
    if balance < (reward.credit_points or 0) * redemption.units:
        raise _points_spent(f"Target card {ids.write_id('card', wallet_id)}")


def _points_spent(card: str) -> Fault:
    return _refused(
        "loyalty_card_points_insufficient_balance",
        f"{card} does not have enough points to reverse the loyalty card points purchase",
    )


async def _show(call: Call, catalogue: Catalogue, redemption: Redemption) -> Refunded:
    async with snapshot(call.pool) as view:
        card = await find_card(view, call.merchant_id, redemption.wallet_id)
        assert card is not None, "wallets are never deleted"
        done = await find_last_refund(view, call.merchant_id, redemption)
        behind = await look_behind(call, view, catalogue, card, redemptions=[redemption])
    return Refunded(transaction=refund_transaction(redemption, card, behind, done))


def _refused(key: str, details: str) -> Fault:
    return locked(key, "Cannot refund reward", details)
