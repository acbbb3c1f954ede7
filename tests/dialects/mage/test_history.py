"""A customer's histories over HTTP."""

import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.domain.command import Adjust, Approve, Done, Earn, Earned, MarkUsed, Refund
from guerdon.domain.ids import RedemptionId
from guerdon.domain.member import MemberRef
from tests.builders.http import Clock, Served, error_of
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

_ANA = MemberRef(external_id="7001")


async def _buy(served: Served, number: int) -> RedemptionId:
    response = await served.purchase(served.shop.rewards[number - 1])
    assert response.status_code == 201
    return RedemptionId(int(response.json()["data"]["id"][3:], 36))


async def _bought(serve_shop: Serve, clock: Clock) -> tuple[Served, list[RedemptionId]]:
    """Four rewards: one active, one used, one past its time, one refunded."""
    rewards = (
        make_reward(1, points_cost=30),
        make_reward(2, points_cost=10),
        make_reward(3, points_cost=40, expiry_days=1),
        make_reward(4, points_cost=20),
    )
    served = await serve_shop(make_shop(rewards=rewards), now=clock)
    await served.enrol(points=1000)
    ids = []
    for number in (1, 2, 3, 4):
        ids.append(await _buy(served, number))
        clock.advance(minutes=1)
    for command in (MarkUsed(redemption_id=ids[1]), Refund(redemption_id=ids[3])):
        assert isinstance(await served.ledger.submit(served.shop.id, command), Done)
    clock.advance(days=2)
    return served, ids


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [4, 3, 2, 1]),
        ("sort=created_at", [1, 2, 3, 4]),
        ("sort=points_spent", [2, 4, 1, 3]),
        ("sort=-points_spent", [3, 1, 4, 2]),
        ("filter[status]=active", [1]),
        ("filter[status]=used", [2]),
        ("filter[status]=expired", [4, 3]),
        ("filter[status]=expired&sort=created_at", [3, 4]),
        ("page[size]=3&page[number]=2", [1]),
    ],
)
async def test_rewards_bought_are_listed(serve_shop: Serve, query: str, numbers: list[int]) -> None:
    served, ids = await _bought(serve_shop, Clock())
    response = await served.client.get(f"/v1/customers/ana@shop.example/reward-history?{query}")
    assert response.status_code == 200
    listed = [each["id"] for each in response.json()["data"]]
    assert listed == [dress("cr", ids[number - 1]) for number in numbers]


async def test_entries_of_the_reward_history_show_what_came_of_them(serve_shop: Serve) -> None:
    served, ids = await _bought(serve_shop, Clock())
    body = (await served.client.get("/v1/customers/7001/reward-history?sort=created_at")).json()
    assert body["meta"] == {"total": 4, "page": 1, "per_page": 20, "total_pages": 1}
    expired = body["data"][2]
    code = expired["attributes"]["discount_code"]
    assert expired == {
        "type": "reward_history_entry",
        "id": dress("cr", ids[2]),
        "attributes": {
            "reward_id": dress("reward", 1003),
            "reward_name": "Reward 3",
            "reward_discount_type": "fixed_amount",
            "points_spent": 40,
            "discount_code": code,
            "status": "expired",
            "is_refunded": False,
            "discount_code_redeemed_at": None,
            "redeemed_at": "2026-03-14T09:28:53.589Z",
            "expires_at": "2026-03-15T09:28:53.589Z",
            "created_at": "2026-03-14T09:28:53.589Z",
            "updated_at": "2026-03-14T09:28:53.589Z",
        },
    }
    used, refunded = body["data"][1]["attributes"], body["data"][3]["attributes"]
    assert (used["status"], used["is_refunded"]) == ("used", False)
    assert used["discount_code_redeemed_at"] == "2026-03-14T09:30:53.589Z"
    assert (refunded["status"], refunded["is_refunded"]) == ("expired", True)


async def test_history_keeps_the_reward_as_it_was(serve_shop: Serve) -> None:
    served, _ = await _bought(serve_shop, Clock())
    async with served.pool.acquire() as connection:
        await connection.execute(
            "UPDATE rewards SET definition = replace(replace(definition::text, 'Reward 1',"
            " 'Renamed'), '2001', '2999')::json WHERE merchant_id = $1 AND id = 1001",
            served.shop.id,
        )
        await connection.execute(
            "UPDATE sequences SET catalogue_version = 2 WHERE merchant_id = $1", served.shop.id
        )
    body = (await served.client.get("/v1/customers/7001/reward-history?sort=created_at")).json()
    assert body["data"][0]["attributes"]["reward_name"] == "Reward 1"
    shown = await served.client.get(f"/v1/rewards/{dress('reward', 1001)}")
    assert shown.json()["data"]["attributes"]["name"] == "Renamed"


