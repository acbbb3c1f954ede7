"""Addresses that want no e-mails of a program."""

from datetime import datetime

from msgspec import Struct

from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("email_unsubscribes")


class Unsubscribed(Struct, frozen=True):
    """`external_id` is the shop's own id of the member who has the address, if one has."""

    email: str
    external_id: str | None


async def insert_email_unsubscribe(
    tx: Connection, merchant_id: MerchantId, program_id: ProgramId, email: str, now: datetime
) -> bool:
    """Note that an address, in lower case, wants no e-mails; say whether that is news."""
    added = await tx.fetchval(_SQL["insert_email_unsubscribe"], merchant_id, program_id, email, now)
    return added is not None


async def find_external_id(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, email: str
) -> str | None:
    """Find the shop's own id of whoever has an address in a program."""
    external_id: str | None = await view.fetchval(
        _SQL["find_external_id"], merchant_id, program_id, email
    )
    return external_id


async def list_newest_email_unsubscribes(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, *, offset: int, limit: int
) -> list[Unsubscribed]:
    """List a program's addresses, newest first."""
    rows = await view.fetch(
        _SQL["list_newest_email_unsubscribes"], merchant_id, program_id, offset, limit
    )
    return [_unsubscribed_of(row) for row in rows]


async def list_email_unsubscribes_after(
    view: Connection, merchant_id: MerchantId, program_id: ProgramId, after: int, *, limit: int
) -> list[Unsubscribed]:
    """List a program's addresses above an id of the list's own, in rising order."""
    rows = await view.fetch(
        _SQL["list_email_unsubscribes_after"], merchant_id, program_id, after, limit
    )
    return [_unsubscribed_of(row) for row in rows]


async def delete_email_unsubscribes(tx: Connection, merchant_id: MerchantId, email: str) -> None:
    """Forget an address in every program of a merchant."""
    await tx.execute(_SQL["delete_email_unsubscribes"], merchant_id, email)


def _unsubscribed_of(row: Record) -> Unsubscribed:
    return Unsubscribed(row["email"], row["external_id"])
