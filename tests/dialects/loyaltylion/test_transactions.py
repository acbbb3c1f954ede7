"""Transactions: what each movement of points looks like, every filter, and the table form."""

import csv
import io
from typing import Any

import pytest

from guerdon.domain.command import (
    Approve,
    ClawBack,
    Command,
    Decline,
    Done,
    Earn,
    Earned,
    ExpireLots,
    Redeem,
    Redeemed,
    Refund,
    Release,
    Transfer,
)
from guerdon.domain.ids import EarningId
from guerdon.domain.member import MemberRef
from guerdon.engine.verifying import verify
from tests.builders.http import Clock
from tests.builders.lion import ServedLion, details_of
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop
from tests.dialects.loyaltylion.conftest import ServeLion

AT_ONCE = make_rule(1, points=50, name="Read the guide", action_key="guide")
DELAYED = make_rule(
    2, points=40, approval_days=3, name="Buy", trigger="order_paid", action_key=None
)
SHOPIFY = make_reward(2, fulfil_by="shopify", name="A code of the platform")
ME = MemberRef(external_id="C-1")


async def submit(served: ServedLion, command: Command) -> Any:
    done = await served.ledger.submit(served.shop.id, command)
    assert isinstance(done, Done), done
    return done.result


async def earn(served: ServedLion, rule: Any = AT_ONCE, **more: Any) -> EarningId:
    earned = await submit(served, Earn(program_id=PROGRAM, member=ME, rule_id=rule.id, **more))
    assert isinstance(earned, Earned)
    return earned.earning.id


async def redeem(served: ServedLion, place: int = 0) -> Any:
    reward = served.shop.rewards[place]
    made = await submit(served, Redeem(program_id=PROGRAM, member=ME, reward_id=reward.id))
    assert isinstance(made, Redeemed)
    return made.redemption.id


