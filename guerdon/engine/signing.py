"""The secrets that webhooks are signed with; in some dialects all of a program's share one."""

import secrets
from datetime import datetime

from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.engine.sealing import Seal
from guerdon.store import signing_secrets
from guerdon.store.connection import Connection

_SECRET_BYTES = 32


def make_secret() -> str:
    """Make a secret of 64 hex digits."""
    return secrets.token_hex(_SECRET_BYTES)


async def shared_secret(
    tx: Connection,
    seal: Seal,
    merchant_id: MerchantId,
    program_id: ProgramId,
    dialect: str,
    now: datetime,
) -> str:
    """Give the secret that a program's webhooks share; the first to ask makes it."""
    context = shared_context_of(merchant_id, program_id, dialect)
    made = seal.seal(make_secret().encode(), context)
    await signing_secrets.insert_signing_secret(tx, merchant_id, program_id, dialect, made, now)
    # A rival may have been first.
    sealed = await signing_secrets.find_signing_secret(tx, merchant_id, program_id, dialect)
    assert sealed is not None, "there is one now"
    return seal.open(sealed, context).decode()


def shared_context_of(merchant_id: MerchantId, program_id: ProgramId, dialect: str) -> str:
    """Name the place that a shared secret belongs to."""
    return f"signing_secrets/{merchant_id}/{program_id}/{dialect}"
