"""Customers that a platform tells of: members' profiles follow, and new ones may be enrolled."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from guerdon.domain.command import ChangeMember, Enrol
from guerdon.domain.ids import MerchantId
from guerdon.domain.incoming import CustomerSeen
from guerdon.domain.member import MemberRef
from guerdon.engine.ordering import find_members
from guerdon.engine.remembering import remember
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot

_ROUNDS_MAX = 3


class _Customer(Struct, frozen=True):
    """The newest that was seen of a customer."""

    seen: CustomerSeen | None = None


async def follow_customer(
    ledger: Ledger, merchant_id: MerchantId, source: str, news: CustomerSeen
) -> bool:
    """Bring members' e-mail and names to what the newest message says; say whether there are any.

    A new customer is enrolled in the programs that want that. Messages that come late change
    nothing: what was seen is remembered under a lock, and looked at again once the members are
    changed, for as long as somebody else saw something newer meanwhile. What the message leaves
    empty stays: platforms leave out what an app may not see. Who is no member leaves nothing
    behind."""
    catalogue = await ledger.catalogues.newest(merchant_id)
    if news.is_new:
        for program in catalogue.programs.values():
            if program.enrol_new_customers and program.status == "active":
                enrol = Enrol(
                    program_id=program.id,
                    external_id=news.external_id,
                    email=news.email,
                    first_name=news.first_name,
                    last_name=news.last_name,
                )
                await ledger.submit(merchant_id, enrol)
    async with snapshot(ledger.runtime.pool) as view:
        members = await find_members(
            view, merchant_id, catalogue, external_id=news.external_id, email=None
        )
    if not members:
        return False

    async def change(_: Connection, known: _Customer, __: datetime) -> tuple[_Customer, str | None]:
        is_newer = known.seen is None or news.updated_at > known.seen.updated_at
        # Being new is told to nobody twice, and says nothing about who is newest.
        seen = replace(news, is_new=False) if is_newer else known.seen
        return _Customer(seen), news.external_id

    applied: CustomerSeen | None = None
    for _ in range(_ROUNDS_MAX):
        newest = await remember(
            ledger.runtime,
            merchant_id,
            source,
            "customer",
            news.external_id,
            blank=_Customer(),
            change=change,
        )
        assert newest.seen is not None, "the message itself was seen"
        if newest.seen == applied:
            break
        applied = newest.seen
        for program_id in members:
            follow = ChangeMember(
                program_id=program_id,
                member=MemberRef(external_id=applied.external_id),
                email=_known(applied.email),
                first_name=_known(applied.first_name),
                last_name=_known(applied.last_name),
            )
            await ledger.submit(merchant_id, follow)
    return True


def _known(text: str | None) -> str | UnsetType:
    return text or UNSET
