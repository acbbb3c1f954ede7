"""The heart: fold a batch of commands over the state it loaded. Pure; only the state decides."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from guerdon.domain import (
    adjustment,
    award,
    bucket,
    clawback,
    enrolment,
    payment,
    refund,
    settlement,
    spend,
)
from guerdon.domain import command as c
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Done, Outcome, Refused, Result, Submission
from guerdon.domain.errors import KeyConflict, ProgramInactive
from guerdon.domain.fold import Fold
from guerdon.domain.ids import ProgramId
from guerdon.domain.state import Effects, Fresh, KeyRecord, State

# One handler per command; the type of the command picks it, so the values stay untyped here.
_HANDLERS: dict[type, Callable[[Fold, Any], Outcome]] = {
    c.Redeem: spend.redeem,
    c.Settle: settlement.settle,
    c.Release: settlement.release,
    c.MarkUsed: settlement.mark_used,
    c.ExpireRedemption: settlement.expire_redemption,
    c.CompleteFulfilment: settlement.complete_fulfilment,
    c.Reopen: settlement.reopen,
    c.Refund: refund.refund,
    c.Earn: award.earn,
    c.Approve: award.approve,
    c.Decline: award.decline,
    c.SettlePending: bucket.settle_pending,
    c.ClawBack: clawback.claw_back,
    c.Adjust: adjustment.adjust,
    c.Transfer: adjustment.transfer,
    c.PayOrder: payment.pay_order,
    c.ExpireLots: adjustment.expire_lots,
    c.ExpireEarly: bucket.expire_early,
    c.ExpireInactive: adjustment.expire_inactive,
    c.ChangeMember: enrolment.change_member,
    c.Leave: enrolment.leave,
    c.EraseMember: enrolment.erase_member,
    c.Enrol: enrolment.enrol,
}

_answers = msgspec.msgpack.Decoder(Result)
_encode = msgspec.msgpack.Encoder().encode


class Decision(Struct, frozen=True):
    """One outcome per submission, in order, and everything that has to be written for them."""

    outcomes: list[Outcome]
    effects: Effects


def decide(
    submissions: Sequence[Submission],
    state: State,
    catalogue: Catalogue,
    now: datetime,
    fresh: Fresh,
) -> Decision:
    """Decide a batch in order; each command sees what those before it did.

    Two equal keys in one batch are one act: the second gets the first one's stored answer."""
    fold = Fold(state, catalogue, now, fresh)
    outcomes = [_decide_one(fold, submission) for submission in submissions]
    return Decision(outcomes, fold.finish())


def _decide_one(fold: Fold, submission: Submission) -> Outcome:
    key = submission.key
    if key is None:
        return _handle(fold, submission.command)
    record = fold.keys.get(key)
    if record is not None:
        if record.fingerprint != submission.fingerprint:
            return Refused((KeyConflict(key),))
        return Done(_answers.decode(record.answer), is_replay=True)
    outcome = _handle(fold, submission.command)
    if isinstance(outcome, Done):
        # A refusal changed nothing, so it is not stored: asking again is safe and may go better.
        record = KeyRecord(key, submission.fingerprint, _encode(outcome.result))
        fold.keys[key] = record
        fold.effects.keys.append(record)
    return outcome


def _handle(fold: Fold, command: c.Command) -> Outcome:
    program_id: ProgramId | None = getattr(command, "program_id", None)
    if program_id is not None and program_id not in fold.catalogue.programs:
        return Refused((ProgramInactive(),))
    return _HANDLERS[type(command)](fold, command)
