"""Points buy a reward over HTTP: the acceptance list of the dialect's most important call."""

import asyncio
import re
from typing import Any

import pytest

from guerdon.dialects.mage.app import MageApp
from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import Adjust, ChangeMember, Done
from guerdon.domain.ids import RedemptionId, TierId
from guerdon.domain.member import MemberRef
from guerdon.http.limiting import SlidingWindow
from guerdon.store import redemptions
from guerdon.store.snapshot import snapshot
from tests.builders.http import READ_SECRET, SECRET, Clock, Served, add_key, error_of, everything
from tests.builders.shop import PROGRAM, make_reward, make_shop, make_tier, save_shop
from tests.dialects.mage.conftest import Serve

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize("customer", ["7001", "aNa@Shop.Example", "gid://shopify/Customer/7001"])
async def test_customer_buys_by_any_of_their_names(serve_shop: Serve, customer: str) -> None:
    clock = Clock()
    served = await serve_shop(
        make_shop(rewards=(make_reward(expiry_days=30),), code_length=6), now=clock
    )
    await served.enrol(points=250)
    clock.advance(hours=1)
    response = await served.purchase(customer=customer)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    code = body["data"]["attributes"]["discount_code"]
    entry_id = body["data"]["id"]
    assert re.fullmatch(r"MAGE-[A-Z0-9]{6}", code)
    assert re.fullmatch(r"cr_[0-9a-z]{16}", entry_id)
    assert body == {
        "data": {
            "type": "reward_history_entry",
            "id": entry_id,
            "attributes": {
                "reward_id": dress("reward", 1001),
                "reward_name": "Reward 1",
                "reward_discount_type": "fixed_amount",
                "points_spent": 100,
                "discount_code": code,
                "status": "active",
                "is_refunded": False,
                "discount_code_redeemed_at": None,
                "redeemed_at": None,
                "expires_at": "2026-04-13T10:26:53.589Z",
                "created_at": "2026-03-14T10:26:53.589Z",
                "updated_at": "2026-03-14T10:26:53.589Z",
            },
        }
    }
    assert list(body["data"]) == ["type", "id", "attributes"]


async def test_attributes_come_in_the_documented_order(served: Served) -> None:
    await served.enrol(points=100)
    attributes = (await served.purchase()).json()["data"]["attributes"]
    assert (
        list(attributes)
        == (
            "reward_id reward_name reward_discount_type points_spent discount_code status"
            " is_refunded discount_code_redeemed_at redeemed_at expires_at created_at updated_at"
        ).split()
    )
    assert _STAMP.fullmatch(attributes["created_at"])
    assert attributes["expires_at"] is None


async def test_balance_falls_and_lifetime_stays(served: Served) -> None:
    await served.enrol(points=250)
    bought = (await served.purchase()).json()["data"]
    customer = await served.customer()
    assert customer["current_points"] == 150
    assert customer["redeemed_points"] == 100
    assert customer["lifetime_points"] == 250
    history = (await served.client.get("/v1/customers/7001/reward-history")).json()
    assert [entry["id"] for entry in history["data"]] == [bought["id"]]


async def test_codes_are_unique(served: Served) -> None:
    await served.enrol(points=10_000)
    answers = await asyncio.gather(*(served.purchase() for _ in range(100)))
    codes = {answer.json()["data"]["attributes"]["discount_code"] for answer in answers}
    assert len(codes) == 100


async def test_exact_points_are_enough_and_one_fewer_is_not(served: Served) -> None:
    await served.enrol("7001", "a@shop.example", points=100)
    await served.enrol("7002", "b@shop.example", points=99)
    assert (await served.purchase(customer="7001")).status_code == 201
    assert (await served.customer("7001"))["current_points"] == 0
    before = await everything(served.pool)
    refused = await served.purchase(customer="7002")
    assert error_of(refused) == (
        422,
        "Insufficient Points",
        "Customer has 99 points but this reward costs 100",
    )
    assert await everything(served.pool) == before


