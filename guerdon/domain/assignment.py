"""Rewards and earning rules as templates, and what of them is assigned to programs."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import EarningRule, Program, Reward, RewardStatus
from guerdon.domain.ids import ProgramId, RewardId, RewardVersionId, RuleId, TemplateId
from guerdon.domain.offer import (
    OfferKind,
    OfferRefused,
    check_costs,
    get_point_type,
    get_program,
    point_types_of,
    slug_of,
)
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template, TemplateStatus
from guerdon.domain.terms import Cost

REWARDS_MAX = 100
RULES_MAX = 100
_STATUSES: dict[TemplateStatus, RewardStatus] = {
    "draft": "draft",
    "active": "active",
    "inactive": "inactive",
    "deleted": "inactive",
}


class Assignment(Struct, frozen=True, kw_only=True):
    """A reward that a program is to offer. `stock` None is without end; `costs` are the program's
    own, in place of the template's."""

    template_id: TemplateId
    stock: int | None = None
    costs: tuple[Cost, ...] = ()


def get_template(shelf: Shelf, kind: OfferKind, number: int) -> Template:
    """Give a template that is there; what the file keeps is its own template, and not changed."""
    template = shelf.templates.get(TemplateId(number))
    is_reward = kind == "reward"
    if template is None or template.status == "deleted":
        kept: Reward | EarningRule | None = (
            shelf.rewards.get(RewardId(number)) if is_reward else shelf.rules.get(RuleId(number))
        )
        is_kept = kept is not None and kept.archived_at is None and kept.template_id is None
        raise OfferRefused("kept_by_file" if is_kept else "unknown", kind, number)
    if (template.reward is not None) != is_reward:
        raise OfferRefused("unknown", kind, number)
    return template


def create_template(shelf: Shelf, wanted: Template) -> Template:
    """Make a template, assigned to nothing yet; id and times are given here."""
    number = TemplateId(shelf.next_id())
    template = replace(wanted, id=number, created_at=shelf.now, updated_at=None)
    _check_links(shelf, template)
    return shelf.put_template(template)


def change_template(
    shelf: Shelf, kind: OfferKind, number: int, edit: Callable[[Template], Template]
) -> Template:
    """Change a template by what `edit` makes of it, and with it all that was made of it."""
    known = get_template(shelf, kind, number)
    changed = edit(known)
    if changed == known:
        return known
    _check_links(shelf, changed)
    changed = shelf.put_template(replace(changed, updated_at=shelf.now))
    _follow(shelf, known, changed)
    return changed


_MOVES: dict[TemplateStatus, tuple[TemplateStatus, ...]] = {
    "active": ("draft", "inactive"),
    "inactive": ("active",),
    "draft": ("active",),
}


def move_template(shelf: Shelf, kind: OfferKind, number: int, status: TemplateStatus) -> Template:
    """Give a template another status. None becomes a draft again that is offered in a program which
    is none."""
    known = get_template(shelf, kind, number)
    if known.status not in _MOVES[status]:
        raise OfferRefused("wrong_status", kind, number, status=known.status)
    if status == "draft":
        holders = programs_holding(shelf, known)
        live = [each for each in holders if shelf.programs[each].status != "draft"]
        if live:
            raise OfferRefused("program_not_draft", kind, number, others=live)
    changed = shelf.put_template(replace(known, status=status, updated_at=shelf.now))
    _check_links(shelf, changed)
    _follow(shelf, known, changed)
    return changed


def delete_template(shelf: Shelf, kind: OfferKind, number: int) -> Template:
    """Delete a template that no program offers."""
    known = get_template(shelf, kind, number)
    holders = programs_holding(shelf, known)
    if holders:
        raise OfferRefused("in_use", kind, number, others=holders, of="program")
    return shelf.put_template(replace(known, status="deleted", updated_at=shelf.now))


