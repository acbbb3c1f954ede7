"""What happened on wallets, and what members bought, as the vendor's transactions."""

from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_transactions as w
from guerdon.dialects.voucherify.behind import (
    NEXT,
    Behind,
    purchase_ref,
    reward_transaction_id,
)
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.offer_ids import reward_id
from guerdon.dialects.voucherify.translate_happenings import REFUNDED, describe_happening
from guerdon.dialects.voucherify.translate_results import rejection_to_wire, result_to_wire
from guerdon.dialects.voucherify.wire import stamp
from guerdon.domain.redemption import Redemption
from guerdon.store.card_transactions import Card, Happening
from guerdon.store.purchases import Refund

SPENT = "Points spent on reward"


def purchase_status(redemption: Redemption, behind: Behind) -> w.CardTransactionStatus:
    """Say how far a purchase has come. A refund later on changes nothing about that."""
    if redemption.status == "declined":
        return "REJECTED"
    if redemption.status != "pending":
        return "APPROVED"
    waits = redemption.fulfilment == "queued" and redemption.created_at + behind.delay > behind.now
    return "PENDING" if waits else "PROCESSING"


def reward_transaction(redemption: Redemption, card: Card, behind: Behind) -> w.RewardTransaction:
    """Show a purchase as a reward transaction."""
    status: w.RewardTransactionStatus = purchase_status(redemption, behind)
    if redemption.status == "void":
        status = "REFUNDED"
    return w.RewardTransaction(
        id=reward_transaction_id(redemption.id),
        card_id=write_id("card", card.id),
        card_transaction_id=write_id("card_transaction", redemption.id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        reward_id=reward_id(behind.reward_of(redemption)),
        status=status,
        details=w.RewardDetails(
            reason=SPENT,
            rejection=_reason_alone(rejection_to_wire(redemption)),
            points=w.TotalPoints(redemption.points_cost),
            result=_result(redemption, behind),
        ),
        created_at=stamp(redemption.created_at),
        updated_at=_changed(redemption),
    )


def refund_transaction(
    redemption: Redemption, card: Card, behind: Behind, done: Refund | None
) -> w.RewardTransaction:
    """Show a refund as a reward transaction, with what became of what was bought. What had cost
    nothing gave no points back."""
    reward = behind.reward_of(redemption)
    return w.RewardTransaction(
        id=reward_transaction_id(redemption.id + NEXT if done is None else done.entry_id),
        card_id=write_id("card", card.id),
        card_transaction_id=None if done is None else write_id("card_transaction", done.entry_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        reward_id=reward_id(reward),
        status="APPROVED",
        type="REFUND",
        details=w.RewardDetails(
            reason=REFUNDED,
            points=w.TotalPoints(0 if done is None else done.points),
            result=result_to_wire(
                redemption, reward, behind.catalogue, behind.cards, is_refund=True
            ),
            purchase=purchase_ref(redemption.id),
        ),
        created_at=stamp(redemption.updated_at if done is None else done.created_at),
    )


def card_transaction(
    happening: Happening,
    card: Card,
    behind: Behind,
    *,
    status: w.CardTransactionStatus | None = None,
) -> w.CardTransaction:
    """Show what happened on a wallet. With a `status`, as it was then: only just made."""
    if happening.kind == "redeemed":
        assert happening.redemption_id is not None, "a redemption has its own id"
        return purchase_card_transaction(behind.redemptions[happening.redemption_id], card, behind)
    kind, details = describe_happening(happening, card, behind)
    told = w.CardTransaction(
        id=write_id("card_transaction", happening.id),
        card_id=write_id("card", card.id),
        program_id=write_id("program", card.program_id),
        member_id=write_id("member", card.member_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        type=kind,
        details=_in_full(details) if behind.is_seed else details,
        status=status or ("REJECTED" if happening.kind == "refused" else "APPROVED"),
        created_at=stamp(happening.created_at),
        updated_at=None if status == "PENDING" else stamp(happening.created_at),
    )
    if status == "PENDING" and happening.kind == "refused":
        # It is taken on first, and refused when it is processed.
        return replace(told, details=replace(told.details, rejection=None))
    return told


def purchase_card_transaction(
    redemption: Redemption, card: Card, behind: Behind
) -> w.CardTransaction:
    """Show a purchase as a card transaction."""
    reward = reward_id(behind.reward_of(redemption))
    own_id = write_id("card_transaction", redemption.id)
    credit = behind.credits.get(redemption.id)
    details = w.CardDetails(
        reason=SPENT,
        rejection=rejection_to_wire(redemption),
        points=w.Points(total=redemption.points_cost),
        reward=w.Ref(reward),
        reward_transaction=w.Ref(reward_transaction_id(redemption.id)),
        target_card=None if credit is None else w.Ref(write_id("card", credit.wallet_id)),
        purchase_transaction=None
        if credit is None
        else w.Ref(write_id("card_transaction", credit.entry_id)),
    )
    told = w.CardTransaction(
        id=own_id,
        card_id=write_id("card", card.id),
        program_id=write_id("program", redemption.program_id),
        member_id=write_id("member", redemption.member_id),
        card_definition_id=write_id("card_definition", card.point_type_id),
        type="POINTS_SPENT_ON_REWARD",
        details=details,
        status=purchase_status(redemption, behind),
        created_at=stamp(redemption.created_at),
        updated_at=_changed(redemption),
    )
    if not behind.is_seed:
        return told
    details = replace(details, result=_result(redemption, behind), reward_id=reward)
    return replace(
        told,
        details=_in_full(details),
        reward_id=reward,
        card_transaction_id=own_id,
        reward_transaction_id=reward_transaction_id(redemption.id),
    )


def _result(redemption: Redemption, behind: Behind) -> w.Result | None:
    """What was given; nobody is shown a code before it is the member's."""
    if redemption.status in ("pending", "declined"):
        return None
    reward = behind.reward_of(redemption)
    return result_to_wire(redemption, reward, behind.catalogue, behind.cards)


def _reason_alone(rejection: w.Rejection | None) -> w.Rejection | None:
    """A reward transaction's details of a rejection would be an object; there is none to give."""
    return None if rejection is None else w.Rejection(rejection.reason)


def _changed(redemption: Redemption) -> str | None:
    return None if redemption.status == "pending" else stamp(redemption.updated_at)


def _in_full(details: w.CardDetails) -> w.CardDetails:
    """Give the older generation all that it knows, as null where it does not apply."""
    points = details.points
    if isinstance(points, w.Points):
        points = w.Points(
            total=points.total,
            expiration_date=points.expiration_date or None,
            expiration_type=points.expiration_type or None,
            date=points.date or None,
            type=points.type or None,
        )
    return replace(
        details,
        points=points,
        result=details.result or None,
        reward_id=details.reward_id or None,
        bucket=details.bucket or None,
    )
