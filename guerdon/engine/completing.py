"""What shoppers did for points outside of orders, as the shop tells of it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from guerdon.domain.catalogue import EarningRule
from guerdon.domain.clawback import gross_points
from guerdon.domain.command import (
    ClawBack,
    Decline,
    Done,
    Earn,
    Enrol,
    Enrolled,
    Outcome,
    Refused,
)
from guerdon.domain.earning import Earning
from guerdon.domain.errors import AlreadyAwarded, EarningStatusWrong, KeyConflict, MemberUnknown
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.domain.member import MemberRef
from guerdon.engine.remembering import persist
from guerdon.engine.repeating import once
from guerdon.engine.submitting import Ledger
from guerdon.store import activities
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, fault_of
from guerdon.store.member_views import find_member_by_external_id
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction


class Deed(Struct, frozen=True, kw_only=True):
    """What was done, and by whom. `completion_key` is the shop's own id of it: what has one counts
    once for each rule. `metadata` is the shop's own JSON."""

    program_id: ProgramId
    external_id: str
    email: str | None = None
    completion_key: str | None = None
    metadata: str | None = None


class Completed(Struct, frozen=True):
    """`is_replay`: it was told before, under the same idempotency key."""

    is_replay: bool = False


async def complete(
    ledger: Ledger,
    merchant_id: MerchantId,
    rules: Sequence[EarningRule],
    deed: Deed,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Completed | Refused:
    """Award the points of these rules, for whoever did it: a shopper who is no member becomes one,
    also where there is no rule. A rule that awards nothing, to somebody excluded say, is silent.

    Points for signing up are had once, and come with becoming a member: what tells of it gives
    them its own id. The only refusal is KeyConflict."""
    if not rules:
        answer = await once(ledger.runtime, merchant_id, _nothing, key=key, fingerprint=fingerprint)
        if isinstance(answer, Refused):
            return answer
        await _enrol(ledger, merchant_id, deed)
        return Completed(answer.is_replay)
    is_replay = False
    for place, rule in enumerate(rules):
        # A key may be used for one command; no caller's holds a space.
        own_key = key if key is None or place == 0 else f"{key} {place}"
        outcome = await _award(ledger, merchant_id, rule, deed, own_key, fingerprint)
        if isinstance(outcome, Refused):
            if any(isinstance(each, KeyConflict) for each in outcome.refusals):
                return outcome
            is_had = any(isinstance(each, AlreadyAwarded) for each in outcome.refusals)
            if rule.trigger == "signup" and is_had:
                await _name_signup(ledger, merchant_id, rule, deed)
        elif place == 0:
            is_replay = outcome.is_replay
    return Completed(is_replay)


async def _nothing(_: Connection, __: datetime) -> bytes:
    return b""


async def _award(
    ledger: Ledger,
    merchant_id: MerchantId,
    rule: EarningRule,
    deed: Deed,
    key: str | None,
    fingerprint: bytes,
) -> Outcome:
    """Award one rule's points; only if nobody is known by that id is there one to be enrolled."""
    earn = Earn(
        program_id=deed.program_id,
        member=MemberRef(external_id=deed.external_id),
        rule_id=rule.id,
        action_key=deed.completion_key,
        is_once=rule.trigger == "signup",
        metadata=deed.metadata,
    )
    outcome = await ledger.submit(merchant_id, earn, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Done) or not any(
        isinstance(each, MemberUnknown) for each in outcome.refusals
    ):
        return outcome
    if not await _enrol(ledger, merchant_id, deed):
        return outcome
    return await ledger.submit(merchant_id, earn, key=key, fingerprint=fingerprint)


async def _enrol(ledger: Ledger, merchant_id: MerchantId, deed: Deed) -> bool:
    enrol = Enrol(program_id=deed.program_id, external_id=deed.external_id, email=deed.email)
    outcome = await ledger.submit(merchant_id, enrol)
    return isinstance(outcome, Done) and isinstance(outcome.result, Enrolled)


async def _name_signup(
    ledger: Ledger, merchant_id: MerchantId, rule: EarningRule, deed: Deed
) -> None:
    """Give the points that came with becoming a member the shop's own id, unless they have one or
    the id is somebody else's."""
    if deed.completion_key is None:
        return
    pool = ledger.runtime.pool
    async with snapshot(pool) as view:
        member_id = await find_member_by_external_id(
            view, merchant_id, deed.program_id, deed.external_id
        )
    if member_id is None:
        return
    completion_key = deed.completion_key

    async def act() -> None:
        async with transaction(pool) as tx:
            await activities.name_earning(tx, merchant_id, member_id, rule.id, completion_key)

    try:
        await persist(act)
    except DRIVER_ERRORS as error:
        # Somebody else's points were given that id meanwhile.
        if fault_of(error) != "constraint":
            raise


async def take_back(
    ledger: Ledger,
    merchant_id: MerchantId,
    earning: Earning,
    *,
    reason: str | None = None,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Outcome:
    """Take an award back: it is rejected while it is pending, and once it was approved all of it
    is taken away, as far as it is still there. Twice is once. The only refusals are KeyConflict,
    and EarningUnknown."""
    decline = Decline(earning_id=earning.id, reason=reason)
    outcome = await ledger.submit(merchant_id, decline, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Done) or not any(
        isinstance(each, EarningStatusWrong) for each in outcome.refusals
    ):
        return outcome
    claw_back = ClawBack(earning_id=earning.id, points=gross_points(earning), reason=reason)
    return await ledger.submit(merchant_id, claw_back, key=key, fingerprint=fingerprint)
