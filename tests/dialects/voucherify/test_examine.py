"""What a customer could buy, and would earn: told, and nothing done."""

from typing import Any

import msgspec
import pytest

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.command import ChangeMember
from guerdon.domain.member import MemberRef
from guerdon.domain.terms import Cost
from tests.builders.ledgers import drifts
from tests.builders.shop import POINT_TYPE, PROGRAM, make_reward, make_rule, make_shop
from tests.builders.vouch import PROGRAM_ID, ServedVouch
from tests.dialects.voucherify.conftest import ServeVouch

GOLD = msgspec.json.encode(
    {
        "logic": "1",
        "1": {"name": "member.metadata", "property": "grade", "conditions": {"$is": ["gold"]}},
    }
).decode()
REWARDS = (
    make_reward(1, points_cost=100),
    make_reward(2, points_cost=900),
    make_reward(3, stock=0),
    make_reward(4, status="inactive"),
    make_reward(
        5,
        costs=(
            Cost(points=10, point_type_id=POINT_TYPE, condition=GOLD),
            Cost(points=700, point_type_id=POINT_TYPE),
        ),
    ),
    make_reward(6, costs=(Cost(points=10, point_type_id=POINT_TYPE, condition=GOLD),)),
)


def reward_id(number: int) -> str:
    return write_id("reward", 1000 + number)


async def ask(served: ServedVouch, what: str, status: int = 200, /, **body: Any) -> Any:
    answer = await served.client.post(f"/v2/loyalties/examine/{what}".rstrip("/"), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def by_customer(external_id: str = "C-1") -> dict[str, str]:
    return {"type": "customer_source_id", "customer_source_id": external_id}


@pytest.fixture
async def served(serve_shop: ServeVouch) -> ServedVouch:
    return await serve_shop(make_shop(rewards=REWARDS))


def estimations(result: Any) -> dict[str, tuple[str, int]]:
    (membership,) = result["memberships"]
    (card,) = membership["cards"]
    return {
        each["reward"]["id"]: (each["status"], each["cost"]["points"]) for each in card["rewards"]
    }


async def test_every_reward_is_told_that_the_customer_could_have(served: ServedVouch) -> None:
    member_id = await served.enrol(points=600)
    result = await ask(served, "rewards", customer_identification=by_customer())
    assert estimations(result) == {
        reward_id(1): ("AVAILABLE", 100),
        reward_id(2): ("UNAVAILABLE", 900),
        reward_id(5): ("UNAVAILABLE", 700),
    }
    assert [each["id"] for each in result["rewards"]] == [reward_id(1), reward_id(2), reward_id(5)]
    assert result["customer"]["id"] == served.customer_id()
    (membership,) = result["memberships"]
    assert membership["member"] == {"id": member_id, "object": "member"}
    assert membership["program"]["id"] == PROGRAM_ID
    lacking = membership["cards"][0]["rewards"][1]["unavailability_reasons"]
    assert lacking == [
        {
            "reason": "insufficient_balance",
            "details": {"required": 900, "available": 600, "missing": 300},
            "object": "reward_unavailability_reason",
        }
    ]
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM redemptions") == 0


async def test_what_is_supposed_of_a_member_is_believed_where_one_is_named(
    served: ServedVouch,
) -> None:
    member_id = await served.enrol(points=600)
    supposed = {"metadata": {"grade": "gold"}}
    named = {"type": "member_id", "member_id": member_id}
    result = await ask(served, "rewards", customer_identification=named, member=supposed)
    assert estimations(result)[reward_id(5)] == ("AVAILABLE", 10)
    assert estimations(result)[reward_id(6)] == ("AVAILABLE", 10)
    result = await ask(served, "rewards", customer_identification=by_customer(), member=supposed)
    assert reward_id(6) not in estimations(result)
    change = ChangeMember(
        program_id=PROGRAM,
        member=MemberRef(external_id="C-1"),
        metadata=msgspec.json.encode(supposed["metadata"]).decode(),
    )
    await served.ledger.submit(served.shop.id, change)
    result = await ask(served, "rewards", customer_identification=by_customer())
    assert estimations(result)[reward_id(6)] == ("AVAILABLE", 10)


async def test_who_is_asked_about_is_found_or_named_in_the_refusal(served: ServedVouch) -> None:
    member_id = await served.enrol(points=600)
    freeze = ChangeMember(program_id=PROGRAM, member=MemberRef(external_id="C-1"), is_frozen=True)
    await served.ledger.submit(served.shop.id, freeze)
    result = await ask(served, "rewards", customer_identification=by_customer())
    assert (result["memberships"], result["rewards"]) == ([], [])
    for named, kind in (
        (by_customer("nobody"), "customer"),
        ({"type": "customer_id", "customer_id": member_id}, "customer"),
        ({"type": "member_id", "member_id": served.customer_id()}, "member"),
    ):
        refused = await ask(served, "rewards", 404, customer_identification=named)
        assert refused["resource_type"] == kind
    refused = await ask(served, "rewards", 400, customer_identification={"type": "member_id"})
    assert refused["details"] == (
        "Property .customer_identification must have required property 'member_id'"
    )


async def test_what_an_order_would_earn_is_told(serve_shop: ServeVouch) -> None:
    rules = (
        make_rule(1, trigger="order_paid", points=2, is_per_unit=True),
        make_rule(2, trigger="order_paid", points=25),
        make_rule(3, trigger="custom", action_key="review", points=50),
        make_rule(4, trigger="order_paid", points=1, is_active=False),
    )
    served = await serve_shop(make_shop(rules=rules))
    await served.enrol()
    paid = {"type": "SPECIFIC", "specific": {"event": "customer.order.paid"}}
    order = {"order": {"items": [{"quantity": 2, "price": 1250}], "discount_amount": 500}}
    for path in ("earning-rules", ""):
        result = await ask(
            served,
            path,
            trigger=paid,
            customer_identification=by_customer(),
            customer_order_paid=order,
        )
        assert result["event"] == "customer.order.paid"
        assert len(result["earning_rules"]) == 2
        assert result["memberships"][0]["cards"][0]["points_estimation"] == 65
    everything = await ask(
        served, "earning-rules", trigger={"type": "ALL"}, customer_identification=by_customer()
    )
    card = everything["memberships"][0]["cards"][0]
    assert [each["points_estimation"] for each in card["earning_rules"]] == [None, 25, 50]
    assert (everything["event"], card["points_estimation"]) == (None, 75)
    refused = await ask(
        served, "earning-rules", 400, trigger=paid, customer_identification=by_customer()
    )
    assert refused["details"] == "Payload must have required property 'customer_order_paid'"
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM earnings") == 0
    assert await drifts(served.pool) == []
