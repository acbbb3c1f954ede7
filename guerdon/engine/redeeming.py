"""Redeeming a reward: spend the points, have it handed over, settle; or release and say so."""

from guerdon.domain.command import Outcome, Redeem
from guerdon.domain.ids import MerchantId
from guerdon.engine.submitting import Ledger


async def redeem(
    ledger: Ledger,
    merchant_id: MerchantId,
    command: Redeem,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Outcome:
    """Redeem."""
    return await ledger.submit(merchant_id, command, key=key, fingerprint=fingerprint)
