"""Earnings with a delay are credited once their time has come."""

from guerdon.domain.command import Approve, Done
from guerdon.domain.ids import MerchantId
from guerdon.engine.portions import Portion, submit_all
from guerdon.engine.submitting import Ledger
from guerdon.store import earnings
from guerdon.store.snapshot import snapshot


async def approve_due(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Approve at most so many pending earnings that are due, the longest due first.

    Whoever approves or declines one meanwhile is not in the way: twice is once, and one declined
    stays declined."""
    async with snapshot(ledger.runtime.pool) as view:
        due = await earnings.list_due_earnings(view, merchant_id, ledger.runtime.now(), limit)
    commands = [Approve(earning_id=earning_id, is_due_only=True) for earning_id in due]
    outcomes = await submit_all(ledger, merchant_id, commands)
    done = sum(isinstance(outcome, Done) for outcome in outcomes)
    return Portion(done, has_more=done > 0 and len(due) == limit)
