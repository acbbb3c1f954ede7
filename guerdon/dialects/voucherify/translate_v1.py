"""Loyalty cards and their movements, in the words of the older API."""

import msgspec

from guerdon.dialects.voucherify import wire_v1 as w
from guerdon.dialects.voucherify.ids import (
    source_id_of,
    write_bucket_id,
    write_customer_id,
    write_id,
)
from guerdon.dialects.voucherify.offer_ids import reward_number, rule_number
from guerdon.dialects.voucherify.translate_members import metadata_of
from guerdon.dialects.voucherify.v1_holders import Holder
from guerdon.dialects.voucherify.wire import Json, stamp, stamp_or_none
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.customer import Customer
from guerdon.domain.ids import WalletId
from guerdon.domain.ledger import EntryKind
from guerdon.store.loyalty_cards import CardEntry, Expiring

_object = msgspec.json.Decoder(dict[str, Json]).decode
# What each movement is to the vendor, where it adds points and where it takes them.
_TYPES: dict[EntryKind, tuple[w.TransactionType, w.TransactionType]] = {
    "pending": ("POINTS_ACCRUAL", "POINTS_REMOVAL"),
    "declined": ("POINTS_ACCRUAL", "POINTS_REMOVAL"),
    "earned": ("POINTS_ACCRUAL", "POINTS_REMOVAL"),
    "redeemed": ("POINTS_REFUND", "POINTS_REDEMPTION"),
    "released": ("POINTS_REFUND", "POINTS_REDEMPTION"),
    "refunded": ("POINTS_REFUND", "POINTS_REDEMPTION"),
    "expired": ("POINTS_ADDITION", "POINTS_EXPIRATION"),
    "adjusted": ("POINTS_ADDITION", "POINTS_REMOVAL"),
    "transferred": ("POINTS_TRANSFER_IN", "POINTS_TRANSFER_OUT"),
    "reversed": ("POINTS_ADDITION", "POINTS_REMOVAL"),
    "repaid": ("POINTS_ADDITION", "POINTS_REMOVAL"),
    "paid": ("POINTS_REFUND", "POINTS_REDEMPTION"),
}
_BY_HAND = frozenset({"adjusted", "transferred"})


def holder_to_wire(holder: Holder) -> w.SimpleCustomer:
    return customer_to_wire(holder.customer)


def customer_to_wire(customer: Customer) -> w.SimpleCustomer:
    """Show whose something is."""
    return w.SimpleCustomer(
        id=write_customer_id(customer.external_id),
        name=customer.name,
        email=customer.email,
        source_id=source_id_of(customer.external_id),
        metadata=_object(customer.metadata),
    )


def voucher_to_wire(holder: Holder) -> w.Voucher:
    """Show a loyalty card. It may be used while its holder and its campaign are active."""
    card, view, program = holder.card, holder.view, holder.program
    updated_at = stamp(view.updated_at)
    return w.Voucher(
        id=write_id("voucher", card.id),
        code=holder.code,
        campaign=program.name,
        campaign_id=write_id("campaign", program.id),
        type="LOYALTY_CARD",
        loyalty_card=w.LoyaltyCard(
            points=card.total,
            balance=card.balance,
            next_expiration_date=None
            if card.next_expires_on is None
            else card.next_expires_on.isoformat(),
            next_expiration_points=card.next_expires_points or None,
            pending_points=card.pending,
            expired_points=card.expired,
            subtracted_points=card.subtracted + card.refunded + card.purchased_reversed,
        ),
        start_date=stamp_or_none(program.starts_at),
        expiration_date=stamp_or_none(program.ends_at),
        active=not view.is_frozen and program.status == "active",
        metadata=metadata_of(view.member.metadata),
        created_at=stamp(card.created_at),
        updated_at=None if view.updated_at == card.created_at else updated_at,
        holder_id=write_customer_id(view.member.external_id),
        redemption=w.Taken(
            quantity=None,
            redeemed_quantity=holder.taken,
            # With what is held for rewards under way the balance is what is left of the points.
            redeemed_points=card.spent + card.locked - card.unlocked - card.returned,
        ),
    )


def balance_to_wire(
    wallet_id: WalletId, *, points: int, total: int, balance: int, is_manual: bool = True
) -> w.Balance:
    """Show what a movement changed, and what was there afterwards."""
    return w.Balance(
        points=points,
        total=total,
        balance=balance,
        related_object=w.RelatedObject(id=write_id("voucher", wallet_id)),
        operation_type="MANUAL" if is_manual else "AUTOMATIC",
    )


def entry_to_wire(entry: CardEntry, holder: Holder, total: int) -> w.Transaction:
    """Show a movement; `total` is all that was ever credited up to it."""
    added, taken = _TYPES[entry.kind]
    kind = added if entry.points > 0 else taken
    source_id = _object(entry.metadata).get("source_id") if entry.metadata else None
    is_by_hand = entry.kind in _BY_HAND
    back = kind == "POINTS_REFUND" and entry.redeemed_by is not None
    return w.Transaction(
        id=write_id("v1_transaction", entry.id),
        source_id=source_id if isinstance(source_id, str) else None,
        voucher_id=write_id("voucher", holder.card.id),
        campaign_id=write_id("campaign", holder.program.id),
        source="API" if is_by_hand else None,
        reason=entry.note,
        type=kind,
        details=_details(entry, holder, total, is_by_hand=is_by_hand),
        related_transaction_id=write_id("v1_transaction", entry.redeemed_by)
        if back and entry.redeemed_by
        else None,
        created_at=stamp(entry.created_at),
    )


def _details(
    entry: CardEntry, holder: Holder, total: int, *, is_by_hand: bool
) -> w.TransactionDetails:
    catalogue = holder.catalogue
    rule = None if entry.rule_id is None else catalogue.rules.get(entry.rule_id)
    redemption_id = entry.redemption_id
    return w.TransactionDetails(
        balance=balance_to_wire(
            holder.card.id,
            points=entry.points,
            total=total,
            balance=entry.points_after,
            is_manual=is_by_hand,
        ),
        order=msgspec.UNSET if entry.order_id is None else w.OrderRef(None, entry.order_id),
        earning_rule=msgspec.UNSET
        if rule is None
        else w.Id(write_id("v1_earning_rule", rule_number(rule))),
        reward=_reward(entry, catalogue),
        redemption=msgspec.UNSET
        if redemption_id is None
        else w.Id(write_id("redemption", redemption_id)),
        rollback=w.Id(write_id("rollback", entry.id))
        if entry.kind == "refunded"
        else msgspec.UNSET,
    )


def _reward(entry: CardEntry, catalogue: Catalogue) -> w.NamedId | msgspec.UnsetType:
    reward = None if entry.reward_id is None else catalogue.rewards.get(entry.reward_id)
    if reward is None:
        return msgspec.UNSET
    return w.NamedId(write_id("v1_reward", reward_number(reward)), reward.name)


def bucket_to_wire(bucket: Expiring, holder: Holder) -> w.PointsBucket:
    """Show points that expire together."""
    return w.PointsBucket(
        id=write_bucket_id("v1_points", holder.card.id, bucket.day),
        voucher_id=write_id("voucher", holder.card.id),
        campaign_id=write_id("campaign", holder.program.id),
        bucket=w.BucketPoints(bucket.points),
        expires_at=bucket.day.isoformat(),
        created_at=stamp(bucket.since),
    )
