"""Earning rules: listed, and awarded by a call."""

from collections.abc import Callable

from guerdon.dialects.mage.call import Call, required_text
from guerdon.dialects.mage.errors import Fault, Named
from guerdon.dialects.mage.parameters import (
    collection_answer,
    flag_of,
    page_of,
    slice_of,
    sort_of,
)
from guerdon.dialects.mage.translate import member_ref, undress
from guerdon.dialects.mage.translate_earning import award_document, rule_resource
from guerdon.dialects.mage.wire_earning import AwardBody
from guerdon.domain.catalogue import Category, EarningRule
from guerdon.domain.command import Earn, Earned
from guerdon.domain.ids import RuleId
from guerdon.http.asgi import Answer
from guerdon.http.call import answer
from guerdon.store.snapshot import snapshot

SORTS: dict[str, Callable[[EarningRule], tuple[object, int]]] = {
    "created_at": lambda rule: (rule.created_at, rule.id),
    "name": lambda rule: (rule.name.casefold(), rule.id),
}
_AWARDABLE: tuple[Category, ...] = ("social", "engagement")
# No rule has it; the ledger then answers for the customer first, as the vendor does.
_NO_RULE = RuleId(0)


async def list_rules(call: Call) -> Answer:
    """List the program's earning rules."""
    page = page_of(call)
    sort = sort_of(call, *SORTS)
    is_active = flag_of(call, "is_active")
    async with snapshot(call.pool) as view:
        catalogue = await call.catalogue(view)
    rules = [
        rule
        for rule in catalogue.rules.values()
        if rule.program_id == call.program_id
        and rule.archived_at is None
        and is_active in (None, rule.is_active)
    ]
    rules.sort(key=SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    data = [rule_resource(rule) for rule in slice_of(page, rules)]
    return collection_answer(page, len(rules), data)


async def award_rule(call: Call) -> Answer:
    """Award a rule's points to a customer, once."""
    body = call.decode(AwardBody)
    identifier = required_text(body.customer_identifier, "customer_identifier")
    member = member_ref(identifier)
    if member is None:
        raise Fault(404, f"Customer '{identifier}' not found")
    rule_id = undress("rule", call.path[0])
    command = Earn(
        program_id=call.program_id,
        member=member,
        rule_id=_NO_RULE if rule_id is None else RuleId(rule_id),
        is_once=True,
        categories=_AWARDABLE,
    )
    outcome = await call.submit(command, Named(customer=identifier, rule=call.path[0]))
    if isinstance(outcome, Answer):
        return outcome
    assert isinstance(outcome.result, Earned)
    return answer(201, award_document(outcome.result.earning), is_replay=outcome.is_replay)