async def test_free_reward_costs_nothing(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(points_cost=0),)))
    await served.enrol()
    response = await served.purchase()
    assert response.status_code == 201
    assert response.json()["data"]["attributes"]["points_spent"] == 0


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        (None, (401, "Unauthorized", "Missing Authorization header")),
        ("", (401, "Unauthorized", "Missing Authorization header")),
        ("  Bearer  ", (401, "Unauthorized", "Invalid API key")),
        ("a-secret-that-nobody-was-given", (401, "Unauthorized", "Invalid API key")),
        ("x" * 5000, (401, "Unauthorized", "Invalid API key")),
        ("\xff\xfe", (401, "Unauthorized", "Invalid API key")),
        (
            READ_SECRET,
            (
                403,
                "Forbidden",
                "This API key is read-only and cannot perform write operations",
            ),
        ),
    ],
)
async def test_caller_without_a_right_is_turned_away_first(
    served: Served, authorization: str | None, answer: tuple[int, str, str]
) -> None:
    """Even with a body that is no JSON, for a reward that is not there."""
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    del served.client.headers["Authorization"]
    response = await served.client.post(
        "/v1/rewards/reward_none/purchase", content=b"{", headers=headers
    )
    assert error_of(response) == answer


@pytest.mark.parametrize("written", [f"Bearer {SECRET}", f"bearer   {SECRET}", f"  {SECRET} "])
async def test_bearer_is_tolerated(served: Served, written: str) -> None:
    await served.enrol(points=100)
    response = await served.purchase(Authorization=written)
    assert response.status_code == 201


async def test_key_of_another_dialect_opens_nothing(served: Served) -> None:
    await add_key(served.ledger, served.shop, "a-secret-of-another-dialect", dialect="voucherify")
    response = await served.purchase(Authorization="a-secret-of-another-dialect")
    assert error_of(response) == (401, "Unauthorized", "Invalid API key")


_REQUIRED = "customer_identifier is required"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "Invalid JSON body: it is not valid JSON"),
        (b"{", "Invalid JSON body: it is not valid JSON"),
        (b"[]", "Invalid JSON body: it must be a JSON object"),
        (b'"7001"', "Invalid JSON body: it must be a JSON object"),
        (b"null", "Invalid JSON body: it must be a JSON object"),
        (b"{}", _REQUIRED),
        (b'{"customer_identifier": null}', "customer_identifier must be a string"),
        (b'{"customer_identifier": ""}', _REQUIRED),
        (b'{"customer_identifier": "  \\t "}', _REQUIRED),
        (b'{"customer_identifier": 7001}', "customer_identifier must be a string"),
        (b'{"customer_identifier": true}', "customer_identifier must be a string"),
        (b'{"customer_identifier": ["7001"]}', "customer_identifier must be a string"),
    ],
)
async def test_body_without_a_customer_is_refused(served: Served, body: bytes, detail: str) -> None:
    await served.enrol(points=100)
    before = await everything(served.pool)
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase", content=body
    )
    assert error_of(response) == (400, "Bad Request", detail)
    assert await everything(served.pool) == before


async def test_unknown_fields_are_ignored(served: Served) -> None:
    await served.enrol(points=100)
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase",
        json={"note": {"deep": [1]}, "customer_identifier": "7001", "points": 5},
    )
    assert response.status_code == 201


@pytest.mark.parametrize("customer", ["7999", "nobody@shop.example", "0", "9" * 400, "ana"])
async def test_unknown_customer_is_named_as_sent(served: Served, customer: str) -> None:
    response = await served.purchase(customer=customer)
    assert error_of(response) == (404, "Not Found", f"Customer '{customer}' not found")


async def test_unknown_customer_comes_before_unknown_reward(served: Served) -> None:
    response = await served.client.post(
        "/v1/rewards/nonsense/purchase", json={"customer_identifier": "nobody"}
    )
    assert error_of(response)[2] == "Customer 'nobody' not found"


