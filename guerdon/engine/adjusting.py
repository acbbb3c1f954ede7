"""Points moved by hand for callers who are told at once that it was taken on."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.command import Adjust, Adjusted, Refused
from guerdon.domain.errors import InsufficientPoints, KeyConflict
from guerdon.domain.ids import MemberId, MerchantId, WalletId
from guerdon.engine.repeating import once
from guerdon.engine.submitting import Ledger
from guerdon.store import idempotency_records, refused_adjustments, sequences
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

NOT_ENOUGH = "NOT_ENOUGH_BALANCE"


class Noted(Struct, frozen=True):
    """`id` is that of the entry or, of a deduction that the wallet could not bear, of the note of
    it."""

    id: int
    is_replay: bool = False


async def adjust_noting(
    ledger: Ledger,
    merchant_id: MerchantId,
    wallet_id: WalletId,
    member_id: MemberId,
    command: Adjust,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Noted | Refused:
    """Add or take points; a deduction beyond the balance is noted as refused, and moves nothing.

    Whoever asks again under the same key learns the same, though the balance may have grown."""
    refused_key = None if key is None else f"{key} refused"
    if refused_key is not None:
        async with snapshot(ledger.runtime.pool) as view:
            known = await idempotency_records.list_key_records(view, merchant_id, [refused_key])
        record = known.get(refused_key)
        if record is not None:
            if record.fingerprint != fingerprint:
                return Refused((KeyConflict(key or ""),))
            return Noted(int(record.answer), is_replay=True)
    outcome = await ledger.submit(merchant_id, command, key=key, fingerprint=fingerprint)
    if not isinstance(outcome, Refused):
        assert isinstance(outcome.result, Adjusted), "points were adjusted"
        assert outcome.result.entry_id is not None, "not floored at zero"
        return Noted(outcome.result.entry_id, is_replay=outcome.is_replay)
    if not all(isinstance(each, InsufficientPoints) for each in outcome.refusals):
        return outcome

    async def act(tx: Connection, now: datetime) -> bytes:
        refused_id = await sequences.take_ids(tx, merchant_id, 1)
        await refused_adjustments.insert_refused_adjustment(
            tx,
            merchant_id,
            refused_id=refused_id,
            wallet_id=wallet_id,
            member_id=member_id,
            points=command.points,
            reason=NOT_ENOUGH,
            note=command.note,
            created_at=now,
        )
        return str(refused_id).encode()

    noted = await once(ledger.runtime, merchant_id, act, key=refused_key, fingerprint=fingerprint)
    if isinstance(noted, Refused):
        return noted
    return Noted(int(noted.stored), is_replay=noted.is_replay)
