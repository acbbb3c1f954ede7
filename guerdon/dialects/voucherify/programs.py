"""Programs: listed, shown, made, changed."""

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.wire_programs import Program as WireProgram
from guerdon.dialects.voucherify.wire_programs import Status
from guerdon.domain.catalogue import Program, ProgramStatus
from guerdon.http.asgi import Answer
from guerdon.store.snapshot import snapshot

_STATUSES: dict[ProgramStatus, Status] = {
    "draft": "DRAFT",
    "active": "ACTIVE",
    "inactive": "INACTIVE",
}
LIST = ListForm(
    cursor="lcrsprg",
    orders=("created_at", "name"),
    filters={
        "id": Field("id", "program"),
        "name": Field("text"),
        "status": Field("enum", values=tuple(_STATUSES.values())),
    },
)


async def list_programs(call: Call) -> Answer:
    """List a project's programs."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    return page_of(listing, catalogue.programs.values(), _facts, _program)


def _facts(program: Program) -> dict[str, str | int]:
    return {"id": program.id, "name": program.name, "status": _STATUSES[program.status]}


def _program(program: Program) -> WireProgram:
    return WireProgram(
        id=write_id("program", program.id),
        name=program.name,
        status=_STATUSES[program.status],
        metadata={},
    )
