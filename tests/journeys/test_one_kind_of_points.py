"""A member with two kinds of points, seen through dialects that know one: they show the program's
own, whatever is done with the others."""

import json
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx

from guerdon.dialects.loyaltylion.announcing import EVENTS as LION_EVENTS
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.dialects.mage.wire_webhooks import EVENTS as MAGE_EVENTS
from guerdon.domain.announcement import announcement_of
from guerdon.domain.command import Adjust, Command, Done, Earn, Redeem
from guerdon.domain.delivery import Skipped
from guerdon.domain.event import EventKind
from guerdon.domain.ids import RewardId, RuleId
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.http import SECRET, Clock, add_key
from tests.builders.ledgers import ref
from tests.builders.letters import make_letter
from tests.builders.lion import serve_lion
from tests.builders.shop import (
    PROGRAM,
    make_point_type,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
    save_shop,
)
from tests.builders.subscription import make_subscription

GEMS = make_point_type(1)
SHOP = make_shop(
    point_types=(GEMS,),
    rewards=(make_reward(1), make_reward(2, points_cost=30, point_type_id=GEMS.id)),
    rules=(make_rule(1, points=40), make_rule(2, points=500, point_type_id=GEMS.id)),
    tiers=(make_tier(1, 0), make_tier(2, 300)),
)
_LION = "/v2/customers/7001"
_MAGE = "/v1/customers/7001"


async def _all_told(lion: httpx.AsyncClient, mage: httpx.AsyncClient) -> dict[str, Any]:
    """Give everything that the two dialects tell of the member's points."""
    paths = {
        lion: (
            _LION,
            "/v2/customers",
            "/v2/activities",
            f"{_LION}/transactions?since_id=0",
            "/v2/transactions?since_id=0",
        ),
        mage: (_MAGE, f"{_MAGE}/earning-history", "/v1/customers"),
    }
    told: dict[str, Any] = {}
    for client, each in paths.items():
        for path in each:
            response = await client.get(path)
            assert response.status_code == 200, (path, response.text)
            told[path] = _without_times(response.json())
    return told


def _without_times(value: Any) -> Any:
    """Take out when something last changed: a member did, by whatever moved."""
    if isinstance(value, dict):
        return {
            name: _without_times(each)
            for name, each in value.items()
            if name not in ("updated_at", "request_id", "timestamp", "meta")
        }
    return [_without_times(each) for each in value] if isinstance(value, list) else value


async def test_what_is_done_with_gems_changes_nothing_that_is_told_of_points(
    pool: asyncpg.Pool,
) -> None:
    clock = Clock()
    await save_shop(pool, SHOP)
    ledger = Ledger(Runtime(pool=pool, now=clock))
    served = await serve_lion(ledger, SHOP)
    await add_key(ledger, SHOP)
    mage = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=served.app),
        base_url="http://guerdon.test/mage",
        headers={"Authorization": SECRET},
    )

    async def do(command: Command) -> None:
        assert isinstance(await ledger.submit(SHOP.id, command), Done)

    async with AsyncExitStack() as stack:
        lion = await stack.enter_async_context(served.client)
        await stack.enter_async_context(mage)
        stack.push_async_callback(ledger.close)
        await served.enrol("7001", points=100)
        await do(Earn(program_id=PROGRAM, member=ref("7001"), rule_id=RuleId(4001)))
        before = await _all_told(lion, mage)
        assert before[_LION]["customer"]["points_approved"] == 140
        assert len(before["/v2/activities"]["activities"]) == 1
        await do(Earn(program_id=PROGRAM, member=ref("7001"), rule_id=RuleId(4002)))
        await do(Adjust(program_id=PROGRAM, member=ref("7001"), points=70, point_type_id=GEMS.id))
        await do(Adjust(program_id=PROGRAM, member=ref("7001"), points=-9, point_type_id=GEMS.id))
        assert await _all_told(lion, mage) == before
        await do(Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=RewardId(1002)))
        after = await _all_told(lion, mage)
        for path in (f"{_LION}/transactions?since_id=0", f"{_MAGE}/earning-history"):
            assert after[path] == before[path]
        assert after[_LION]["customer"]["points_approved"] == 140
        assert after[_LION]["customer"]["points_spent"] == 0
        # The reward itself is the member's, through whichever door they come.
        claimed = (await mage.get(f"{_MAGE}/reward-history")).json()["data"]
        assert len(claimed) == 1
    facts = [
        json.loads(row[0]) for row in await pool.fetch("SELECT facts::text FROM events ORDER BY id")
    ]
    assert [each.get("point_type") for each in facts] == [None] * 3 + ["gems-1"] * 4
    assert {each["points_available"] for each in facts[3:]} == {140}
    assert [each["wallet_points_available"] for each in facts[3:]] == [500, 570, 561, 531]
    assert (await verify(pool)).drifts == []


def test_nobody_is_told_of_other_points_as_if_they_were_the_programs_own() -> None:
    kinds: tuple[EventKind, ...] = ("points.earned", "points.adjusted")
    for kind in kinds:
        own, gems = make_letter(kind), make_letter(kind, point_type="gems")
        mage = make_subscription("mage", *MAGE_EVENTS)
        assert len(MageForm().announce(own, mage)) == 1
        assert MageForm().announce(gems, mage) == ()
        topics = tuple(each for each in LION_EVENTS if each != "customers/update")
        lion = make_subscription("loyaltylion", *topics)
        assert len(LoyaltyLionForm().announce(own, lion)) == 1
        assert list(LoyaltyLionForm().announce(gems, lion)) == []
        assert isinstance(announcement_of(gems), Skipped)
        assert not isinstance(announcement_of(own), Skipped)
