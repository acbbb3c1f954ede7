"""What calls may do to a merchant's offers: the rules that hold whoever asks.

What the program file keeps is left to it. What is offered in programs is made of templates: those
stand for themselves, and all that was made of one follows it."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec.structs import replace

from guerdon.domain.catalogue import PointType, Program, Reward
from guerdon.domain.errors import Conflict
from guerdon.domain.ids import PointTypeId, ProgramId
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template

OfferKind = Literal["program", "point_type", "reward", "rule"]
Why = Literal[
    # There is no such thing, or not there.
    "unknown",
    # The program file keeps it.
    "kept_by_file",
    # Its status does not allow the move.
    "wrong_status",
    # Something rests on it.
    "in_use",
    # It is assigned already.
    "assigned",
    # The program is no draft.
    "program_not_draft",
    # The program would have no active one left.
    "last_active",
    # It has to be active, and is not.
    "not_active",
    # A point type that it names is not the program's.
    "point_type_not_offered",
    # It says no price.
    "no_cost",
    # There are too many of them.
    "too_many",
]
POINT_TYPES_MAX = 10
_NAME_LENGTH = 40
_PLAIN = re.compile(r"[^a-z0-9]+")


class OfferRefused(Conflict):
    """An offer cannot be changed like this; nothing was."""

    code = "offer_refused"

    def __init__(
        self,
        why: Why,
        kind: OfferKind,
        number: int = 0,
        *,
        status: str = "",
        others: Sequence[int] = (),
        of: OfferKind = "program",
    ) -> None:
        super().__init__(f"{kind} {number}: {why.replace('_', ' ')}")
        self.why = why
        self.kind = kind
        self.number = number
        self.status = status
        self.others = tuple(others)
        self.of = of


def slug_of(name: str, number: int) -> str:
    """Make a slug that no program file can give, since it holds a dot."""
    return f"{_plain(name)}.{number:x}"


def _plain(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _PLAIN.sub("-", ascii_name)[:_NAME_LENGTH].strip("-") or "unnamed"


def get_program(shelf: Shelf, program_id: int, *, is_changed: bool = True) -> Program:
    """Give a program that is there, and may be changed if it `is_changed`."""
    program = shelf.programs.get(ProgramId(program_id))
    if program is None or program.archived_at is not None:
        raise OfferRefused("unknown", "program", program_id)
    if is_changed and program.origin == "file":
        raise OfferRefused("kept_by_file", "program", program_id)
    return program


def create_program(shelf: Shelf, wanted: Program) -> Program:
    """Make a program, at first a draft without anything; id, slug, times and the time zone, which
    is the merchant's, are given here."""
    number = shelf.next_id()
    plain = _plain(wanted.name)
    taken = {program.slug for program in shelf.programs.values()}
    slug = next(
        each
        for each in (plain, *(f"{plain}-{count}" for count in range(2, len(taken) + 3)))
        if each not in taken
    )
    return shelf.put_program(
        replace(
            wanted,
            id=ProgramId(number),
            slug=slug,
            status="draft",
            timezone=shelf.merchant.timezone,
            origin="api",
            created_at=shelf.now,
            updated_at=None,
        )
    )


def change_program(shelf: Shelf, program_id: int, edit: Callable[[Program], Program]) -> Program:
    """Change a program by what `edit` makes of it; its status stays."""
    program = get_program(shelf, program_id)
    return _put_program(shelf, program, edit(program))


def _put_program(shelf: Shelf, known: Program, changed: Program) -> Program:
    if changed == known:
        return known
    return shelf.put_program(replace(changed, updated_at=shelf.now))


def activate_program(shelf: Shelf, program_id: int, *, is_new: bool = False) -> Program:
    """Open a program that has an active point type and an active rule."""
    program = get_program(shelf, program_id)
    if program.status == "active":
        raise OfferRefused("wrong_status", "program", program_id, status=program.status)
    if not _has_active_points(shelf, program):
        raise OfferRefused("last_active", "point_type", program_id)
    if not any(rule.is_active for rule in shelf.rules_in(program.id)):
        raise OfferRefused("last_active", "rule", program_id)
    active = replace(program, status="active")
    return shelf.put_program(active) if is_new else _put_program(shelf, program, active)


def deactivate_program(shelf: Shelf, program_id: int) -> Program:
    """Close a program that is active."""
    program = get_program(shelf, program_id)
    if program.status != "active":
        raise OfferRefused("wrong_status", "program", program_id, status=program.status)
    return _put_program(shelf, program, replace(program, status="inactive"))


def delete_program(shelf: Shelf, program_id: int) -> Program:
    """Close a program for good; it offers nothing any more. Members and history stay."""
    program = get_program(shelf, program_id)
    for reward in shelf.rewards_in(program.id):
        shelf.put_reward(replace(reward, archived_at=shelf.now))
    for rule in shelf.rules_in(program.id):
        shelf.put_rule(replace(rule, archived_at=shelf.now))
    gone = replace(program, status="inactive", archived_at=shelf.now)
    return _put_program(shelf, program, gone)