def programs_holding(shelf: Shelf, template: Template) -> list[ProgramId]:
    """List the programs that offer what was made of a template."""
    made = (
        shelf.rules_made_of(template.id)
        if template.reward is None
        else shelf.rewards_made_of(template.id)
    )
    return sorted({each.program_id for each in made})


def _check_links(shelf: Shelf, template: Template) -> None:
    """What a template names is there; and active, where the template is."""
    for number in sorted(point_types_of(template, shelf)):
        point_type = get_point_type(shelf, number, is_changed=False)
        if template.status == "active" and point_type.status != "active":
            raise OfferRefused("not_active", "point_type", number)


def _follow(shelf: Shelf, known: Template, changed: Template) -> None:
    """Change what was made of a template as it was changed. A program's own price stays."""
    for made in shelf.rewards_made_of(changed.id):
        assert known.reward is not None, "it is a reward's"
        assert changed.reward is not None, "it stays one"
        costs = changed.reward.costs if made.costs == known.reward.costs else made.costs
        reward = _made(changed.reward, made, changed, costs)
        check_costs(shelf.programs[made.program_id], reward)
        shelf.put_reward(reward)
    for program_id in sorted({each.program_id for each in shelf.rules_made_of(changed.id)}):
        _put_rules(shelf, shelf.programs[program_id], changed)


def _made(wanted: Reward, made: Reward, template: Template, costs: tuple[Cost, ...]) -> Reward:
    """Give what a template wants to a reward that keeps what is its own."""
    if not costs:
        raise OfferRefused("no_cost", "reward", template.id)
    return replace(
        wanted,
        id=made.id,
        version_id=made.version_id,
        program_id=made.program_id,
        slug=made.slug,
        status=_STATUSES[template.status],
        costs=costs,
        points_cost=costs[0].points,
        point_type_id=costs[0].point_type_id,
        stock=made.stock,
        max_redemptions=made.max_redemptions,
        position=made.position,
        template_id=template.id,
        origin="api",
        created_at=made.created_at,
        updated_at=made.updated_at,
        archived_at=made.archived_at,
    )


def assign_rewards(
    shelf: Shelf,
    program_id: int,
    *,
    assign: Sequence[Assignment] = (),
    unassign: Sequence[int] = (),
) -> tuple[list[Reward], list[Reward]]:
    """Take rewards from a program, then give it others; give those, and what was taken.

    A reward that was taken and is given again goes on where it was."""
    program = get_program(shelf, program_id, is_changed=False)
    taken = []
    for number in unassign:
        reward = find_assigned(shelf, program, number)
        if reward.template_id is None:
            raise OfferRefused("kept_by_file", "reward", number)
        taken.append(shelf.put_reward(replace(reward, archived_at=shelf.now)))
    given = [_assign_reward(shelf, program, each) for each in assign]
    if len(shelf.rewards_in(program.id)) > REWARDS_MAX:
        raise OfferRefused("too_many", "reward", program_id)
    return given, taken


def find_assigned(shelf: Shelf, program: Program, number: int) -> Reward:
    """Give the reward of a program that a template's number, or its own, names."""
    for reward in shelf.rewards_in(program.id):
        if number in (reward.template_id, reward.id) and (
            reward.template_id is None or reward.template_id == number
        ):
            return reward
    raise OfferRefused("unknown", "reward", number)


def _assign_reward(shelf: Shelf, program: Program, wanted: Assignment) -> Reward:
    number = wanted.template_id
    for each in shelf.rewards_in(program.id):
        if number == (each.template_id or each.id):
            raise OfferRefused("assigned", "reward", number)
    template = get_template(shelf, "reward", number)
    assert template.reward is not None, "it was asked for as a reward"
    before = [
        each
        for each in shelf.rewards.values()
        if each.template_id == number and each.program_id == program.id
    ]
    made = before[0] if before else _blank(shelf, program, template, template.reward)
    reward = _made(template.reward, made, template, wanted.costs or template.reward.costs)
    check_costs(program, reward)
    return shelf.put_reward(
        replace(
            reward,
            stock=_stock(shelf, reward, wanted.stock),
            created_at=shelf.now,
            updated_at=shelf.now,
            archived_at=None,
        )
    )


