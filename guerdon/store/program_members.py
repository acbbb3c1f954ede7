"""A program's members, as pages."""

from datetime import UTC, datetime

from msgspec import Struct, field

from guerdon.domain.enrolment import ERASED
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.domain.member import Member
from guerdon.store.connection import Connection, Record
from guerdon.store.members import member_of
from guerdon.store.statements import statements

_SQL = statements("program_members")

ID_END = 2**53
BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
END = datetime(9999, 12, 30, tzinfo=UTC)


class ProgramMember(Struct, frozen=True, gc=False):
    """A member, and whether they are excluded."""

    member: Member
    is_frozen: bool


class MemberConditions(Struct, frozen=True, kw_only=True):
    """Which members are wanted; what is None or says nothing asks for nothing. With `is_any` one of
    the conditions on the fields of `asked` is enough, else all must hold."""

    is_any: bool = False
    asked: frozenset[str] = frozenset()
    any_ids: list[int] | None = None
    no_ids: list[int] = []
    frozen: list[bool] = field(default_factory=lambda: [False, True])
    any_external_ids: list[str] | None = None
    no_external_ids: list[str] = []
    since: datetime | None = None
    before: datetime | None = None


class Sorting(Struct, frozen=True, kw_only=True):
    """What members are sorted by, `status` or `customer_id`, before their ids; and whether each of
    them falls. `after` is what the last page ended with."""

    first: str
    first_falls: bool
    second: str = ""
    second_falls: bool = False
    id_falls: bool
    after: tuple[str, str, int] | None = None


async def list_program_members_rising(
    view: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    wanted: MemberConditions,
    beyond: int,
    limit: int,
) -> list[ProgramMember]:
    """List a page of members in the order in which they came, beyond an id."""
    sql = _SQL["list_program_members_rising"]
    args = (program_id, *_conditions(wanted), beyond, limit)
    return _members(await view.fetch(sql, merchant_id, *args))


async def list_program_members_falling(
    view: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    wanted: MemberConditions,
    beyond: int,
    limit: int,
) -> list[ProgramMember]:
    """List a page of members, the latest first, beyond an id."""
    sql = _SQL["list_program_members_falling"]
    args = (program_id, *_conditions(wanted), beyond, limit)
    return _members(await view.fetch(sql, merchant_id, *args))


async def list_program_members_sorted(
    view: Connection,
    merchant_id: MerchantId,
    program_id: ProgramId,
    wanted: MemberConditions,
    sorting: Sorting,
    limit: int,
) -> list[ProgramMember]:
    """List a page of members by what ids do not say; the whole program is looked through."""
    sorts = (sorting.first, sorting.first_falls, sorting.second, sorting.second_falls)
    after = sorting.after or (None, None, None)
    args = (program_id, *_conditions(wanted), *sorts, sorting.id_falls, *after, limit)
    rows = await view.fetch(_SQL["list_program_members_sorted"], merchant_id, *args)
    return _members(rows)


def _members(rows: list[Record]) -> list[ProgramMember]:
    return [ProgramMember(member_of(row), row["is_frozen"]) for row in rows]


def _conditions(wanted: MemberConditions) -> tuple[object, ...]:
    return (
        ERASED,
        wanted.is_any,
        "id" in wanted.asked,
        wanted.any_ids,
        wanted.no_ids,
        "status" in wanted.asked,
        wanted.frozen,
        "customer_id" in wanted.asked,
        wanted.any_external_ids,
        wanted.no_external_ids,
        "created_at" in wanted.asked,
        wanted.since or BEGINNING,
        wanted.before or END,
    )