def _has_active_points(shelf: Shelf, program: Program) -> bool:
    held = (shelf.point_types.get(each) for each in program.point_type_ids)
    return any(each is not None and each.status == "active" for each in held)


def assign_point_types(
    shelf: Shelf,
    program_id: int,
    *,
    assign: Sequence[int] = (),
    unassign: Sequence[int] = (),
) -> Program:
    """Take point types from a draft program, then give it others. The first is its default one."""
    program = get_program(shelf, program_id)
    if program.status != "draft":
        raise OfferRefused("program_not_draft", "point_type", program_id)
    held = [each for each in program.point_type_ids if each]
    for number in unassign:
        if number not in held:
            raise OfferRefused("unknown", "point_type", number)
        held.remove(PointTypeId(number))
    for number in assign:
        get_point_type(shelf, number, is_changed=False)
        if number in held:
            raise OfferRefused("assigned", "point_type", number)
        held.append(PointTypeId(number))
    if len(held) > POINT_TYPES_MAX:
        raise OfferRefused("too_many", "point_type", program_id)
    changed = replace(
        program,
        point_type_id=held[0] if held else PointTypeId(0),
        further_point_type_ids=tuple(held[1:]),
    )
    for reward in shelf.rewards_in(program.id):
        check_costs(changed, reward)
    return _put_program(shelf, program, changed)


def get_point_type(shelf: Shelf, number: int, *, is_changed: bool = True) -> PointType:
    """Give a point type that is there, and may be changed if it `is_changed`."""
    point_type = shelf.point_types.get(PointTypeId(number))
    if point_type is None or point_type.status == "archived":
        raise OfferRefused("unknown", "point_type", number)
    if is_changed and point_type.origin == "file":
        raise OfferRefused("kept_by_file", "point_type", number)
    return point_type


def create_point_type(shelf: Shelf, wanted: PointType) -> PointType:
    """Make a point type; id, slug and times are given here."""
    number = shelf.next_id()
    return shelf.put_point_type(
        replace(
            wanted,
            id=PointTypeId(number),
            slug=slug_of(wanted.name, number),
            origin="api",
            created_at=shelf.now,
            updated_at=None,
        )
    )


def change_point_type(
    shelf: Shelf, number: int, edit: Callable[[PointType], PointType]
) -> PointType:
    """Change a point type by what `edit` makes of it; its status stays."""
    known = get_point_type(shelf, number)
    changed = edit(known)
    if changed == known:
        return known
    return shelf.put_point_type(replace(changed, updated_at=shelf.now))


def activate_point_type(shelf: Shelf, number: int) -> PointType:
    """Open a draft."""
    known = get_point_type(shelf, number)
    if known.status != "draft":
        raise OfferRefused("wrong_status", "point_type", number, status=known.status)
    return shelf.put_point_type(replace(known, status="active", updated_at=shelf.now))


def draft_point_type(shelf: Shelf, number: int) -> PointType:
    """Make an active one a draft again, unless a program that is no draft has it."""
    known = get_point_type(shelf, number)
    if known.status != "active":
        raise OfferRefused("wrong_status", "point_type", number, status=known.status)
    live = [program.id for program in _programs_of(shelf, known.id) if program.status != "draft"]
    if live:
        raise OfferRefused("program_not_draft", "point_type", number, others=live)
    return shelf.put_point_type(replace(known, status="draft", updated_at=shelf.now))


def delete_point_type(shelf: Shelf, number: int) -> PointType:
    """Delete a point type that nothing names."""
    known = get_point_type(shelf, number)
    users: list[tuple[OfferKind, list[int]]] = [
        ("program", [program.id for program in _programs_of(shelf, known.id)]),
        ("reward", _templates_naming(shelf, known.id, are_rewards=True)),
        ("rule", _templates_naming(shelf, known.id, are_rewards=False)),
    ]
    for kind, others in users:
        if others:
            raise OfferRefused("in_use", "point_type", number, others=others, of=kind)
    return shelf.put_point_type(replace(known, status="archived", updated_at=shelf.now))


def _programs_of(shelf: Shelf, point_type_id: PointTypeId) -> list[Program]:
    return [
        program
        for program in shelf.programs.values()
        if program.archived_at is None and point_type_id in program.point_type_ids
    ]


def _templates_naming(shelf: Shelf, number: PointTypeId, *, are_rewards: bool) -> list[int]:
    return sorted(
        template.id
        for template in shelf.templates.values()
        if template.status != "deleted"
        and (template.reward is not None) == are_rewards
        and number in point_types_of(template, shelf)
    )


def point_types_of(template: Template, shelf: Shelf) -> set[PointTypeId]:
    """List the point types that a template names: what it costs, and what it gives."""
    if template.reward is None:
        return {rule.point_type_id for rule in template.rules}
    named = {cost.point_type_id for cost in template.reward.costs}
    named |= {
        each.id
        for each in shelf.point_types.values()
        if each.slug == template.reward.credit_point_type
    }
    return named


def check_costs(program: Program, reward: Reward) -> None:
    """A program offers nothing for points that its members do not have."""
    for cost in reward.costs:
        if cost.point_type_id not in program.point_type_ids:
            raise OfferRefused("point_type_not_offered", "reward", cost.point_type_id)
