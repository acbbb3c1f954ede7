"""What is assigned to a program: card definitions, earning rules, rewards with their stock."""

from collections.abc import Mapping

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Value
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.offer_ids import (
    find_program,
    rewards_of,
    rule_number,
    rules_of,
)
from guerdon.dialects.voucherify.offering import change
from guerdon.dialects.voucherify.translate_programs import (
    assignments_from_wire,
    numbers_from_wire,
    point_type_link,
    rule_link,
    stock_from_wire,
)
from guerdon.dialects.voucherify.translate_rewards import program_reward_to_wire
from guerdon.dialects.voucherify.wire_programs import (
    Batch,
    CardDefinitionsBatchAnswer,
    EarningRulesBatchAnswer,
    ProgramEarningRule,
    RewardsBatch,
    RewardsBatchAnswer,
    StockChange,
)
from guerdon.dialects.voucherify.wire_rewards import ProgramReward
from guerdon.domain import assignment, offer
from guerdon.domain.catalogue import Catalogue, EarningRule, Program, Reward
from guerdon.domain.ids import PointTypeId, RewardId
from guerdon.domain.shelf import Shelf
from guerdon.domain.state import Counter
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.connection import Connection
from guerdon.store.counters import list_counters
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import list_templates

CARD_DEFINITIONS = ListForm(cursor="lcrscdefa", as_id=())
EARNING_RULES = ListForm(cursor="lcrserna", as_id=())
REWARDS = ListForm(cursor="lcrsrewa", as_id=())


async def _program(call: Call, view: Connection) -> tuple[Catalogue, Program]:
    catalogue = await call.catalogue(view)
    program = find_program(catalogue, call.id(0, "program"))
    if program is None:
        raise call.missing(0, "program")
    return catalogue, program


async def list_card_definitions(call: Call) -> Answer:
    """List the card definitions of which a program's members have cards."""
    listing = read_listing(call, CARD_DEFINITIONS)
    async with snapshot(call.pool) as view:
        _, program = await _program(call, view)

    def facts(number: PointTypeId) -> dict[str, Value]:
        return {"id": number, "created_at": program.created_at}

    held = [each for each in program.point_type_ids if each]
    return page_of(listing, held, facts, lambda each: point_type_link(program, each))


async def assign_card_definitions(call: Call) -> Answer:
    """Take card definitions from a draft, then give it others."""
    body = call.decode(Batch)
    number = call.id(0, "program")
    assign = numbers_from_wire("point_type", body.assign, ".assign")
    unassign = numbers_from_wire("point_type", body.unassign, ".unassign")
    program = await change(
        call,
        lambda shelf: offer.assign_point_types(shelf, number, assign=assign, unassign=unassign),
        "assign or unassign",
    )
    told = CardDefinitionsBatchAnswer(
        assigned=None
        if body.assign is None
        else [point_type_link(program, PointTypeId(each)) for each in assign],
        unassigned=None
        if body.unassign is None
        else [point_type_link(program, PointTypeId(each)) for each in unassign],
    )
    return answer(200, told)


async def list_earning_rules(call: Call) -> Answer:
    """List the earning rules of a program."""
    listing = read_listing(call, EARNING_RULES)
    async with snapshot(call.pool) as view:
        catalogue, program = await _program(call, view)
    # Several of our rules may be one of the vendor's: its first stands for it.
    held = {rule_number(rule): rule for rule in reversed(rules_of(catalogue, program.id))}
    return page_of(listing, held.values(), _rule_facts, rule_link)


def _rule_facts(rule: EarningRule) -> dict[str, Value]:
    return {"id": rule_number(rule), "created_at": rule.created_at}


async def assign_earning_rules(call: Call) -> Answer:
    """Take earning rules from a program, then give it others."""
    body = call.decode(Batch)
    number = call.id(0, "program")
    assign = numbers_from_wire("rule", body.assign, ".assign")
    unassign = numbers_from_wire("rule", body.unassign, ".unassign")

    def act(shelf: Shelf) -> EarningRulesBatchAnswer:
        before = _rules_by_number(shelf, number)
        assignment.assign_rules(shelf, number, assign=assign, unassign=unassign)
        after = _rules_by_number(shelf, number)
        return EarningRulesBatchAnswer(
            assigned=None if body.assign is None else [after[each] for each in assign],
            unassigned=None if body.unassign is None else [before[each] for each in unassign],
        )

    return answer(200, await change(call, act, "assign or unassign"))


def _rules_by_number(shelf: Shelf, program_id: int) -> dict[int, ProgramEarningRule]:
    program = offer.get_program(shelf, program_id, is_changed=False)
    return {rule_number(rule): rule_link(rule) for rule in reversed(shelf.rules_in(program.id))}


async def list_rewards(call: Call) -> Answer:
    """List what a program offers, what is left of it, and what was taken."""
    listing = read_listing(call, REWARDS)
    async with snapshot(call.pool) as view:
        catalogue, program = await _program(call, view)
        held = rewards_of(catalogue, program.id)
        taken = await list_counters(view, call.merchant_id, [each.id for each in held])
        templates = await list_templates(view, call.merchant_id)

    def to_wire(reward: Reward) -> ProgramReward:
        return program_reward_to_wire(reward, _units(taken, reward), templates, catalogue)

    return page_of(listing, held, _reward_facts, to_wire)


def _reward_facts(reward: Reward) -> dict[str, Value]:
    return {"id": reward.id, "created_at": reward.created_at}


def _units(taken: Mapping[RewardId, Counter], reward: Reward) -> int:
    counter = taken.get(reward.id)
    return 0 if counter is None else counter.units_live


async def assign_rewards(call: Call) -> Answer:
    """Take rewards from a program, then give it others, each with its stock."""
    body = call.decode(RewardsBatch)
    number = call.id(0, "program")
    assign = assignments_from_wire(body.assign, ".assign")
    unassign = numbers_from_wire("reward", body.unassign, ".unassign")

    def act(shelf: Shelf) -> RewardsBatchAnswer:
        given, taken = assignment.assign_rewards(shelf, number, assign=assign, unassign=unassign)
        return RewardsBatchAnswer(
            assigned=None if body.assign is None else [_shown(shelf, each) for each in given],
            unassigned=None if body.unassign is None else [_shown(shelf, each) for each in taken],
        )

    return answer(200, await change(call, act, "assign or unassign"))


async def update_stock(call: Call) -> Answer:
    """Say how many units of a reward a program has left."""
    units_left = stock_from_wire(call.decode(StockChange).stock)
    number, reward = call.id(0, "program"), call.id(1, "reward")

    def act(shelf: Shelf) -> ProgramReward:
        return _shown(shelf, assignment.restock(shelf, number, reward, units_left))

    return answer(200, await change(call, act, "change stock of"))


def _shown(shelf: Shelf, reward: Reward) -> ProgramReward:
    units = shelf.units_taken(reward.id)
    return program_reward_to_wire(reward, units, shelf.templates, shelf.catalogue)