@pytest.mark.parametrize(
    "reward_id",
    [
        "nonsense",
        "1001",
        "reward_1",
        "cr_00000000000000rt",
        "reward_zzzzzzzzzzzzzzzz",
        dress("reward", 1009),
        dress("reward", 1002),
        dress("reward", 1003),
        dress("reward", 1004),
        "reward_" + "0" * 16,
    ],
)
async def test_reward_that_is_not_offered_is_not_found(serve_shop: Serve, reward_id: str) -> None:
    clock = Clock()
    rewards = (
        make_reward(1),
        make_reward(2, status="inactive"),
        make_reward(3, status="draft"),
        make_reward(4, archived_at=clock.now),
    )
    served = await serve_shop(make_shop(rewards=rewards), now=clock)
    await served.enrol(points=100)
    before = await everything(served.pool)
    response = await served.client.post(
        f"/v1/rewards/{reward_id}/purchase", json={"customer_identifier": "7001"}
    )
    assert error_of(response) == (404, "Not Found", f"Reward '{reward_id}' not found")
    assert await everything(served.pool) == before


async def test_other_shops_reward_and_customer_are_not_found(served: Served) -> None:
    other = await save_shop(served.pool, make_shop(2, rewards=(make_reward(7),)))
    await served.enrol(points=100)
    response = await served.purchase(other.rewards[0])
    assert error_of(response)[2] == f"Reward '{dress('reward', 1007)}' not found"
    await add_key(served.ledger, other, "a-secret-of-the-other-shop")
    response = await served.purchase(other.rewards[0], Authorization="a-secret-of-the-other-shop")
    assert error_of(response)[2] == "Customer '7001' not found"


async def test_excluded_customer_is_refused(served: Served) -> None:
    ref = await served.enrol(points=100)
    freeze = ChangeMember(program_id=PROGRAM, member=ref, is_frozen=True)
    assert isinstance(await served.ledger.submit(served.shop.id, freeze), Done)
    before = await everything(served.pool)
    assert error_of(await served.purchase()) == (
        403,
        "Forbidden",
        "Customer is excluded from the loyalty program",
    )
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    ("lifetime", "match", "status"),
    [(100, "exact", 403), (1000, "exact", 201), (5000, "exact", 403), (5000, "at_least", 201)],
)
async def test_tier_reward_is_for_its_tier(
    serve_shop: Serve, lifetime: int, match: str, status: int
) -> None:
    served = await serve_shop(
        make_shop(
            tiers=(make_tier(1, 1000), make_tier(2, 5000)),
            rewards=(make_reward(tier_id=TierId(3001)),),
            vip_tier_match=match,
        )
    )
    await served.enrol(points=lifetime)
    response = await served.purchase()
    assert response.status_code == status
    if status == 403:
        assert error_of(response)[2] == "Customer is not on the required VIP tier"


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"max_redemptions": 1}, "This reward has reached its maximum number of redemptions"),
        ({"stock": 1}, "This reward is out of stock"),
        (
            {"limit_per_member": MemberLimit(count=1, interval="ever")},
            "Customer has reached the redemption limit for this reward",
        ),
    ],
)
async def test_limit_of_a_reward_is_kept(
    serve_shop: Serve, changes: dict[str, Any], detail: str
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(**changes),)))
    await served.enrol(points=300)
    answers = await asyncio.gather(*(served.purchase() for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert error_of(refused) == (422, "Redemption Limit Reached", detail)


async def test_too_few_points_are_told_before_a_limit(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(max_redemptions=0),)))
    await served.enrol(points=99)
    assert error_of(await served.purchase())[1] == "Insufficient Points"


async def test_inactive_program_sells_nothing(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(status="active"))
    await served.enrol(points=100)
    async with served.pool.acquire() as connection:
        await connection.execute(
            "UPDATE programs SET definition = replace(definition::text, '\"active\"',"
            " '\"inactive\"')::json WHERE merchant_id = $1",
            served.shop.id,
        )
        await connection.execute(
            "UPDATE sequences SET catalogue_version = 2 WHERE merchant_id = $1", served.shop.id
        )
    await served.ledger.catalogues.refresh(served.shop.id)
    assert error_of(await served.purchase()) == (
        403,
        "Forbidden",
        "The loyalty program is not active",
    )