def _blank(shelf: Shelf, program: Program, template: Template, wanted: Reward) -> Reward:
    number = shelf.next_id()
    return replace(
        wanted,
        id=RewardId(number),
        version_id=RewardVersionId(0),
        program_id=program.id,
        slug=slug_of(template.name, number),
        position=len(shelf.rewards_in(program.id)) + 1,
    )


def _stock(shelf: Shelf, reward: Reward, units_left: int | None) -> int | None:
    """Count a stock from the beginning, as rewards have it."""
    return None if units_left is None else shelf.units_taken(reward.id) + units_left


def restock(shelf: Shelf, program_id: int, number: int, units_left: int | None) -> Reward:
    """Say how many units a program has left of a reward; None is without end."""
    program = get_program(shelf, program_id, is_changed=False)
    reward = find_assigned(shelf, program, number)
    if reward.template_id is None:
        raise OfferRefused("kept_by_file", "reward", number)
    return shelf.put_reward(replace(reward, stock=_stock(shelf, reward, units_left)))


def assign_rules(
    shelf: Shelf,
    program_id: int,
    *,
    assign: Sequence[int] = (),
    unassign: Sequence[int] = (),
) -> None:
    """Take earning rules from a program, then give it others. An active one keeps one that is."""
    program = get_program(shelf, program_id, is_changed=False)
    for number in unassign:
        held = _rules_of(shelf, program, number)
        if not held:
            raise OfferRefused("unknown", "rule", number)
        if any(rule.template_id is None for rule in held):
            raise OfferRefused("kept_by_file", "rule", number)
        for rule in held:
            shelf.put_rule(replace(rule, archived_at=shelf.now))
    for number in assign:
        if _rules_of(shelf, program, number):
            raise OfferRefused("assigned", "rule", number)
        _put_rules(shelf, program, get_template(shelf, "rule", number))
    numbers = {rule.template_id or rule.id for rule in shelf.rules_in(program.id)}
    if len(numbers) > RULES_MAX:
        raise OfferRefused("too_many", "rule", program_id)
    is_active = program.origin == "api" and program.status == "active"
    if is_active and not any(rule.is_active for rule in shelf.rules_in(program.id)):
        raise OfferRefused("last_active", "rule", program_id)


def _rules_of(shelf: Shelf, program: Program, number: int) -> list[EarningRule]:
    return [rule for rule in shelf.rules_in(program.id) if number == (rule.template_id or rule.id)]


def _put_rules(shelf: Shelf, program: Program, template: Template) -> None:
    """Make a program's rules of this template equal to it, one by one; what is too much goes."""
    made = sorted(
        (
            rule
            for rule in shelf.rules.values()
            if rule.template_id == template.id and rule.program_id == program.id
        ),
        key=lambda rule: rule.id,
    )
    for place, wanted in enumerate(template.rules):
        if wanted.point_type_id not in (0, *program.point_type_ids):
            raise OfferRefused("point_type_not_offered", "rule", wanted.point_type_id)
        before = made[place] if place < len(made) else None
        number = shelf.next_id() if before is None else before.id
        is_live = before is not None and before.archived_at is None
        shelf.put_rule(
            replace(
                wanted,
                id=RuleId(number),
                program_id=program.id,
                slug=before.slug if before else slug_of(template.name, number),
                is_active=template.status == "active",
                template_id=template.id,
                origin="api",
                created_at=before.created_at if before and is_live else shelf.now,
                updated_at=before.updated_at if before and is_live else shelf.now,
                archived_at=None,
            )
        )
    for rule in made[len(template.rules) :]:
        if rule.archived_at is None:
            shelf.put_rule(replace(rule, archived_at=shelf.now))
