"""Proves the ledger: each check lists figures that do not follow from the entries."""

from collections.abc import Sequence
from datetime import datetime

from guerdon.domain.ids import MerchantId, WalletId
from guerdon.domain.proof import Drift, Subject, Tally
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("proofs")

WalletIds = Sequence[WalletId] | None


async def begin_proof(view: Connection) -> None:
    """Lift the statement time-out and give room to sort, for this transaction alone."""
    await view.execute(_SQL["begin_proof"])


async def list_touched_wallets(
    view: Connection, merchant_id: MerchantId, since: datetime
) -> list[WalletId]:
    """List wallets that changed since an instant, or whose redemptions or earnings did."""
    rows = await view.fetch(_SQL["list_touched_wallets"], merchant_id, since)
    return [WalletId(row[0]) for row in rows]


async def count_proven(view: Connection, merchant_id: MerchantId, wallet_ids: WalletIds) -> Tally:
    """Count what a proof of these wallets, or of all, looks at."""
    row = await view.fetchrow(_SQL["count_proven"], merchant_id, wallet_ids)
    assert row is not None, "counts always give a row"
    return Tally(row[0], row[1], row[2], row[3], row[4])


async def check_wallets(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Compare wallets with the sums of their entries, lots, redemptions and earnings."""
    sql = _SQL["check_wallets"]
    return await _drifts(view, merchant_id, "wallet", sql, limit, wallet_ids)


async def check_entries(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Compare each entry with the balance before it and with its draws."""
    sql = _SQL["check_entries"]
    return await _drifts(view, merchant_id, "entry", sql, limit, wallet_ids)


async def check_entry_links(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Find entries that name a wallet, redemption or earning that is not there."""
    sql = _SQL["check_entry_links"]
    return await _drifts(view, merchant_id, "entry", sql, limit, wallet_ids)


async def check_draws(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Find draws on lots that are unknown, another wallet's, or expired."""
    sql = _SQL["check_draws"]
    return await _drifts(view, merchant_id, "entry", sql, limit, wallet_ids)


async def check_lots(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Compare lots with the replay of their draws."""
    sql = _SQL["check_lots"]
    return await _drifts(view, merchant_id, "lot", sql, limit, wallet_ids)


async def check_redemptions(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Compare redemptions with the entries that paid for them and gave back."""
    sql = _SQL["check_redemptions"]
    return await _drifts(view, merchant_id, "redemption", sql, limit, wallet_ids)


async def check_earnings(
    view: Connection, merchant_id: MerchantId, limit: int, wallet_ids: WalletIds
) -> list[Drift]:
    """Compare earnings with the entries and lots that credited them."""
    sql = _SQL["check_earnings"]
    return await _drifts(view, merchant_id, "earning", sql, limit, wallet_ids)


async def check_members(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Find members who have not exactly one default wallet."""
    return await _drifts(view, merchant_id, "member", _SQL["check_members"], limit)


async def check_counters(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Compare rewards' counters with their redemptions."""
    return await _drifts(view, merchant_id, "reward", _SQL["check_counters"], limit)


async def check_pool_codes(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Find pool codes that their redemption does not carry."""
    return await _drifts(view, merchant_id, "pool_code", _SQL["check_pool_codes"], limit)


async def check_codes(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Find codes carried twice, and pool codes that no pool gave."""
    return await _drifts(view, merchant_id, "redemption", _SQL["check_codes"], limit)


async def check_payments(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Compare payments of orders with their debits."""
    return await _drifts(view, merchant_id, "payment", _SQL["check_payments"], limit)


async def check_events(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Find events that name what is not there."""
    return await _drifts(view, merchant_id, "event", _SQL["check_events"], limit)


async def check_sequence(view: Connection, merchant_id: MerchantId, limit: int) -> list[Drift]:
    """Find ids that the merchant's sequence would give out again."""
    return await _drifts(view, merchant_id, "sequence", _SQL["check_sequence"], limit)


async def _drifts(
    view: Connection, merchant_id: MerchantId, subject: Subject, sql: str, *arguments: object
) -> list[Drift]:
    return [
        Drift(
            merchant_id=merchant_id,
            subject=subject,
            id=row[0],
            wallet_id=row[1],
            fault=row[2],
            expected=row[3],
            found=row[4],
        )
        for row in await view.fetch(sql, merchant_id, *arguments)
    ]