async def listed(served: ServedLion, query: str = "") -> list[dict[str, Any]]:
    """Give all transactions, the first first."""
    response = await served.client.get(f"/v2/transactions?since_id=0{query}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["transactions"]
    return found


def moved(found: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Give what each is of and what it moved."""
    return [(each["resource"], each["points_approved"], each["points_pending"]) for each in found]


@pytest.fixture
async def shop(serve_shop: ServeLion) -> ServedLion:
    """A served shop with rules and rewards, and one customer without points."""
    served = await serve_shop(make_shop(rules=(AT_ONCE, DELAYED), rewards=(make_reward(), SHOPIFY)))
    await served.enrol("C-1")
    return served


async def test_the_whole_of_an_activity(serve_shop: ServeLion) -> None:
    served = await serve_shop(make_shop(rules=(AT_ONCE,)), now=Clock())
    await served.enrol("C-1")
    activity = await earn(served, action_key="guide-7")
    response = await served.client.get("/v2/transactions")
    (shown,) = response.json()["transactions"]
    customer = {
        "id": shown["customer"]["id"],
        "merchant_id": "C-1",
        "email": "ana@shop.example",
        "points_pending": 0,
        "points_approved": 50,
        "points_spent": 0,
    }
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {
        "transactions": [
            {
                "id": shown["id"],
                "customer": customer,
                "points_approved": 50,
                "points_pending": 0,
                "created_at": "2026-03-14T09:26:53.589Z",
                "resource": "activity",
                "activity": {
                    "id": activity,
                    "merchant_id": "guide-7",
                    "value": 50,
                    "state": "approved",
                    "customer": customer,
                    "created_at": "2026-03-14T09:26:53.589Z",
                    "rule": {"id": 4001, "name": "guide", "title": "Read the guide"},
                },
            }
        ],
        "cursor": {"prev": None, "next": None},
    }


async def test_the_whole_of_an_adjustment_and_of_an_expiry(serve_shop: ServeLion) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(points_expiry_days=1), now=clock)
    await served.enrol("C-1")
    await served.client.post("/v2/customers/C-1/points", json={"points": 9, "reason": "Sorry"})
    clock.advance(days=1)
    await submit(served, ExpireLots(program_id=PROGRAM, member=ME))
    first, second = await listed(served)
    customer = {
        "id": first["customer"]["id"],
        "merchant_id": "C-1",
        "email": "ana@shop.example",
        "points_pending": 0,
        "points_approved": 0,
        "points_spent": 0,
    }
    assert first == {
        "id": first["id"],
        "customer": customer,
        "points_approved": 9,
        "points_pending": 0,
        "created_at": "2026-03-14T09:26:53.589Z",
        "resource": "adjustment",
        "adjustment": {"note": "Sorry"},
    }
    assert second == {
        "id": second["id"],
        "customer": customer,
        "points_approved": -9,
        "points_pending": 0,
        "created_at": "2026-03-15T09:26:53.589Z",
        "resource": "expiry",
        "expiry": {},
    }
    assert second["id"] > first["id"]


async def test_a_claim_is_shown_as_the_claim_itself_shows_it(shop: ServedLion) -> None:
    await shop.client.post("/v2/customers/C-1/points", json={"points": 250})
    claimed = await shop.client.post(
        "/v2/customers/C-1/claimed_rewards", json={"reward_id": shop.shop.rewards[0].id}
    )
    found = await listed(shop)
    assert moved(found) == [("adjustment", 250, 0), ("claimed_reward", -100, 0)]
    assert found[1]["claimed_reward"] == claimed.json()["claimed_reward"]
    assert list(found[1]) == [
        "id",
        "customer",
        "points_approved",
        "points_pending",
        "created_at",
        "resource",
        "claimed_reward",
    ]


async def test_points_that_are_approved_move_from_pending(shop: ServedLion) -> None:
    earning_id = await earn(shop, DELAYED, order_id="O-7")
    (pending,) = await listed(shop)
    assert (pending["activity"]["state"], pending["activity"]["merchant_id"]) == ("pending", "O-7")
    await submit(shop, Approve(earning_id=earning_id))
    found = await listed(shop)
    assert moved(found) == [("activity", 0, 40), ("activity", 40, -40)]
    # What they are of is shown as it is now, and it is one and the same.
    assert found[0]["activity"] == found[1]["activity"]
    assert found[0]["activity"]["state"] == "approved"
    assert found[0]["activity"]["rule"]["name"] == "$purchase"


async def test_points_that_are_declined_leave_pending(shop: ServedLion) -> None:
    earning_id = await earn(shop, DELAYED)
    await submit(shop, Decline(earning_id=earning_id))
    found = await listed(shop)
    assert moved(found) == [("activity", 0, 40), ("activity", 0, -40)]
    assert found[1]["activity"]["state"] == "declined"


async def test_points_taken_back_are_a_second_row(shop: ServedLion) -> None:
    earning_id = await earn(shop)
    await submit(shop, ClawBack(earning_id=earning_id, points=20))
    assert moved(await listed(shop)) == [("activity", 50, 0), ("activity", -20, 0)]
    await submit(shop, ClawBack(earning_id=earning_id, points=50))
    found = await listed(shop)
    assert moved(found)[2:] == [("activity", -30, 0)]
    assert {each["activity"]["state"] for each in found} == {"void"}


async def test_pending_points_taken_back_are_told_too(shop: ServedLion) -> None:
    earning_id = await earn(shop, DELAYED)
    await submit(shop, ClawBack(earning_id=earning_id, points=15))
    await submit(shop, Approve(earning_id=earning_id))
    assert moved(await listed(shop)) == [
        ("activity", 0, 40),
        ("activity", 0, -15),
        ("activity", 25, -25),
    ]


async def test_what_was_not_there_to_be_taken_is_no_movement(shop: ServedLion) -> None:
    earning_id = await earn(shop)
    await shop.client.post("/v2/customers/C-1/remove_points", json={"points": 50})
    await submit(shop, ClawBack(earning_id=earning_id, points=50))
    assert moved(await listed(shop)) == [("activity", 50, 0), ("adjustment", -50, 0)]


async def test_a_refund_is_a_row_of_its_own(shop: ServedLion) -> None:
    await shop.client.post("/v2/customers/C-1/points", json={"points": 100})
    redemption_id = await redeem(shop)
    await submit(shop, Refund(redemption_id=redemption_id))
    found = await listed(shop)
    assert moved(found)[1:] == [("claimed_reward", -100, 0), ("claimed_reward", 100, 0)]
    assert {each["claimed_reward"]["state"] for each in found[1:]} == {"void"}


async def test_points_held_for_a_platform_come_back_where_it_fails(shop: ServedLion) -> None:
    await shop.client.post("/v2/customers/C-1/points", json={"points": 100})
    redemption_id = await redeem(shop, 1)
    found = await listed(shop)
    assert moved(found)[1:] == [("claimed_reward", -100, 0)]
    assert found[1]["claimed_reward"]["state"] == "pending"
    await submit(shop, Release(redemption_id=redemption_id, reason="refused"))
    found = await listed(shop)
    assert moved(found)[1:] == [("claimed_reward", -100, 0), ("claimed_reward", 100, 0)]
    assert found[2]["claimed_reward"]["state"] == "declined"


async def test_points_given_to_another_customer_are_adjustments(shop: ServedLion) -> None:
    await shop.enrol("C-2", email=None)
    await shop.client.post("/v2/customers/C-1/points", json={"points": 30})
    target = MemberRef(external_id="C-2")
    await submit(
        shop, Transfer(program_id=PROGRAM, source=ME, target=target, points=10, note="A present")
    )
    found = await listed(shop)
    assert moved(found)[1:] == [("adjustment", -10, 0), ("adjustment", 10, 0)]
    assert [each["customer"]["merchant_id"] for each in found] == ["C-1", "C-1", "C-2"]
    assert found[2]["adjustment"] == {"note": "A present"}


async def test_transactions_add_up_to_what_the_customer_has(shop: ServedLion) -> None:
    await shop.client.post("/v2/customers/C-1/points", json={"points": 400})
    made = [await earn(shop, rule) for rule in (AT_ONCE, DELAYED, AT_ONCE, DELAYED)]
    await redeem(shop)
    await submit(shop, Refund(redemption_id=await redeem(shop), points=60))
    await submit(shop, ClawBack(earning_id=made[-1], points=7))
    found = await listed(shop)
    customer = (await shop.client.get("/v2/customers/C-1")).json()["customer"]
    assert sum(each["points_approved"] for each in found) == customer["points_approved"]
    assert sum(each["points_pending"] for each in found) == customer["points_pending"]
    assert {each["customer"]["points_approved"] for each in found} == {customer["points_approved"]}
    assert (await verify(shop.pool)).is_clean


async def test_lists_one_customer_or_all(shop: ServedLion) -> None:
    await shop.enrol("C-2", email=None, points=3)
    await shop.client.post("/v2/customers/C-1/points", json={"points": 1})
    await shop.client.post("/v2/customers/C-2/points", json={"points": 2})
    everyone = (await shop.client.get("/v2/transactions")).json()["transactions"]
    assert [each["points_approved"] for each in everyone] == [2, 1, 3]
    by_path = (await shop.client.get("/v2/customers/C-2/transactions")).json()
    assert by_path == {
        "transactions": [everyone[0], everyone[2]],
        "cursor": {"prev": None, "next": None},
    }
    number = everyone[0]["customer"]["id"]
    by_id = await shop.client.get(f"/v2/transactions?customer_id={number}")
    assert by_id.json() == by_path
    nobody = await shop.client.get("/v2/transactions?customer_id=1")
    assert nobody.json() == {"transactions": [], "cursor": {"prev": None, "next": None}}
    rising = await shop.client.get("/v2/customers/C-2/transactions?since_id=0&limit=1")
    assert rising.json()["transactions"] == [everyone[2]]


@pytest.mark.parametrize("path", ["/v2/transactions", "/v2/customers/C-1/transactions"])
async def test_filters_by_time_as_it_is_shown(serve_shop: ServeLion, path: str) -> None:
    clock = Clock()
    served = await serve_shop(now=clock)
    await served.enrol("C-1")
    for points in (1, 2, 3, 4):
        clock.advance(hours=1, microseconds=345)
        await served.client.post("/v2/customers/C-1/points", json={"points": points})
    times = [each["created_at"] for each in await listed(served)]

    async def ask(query: str) -> list[int]:
        response = await served.client.get(f"{path}?{query}")
        assert response.status_code == 200, response.text
        return [each["points_approved"] for each in response.json()["transactions"]]

    assert await ask(f"created_at_min={times[1]}") == [4, 3, 2]
    assert await ask(f"created_at_max={times[2]}") == [2, 1]
    assert await ask(f"created_at_min={times[1]}&created_at_max={times[3]}") == [3, 2]
    assert await ask(f"created_at_min={times[1]}&since_id=0") == [2, 3, 4]
    assert await ask(f"created_at_max={times[1]}&since_id=0") == [1]
    assert await ask("created_at_min=0001-01-01T00:00:00Z") == [4, 3, 2, 1]
    assert await ask("created_at_max=9999-12-31T23:59:59.999999Z") == [4, 3, 2, 1]
    assert await ask("created_at_min=9999-12-31T23:59:59.999999Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=xml", "type"),
        ("limit=501", "limit"),
        ("since_id=x", "since_id"),
        ("created_at_min=now", "created_at_min"),
        ("created_at_max=2026-02-30", "created_at_max"),
        ("customer_id=C-1", "customer_id"),
        ("customer_id=0", "customer_id"),
        ("customer_id=9007199254740992", "customer_id"),
        ("cursor=eyJpZCI6MX0", "cursor"),
    ],
)
async def test_a_bad_query_names_what_is_wrong(served: ServedLion, query: str, field: str) -> None:
    response = await served.client.get(f"/v2/transactions?{query}")
    assert list(details_of(response)) == [field]


async def test_cursors_lead_through_the_list_and_back(served: ServedLion) -> None:
    await served.enrol("C-1")
    for points in range(1, 8):
        await served.client.post("/v2/customers/C-1/points", json={"points": points})
    url, pages, bodies = "/v2/transactions?limit=3", [], []
    for _ in range(3):
        bodies.append((await served.client.get(url)).json())
        pages.append([each["points_approved"] for each in bodies[-1]["transactions"]])
        url = f"/v2/transactions?limit=3&cursor={bodies[-1]['cursor']['next']}"
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert bodies[2]["cursor"]["next"] is None
    back = await served.client.get(f"/v2/transactions?limit=3&cursor={bodies[2]['cursor']['prev']}")
    assert [each["points_approved"] for each in back.json()["transactions"]] == pages[1]
    foreign = await served.client.get(
        f"/v2/customers/C-1/transactions?cursor={bodies[0]['cursor']['next']}"
    )
    assert list(details_of(foreign)) == ["cursor"]


async def test_the_table_form(shop: ServedLion) -> None:
    await shop.enrol("=C-2", email="-bo@shop.example", points=700)
    await shop.client.post(
        "/v2/customers/C-1/points", json={"points": 130, "reason": 'Late, "again"\nsorry'}
    )
    activity = await earn(shop, action_key="guide-7")
    redemption_id = await redeem(shop)
    response = await shop.client.get("/v2/transactions?type=csv&since_id=0")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    told = await listed(shop)
    empty = dict.fromkeys(
        (
            "activity_id",
            "activity_merchant_id",
            "activity_rule",
            "activity_state",
            "claimed_reward_id",
            "claimed_reward_title",
            "claimed_reward_state",
            "adjustment_note",
        ),
        "",
    )
    expected = [
        {
            "id": str(each["id"]),
            "customer_id": str(each["customer"]["id"]),
            "customer_merchant_id": each["customer"]["merchant_id"],
            "customer_email": each["customer"]["email"],
            "points_approved": str(each["points_approved"]),
            "points_pending": str(each["points_pending"]),
            "created_at": each["created_at"],
            "resource": each["resource"],
            **empty,
        }
        for each in told
    ]
    # Marked, so that no spreadsheet runs what a stranger wrote.
    expected[0] |= {"customer_merchant_id": "'=C-2", "customer_email": "'-bo@shop.example"}
    expected[1] |= {"adjustment_note": 'Late, "again"\nsorry'}
    expected[2] |= {
        "activity_id": str(activity),
        "activity_merchant_id": "guide-7",
        "activity_rule": "guide",
        "activity_state": "approved",
    }
    expected[3] |= {
        "claimed_reward_id": str(redemption_id),
        "claimed_reward_title": "Reward 1",
        "claimed_reward_state": "approved",
    }
    assert rows == expected


async def test_the_table_is_followed_by_its_link(served: ServedLion) -> None:
    await served.enrol("C-1")
    for points in range(1, 6):
        await served.client.post("/v2/customers/C-1/points", json={"points": points})
    seen: list[str] = []
    url: str | None = "/v2/customers/C-1/transactions?type=csv&limit=2"
    while url is not None:
        response = await served.client.get(url)
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        table = csv.DictReader(io.StringIO(response.text, newline=""))
        seen += [row["points_approved"] for row in table]
        following = response.links.get("next")
        url = None if following is None else following["url"]
    assert seen == ["5", "4", "3", "2", "1"]


async def test_an_empty_table_has_its_header(served: ServedLion) -> None:
    response = await served.client.get("/v2/transactions?type=csv")
    assert response.text.startswith("id,customer_id,")
    assert response.text.count("\r\n") == 1
    assert "link" not in response.headers


async def test_movements_of_another_program_are_not_shown(served: ServedLion) -> None:
    await served.enrol("C-1", points=5)
    async with served.pool.acquire() as connection:
        await connection.execute("UPDATE wallets SET program_id = 12")
        await connection.execute("UPDATE members SET program_id = 12")
    assert await listed(served) == []
    assert (await served.client.get("/v2/customers")).json()["customers"] == []
