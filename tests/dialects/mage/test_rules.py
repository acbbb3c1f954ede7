"""Earning rules are listed, and awarded once to a customer."""

import asyncio
from datetime import timedelta

import asyncpg
import httpx
import pytest
from msgspec.structs import replace as replaced

from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import EarningRule
from guerdon.domain.command import ChangeMember, Decline, Done, Earn
from guerdon.domain.ids import EarningId, ProgramId
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import READ_SECRET, Served
from tests.builders.member import ANA, Clock, books
from tests.builders.shop import FOUNDED, PROGRAM, make_rule, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

_NOW = "2026-03-14T09:26:53.589Z"
_FOLLOW = make_rule(
    1,
    name="Follow us",
    category="social",
    action="follow_on_instagram",
    points=100,
    description="On Instagram",
    customer_facing_label="Follow",
    call_to_action_url="https://instagram.example/north-shelf",
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _serve(serve_shop: Serve, clock: Clock, *rules: EarningRule) -> Served:
    served = await serve_shop(
        make_shop(
            rules=rules or (_FOLLOW,),
            tiers=(make_tier(1, 0, multiplier_permille=1500),),
            points_expiry_days=365,
        ),
        now=clock,
    )
    await served.enrol()
    return served


async def _award(
    served: Served, rule: EarningRule = _FOLLOW, customer: object = "7001", **headers: str
) -> httpx.Response:
    return await served.client.post(
        f"/v1/earning-rules/{dress('rule', rule.id)}/award",
        json={"customer_identifier": customer},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def _error(status: int, title: str, detail: str) -> dict[str, object]:
    return {"errors": [{"status": str(status), "title": title, "detail": detail}]}


async def test_lists_a_rule_whole(serve_shop: Serve, clock: Clock) -> None:
    served = await _serve(serve_shop, clock)
    response = await served.client.get("/v1/earning-rules")
    assert response.status_code == 200
    assert response.json() == {
        "data": [
            {
                "type": "earning_rule",
                "id": dress("rule", 4001),
                "attributes": {
                    "name": "Follow us",
                    "description": "On Instagram",
                    "action": "follow_on_instagram",
                    "category": "social",
                    "is_active": True,
                    "points_to_give": 100,
                    "customer_facing_label": "Follow",
                    "call_to_action_url": "https://instagram.example/north-shelf",
                    "created_at": "2026-01-01T00:00:00.000Z",
                    "updated_at": "2026-01-01T00:00:00.000Z",
                },
            }
        ],
        "meta": {"total": 1, "page": 1, "per_page": 20, "total_pages": 1},
    }


_LISTS = {
    "": (["Cherry", "apple", "Banana"], (3, 1, 20, 1)),
    "sort=created_at": (["Banana", "apple", "Cherry"], (3, 1, 20, 1)),
    "sort=-created_at": (["Cherry", "apple", "Banana"], (3, 1, 20, 1)),
    "sort=name": (["apple", "Banana", "Cherry"], (3, 1, 20, 1)),
    "sort=-name": (["Cherry", "Banana", "apple"], (3, 1, 20, 1)),
    "filter[is_active]=true": (["Cherry", "Banana"], (2, 1, 20, 1)),
    "filter%5Bis_active%5D=false": (["apple"], (1, 1, 20, 1)),
    "page[size]=2&page[number]=2": (["Banana"], (3, 2, 2, 2)),
    "page[number]=9": ([], (3, 9, 20, 1)),
    "filter[name]=apple": (["Cherry", "apple", "Banana"], (3, 1, 20, 1)),
}


async def test_lists_in_order_by_page_and_filter(serve_shop: Serve, clock: Clock) -> None:
    served = await _serve(
        serve_shop,
        clock,
        make_rule(1, name="Banana"),
        make_rule(2, name="apple", is_active=False, created_at=FOUNDED + timedelta(days=1)),
        make_rule(3, name="Cherry", created_at=FOUNDED + timedelta(days=1)),
        make_rule(4, name="Date", archived_at=FOUNDED),
    )
    for query, (names, meta) in _LISTS.items():
        response = await served.client.get(f"/v1/earning-rules?{query}")
        assert response.status_code == 200, query
        body = response.json()
        assert [each["attributes"]["name"] for each in body["data"]] == names, query
        keys = ("total", "page", "per_page", "total_pages")
        assert body["meta"] == dict(zip(keys, meta, strict=True)), query


async def test_refuses_an_unknown_order_or_filter_value(serve_shop: Serve, clock: Clock) -> None:
    served = await _serve(serve_shop, clock)
    for query, detail in {
        "sort=points": "sort must be one of created_at, name, with or without a minus",
        "filter[is_active]=yes": "filter[is_active] must be one of true, false",
    }.items():
        response = await served.client.get(f"/v1/earning-rules?{query}")
        assert (response.status_code, response.json()) == (400, _error(400, "Bad Request", detail))


async def test_a_rule_changed_elsewhere_is_listed_at_once(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    await served.client.get("/v1/earning-rules")
    async with transaction(pool) as tx:
        await offers.put_rule(tx, served.shop.id, make_rule(2, name="New"))
        await sequences.bump_catalogue_version(tx, served.shop.id)
    body = (await served.client.get("/v1/earning-rules?sort=name")).json()
    assert [each["attributes"]["name"] for each in body["data"]] == ["Follow us", "New"]


async def test_awards_with_the_tiers_multiplier(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    response = await _award(served)
    earning_id = await pool.fetchval("SELECT id FROM earnings")
    assert response.status_code == 201
    assert response.json() == {
        "data": {
            "type": "earning_history_entry",
            "id": dress("cer", earning_id),
            "attributes": {
                "earning_rule_id": dress("rule", 4001),
                "action": "follow_on_instagram",
                "points": 150,
                "base_points": 100,
                "points_multiplier": 1.5,
                "status": "approved",
                "points_given_at": _NOW,
                "points_due_at": None,
                "points_expiry_at": "2027-03-14T09:26:53.589Z",
                "created_at": _NOW,
                "updated_at": _NOW,
            },
        }
    }
    wallet = await pool.fetchrow("SELECT points_available, points_lifetime FROM wallets")
    assert tuple(wallet) == (150, 150)
    kinds = await pool.fetch("SELECT kind FROM events ORDER BY id")
    assert [kind for (kind,) in kinds] == ["member.enrolled", "points.earned"]


async def test_a_delayed_award_is_pending(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, approval_days=14))
    response = await _award(served, customer=" ANA@Shop.Example ")
    assert response.status_code == 201
    attributes = response.json()["data"]["attributes"]
    assert attributes == {
        "earning_rule_id": dress("rule", 4001),
        "action": "follow_on_instagram",
        "points": 150,
        "base_points": 100,
        "points_multiplier": 1.5,
        "status": "pending",
        "points_given_at": None,
        "points_due_at": "2026-03-28T09:26:53.589Z",
        "points_expiry_at": None,
        "created_at": _NOW,
        "updated_at": _NOW,
    }
    wallet = await pool.fetchrow(
        "SELECT points_available, points_lifetime, points_pending FROM wallets"
    )
    assert tuple(wallet) == (0, 0, 150)


_CONFLICT = _error(
    409, "Conflict", "Customer has already been awarded points for this earning rule"
)


@pytest.mark.parametrize("approval_days", [0, 14])
async def test_awards_a_rule_once(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, approval_days: int
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, approval_days=approval_days))
    assert (await _award(served)).status_code == 201
    before = await books(pool)
    again = await _award(served)
    assert (again.status_code, again.json()) == (409, _CONFLICT)
    assert await books(pool) == before


async def test_a_rejected_award_may_be_made_again(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, approval_days=14))
    await _award(served)
    earning_id = EarningId(await pool.fetchval("SELECT id FROM earnings"))
    outcome = await served.ledger.submit(served.shop.id, Decline(earning_id=earning_id))
    assert isinstance(outcome, Done)
    assert (await _award(served)).status_code == 201


async def test_a_rule_had_by_another_way_counts(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    earn = Earn(program_id=PROGRAM, member=ANA, rule_id=_FOLLOW.id)
    assert isinstance(await served.ledger.submit(served.shop.id, earn), Done)
    again = await _award(served)
    assert (again.status_code, again.json()) == (409, _CONFLICT)


async def test_fifty_at_once_award_once(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    responses = await asyncio.gather(*(_award(served) for _ in range(50)))
    assert sorted(each.status_code for each in responses) == [201] + [409] * 49
    assert await pool.fetchval("SELECT points_available FROM wallets") == 150


async def test_a_key_gives_the_first_answer_again(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    first = await _award(served, idempotency_key="award-1")
    clock.pass_(hours=1)
    again = await _award(served, idempotency_key="award-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await _award(served, customer="ana@shop.example", idempotency_key="award-1")
    assert (other.status_code, other.json()) == (
        409,
        _error(409, "Conflict", "Idempotency-Key was used before with a different request"),
    )
    assert await pool.fetchval("SELECT points_available FROM wallets") == 150


@pytest.mark.parametrize("category", ["purchase", "birthday", "anniversary", "signup", "referral"])
async def test_other_categories_cannot_be_awarded(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, category: str
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, category=category))
    before = await books(pool)
    response = await _award(served)
    assert (response.status_code, response.json()) == (
        422,
        _error(
            422,
            "Unprocessable Entity",
            f"Earning rules of category '{category}' cannot be awarded",
        ),
    )
    assert await books(pool) == before


async def test_an_engagement_rule_can_be_awarded(serve_shop: Serve, clock: Clock) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, category="engagement"))
    assert (await _award(served)).status_code == 201


_RULE = dress("rule", 4001)
_UNKNOWN_RULE = _error(404, "Not Found", f"Earning rule '{_RULE}' not found")


@pytest.mark.parametrize(
    "changes",
    [{"is_active": False}, {"archived_at": FOUNDED}, {"program_id": ProgramId(99)}],
)
async def test_a_rule_that_is_off_is_not_found(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, changes: dict[str, object]
) -> None:
    foreign = changes.get("program_id")
    rule = _FOLLOW if foreign else replaced(_FOLLOW, **changes)
    served = await _serve(serve_shop, clock, rule)
    if foreign:
        await _move_to_another_program(pool, served)
    before = await books(pool)
    response = await _award(served)
    assert (response.status_code, response.json()) == (404, _UNKNOWN_RULE)
    assert await books(pool) == before


async def _move_to_another_program(pool: asyncpg.Pool, served: Served) -> None:
    other = replaced(served.shop.program, id=ProgramId(99), slug="other")
    async with transaction(pool) as tx:
        await offers.put_program(tx, served.shop.id, other, FOUNDED)
        await offers.put_rule(tx, served.shop.id, replaced(_FOLLOW, program_id=ProgramId(99)))
        await sequences.bump_catalogue_version(tx, served.shop.id)
    await served.ledger.catalogues.refresh(served.shop.id)


@pytest.mark.parametrize("rule", ["rule_1", "reward_0000000000000001", "x", dress("rule", 7)])
async def test_an_unknown_rule_is_named_as_sent(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, rule: str
) -> None:
    served = await _serve(serve_shop, clock)
    before = await books(pool)
    response = await served.client.post(
        f"/v1/earning-rules/{rule}/award", json={"customer_identifier": "7001"}
    )
    assert (response.status_code, response.json()) == (
        404,
        _error(404, "Not Found", f"Earning rule '{rule}' not found"),
    )
    assert await books(pool) == before


@pytest.mark.parametrize("customer", ["7002", "Nobody@Shop.Example", "x" * 400])
async def test_the_customer_is_looked_for_before_the_rule(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, customer: str
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, is_active=False))
    before = await books(pool)
    response = await _award(served, customer=customer)
    assert (response.status_code, response.json()) == (
        404,
        _error(404, "Not Found", f"Customer '{customer}' not found"),
    )
    assert await books(pool) == before


async def test_exclusion_comes_before_everything_but_the_customer(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, replaced(_FOLLOW, category="purchase"))
    freeze = ChangeMember(program_id=PROGRAM, member=ANA, is_frozen=True)
    await served.ledger.submit(served.shop.id, freeze)
    before = await books(pool)
    for rule in (_FOLLOW, make_rule(99)):
        response = await _award(served, rule)
        assert (response.status_code, response.json()) == (
            403,
            _error(403, "Forbidden", "Customer is excluded from the loyalty program"),
        )
    assert await books(pool) == before


async def test_an_inactive_program_awards_nothing(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    await _switch_off(pool, served)
    before = await books(pool)
    response = await _award(served)
    assert (response.status_code, response.json()) == (
        403,
        _error(403, "Forbidden", "The loyalty program is not active"),
    )
    assert await books(pool) == before


async def _switch_off(pool: asyncpg.Pool, served: Served) -> None:
    async with transaction(pool) as tx:
        program = replaced(served.shop.program, status="inactive")
        await offers.put_program(tx, served.shop.id, program, FOUNDED)
        await sequences.bump_catalogue_version(tx, served.shop.id)


_BAD_BODIES = {
    b"{": "Invalid JSON body: it is not valid JSON",
    b"[]": "Invalid JSON body: it must be a JSON object",
    b"{}": "customer_identifier is required",
    b'{"customer_identifier": null}': "customer_identifier must be a string",
    b'{"customer_identifier": 7001}': "customer_identifier must be a string",
    b'{"customer_identifier": "  "}': "customer_identifier is required",
}


async def test_refuses_a_body_that_names_nobody(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    before = await books(pool)
    for body, detail in _BAD_BODIES.items():
        response = await served.client.post(f"/v1/earning-rules/{_RULE}/award", content=body)
        assert (response.status_code, response.json()) == (400, _error(400, "Bad Request", detail))
    assert await books(pool) == before


async def test_a_key_that_only_reads_learns_nothing(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    before = await books(pool)
    response = await _award(served, make_rule(99), authorization=READ_SECRET)
    detail = "This API key is read-only and cannot perform write operations"
    assert (response.status_code, response.json()) == (403, _error(403, "Forbidden", detail))
    assert await books(pool) == before
    listed = await served.client.get("/v1/earning-rules", headers={"Authorization": READ_SECRET})
    assert listed.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v1/earning-rules", "GET, HEAD, OPTIONS"),
        ("GET", f"/v1/earning-rules/{_RULE}/award", "OPTIONS, POST"),
    ],
)
async def test_other_methods_are_refused(
    serve_shop: Serve, clock: Clock, method: str, path: str, allow: str
) -> None:
    served = await _serve(serve_shop, clock)
    response = await served.client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json() == _error(
        405, "Method Not Allowed", f"{method} is not supported on this path"
    )
