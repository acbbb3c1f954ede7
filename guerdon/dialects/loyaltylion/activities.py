"""Activities: told by the shop, judged, and listed."""

from guerdon.dialects.loyaltylion.call import Call, empty_answer, moment_of
from guerdon.dialects.loyaltylion.errors import (
    Named,
    invalid,
    not_found,
    refusal_answer,
    unprocessable,
)
from guerdon.dialects.loyaltylion.paging import Place, cut, page_of
from guerdon.dialects.loyaltylion.shoppers import email_of, metadata_of
from guerdon.dialects.loyaltylion.translate_activities import (
    State,
    activity_to_wire,
    rules_named,
    state_of,
)
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_activities import (
    Activities,
    ActivityBody,
    ActivityStateBody,
)
from guerdon.domain.command import Approve, Outcome, Refused
from guerdon.domain.earning import Earning
from guerdon.domain.errors import EarningStatusWrong
from guerdon.engine.completing import Deed, complete, take_back
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store import activities
from guerdon.store.activities import ID_END, ActivityFilter
from guerdon.store.earnings import list_earnings
from guerdon.store.member_views import list_member_views
from guerdon.store.snapshot import snapshot

FILTERS = ("created_at_min", "created_at_max", "updated_at_min", "updated_at_max")
FILTER_PARAMETERS = (
    Parameter("created_at_min", "string", "Created at or after this instant, in ISO 8601"),
    Parameter("created_at_max", "string", "Created before this instant"),
    Parameter("updated_at_min", "string", "Changed at or after this instant"),
    Parameter("updated_at_max", "string", "Changed before this instant"),
)


async def list_activities(call: Call) -> Answer:
    """List what earned points in the program, the latest first, or with `since_id` the first first.

    Purchases are among them: an order is an activity of each rule that it earned by."""
    page = page_of(call, FILTERS)
    created_from, created_before, updated_from, updated_before = (
        moment_of(page.filters.get(name), name) for name in FILTERS
    )
    wanted = ActivityFilter(
        program_id=call.program_id,
        created_from=created_from,
        created_before=created_before,
        updated_from=updated_from,
        updated_before=updated_before,
    )
    async with snapshot(call.pool) as view:
        if page.is_rising:
            rows = await activities.list_oldest_activities(
                view,
                call.merchant_id,
                wanted,
                above=0 if page.beyond is None else page.beyond.id,
                limit=page.limit + 1,
                offset=page.offset,
            )
        else:
            rows = await activities.list_newest_activities(
                view,
                call.merchant_id,
                wanted,
                below=ID_END if page.beyond is None else page.beyond.id,
                limit=page.limit + 1,
                offset=page.offset,
            )
        shown = cut(call, page, rows, lambda row: Place(row.id))
        ids = list({row.member_id for row in shown.rows})
        members = await list_member_views(view, call.merchant_id, ids, call.ledger.runtime.now())
        catalogue = await call.catalogue(view)
    by_id = {each.member.id: each for each in members}
    documents = [activity_to_wire(row, catalogue, by_id[row.member_id]) for row in shown.rows]
    return answer(200, Activities(documents, shown.cursor), headers=shown.headers)


async def create_activity(call: Call) -> Answer:
    """Take in what a customer did. Whether it earns anything, the answer does not say.

    Who is unknown becomes a member, whatever `guest` says: at the vendor, too, an activity makes
    the customer known, and `guest` is true where it is left out."""
    body = call.decode(ActivityBody)
    email = email_of(body.customer_email, "customer_email")
    if email is None:
        raise invalid("customer_email", "expected e-mail address")
    done_at = moment_of(body.date, "date")
    facts = {
        "properties": body.properties,
        "date": None if done_at is None else stamp(done_at),
    }
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    rules = [
        rule
        for rule in rules_named(catalogue, call.program_id, body.name)
        if rule.is_active and rule.archived_at is None
    ]
    deed = Deed(
        program_id=call.program_id,
        external_id=str(body.customer_id),
        email=email,
        completion_key=None if body.merchant_id is None else str(body.merchant_id),
        metadata=metadata_of({name: value for name, value in facts.items() if value}, "properties"),
    )
    key, fingerprint = call.idempotency()
    completed = await complete(
        call.ledger, call.merchant_id, rules, deed, key=key, fingerprint=fingerprint
    )
    if isinstance(completed, Refused):
        return refusal_answer(completed.refusals, Named(activity=body.name))
    return Answer(201, b"", empty_answer(204, is_replay=completed.is_replay).headers)


async def update_activity(call: Call) -> Answer:
    """Approve an activity, decline it while it is pending, or take it back once it was approved."""
    name, merchant_id = call.path
    body = call.decode(ActivityStateBody)
    found = await _find(call, name, merchant_id)
    if not found:
        raise not_found(f"Activity '{name}' with merchant_id '{merchant_id}'")
    key, fingerprint = call.idempotency()
    is_replay = False
    for place, earning in enumerate(found):
        # A key may be used for one command; no caller's holds a space.
        own_key = key if key is None or place == 0 else f"{key} {place}"
        outcome = await _judge(call, earning, body.state, own_key, fingerprint)
        if isinstance(outcome, Refused):
            return _refused(outcome, body.state, name)
        is_replay = is_replay or outcome.is_replay
    return empty_answer(204, is_replay=is_replay)


async def _judge(
    call: Call, earning: Earning, state: State, key: str | None, fingerprint: bytes
) -> Outcome:
    """Declining what was approved is taking it back, and so is voiding what is pending."""
    if state != "approved":
        return await take_back(
            call.ledger, call.merchant_id, earning, key=key, fingerprint=fingerprint
        )
    if state_of(earning) == "void":
        return Refused((EarningStatusWrong(earning.id, "void"),))
    return await call.ledger.submit(
        call.merchant_id, Approve(earning_id=earning.id), key=key, fingerprint=fingerprint
    )


async def _find(call: Call, name: str, merchant_id: str) -> list[Earning]:
    """Find what was earned by the rules of a name, under the caller's own id."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        rules = rules_named(catalogue, call.program_id, name)
        found = await list_earnings(
            view, call.merchant_id, [], [(rule.id, merchant_id) for rule in rules]
        )
    return sorted(found, key=lambda each: each.id)


def _refused(refused: Refused, state: State, name: str) -> Answer:
    for each in refused.refusals:
        if isinstance(each, EarningStatusWrong):
            known = "declined" if each.status == "rejected" else each.status
            raise unprocessable(
                "activity_state_conflict",
                "ActivityStateConflictError",
                f"The activity is {known} and cannot be {state}",
            )
    return refusal_answer(refused.refusals, Named(activity=name))
