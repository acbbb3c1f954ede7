"""Rules of every sort, activities as LoyaltyLion's clients tell of them, and their judgement."""

from typing import Any

from guerdon.domain.catalogue import EarningRule
from guerdon.store import offers
from guerdon.store.sequences import bump_catalogue_version
from guerdon.store.transaction import transaction
from tests.builders.lion import ServedLion
from tests.builders.lion_orders import Body, purchase
from tests.builders.shop import make_rule

REVIEW = make_rule(1, action_key="review", name="Write a review", points=50)
SURVEY = make_rule(2, action_key="survey", name="Survey", points=20, approval_days=7)
SIGNUP = make_rule(3, trigger="signup", category="signup", action_key=None, name="Join", points=100)
BIRTHDAY = make_rule(
    4, trigger="birthday", category="birthday", action_key=None, name="Birthday", points=5
)
OFF = make_rule(5, action_key="off", name="Off", points=7, is_active=False)
PURCHASE = purchase(6)


def activity_body(**changes: Any) -> Body:
    body = {"name": "review", "customer_id": "C-1", "customer_email": "ana@shop.example"}
    return {**body, **changes}


async def post(served: ServedLion, **changes: Any) -> None:
    """Tell of an activity; the answer is nothing at all."""
    response = await served.client.post("/v2/activities", json=activity_body(**changes))
    assert (response.status_code, response.content) == (201, b""), response.text


async def judge(served: ServedLion, path: str, state: str) -> tuple[int, bytes]:
    response = await served.client.put(f"/v2/activities/{path}", json={"state": state})
    return response.status_code, response.content


async def change(served: ServedLion, rule: EarningRule) -> None:
    """Change a rule, as `guerdon apply` does."""
    async with transaction(served.pool) as tx:
        await offers.put_rule(tx, served.shop.id, rule)
        await bump_catalogue_version(tx, served.shop.id)


OK = (204, b"")
