"""Points that wait together, or expire together, moved before their day."""

from guerdon.domain.award import credit_earning, decline
from guerdon.domain.command import (
    BucketMoved,
    Decline,
    Done,
    ExpireEarly,
    Outcome,
    Refused,
    SettlePending,
)
from guerdon.domain.earning import Earning
from guerdon.domain.errors import (
    EarningStatusWrong,
    EarningUnknown,
    MemberFrozen,
    MemberUnknown,
    Refusal,
    WalletUnknown,
)
from guerdon.domain.fold import Fold
from guerdon.domain.ids import EntryId, MemberId, ProgramId
from guerdon.domain.ledger import EARLY
from guerdon.domain.member import MemberRef
from guerdon.domain.spend import name_of, program_refusals


def settle_pending(fold: Fold, command: SettlePending) -> Outcome:
    """Credit or reject what of these earnings is pending; the others are left alone.

    Refusals in order: program not open, member unknown, frozen, an earning unknown or another
    member's, none of them pending."""
    refusals, member_id = _refusals(fold, command.program_id, command.member)
    if member_id is None:
        return Refused(tuple(refusals))
    earnings: list[Earning] = []
    for earning_id in command.earning_ids:
        earning = fold.earnings.get(earning_id)
        if earning is None or earning.member_id != member_id:
            refusals.append(EarningUnknown(earning_id))
        else:
            earnings.append(earning)
    pending = [earning for earning in earnings if earning.status == "pending"]
    if earnings and not pending:
        refusals.append(EarningStatusWrong(earnings[0].id, earnings[0].status))
    if refusals:
        return Refused(tuple(refusals))
    begin = len(fold.effects.entries)
    for earning in pending:
        if command.is_credited:
            purse = fold.purse(earning.wallet_id)
            credit_earning(fold, purse, earning, is_new=False, note=command.note)
        else:
            decline(fold, Decline(earning_id=earning.id, reason=command.note))
    ids = {earning.id for earning in pending}
    entries = [entry for entry in fold.effects.entries[begin:] if entry.earning_id in ids]
    return Done(
        BucketMoved(
            entries[-1].id if entries else None,
            sum(earning.points for earning in pending),
            fold.purse(pending[0].wallet_id).balance(fold.now),
        )
    )


def expire_early(fold: Fold, command: ExpireEarly) -> Outcome:
    """Take out what is left of lots. Where nothing is, nothing is done.

    Refusals in order: program not open, member unknown, frozen, wallet unknown."""
    refusals, member_id = _refusals(fold, command.program_id, command.member)
    if member_id is None:
        return Refused(tuple(refusals))
    purse = fold.purse_of(member_id, command.point_type_id)
    if purse is None:
        refusals.append(WalletUnknown())
    if refusals or purse is None:
        return Refused(tuple(refusals))
    fold.sweep(purse)
    meant = [lot for lot in purse.lots if lot.id in command.lot_ids]
    points = fold.expire(purse, meant, EARLY)
    entry_id: EntryId | None = fold.effects.entries[-1].id if points else None
    return Done(BucketMoved(entry_id, points, purse.balance(fold.now)))


def _refusals(
    fold: Fold, program_id: ProgramId, ref: MemberRef
) -> tuple[list[Refusal], MemberId | None]:
    refusals = program_refusals(fold, fold.program(program_id))
    member_id = fold.member_id(program_id, ref)
    if member_id is None:
        refusals.append(MemberUnknown(name_of(ref)))
    elif fold.default_purse(member_id).is_frozen:
        refusals.append(MemberFrozen())
    return refusals, member_id