async def test_granted_rewards_are_in_the_history(serve_shop: Serve) -> None:
    tier = make_tier(1, 500)
    reward = make_reward(tier_id=tier.id, grant_on_entry=True)
    served = await serve_shop(make_shop(tiers=(tier,), rewards=(reward,)))
    await served.enrol(points=500)
    body = (await served.client.get("/v1/customers/7001/reward-history")).json()
    (entry,) = body["data"]
    assert entry["attributes"]["points_spent"] == 0
    assert entry["attributes"]["status"] == "active"


async def _earned(serve_shop: Serve, clock: Clock) -> Served:
    """A purchase of 50 points at 1.5, a review pending for 3 days, a deduction of 20 by hand."""
    rules = (make_rule(1, category="purchase", action="place_order"), make_rule(2, approval_days=3))
    shop = make_shop(tiers=(make_tier(1, 0, multiplier_permille=1500),), rules=rules)
    served = await serve_shop(shop, now=clock)
    await served.enrol()
    clock.advance(minutes=1)
    order = Earn(
        program_id=PROGRAM,
        member=_ANA,
        rule_id=rules[0].id,
        order_id="5519",
        order_number="#1187",
        ordered_at=clock.now,
    )
    review = Earn(program_id=PROGRAM, member=_ANA, rule_id=rules[1].id, base_points=200)
    taken = Adjust(program_id=PROGRAM, member=_ANA, points=-20)
    for command in (order, review, taken):
        assert isinstance(await served.ledger.submit(served.shop.id, command), Done)
        clock.advance(minutes=1)
    return served


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("", [-20, 300, 75]),
        ("sort=created_at", [75, 300, -20]),
        ("sort=points", [-20, 75, 300]),
        ("sort=-points", [300, 75, -20]),
        ("sort=points_given_at", [75, -20, 300]),
        ("sort=-points_given_at", [-20, 75, 300]),
        ("filter[status]=pending", [300]),
        ("filter[status]=approved", [-20, 75]),
        ("filter[status]=rejected", []),
        ("page[size]=1&page[number]=2", [300]),
    ],
)
async def test_earnings_are_listed(serve_shop: Serve, query: str, points: list[int]) -> None:
    served = await _earned(serve_shop, Clock())
    body = (await served.client.get(f"/v1/customers/7001/earning-history?{query}")).json()
    assert [each["attributes"]["points"] for each in body["data"]] == points


async def test_entries_of_the_earning_history_are_whole(serve_shop: Serve) -> None:
    clock = Clock()
    served = await _earned(serve_shop, clock)
    body = (await served.client.get("/v1/customers/7001/earning-history?sort=created_at")).json()
    order, review, taken = body["data"]
    assert order == {
        "type": "earning_history_entry",
        "id": order["id"],
        "attributes": {
            "earning_rule_id": dress("rule", 4001),
            "action": "place_order",
            "points": 75,
            "base_points": 50,
            "points_multiplier": 1.5,
            "status": "approved",
            "order_id": "5519",
            "order_number": "#1187",
            "shopify_date": "2026-03-14T09:27:53.589Z",
            "points_due_at": None,
            "points_given_at": "2026-03-14T09:27:53.589Z",
            "points_expiry_at": None,
            "manual_intervention": False,
            "created_at": "2026-03-14T09:27:53.589Z",
            "updated_at": "2026-03-14T09:27:53.589Z",
        },
    }
    assert order["id"].startswith("cer_")
    assert review["attributes"]["points_due_at"] == "2026-03-17T09:28:53.589Z"
    assert review["attributes"]["points_given_at"] is None
    assert taken["attributes"] == order["attributes"] | {
        "earning_rule_id": None,
        "action": "manual",
        "points": -20,
        "base_points": -20,
        "points_multiplier": 1,
        "order_id": None,
        "order_number": None,
        "shopify_date": None,
        "points_given_at": "2026-03-14T09:29:53.589Z",
        "manual_intervention": True,
        "created_at": "2026-03-14T09:29:53.589Z",
        "updated_at": "2026-03-14T09:29:53.589Z",
    }


async def test_pending_points_count_once_they_are_given(serve_shop: Serve) -> None:
    served = await _earned(serve_shop, Clock())
    assert (await served.customer())["current_points"] == 55
    async with served.pool.acquire() as connection:
        number = await connection.fetchval("SELECT id FROM earnings WHERE status = 'pending'")
    outcome = await served.ledger.submit(served.shop.id, Approve(earning_id=number))
    assert isinstance(outcome, Done)
    assert isinstance(outcome.result, Earned)
    assert (await served.customer())["current_points"] == 355


@pytest.mark.parametrize("path", ["reward-history", "earning-history"])
@pytest.mark.parametrize("query", ["sort=name", "filter[status]=lost"])
async def test_words_of_other_lists_are_refused(served: Served, path: str, query: str) -> None:
    await served.enrol()
    response = await served.client.get(f"/v1/customers/7001/{path}?{query}")
    assert error_of(response)[:2] == (400, "Bad Request")
