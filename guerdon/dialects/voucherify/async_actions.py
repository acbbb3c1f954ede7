"""Members enrolled in bulk: taken on, followed, and reported entry by entry."""

import csv
import io

import msgspec

from guerdon.dialects.voucherify import ids
from guerdon.dialects.voucherify.body import convert
from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.errors import Named, refusal_answer
from guerdon.dialects.voucherify.members import already_member_text, identified_in
from guerdon.dialects.voucherify.places import program_in
from guerdon.dialects.voucherify.problems import Fault, refuse
from guerdon.dialects.voucherify.wire import ErrorResponse, stamp, stamp_or_none
from guerdon.dialects.voucherify.wire_async_actions import AsyncAction, Result
from guerdon.dialects.voucherify.wire_members import BatchAccepted, EnrolBody
from guerdon.domain.command import Refused
from guerdon.domain.errors import ProgramInactive
from guerdon.engine.enlisting import CUSTOMER_UNKNOWN, MEMBER_EXISTS, action_of, enlist
from guerdon.engine.guarding_cells import guard_cell
from guerdon.http.asgi import Answer, Header
from guerdon.http.call import answer
from guerdon.store.async_actions import (
    Action,
    NewEntry,
    ReportedEntry,
    find_action,
    list_action_entries,
)
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

CSV: Header = (b"content-type", b"text/csv; charset=utf-8")
COLUMNS = (
    "identification_type",
    "customer_id",
    "customer_source_id",
    "program_id",
    "member_id",
    "created",
    "error",
)
_PAGE = 5000
_encode = msgspec.json.Encoder().encode
_problem = msgspec.json.Decoder(ErrorResponse).decode


async def enrol_batch(call: Call) -> Answer:
    """Take on a list of customers to be enrolled; what is wrong with an entry is told in the
    report."""
    given = call.value() if call.body.strip() else None
    if given is None or given == []:
        raise refuse(400, "invalid_request_payload", "Invalid request payload", "Payload is empty")
    if not isinstance(given, list):
        raise refuse(
            400,
            "top_level_object_should_be_an_array",
            "Top level object should be an array",
            "Payload must be array",
        )
    catalogue = await call.ledger.catalogues.newest(call.merchant_id)
    program = program_in(call, catalogue)
    if program.status != "active":
        named = Named(action="create members", program=call.path[0])
        return refusal_answer((ProgramInactive(),), named)
    key, fingerprint = call.idempotency()
    entries = [_entry(each) for each in given]
    listed = await enlist(
        call.ledger, call.merchant_id, program.id, entries, key=key, fingerprint=fingerprint
    )
    if isinstance(listed, Refused):
        return refusal_answer(listed.refusals, Named())
    accepted = BatchAccepted(ids.write_id("async_action", action_of(listed)))
    return answer(202, accepted, is_replay=listed.is_replay)


def _entry(given: object) -> NewEntry:
    """Read an entry; one that makes no sense is kept with what is wrong with it."""
    try:
        body = convert(given, EnrolBody)
        named, is_source = identified_in(body)
    except Fault as fault:
        why = _problem(fault.answer.body).details or "Invalid payload"
        return NewEntry(named="", is_source=False, external_id=None, error=why)
    external_id: str | None = named
    if not is_source:
        external_id = ids.read_customer_id(named)
    elif ids.source_id_of(named) is None:
        external_id = None
    return NewEntry(
        named=named,
        is_source=is_source,
        external_id=external_id,
        is_frozen=body.status == "INACTIVE",
        metadata=_encode(body.metadata).decode() if body.metadata else None,
    )


async def get_action(call: Call) -> Answer:
    """Show how far a batch is, and where its report is."""
    async with snapshot(call.pool) as view:
        action = await _action_in(call, view)
    report = f"{call.base_url}/v1/async-actions/{call.path[0]}/report"
    return answer(200, _to_wire(action, report))


def _to_wire(action: Action, report: str) -> AsyncAction:
    done = action.entries_over - action.entries_failed
    has_begun = action.updated_at is not None
    took = None
    if not action.is_open and action.updated_at is not None:
        took = int((action.updated_at - action.created_at).total_seconds() * 1000)
    return AsyncAction(
        id=ids.write_id("async_action", action.id),
        status="DONE" if not action.is_open else "IN_PROGRESS" if has_begun else "ENQUEUED",
        operation_status="UNKNOWN" if action.is_open else "SUCCESS" if done else "FAILED",
        progress=100 * action.entries_over // max(action.entries, 1),
        processing_time=took,
        result=Result(url=report, done_count=done, failed_count=action.entries_failed),
        created_at=stamp(action.created_at),
        updated_at=stamp_or_none(action.updated_at),
    )


async def _action_in(call: Call, view: Connection) -> Action:
    action = await find_action(view, call.merchant_id, call.id(0, "async_action"))
    if action is None:
        raise call.missing(0, "async_action")
    return action


async def get_report(call: Call) -> Answer:
    """Give what became of each entry, those that are still open too, as CSV."""
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow(COLUMNS)
    async with snapshot(call.pool) as view:
        action = await _action_in(call, view)
        program = ids.write_id("program", action.program_id)
        after = 0
        while page := await list_action_entries(view, call.merchant_id, action.id, after, _PAGE):
            writer.writerows(_row(entry, program) for entry in page)
            after = page[-1].place
    return Answer(200, told.getvalue().encode(), media_type=CSV)


def _row(entry: ReportedEntry, program: str) -> tuple[str, ...]:
    is_known = bool(entry.named)
    kind = "customer_source_id" if entry.is_source else "customer_id"
    return (
        kind if is_known else "",
        guard_cell("" if entry.is_source else entry.named),
        guard_cell(entry.named if entry.is_source else ""),
        program,
        "" if entry.member_id is None else ids.write_id("member", entry.member_id),
        "true" if entry.member_id is not None else "false",
        guard_cell(_said(entry, program)),
    )


def _said(entry: ReportedEntry, program: str) -> str:
    if entry.error == CUSTOMER_UNKNOWN:
        return f"Cannot find customer with id {entry.named}"
    if entry.error == MEMBER_EXISTS:
        return already_member_text(entry.named, program)
    if entry.error == ProgramInactive.code:
        return "Cannot create members when program status is not ACTIVE"
    return entry.error or ""
