"""Rewards in the older API, which stand for themselves: listed, shown, made, changed, deleted."""

from msgspec.structs import replace

from guerdon.dialects.voucherify import wire_v1
from guerdon.dialects.voucherify import wire_v1_offers as w
from guerdon.dialects.voucherify.call import Call, empty_answer
from guerdon.dialects.voucherify.ids import read_id
from guerdon.dialects.voucherify.lists import read_page
from guerdon.dialects.voucherify.problems import invalid_query, not_found
from guerdon.dialects.voucherify.translate_rewards import new_template, template_of
from guerdon.dialects.voucherify.translate_v1_offers import (
    assignment_to_wire,
    reward_to_wire,
    terms_of,
)
from guerdon.dialects.voucherify.v1_holders import find_holder
from guerdon.dialects.voucherify.v1_offering import change
from guerdon.dialects.voucherify.v1_redemptions import is_paid_with
from guerdon.domain.assignment import change_template, create_template, delete_template
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.command import Done, Redeem, Redeemed
from guerdon.domain.ids import RewardId, TemplateId
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template
from guerdon.engine.examining import examine
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.http.openapi import Parameter
from guerdon.store.connection import Connection
from guerdon.store.counters import list_counters
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import list_templates

LIST_QUERY = (
    Parameter("limit", "integer", "1 to 100", default=10),
    Parameter("page", "integer", "Counts from 1", default=1),
    Parameter("assignment_id", "string", "Only the reward of this assignment"),
)
CARD_QUERY = (
    Parameter(
        "affordable_only",
        "string",
        "Only what the card can be spent on now",
        default="false",
        values=("true", "false"),
    ),
)


async def list_rewards(call: Call) -> Answer:
    """List all rewards, also those that no campaign offers."""
    asked = read_page(call)
    named = call.query.get("assignment_id") or None
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        known = await _all_templates(call, view, catalogue)
        if named is not None:
            reward = catalogue.rewards.get(RewardId(read_id("assignment", named) or 0))
            number = 0 if reward is None else reward.template_id or reward.id
            known = [template for template in known if template.id == number]
        rows = known[asked.skip : asked.skip + asked.limit]
        taken = await _taken(call, view, catalogue, rows)
    shown = [reward_to_wire(each, catalogue, taken.get(each.id)) for each in rows]
    return answer(200, wire_v1.PageOf[w.Reward](data=shown, total=len(known)))


async def get_reward(call: Call) -> Answer:
    """Show a reward."""
    return await show_reward(call, read_id("v1_reward", call.path[0]))


async def show_reward(call: Call, number: int | None) -> Answer:
    """Show the reward with this number."""
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        known = await _all_templates(call, view, catalogue)
        found = next((template for template in known if template.id == number), None)
        if found is None:
            raise not_found("reward", call.path[-1])
        taken = await _taken(call, view, catalogue, [found])
    return answer(200, reward_to_wire(found, catalogue, taken.get(found.id)))


async def _all_templates(call: Call, view: Connection, catalogue: Catalogue) -> list[Template]:
    """List what can be offered, by id. What the program file keeps is its own template."""
    own = [
        template_of(reward)
        for reward in catalogue.rewards.values()
        if reward.template_id is None and reward.archived_at is None
    ]
    made = await list_templates(view, call.merchant_id)
    theirs = [template for template in made.values() if template.reward is not None]
    return sorted((*own, *theirs), key=lambda template: template.id)


async def _taken(
    call: Call, view: Connection, catalogue: Catalogue, templates: list[Template]
) -> dict[TemplateId, int]:
    """Count what was taken of each reward in all campaigns, where it can run out at all."""
    wanted = {template.id for template in templates}
    numbers = {
        reward.id: TemplateId(reward.template_id or reward.id)
        for reward in catalogue.rewards.values()
        if (reward.template_id or reward.id) in wanted
    }
    counted = await list_counters(view, call.merchant_id, list(numbers))
    taken = {each.id: 0 for each in templates if each.reward and each.reward.stock is not None}
    for reward_id, counter in counted.items():
        if catalogue.rewards[reward_id].is_counted:
            number = numbers[reward_id]
            taken[number] = taken.get(number, 0) + counter.units_live
    return taken


