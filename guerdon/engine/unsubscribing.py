"""Taking an address off a program's e-mails."""

from datetime import datetime

from guerdon.domain.command import Refused
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.repeating import Answer, once
from guerdon.engine.runtime import Runtime
from guerdon.engine.subscribing import Repeat
from guerdon.store.connection import Connection
from guerdon.store.email_unsubscribes import insert_email_unsubscribe

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
    NEWS where it was not on the list before. `email` is in lower case."""

    async def act(tx: Connection, now: datetime) -> bytes:
        is_news = await insert_email_unsubscribe(tx, merchant_id, program_id, email, now)
        return NEWS if is_news else b"known"

    return await once(runtime, merchant_id, act, key=repeat.key, fingerprint=repeat.fingerprint)
