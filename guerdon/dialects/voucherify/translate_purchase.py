"""A purchase that was only just taken on, in the older generation's form.

It is what `purchase_card_transaction` shows of it, made in one go: the one answer that has to be
quick."""

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.behind import reward_transaction_id
from guerdon.dialects.voucherify.ids import write_id, write_offer_id
from guerdon.dialects.voucherify.offer_ids import reward_number
from guerdon.dialects.voucherify.translate_transactions import SPENT
from guerdon.dialects.voucherify.wire import stamp
from guerdon.domain.catalogue import Reward
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Card


def purchase_in_seed_form(redemption: Redemption, card: Card, reward: Reward) -> w.SeedPurchase:
    """Show it as it was when it was taken on, whatever has come of it since."""
    bought_id = write_offer_id("reward", reward_number(reward))
    own_id = write_id("card_transaction", redemption.id)
    other_id = reward_transaction_id(redemption.id)
    details = w.CardDetails(
        reason=SPENT,
        points=w.Points(
            total=redemption.points_cost,
            expiration_date=None,
            expiration_type=None,
            date=None,
            type=None,
        ),
        result=None,
        reward_id=bought_id,
        bucket=None,
        reward=w.Ref(bought_id),
        reward_transaction=w.Ref(other_id),
        target_card=None,
        purchase_transaction=None,
    )
    return w.SeedPurchase(
        transaction=w.CardTransaction(
            id=own_id,
            card_id=write_id("card", card.id),
            program_id=write_offer_id("program", redemption.program_id),
            member_id=write_id("member", redemption.member_id),
            card_definition_id=write_offer_id("card_definition", card.point_type_id),
            type="POINTS_SPENT_ON_REWARD",
            details=details,
            status="PENDING",
            reward_id=bought_id,
            card_transaction_id=own_id,
            reward_transaction_id=other_id,
            created_at=stamp(redemption.created_at),
            updated_at=None,
        )
    )
