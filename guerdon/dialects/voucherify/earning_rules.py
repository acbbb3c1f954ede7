"""Earning rules: listed, shown, made, changed, opened and closed."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from guerdon.dialects.voucherify.call import Call
from guerdon.dialects.voucherify.filters import Field, Value
from guerdon.dialects.voucherify.lists import ListForm, page_of, read_listing
from guerdon.dialects.voucherify.offering import change, refuse_fixed
from guerdon.dialects.voucherify.translate_rewards import STATUSES
from guerdon.dialects.voucherify.translate_rules import (
    new_template,
    rule_to_wire,
    template_of,
    terms_from_wire,
    with_earnings,
    with_name,
    with_trigger,
)
from guerdon.dialects.voucherify.wire_earning_rules import EarningRuleBody, EarningRuleChange
from guerdon.domain import assignment
from guerdon.domain.ids import RuleId, TemplateId
from guerdon.domain.shelf import Shelf
from guerdon.domain.template import Template, TemplateStatus
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot
from guerdon.store.templates import find_template, list_templates

LIST = ListForm(
    cursor="lcrsern",
    orders=("created_at", "name"),
    filters={
        "id": Field("id", "earning_rule"),
        "name": Field("text"),
        "status": Field("enum", values=("DRAFT", "ACTIVE", "INACTIVE")),
        "created_at": Field("moment"),
    },
)
# What may still be changed of what is no draft.
_FREE = frozenset(
    {
        "name",
        "earnings",
        "error",
        "validity_hours",
        "start_date",
        "end_date",
        "trigger_limits",
        "earning_limits",
        "metadata",
    }
)


async def list_all(call: Call) -> Answer:
    """List a project's earning rules, those of the program file too."""
    listing = read_listing(call, LIST)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        made = await list_templates(view, call.merchant_id)
    kept = [
        template_of(rule)
        for rule in catalogue.rules.values()
        if rule.template_id is None and rule.archived_at is None
    ]
    there = [*kept, *(each for each in made.values() if each.rules)]
    return page_of(listing, there, _facts, lambda each: rule_to_wire(each, catalogue))


def _facts(template: Template) -> dict[str, Value]:
    return {
        "id": template.id,
        "name": template.name,
        "status": STATUSES[template.status],
        "created_at": template.created_at,
    }


async def get_earning_rule(call: Call) -> Answer:
    """Show one earning rule."""
    number = call.id(0, "earning_rule")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
        template = await find_template(view, call.merchant_id, TemplateId(number))
    kept = catalogue.rules.get(RuleId(number))
    if kept is not None and kept.template_id is None and kept.archived_at is None:
        template = template_of(kept)
    if template is None or not template.rules:
        raise call.missing(0, "earning_rule")
    return answer(200, rule_to_wire(template, catalogue))


async def create_earning_rule(call: Call) -> Answer:
    """Make an earning rule, in force in no program yet."""
    body = call.decode(EarningRuleBody)
    status: TemplateStatus = "active" if body.status == "ACTIVE" else "draft"
    blank = new_template(body.name, status, body.trigger)
    wanted = terms_from_wire(with_earnings(blank, body.earnings), body)
    return await _answer(call, lambda shelf: assignment.create_template(shelf, wanted), "create")


async def update_earning_rule(call: Call) -> Answer:
    """Change what the body names, in every program that has the rule."""
    body = call.decode(EarningRuleChange)
    number = call.id(0, "earning_rule")

    def edit(known: Template) -> Template:
        if known.status != "draft":
            refuse_fixed(body, _FREE, STATUSES[known.status])
        changed = terms_from_wire(known, body)
        if body.name is not UNSET:
            changed = with_name(changed, body.name)
        if body.trigger is not UNSET and body.earnings is not UNSET:
            blank = new_template(changed.name, changed.status, body.trigger)
            return with_earnings(replace(changed, rules=blank.rules), body.earnings)
        if body.trigger is not UNSET:
            return with_trigger(changed, body.trigger)
        return changed if body.earnings is UNSET else with_earnings(changed, body.earnings)

    return await _answer(
        call, lambda shelf: assignment.change_template(shelf, "rule", number, edit), "update"
    )


async def delete_earning_rule(call: Call) -> Answer:
    """Delete an earning rule that no program has."""
    number = call.id(0, "earning_rule")
    return await _answer(
        call, lambda shelf: assignment.delete_template(shelf, "rule", number), "delete"
    )


async def activate_earning_rule(call: Call) -> Answer:
    """Let a rule award, wherever it is assigned."""
    return await _move(call, "active", "activate")


async def deactivate_earning_rule(call: Call) -> Answer:
    """Let a rule award no more."""
    return await _move(call, "inactive", "deactivate")


async def draft_earning_rule(call: Call) -> Answer:
    """Make a rule a draft again."""
    return await _move(call, "draft", "draft")


async def _move(call: Call, status: TemplateStatus, verb: str) -> Answer:
    number = call.id(0, "earning_rule")
    return await _answer(
        call, lambda shelf: assignment.move_template(shelf, "rule", number, status), verb
    )


async def _answer(call: Call, act: Callable[[Shelf], Template], verb: str) -> Answer:
    changed = await change(call, act, verb)
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    return answer(200, rule_to_wire(changed, catalogue))
