"""The list of those who want no loyalty e-mails."""

import re

from guerdon.dialects.loyaltylion.call import ID_MAX, Call, integer_of
from guerdon.dialects.loyaltylion.errors import Named, refusal_answer, unprocessable
from guerdon.dialects.loyaltylion.paging import LIMIT_DEFAULT, LIMIT_MAX, PAGE_MAX
from guerdon.dialects.loyaltylion.wire_emails import Unsubscribe, UnsubscribeBody
from guerdon.domain.command import Refused
from guerdon.engine.subscribing import Repeat
from guerdon.engine.unsubscribing import NEWS, unsubscribe_email
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store import email_unsubscribes as store
from guerdon.store.snapshot import snapshot

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_LENGTH_MAX = 254


async def list_unsubscribes(call: Call) -> Answer:
    """List addresses as a bare array, newest first; with `since_id` in the order they came."""
    limit = integer_of(call, "limit", low=1, high=LIMIT_MAX) or LIMIT_DEFAULT
    number = integer_of(call, "page", low=1, high=PAGE_MAX) or 1
    since_id = integer_of(call, "since_id", low=0, high=ID_MAX)
    async with snapshot(call.pool) as view:
        if since_id is None:
            found = await store.list_newest_email_unsubscribes(
                view, call.merchant_id, call.program_id, offset=(number - 1) * limit, limit=limit
            )
        else:
            found = await store.list_email_unsubscribes_after(
                view, call.merchant_id, call.program_id, since_id, limit=limit
            )
    return answer(200, [Unsubscribe(each.email, each.external_id) for each in found])


async def add_unsubscribe(call: Call) -> Answer:
    """Put an address on the list; 200 where it is there already."""
    body = call.decode(UnsubscribeBody)
    email = body.email.strip().lower()
    if len(email) > _LENGTH_MAX or not _EMAIL.fullmatch(email):
        raise unprocessable("invalid_email", "InvalidEmailError", "The email address is invalid")
    outcome = await unsubscribe_email(
        call.ledger.runtime,
        call.merchant_id,
        call.program_id,
        email,
        repeat=Repeat(*call.idempotency()),
    )
    if isinstance(outcome, Refused):
        return refusal_answer(outcome.refusals, Named())
    async with snapshot(call.pool) as view:
        external_id = await store.find_external_id(view, call.merchant_id, call.program_id, email)
    status = 201 if outcome.stored == NEWS else 200
    return answer(status, Unsubscribe(email, external_id), is_replay=outcome.is_replay)
