"""Step three of a batch: write what was decided, one statement per kind of row."""

from datetime import datetime

from guerdon.domain.ids import MerchantId
from guerdon.domain.state import Effects
from guerdon.store import (
    changes,
    earnings,
    entries,
    events,
    idempotency_records,
    lots,
    members,
    order_payments,
    pool_codes,
    redemptions,
    wallets,
)
from guerdon.store.connection import Connection


async def change(
    tx: Connection,
    merchant_id: MerchantId,
    now: datetime,
    effects: Effects,
    batch: int,
    id_count: int,
) -> tuple[int, int]:
    """Write all that is changed in place and take the ids; the merchant's sequence stays locked.

    Gives the first id and the version of the offers at this point of the merchant's history."""
    new_lots = {lot.id for lot in effects.new_lots}
    new_wallets = {wallet.id for wallet in effects.new_wallets}
    return await changes.apply_changes(
        tx,
        merchant_id,
        now,
        batch,
        id_count=id_count,
        wallets=[wallet for wallet in effects.wallets if wallet.id not in new_wallets],
        lots={lot_id: points for lot_id, points in effects.lots.items() if lot_id not in new_lots},
        counters=effects.counters,
    )


async def insert(
    tx: Connection, merchant_id: MerchantId, now: datetime, effects: Effects, batch: int
) -> None:
    """Write all that is new, under the ids taken."""
    if effects.new_members:
        await members.insert_members(tx, merchant_id, now, batch, effects.new_members)
    if effects.members:
        await members.update_members(tx, merchant_id, effects.members.values())
    if effects.new_wallets:
        figures = {wallet.id: wallet for wallet in effects.wallets}
        await wallets.insert_wallets(tx, merchant_id, now, batch, effects.new_wallets, figures)
    if effects.new_lots:
        await lots.insert_lots(tx, merchant_id, effects.new_lots, effects.lots)
    if effects.entries:
        await entries.insert_entries(tx, merchant_id, now, effects.entries)
    if effects.new_redemptions:
        await redemptions.insert_redemptions(tx, merchant_id, now, effects.new_redemptions.values())
    if effects.redemptions:
        await redemptions.update_redemptions(tx, merchant_id, now, effects.redemptions.values())
    if effects.new_earnings:
        await earnings.insert_earnings(tx, merchant_id, now, effects.new_earnings.values())
    if effects.earnings:
        await earnings.update_earnings(tx, merchant_id, now, effects.earnings.values())
    if effects.pool_codes:
        await pool_codes.take_codes(tx, merchant_id, effects.pool_codes)
    if effects.order_payments:
        await order_payments.insert_order_payments(tx, merchant_id, now, effects.order_payments)
    if effects.keys:
        await idempotency_records.insert_key_records(tx, merchant_id, now, effects.keys)
    if effects.events:
        await events.insert_events(tx, merchant_id, now, batch, effects.events)
