"""Taking an address off a program's e-mails."""

from datetime import datetime

from guerdon.domain.command import Refused
from guerdon.domain.event import Event
from guerdon.domain.ids import EventId, MerchantId, ProgramId
from guerdon.engine.repeating import Answer, once
from guerdon.engine.runtime import Runtime
from guerdon.engine.subscribing import Repeat
from guerdon.store.connection import Connection
from guerdon.store.email_unsubscribes import insert_email_unsubscribe
from guerdon.store.events import insert_events
from guerdon.store.member_views import find_member_by_email
from guerdon.store.sequences import take_ids

NEWS = b"new"


async def unsubscribe_email(
    runtime: Runtime,
    merchant_id: MerchantId,
    program_id: ProgramId,
    email: str,
    *,
    repeat: Repeat,
) -> Answer | Refused:
    """Put an address on the list of those that want no e-mails, whoever has it. What is stored is
    NEWS where it was not on the list before; then it is announced, if a member has the address.
    `email` is in lower case."""

    async def act(tx: Connection, now: datetime) -> bytes:
        if not await insert_email_unsubscribe(tx, merchant_id, program_id, email, now):
            return b"known"
        member_id = await find_member_by_email(tx, merchant_id, program_id, email)
        if member_id is not None:
            event_id = EventId(await take_ids(tx, merchant_id, 1))
            event = Event(event_id, "member.unsubscribed", program_id, member_id, {}, now)
            mark = runtime.bits() & (2**63 - 1)
            await insert_events(tx, merchant_id, now, mark, [event])
        return NEWS

    return await once(runtime, merchant_id, act, key=repeat.key, fingerprint=repeat.fingerprint)
