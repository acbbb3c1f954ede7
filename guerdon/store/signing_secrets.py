"""The secrets that a program's webhooks share, in dialects where they have none of their own."""

from datetime import datetime

from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("signing_secrets")


async def find_signing_secret(
    tx: Connection, merchant_id: MerchantId, program_id: ProgramId, dialect: str
) -> bytes | None:
    """Find the sealed secret of a program's webhooks in a dialect."""
    sealed: bytes | None = await tx.fetchval(
        _SQL["find_signing_secret"], merchant_id, program_id, dialect
    )
    return sealed


async def insert_signing_secret(
    tx: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    dialect: str,
    secret_sealed: bytes,
    now: datetime,
) -> None:
    """Keep a first secret. One that is there already stays, also where it came just now."""
    await tx.execute(
        _SQL["insert_signing_secret"], merchant_id, program_id, dialect, secret_sealed, now
    )


async def put_signing_secret(
    tx: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    dialect: str,
    secret_sealed: bytes,
    now: datetime,
) -> None:
    """Keep a secret, in the place of another if there is one."""
    await tx.execute(
        _SQL["put_signing_secret"], merchant_id, program_id, dialect, secret_sealed, now
    )
