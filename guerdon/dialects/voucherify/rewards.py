"""Rewards: listed, shown, made, changed, opened and closed."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field, Value
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.offering import change, refuse_fixed
from guerdon.dialects.voucherify.translate_kinds import type_of
from guerdon.dialects.voucherify.translate_rewards import (
    STATUSES,
    new_template,
    reward_to_wire,
    template_of,
    terms_from_wire,
)
from guerdon.dialects.voucherify.wire_rewards import RewardBody, RewardChange
from guerdon.domain import assignment
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.ids import MerchantId, RewardId, TemplateId
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template, TemplateStatus
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.connection import Connection
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import find_template, list_templates

LIST = ListForm(
    cursor="lcrsrew",
    orders=("created_at", "name"),
    filters={
        "id": Field("id", "reward"),
        "name": Field("text"),
        "type": Field("enum", values=("MATERIAL", "DIGITAL")),
        "created_at": Field("moment"),
    },
)
# What may still be changed of what is no draft.
_FREE = frozenset(
    {
        "name",
        "metadata",
        "refunds",
        "validity_hours",
        "start_date",
        "end_date",
        "costs",
        "material",
        "digital",
        "purchase_limits",
    }
)


async def list_all(call: Call) -> Answer:
    """List a project's rewards, those of the program file too."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        there = await list_reward_templates(view, call.merchant_id, catalogue)
    return page_of(listing, there, _facts, lambda each: reward_to_wire(each, catalogue))


async def list_reward_templates(
    view: Connection, merchant_id: MerchantId, catalogue: Catalogue
) -> list[Template]:
    """List all rewards that stand for themselves, and those of the program file."""
    made = await list_templates(view, merchant_id)
    kept = [
        template_of(reward)
        for reward in catalogue.rewards.values()
        if reward.template_id is None and reward.archived_at is None
    ]
    return [*kept, *(each for each in made.values() if each.reward is not None)]


def _facts(template: Template) -> dict[str, Value]:
    assert template.reward is not None, "only rewards are listed"
    return {
        "id": template.id,
        "name": template.name,
        "type": type_of(template.reward),
        "created_at": template.created_at,
    }


async def find_reward_template(
    view: Connection, merchant_id: MerchantId, catalogue: Catalogue, number: int
) -> Template | None:
    """Find a reward by its number, be it a template or the program file's."""
    kept = catalogue.rewards.get(RewardId(number))
    if kept is not None and kept.template_id is None and kept.archived_at is None:
        return template_of(kept)
    template = await find_template(view, merchant_id, TemplateId(number))
    return None if template is None or template.reward is None else template


async def get_reward(call: Call) -> Answer:
    """Show one reward."""
    number = call.id(0, "reward")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        template = await find_reward_template(view, call.merchant_id, catalogue, number)
    if template is None:
        raise call.missing(0, "reward")
    return answer(200, reward_to_wire(template, catalogue))


async def create_reward(call: Call) -> Answer:
    """Make a reward, offered in no program yet."""
    body = call.decode(RewardBody)
    blank = new_template(body.name, "active" if body.status == "ACTIVE" else "draft")

    def act(shelf: Shelf) -> Template:
        wanted = terms_from_wire(shelf, blank, body, body.type)
        return assignment.create_template(shelf, wanted)

    return await _answer(call, act, "create")


async def update_reward(call: Call) -> Answer:
    """Change what the body names, in every program that offers the reward."""
    body = call.decode(RewardChange)
    number = call.id(0, "reward")

    def act(shelf: Shelf) -> Template:
        def edit(known: Template) -> Template:
            assert known.reward is not None, "it is a reward's"
            kind = type_of(known.reward)
            if known.status != "draft":
                free = _FREE | {"type"} if body.type == kind else _FREE
                refuse_fixed(body, free, STATUSES[known.status])
            wanted = kind if body.type is UNSET else body.type
            changed = terms_from_wire(shelf, known, body, wanted)
            return changed if body.name is UNSET else _named(changed, body.name)

        return assignment.change_template(shelf, "reward", number, edit)

    return await _answer(call, act, "update")


def _named(template: Template, name: str) -> Template:
    assert template.reward is not None, "it is a reward's"
    return replace(template, name=name, reward=replace(template.reward, name=name))


async def delete_reward(call: Call) -> Answer:
    """Delete a reward that no program offers."""
    number = call.id(0, "reward")
    return await _answer(
        call, lambda shelf: assignment.delete_template(shelf, "reward", number), "delete"
    )


async def activate_reward(call: Call) -> Answer:
    """Offer a reward, wherever it is assigned."""
    return await _move(call, "active", "activate")


async def deactivate_reward(call: Call) -> Answer:
    """Offer a reward no more."""
    return await _move(call, "inactive", "deactivate")


async def draft_reward(call: Call) -> Answer:
    """Make a reward a draft again."""
    return await _move(call, "draft", "draft")


async def _move(call: Call, status: TemplateStatus, verb: str) -> Answer:
    number = call.id(0, "reward")
    return await _answer(
        call, lambda shelf: assignment.move_template(shelf, "reward", number, status), verb
    )


async def _answer(call: Call, act: Callable[[Shelf], Template], verb: str) -> Answer:
    changed = await change(call, act, verb)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    return answer(200, reward_to_wire(changed, catalogue))
