"""Activities in the vendor's words: each is an earning of ours."""

from typing import Literal

from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.dialects.loyaltylion.wire_announcing import Activity, CustomerPart, RulePart
from guerdon.domain.catalogue import Catalogue, EarningRule, Trigger
from guerdon.domain.earning import Earning
from guerdon.store.member_views import MemberView

State = Literal["pending", "approved", "declined", "void"]

# What the vendor calls the rules that are not of the merchant's own naming.
_BUILT_IN: dict[Trigger, str] = {
    "order_paid": "$purchase",
    "signup": "$signup",
    "birthday": "$birthday",
    "anniversary": "$anniversary",
    "referral": "$referral",
    "manual": "$manual",
}


def activity_to_wire(earning: Earning, catalogue: Catalogue, customer: MemberView) -> Activity:
    """Show an earning as it stands now. `customer` is the earning's member, now; the catalogue
    holds archived rules too."""
    rule = None if earning.rule_id is None else catalogue.rules.get(earning.rule_id)
    return Activity(
        id=earning.id,
        merchant_id=earning.order_id or earning.action_key,
        value=earning.points,
        state=state_of(earning),
        customer=customer_part(customer),
        created_at=stamp(earning.created_at),
        rule=RulePart(None, None, None)
        if rule is None
        else RulePart(rule.id, rule_name(rule), rule.name),
    )


def state_of(earning: Earning) -> State:
    """An approved earning is void once all of it was taken back."""
    if earning.status == "pending":
        return "pending"
    if earning.status == "rejected":
        return "declined"
    return "void" if 0 < earning.points <= earning.points_reversed else "approved"


def rule_name(rule: EarningRule) -> str:
    """Give the name that activities of a rule go by: the merchant's own, or a built-in one."""
    return rule.action_key or _BUILT_IN.get(rule.trigger, rule.slug)


def rules_named(catalogue: Catalogue, program_id: int, name: str) -> list[EarningRule]:
    """Find the rules that a name means, archived ones too, in the order of their ids.

    A built-in name means the rules of its trigger, else the merchant's own rule of that name
    without the dollar sign, as $review. Purchases are told as orders, never as activities."""
    rules = [each for each in catalogue.rules.values() if each.program_id == program_id]
    rules.sort(key=lambda each: each.id)
    told = [each for each in rules if each.trigger != "order_paid"]
    found = [each for each in told if rule_name(each) == name]
    if not found and name.startswith("$"):
        found = [each for each in told if each.action_key == name[1:]]
    return found


def customer_part(customer: MemberView) -> CustomerPart:
    """Show a member inside something else, always with what they have now."""
    return CustomerPart(
        id=customer.member.id,
        merchant_id=customer.member.external_id,
        email=customer.member.email,
        points_pending=customer.points_pending,
        points_approved=customer.points_available,
        points_spent=customer.points_redeemed,
    )
