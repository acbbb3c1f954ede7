"""Custom actions: points for what happens outside the shop."""

import re
from datetime import datetime

import msgspec

from guerdon.dialects.mage.call import Call
from guerdon.dialects.mage.errors import Fault, Named, refusal_answer
from guerdon.dialects.mage.translate import member_ref
from guerdon.dialects.mage.translate_earning import action_document, skipped_document
from guerdon.dialects.mage.wire_earning import (
    ACTION_KEY_LENGTH_MAX,
    IDEMPOTENCY_KEY_LENGTH_MAX,
    ActionBody,
)
from guerdon.domain.catalogue import EarningRule
from guerdon.domain.command import Earn, Earned, Refused
from guerdon.domain.errors import (
    MemberFrozen,
    MemberUnknown,
    ProgramInactive,
    ProgramOutsideWindow,
    RuleUnknown,
)
from guerdon.domain.ids import RuleId
from guerdon.domain.member import MemberRef
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.member_views import (
    find_member_by_email,
    find_member_by_external_id,
    list_member_views,
)
from guerdon.store.snapshot import snapshot

METADATA_BYTES_MAX = 16_384

_ACTION_KEY = re.compile(r"[a-z0-9_]+")
_KEY = re.compile(r"[^\x00-\x1f\x7f]+")
_NO_RULE = RuleId(0)
_PROGRAM_IS_OFF = (ProgramInactive, ProgramOutsideWindow)
_encode = msgspec.json.Encoder().encode


async def award_action(call: Call) -> Answer:
    """Award a custom action's points. The same completion key gives the first award again."""
    body = call.decode(ActionBody)
    _check(body)
    identifier, member = _customer(body)
    rule = await _find_rule(call, body.action_key)
    key, fingerprint = call.idempotency()
    command = Earn(
        program_id=call.program_id,
        member=member,
        rule_id=_NO_RULE if rule is None else rule.id,
        action_key=body.idempotency_key,
        metadata=_metadata(body),
    )
    outcome = await call.ledger.submit(call.merchant_id, command, key=key, fingerprint=fingerprint)
    if isinstance(outcome, Refused):
        return await _refused(call, body, rule, member, identifier, outcome)
    earned = outcome.result
    assert isinstance(earned, Earned)
    status = 200 if earned.is_repeat else 201
    return answer(status, action_document(earned), is_replay=outcome.is_replay)


def _check(body: ActionBody) -> None:
    if len(body.action_key) > ACTION_KEY_LENGTH_MAX or not _ACTION_KEY.fullmatch(body.action_key):
        raise Fault(
            400,
            "action_key must be lowercase letters, digits and underscores, "
            f"at most {ACTION_KEY_LENGTH_MAX}",
        )
    key = body.idempotency_key
    if key is not None and (len(key) > IDEMPOTENCY_KEY_LENGTH_MAX or not _KEY.fullmatch(key)):
        raise Fault(
            400, f"idempotency_key must be 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable characters"
        )


def _customer(body: ActionBody) -> tuple[str, MemberRef]:
    """Read who it is for; of two names the id counts."""
    if body.customer_id is not None and body.customer_id.strip():
        identifier = body.customer_id
        is_well_named = "@" not in identifier
    elif body.customer_email is not None and body.customer_email.strip():
        identifier = body.customer_email
        is_well_named = "@" in identifier
        if not is_well_named:
            raise Fault(400, "customer_email must be an email address")
    else:
        raise Fault(400, "customer_id or customer_email is required")
    member = member_ref(identifier)
    if member is None or not is_well_named:
        raise Fault(404, f"Customer '{identifier}' not found")
    return identifier, member


def _metadata(body: ActionBody) -> str | None:
    if body.metadata is None:
        return None
    encoded = _encode(body.metadata)
    if len(encoded) > METADATA_BYTES_MAX:
        raise Fault(400, f"metadata must be at most {METADATA_BYTES_MAX} bytes of JSON")
    return encoded.decode()


async def _find_rule(call: Call, action_key: str) -> EarningRule | None:
    """Find the active rule of an action key; where the offers at hand have none, read anew."""
    catalogue = await call.ledger.catalogues.get(call.merchant_id)
    for is_fresh in (False, True):
        if is_fresh:
            async with snapshot(call.pool) as view:
                catalogue = await call.catalogue(view)
        for rule in catalogue.rules.values():
            if (
                rule.action_key == action_key
                and rule.program_id == call.program_id
                and rule.is_active
                and rule.archived_at is None
            ):
                return rule
    return None


async def _refused(
    call: Call,
    body: ActionBody,
    rule: EarningRule | None,
    member: MemberRef,
    identifier: str,
    outcome: Refused,
) -> Answer:
    """Say no, but for a program that is off: the vendor then succeeds and awards nothing."""
    kinds = {type(refusal) for refusal in outcome.refusals}
    if kinds & {MemberUnknown, MemberFrozen}:
        return refusal_answer(outcome.refusals, Named(customer=identifier))
    if rule is None or RuleUnknown in kinds:
        raise Fault(404, f"Custom action '{body.action_key}' not found")
    if not kinds.intersection(_PROGRAM_IS_OFF):
        return refusal_answer(outcome.refusals, Named(customer=identifier))
    now = call.ledger.runtime.now()
    balance = await _balance(call, member, now)
    if balance is None:
        raise Fault(404, f"Customer '{identifier}' not found")
    return answer(200, skipped_document(rule, balance, body.idempotency_key, now))


async def _balance(call: Call, member: MemberRef, now: datetime) -> int | None:
    async with snapshot(call.pool) as view:
        if member.email is not None:
            found = await find_member_by_email(
                view, call.merchant_id, call.program_id, member.email
            )
        else:
            found = await find_member_by_external_id(
                view, call.merchant_id, call.program_id, member.external_id or ""
            )
        if found is None:
            return None
        (standing,) = await list_member_views(view, call.merchant_id, [found], now)
        return standing.points_available