async def create_reward(call: Call) -> Answer:
    """Make a reward; a campaign that is to offer it says what it costs."""
    body = call.decode(w.RewardBody)

    def act(shelf: Shelf) -> Template:
        wanted = new_template(body.name, "active")
        return create_template(shelf, terms_of(shelf, wanted, body))

    made = await change(call, act, "create")
    return await _answer(call, made)


async def update_reward(call: Call) -> Answer:
    """Change a reward, and with it what campaigns offer of it."""
    body = call.decode(w.RewardChange)
    number = read_id("v1_reward", call.path[0])
    if number is None:
        raise not_found("reward", call.path[0])

    def act(shelf: Shelf) -> Template:
        changed = change_template(
            shelf, "reward", number, lambda known: terms_of(shelf, known, body)
        )
        assert changed.reward is not None, "it is a reward's"
        for made in shelf.rewards_made_of(changed.id):
            if isinstance(body.stock, int) or body.stock is None:
                shelf.put_reward(_stocked(made, changed.reward.stock))
        return changed

    return await _answer(call, await change(call, act, "update"))


def _stocked(reward: Reward, stock: int | None) -> Reward:
    return replace(reward, stock=stock)


async def delete_reward(call: Call) -> Answer:
    """Delete a reward that no campaign offers."""
    number = read_id("v1_reward", call.path[0])
    if number is None:
        raise not_found("reward", call.path[0])
    await change(call, lambda shelf: delete_template(shelf, "reward", number), "delete")
    return empty_answer()


async def _answer(call: Call, template: Template) -> Answer:
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        taken = await _taken(call, view, catalogue, [template])
    return answer(200, reward_to_wire(template, catalogue, taken.get(template.id)))


async def list_card_rewards(call: Call) -> Answer:
    """List the rewards that a card's points can be spent on; with `affordable_only` those that can
    be taken now: enough points, stock, limits, and all else that is looked at."""
    only = _is_true(call)
    async with snapshot(call.pool) as view:
        holder = await find_holder(call, view, card=0)
        offered = [
            reward
            for reward in sorted(holder.catalogue.rewards.values(), key=lambda each: each.id)
            if reward.program_id == holder.program.id
            and reward.archived_at is None
            and reward.status == "active"
            and is_paid_with(reward, holder)
        ]
        known = {each.id: each for each in await _all_templates(call, view, holder.catalogue)}
    if only and offered:
        commands = [
            Redeem(program_id=holder.program.id, member=holder.ref, reward_id=reward.id)
            for reward in offered
        ]
        outcomes = await examine(call.ledger, call.merchant_id, commands)
        offered = [
            reward
            for reward, outcome in zip(offered, outcomes, strict=True)
            if isinstance(outcome, Done)
            and isinstance(outcome.result, Redeemed)
            and outcome.result.redemption.wallet_id == holder.card.id
        ]
    async with snapshot(call.pool) as view:
        templates = [known[TemplateId(each.template_id or each.id)] for each in offered]
        taken = await _taken(call, view, holder.catalogue, templates)
    shown = [
        w.OfferedReward(
            reward=reward_to_wire(template, holder.catalogue, taken.get(template.id)),
            assignment=assignment_to_wire(reward, holder.card.point_type_id),
        )
        for reward, template in zip(offered, templates, strict=True)
    ]
    return answer(200, wire_v1.PageOf[w.OfferedReward](data=shown, total=len(shown)))


def _is_true(call: Call) -> bool:
    text = call.query.get("affordable_only", "").lower()
    if text not in ("", "true", "false"):
        raise invalid_query("Property .affordable_only must be boolean")
    return text == "true"
