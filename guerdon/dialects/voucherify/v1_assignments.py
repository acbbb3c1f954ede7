"""What a campaign of the older API offers, and for how many points."""

from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_v1
from guerdon.dialects.voucherify import wire_v1_offers as w
from guerdon.dialects.voucherify.call import Call, empty_answer
from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.dialects.voucherify.lists import read_page
from guerdon.dialects.voucherify.offer_ids import reward_number, rewards_of
from guerdon.dialects.voucherify.problems import invalid_payload, not_found, unsupported
from guerdon.dialects.voucherify.translate_v1_offers import assignment_to_wire
from guerdon.dialects.voucherify.v1_holders import find_campaign
from guerdon.dialects.voucherify.v1_offering import change, kept_by_file
from guerdon.dialects.voucherify.v1_rewards import show_reward
from guerdon.domain.assignment import Assignment, assign_rewards, get_template
from guerdon.domain.catalogue import Program, Reward
from guerdon.domain.ids import TemplateId
from guerdon.domain.shelf import Shelf
from guerdon.domain.terms import Cost
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.snapshot import snapshot

AT_ONCE_MAX = 100
LIST_QUERY = (
    Parameter("limit", "integer", "1 to 100", default=10),
    Parameter("page", "integer", "Counts from 1", default=1),
    Parameter("assignment_id", "string", "Only this assignment"),
)


async def list_assignments(call: Call) -> Answer:
    """List what a campaign offers."""
    asked = read_page(call)
    named = call.query.get("assignment_id") or None
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    program = find_campaign(catalogue, call.path[0])
    rewards = rewards_of(catalogue, program.id)
    if named is not None:
        rewards = [reward for reward in rewards if reward.id == read_id("assignment", named)]
    rows = rewards[asked.skip : asked.skip + asked.limit]
    shown = [assignment_to_wire(reward) for reward in rows]
    return answer(200, wire_v1.PageOf[w.Assignment](data=shown, total=len(rewards)))


async def get_assignment(call: Call) -> Answer:
    """Show one thing that a campaign offers."""
    _, reward = await _find(call)
    return answer(200, assignment_to_wire(reward))


async def get_assigned_reward(call: Call) -> Answer:
    """Show the reward of an assignment."""
    _, reward = await _find(call)
    return await show_reward(call, reward_number(reward))


async def _find(call: Call) -> tuple[Program, Reward]:
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    program = find_campaign(catalogue, call.path[0])
    number = read_id("assignment", call.path[1])
    for reward in rewards_of(catalogue, program.id):
        if reward.id == number:
            return program, reward
    raise not_found("reward_assignment", call.path[1])


async def assign_some(call: Call) -> Answer:
    """Have a campaign offer rewards: all of those that are named, or none. The answer shows the
    only one, or a list of several."""
    given = call.value()
    bodies = call.decode(list[w.AssignmentBody])
    if not 1 <= len(bodies) <= AT_ONCE_MAX:
        raise invalid_payload(f"Payload must have 1 to {AT_ONCE_MAX} items")
    for place, body in enumerate(bodies):
        _refuse_unkept(body.parameters, f"[{place}]")
        if body.validation_rules:
            raise unsupported(f"[{place}].validation_rules")
    async with snapshot(call.pool) as view:
        program = find_campaign(await call.catalogue(view), call.path[0])
    numbers = [_reward_number(body.reward) for body in bodies]

    def act(shelf: Shelf) -> list[Reward]:
        wanted = []
        for body, number in zip(bodies, numbers, strict=True):
            template = get_template(shelf, "reward", number)
            assert template.reward is not None, "it was asked for as a reward"
            stock = template.reward.stock
            if stock is not None and shelf.rewards_made_of(template.id):
                raise unsupported(".stock", "holds in one campaign, and the reward is in another")
            points_of = shelf.programs[program.id].point_type_id
            cost = Cost(points=body.parameters.loyalty.points, point_type_id=points_of)
            wanted.append(Assignment(template_id=template.id, stock=stock, costs=(cost,)))
        made, _ = assign_rewards(shelf, program.id, assign=wanted)
        return made

    made = await change(call, act, "assign")
    assert isinstance(given, list), "it was decoded as one"
    shown = [assignment_to_wire(reward) for reward in made]
    if len(shown) == 1:
        return answer(200, shown[0])
    return answer(200, wire_v1.PageOf[w.Assignment](data=shown, total=len(shown)))


def _reward_number(named: str) -> TemplateId:
    number = read_id("v1_reward", named)
    if number is None:
        raise not_found("reward", named)
    return TemplateId(number)


async def update_assignment(call: Call) -> Answer:
    """Change what a reward costs in a campaign."""
    body = call.decode(w.AssignmentChange)
    _refuse_unkept(body.parameters, "")
    program, known = await _find(call)

    def act(shelf: Shelf) -> Reward:
        reward = _live(shelf, known)
        points_of = shelf.programs[program.id].point_type_id
        cost = Cost(points=body.parameters.loyalty.points, point_type_id=points_of)
        return shelf.put_reward(
            replace(reward, costs=(cost,), points_cost=cost.points, point_type_id=points_of)
        )

    return answer(200, assignment_to_wire(await change(call, act, "update")))


async def delete_assignment(call: Call) -> Answer:
    """Have a campaign offer a reward no more."""
    program, known = await _find(call)

    def act(shelf: Shelf) -> None:
        reward = _live(shelf, known)
        assign_rewards(shelf, program.id, unassign=[reward_number(reward)])

    await change(call, act, "delete")
    return empty_answer()


def _live(shelf: Shelf, known: Reward) -> Reward:
    """Give the assignment as it stands now, if it may be changed by calls."""
    reward = shelf.rewards.get(known.id)
    named = write_id("assignment", known.id)
    if reward is None or reward.archived_at is not None:
        raise not_found("reward_assignment", named)
    if reward.template_id is None:
        raise kept_by_file("change", "reward assignment", named)
    return reward


def _refuse_unkept(parameters: w.AssignmentTerms, path: str) -> None:
    if parameters.loyalty.auto_redeem:
        raise unsupported(f"{path}.parameters.loyalty.auto_redeem")