async def test_parallel_purchases_spend_each_point_once(served: Served) -> None:
    await served.enrol(points=350)
    answers = await asyncio.gather(*(served.purchase() for _ in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 3 + [422] * 17
    assert (await served.customer())["current_points"] == 50


async def test_oldest_lots_are_drawn_first_and_expired_ones_never(serve_shop: Serve) -> None:
    clock = Clock()
    served = await serve_shop(make_shop(points_expiry_days=10), now=clock)
    await served.enrol(points=60)
    clock.advance(days=6)
    for points in (70, 80):
        adjust = Adjust(program_id=PROGRAM, member=MemberRef(external_id="7001"), points=points)
        assert isinstance(await served.ledger.submit(served.shop.id, adjust), Done)
        clock.advance(seconds=1)
    clock.advance(days=5)
    customer = await served.customer()
    assert customer["current_points"] == 150
    assert customer["points_expire_at"] == "2026-03-30T09:26:53.589Z"
    assert (await served.purchase()).status_code == 201
    async with served.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT points, points_remaining FROM lots ORDER BY effective_at, id"
        )
    assert [(row[0], row[1]) for row in rows] == [(60, 0), (70, 0), (80, 50)]
    refused = await served.purchase()
    assert error_of(refused)[2] == "Customer has 50 points but this reward costs 100"


@pytest.mark.parametrize(("days", "expires_at"), [(None, None), (14, "2026-03-28T09:26:53.589Z")])
async def test_code_expires_so_many_days_later(
    serve_shop: Serve, days: int | None, expires_at: str | None
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(expiry_days=days),)), now=Clock())
    await served.enrol(points=100)
    assert (await served.purchase()).json()["data"]["attributes"]["expires_at"] == expires_at


async def test_seventh_call_within_a_second_is_refused(serve_shop: Serve) -> None:
    served = await serve_shop()
    time = [100.0]
    door = served.app._dialects[b"mage"]
    assert isinstance(door, MageApp)
    door._window = SlidingWindow(6, clock=lambda: time[0])
    await served.enrol(points=1000)
    answers = []
    for _ in range(7):
        answers.append(await served.purchase())
        time[0] += 0.1
    assert [answer.status_code for answer in answers] == [201] * 6 + [429]
    assert error_of(answers[6]) == (
        429,
        "Too Many Requests",
        "Rate limit exceeded. Please retry after a short delay.",
    )
    assert answers[6].headers["retry-after"] == "1"
    # Each key has a window of its own, and the limit comes before the scope.
    assert (await served.purchase(Authorization=READ_SECRET)).status_code == 403
    # The window slides: a second after the first call there is room for one more.
    time[0] = 101.0
    assert (await served.purchase()).status_code == 201
    assert (await served.purchase()).status_code == 429


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
async def test_other_methods_are_not_allowed(served: Served, method: str) -> None:
    del served.client.headers["Authorization"]
    response = await served.client.request(method, f"/v1/rewards/{dress('reward', 1001)}/purchase")
    assert response.status_code == 405
    assert response.headers["allow"] == "OPTIONS, POST"
    if method != "HEAD":
        assert error_of(response)[1] == "Method Not Allowed"


async def test_purchase_is_announced_in_its_own_transaction(served: Served) -> None:
    await served.enrol(points=150)
    before = await everything(served.pool)
    bought = (await served.purchase()).json()["data"]
    async with served.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT kind, redemption_id, facts FROM events ORDER BY id OFFSET $1",
            len(before["events"]),
        )
    (event,) = rows
    assert event["kind"] == "redemption.approved"
    assert dress("cr", event["redemption_id"]) == bought["id"]
    assert event["facts"] == '{"points":100,"points_available":50,"points_lifetime":150}'


async def test_trailing_slash_is_nothing(served: Served) -> None:
    await served.enrol(points=100)
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase/", json={"customer_identifier": "7001"}
    )
    assert response.status_code == 201


async def test_manual_reward_is_approved_at_once_and_left_to_staff(serve_shop: Serve) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(fulfil_by="manual"),)))
    await served.enrol(points=100)
    response = await served.purchase()
    assert response.status_code == 201
    async with snapshot(served.pool) as view:
        number = RedemptionId(int(response.json()["data"]["id"][3:], 36))
        (redemption,) = await redemptions.list_redemptions(view, served.shop.id, [number])
    assert (redemption.status, redemption.fulfilment) == ("approved", "open")
