"""Programs: listed, shown, made, changed, opened and closed."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import asdict, replace

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field, Value
from guerdon.dialects.voucherify.ids import write_id
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.offer_ids import find_program, reward_id, rule_id
from guerdon.dialects.voucherify.offering import change, refuse_fixed
from guerdon.dialects.voucherify.translate_programs import (
    STATUSES,
    assignments_from_wire,
    new_program,
    numbers_from_wire,
    program_to_wire,
    status_of,
    terms_from_wire,
)
from guerdon.dialects.voucherify.translate_rewards import stock_to_wire
from guerdon.dialects.voucherify.wire_offers import Id
from guerdon.dialects.voucherify.wire_programs import (
    NewProgram,
    ProgramBody,
    ProgramChange,
    RewardLink,
)
from guerdon.domain import assignment, offer
from guerdon.domain.catalogue import Program
from guerdon.domain.shelf import Shelf
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot

LIST = ListForm(
    cursor="lcrsprg",
    orders=("created_at", "name"),
    filters={
        "id": Field("id", "program"),
        "name": Field("text"),
        "status": Field("enum", values=tuple(STATUSES.values())),
        "created_at": Field("moment"),
    },
)
# What may still be changed of what is no draft.
_FREE = frozenset({"name", "end_date", "metadata"})


async def list_programs(call: Call) -> Answer:
    """List a project's programs."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    there = [each for each in catalogue.programs.values() if each.archived_at is None]
    return page_of(listing, there, _facts, program_to_wire)


def _facts(program: Program) -> dict[str, Value]:
    return {
        "id": program.id,
        "name": program.name,
        "status": status_of(program),
        "created_at": program.created_at,
    }


async def get_program(call: Call) -> Answer:
    """Show one program."""
    number = call.id(0, "program")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    program = find_program(catalogue, number)
    if program is None:
        raise call.missing(0, "program")
    return answer(200, program_to_wire(program))


async def create_program(call: Call) -> Answer:
    """Make a program with what it is to have from the beginning, all of it or nothing."""
    body = call.decode(ProgramBody)
    point_types = numbers_from_wire("point_type", body.card_definitions, ".card_definitions")
    rules = numbers_from_wire("rule", body.earning_rules, ".earning_rules")
    rewards = assignments_from_wire(body.rewards, ".rewards")

    def act(shelf: Shelf) -> NewProgram:
        wanted = terms_from_wire(new_program(body.name), body)
        number = offer.create_program(shelf, wanted).id
        offer.assign_point_types(shelf, number, assign=point_types)
        assignment.assign_rules(shelf, number, assign=rules)
        assignment.assign_rewards(shelf, number, assign=rewards)
        if body.status == "ACTIVE":
            offer.activate_program(shelf, number)
        return _made(shelf, shelf.put_program(replace(shelf.programs[number], updated_at=None)))

    return answer(200, await change(call, act, "create"))


def _made(shelf: Shelf, program: Program) -> NewProgram:
    return NewProgram(
        **asdict(program_to_wire(program)),
        card_definitions=[
            Id(id=write_id("card_definition", each)) for each in program.point_type_ids if each
        ],
        earning_rules=[
            Id(id=each)
            for each in dict.fromkeys(rule_id(rule) for rule in shelf.rules_in(program.id))
        ],
        rewards=[
            RewardLink(id=reward_id(each), stock=stock_to_wire(each, shelf.units_taken(each.id)))
            for each in shelf.rewards_in(program.id)
        ],
        tier_structures=[],
    )


async def update_program(call: Call) -> Answer:
    """Change what the body names."""
    body = call.decode(ProgramChange)
    number = call.id(0, "program")

    def edit(known: Program) -> Program:
        if known.status != "draft":
            refuse_fixed(body, _FREE, STATUSES[known.status])
        changed = terms_from_wire(known, body)
        return changed if body.name is UNSET else replace(changed, name=body.name)

    return await _answer(call, lambda shelf: offer.change_program(shelf, number, edit), "update")


async def delete_program(call: Call) -> Answer:
    """Close a program for good. What was assigned to it is so no longer; history stays."""
    number = call.id(0, "program")
    return await _answer(call, lambda shelf: offer.delete_program(shelf, number), "delete")


async def activate_program(call: Call) -> Answer:
    """Open a program."""
    number = call.id(0, "program")
    return await _answer(call, lambda shelf: offer.activate_program(shelf, number), "activate")


async def deactivate_program(call: Call) -> Answer:
    """Close a program."""
    number = call.id(0, "program")
    return await _answer(call, lambda shelf: offer.deactivate_program(shelf, number), "deactivate")


async def _answer(call: Call, act: Callable[[Shelf], Program], verb: str) -> Answer:
    return answer(200, program_to_wire(await change(call, act, verb)))
