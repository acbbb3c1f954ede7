"""Custom actions award points for what happens outside the shop: never twice for one completion."""

import asyncio
import json
from collections.abc import Mapping

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.actions import METADATA_BYTES_MAX
from guerdon.dialects.mage.translate import dress
from guerdon.domain.catalogue import EarningRule, ProgramStatus
from guerdon.domain.command import ChangeMember, Decline, Done
from guerdon.domain.ids import EarningId
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import READ_SECRET, Served
from tests.builders.member import ANA, Clock, books
from tests.builders.shop import FOUNDED, PROGRAM, make_rule, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

_NOW = "2026-03-14T09:26:53.589Z"
_REVIEW = make_rule(1, action_key="review_2")
_ONCE = make_rule(1, action_key="review_2", is_once=True)
_SLOW = make_rule(1, action_key="review_2", approval_days=14)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _serve(
    serve_shop: Serve, clock: Clock, *rules: EarningRule, status: ProgramStatus = "active"
) -> Served:
    shop = make_shop(rules=rules or (_REVIEW,), tiers=(make_tier(1, 0, multiplier_permille=1500),))
    served = await serve_shop(shop, now=clock)
    await served.enrol()
    await served.enrol("7002", "bo@shop.example")
    if status != "active":
        await _switch(served, status)
    return served


async def _switch(served: Served, status: ProgramStatus) -> None:
    async with transaction(served.ledger.runtime.pool) as tx:
        program = served.shop.with_program(status=status).program
        await offers.put_program(tx, served.shop.id, program, FOUNDED)
        await sequences.bump_catalogue_version(tx, served.shop.id)


async def _act(
    served: Served,
    fields: Mapping[str, object] | None = None,
    /,
    *,
    key_header: str | None = None,
    **body: object,
) -> httpx.Response:
    """Send an action; a field of `...` is left out."""
    given = {"action_key": "review_2", "customer_id": "7001"} | dict(fields or {}) | body
    return await served.client.post(
        "/v1/actions",
        json={name: value for name, value in given.items() if value is not ...},
        headers={"Idempotency-Key": key_header} if key_header else {},
    )


def _entry(earning_id: int, **changes: object) -> dict[str, object]:
    attributes = {
        "earning_rule_id": dress("rule", 4001),
        "action": "custom",
        "points": 75,
        "points_balance": 75,
        "status": "approved",
        "idempotency_key": None,
        "replayed": False,
        "points_given_at": _NOW,
        "points_due_at": None,
        "created_at": _NOW,
    }
    entry = {
        "type": "earning_history_entry",
        "id": dress("cer", earning_id),
        "attributes": attributes | changes,
    }
    return {"data": entry}


def _error(status: int, title: str, detail: str) -> tuple[int, dict[str, object]]:
    return status, {"errors": [{"status": str(status), "title": title, "detail": detail}]}


def _seen(response: httpx.Response) -> tuple[int, dict[str, object]]:
    return response.status_code, response.json()


_CONFLICT = _error(
    409, "Conflict", "Customer has already been awarded points for this earning rule"
)


async def _earning_ids(pool: asyncpg.Pool) -> list[int]:
    return [row[0] for row in await pool.fetch("SELECT id FROM earnings ORDER BY id")]


async def test_awards_with_the_tiers_multiplier(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    metadata = {"product": "mug", "stars": 5, "tags": ["a", {"b": None}], "note": "ü"}
    response = await _act(served, idempotency_key="review-881", metadata=metadata)
    (earning_id,) = await _earning_ids(pool)
    assert _seen(response) == (201, _entry(earning_id, idempotency_key="review-881"))
    stored = await pool.fetchrow("SELECT metadata, action_key, rule_id FROM earnings")
    assert json.loads(stored["metadata"]) == metadata
    assert (stored["action_key"], stored["rule_id"]) == ("review-881", 4001)
    kinds = await pool.fetch("SELECT kind FROM events ORDER BY id DESC LIMIT 1")
    assert [kind for (kind,) in kinds] == ["points.earned"]


async def test_a_delayed_action_is_pending(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, _SLOW)
    response = await _act(served, customer_id=..., customer_email="ANA@shop.example")
    (earning_id,) = await _earning_ids(pool)
    assert _seen(response) == (
        201,
        _entry(
            earning_id,
            status="pending",
            points_balance=0,
            points_given_at=None,
            points_due_at="2026-03-28T09:26:53.589Z",
        ),
    )


async def test_the_same_completion_is_replayed(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    await _act(served, idempotency_key="review-881")
    (earning_id,) = await _earning_ids(pool)
    before = await books(pool)
    clock.pass_(days=40)
    again = await _act(served, idempotency_key="review-881")
    assert _seen(again) == (200, _entry(earning_id, idempotency_key="review-881", replayed=True))
    assert await books(pool) == before


async def test_an_unlimited_action_counts_each_completion(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    for expected, key in ((75, "a"), (150, "b"), (225, ...), (300, ...)):
        response = await _act(served, idempotency_key=key)
        assert response.status_code == 201
        assert response.json()["data"]["attributes"]["points_balance"] == expected
    assert len(await _earning_ids(pool)) == 4


async def test_a_once_only_action_is_replayed_by_its_key_and_else_refused(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, _ONCE)
    assert (await _act(served, idempotency_key="a")).status_code == 201
    before = await books(pool)
    again = await _act(served, idempotency_key="a")
    assert (again.status_code, again.json()["data"]["attributes"]["replayed"]) == (200, True)
    assert _seen(await _act(served, idempotency_key="b")) == _CONFLICT
    assert _seen(await _act(served)) == _CONFLICT
    assert await books(pool) == before
    assert (await _act(served, customer_id="7002")).status_code == 201


async def test_a_completion_belongs_to_one_customer(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    await _act(served, idempotency_key="a")
    before = await books(pool)
    assert _seen(await _act(served, customer_id="7002", idempotency_key="a")) == _CONFLICT
    assert await books(pool) == before


async def test_a_rejected_award_stays_the_answer_to_its_completion(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, _SLOW)
    await _act(served, idempotency_key="a")
    (earning_id,) = await _earning_ids(pool)
    decline = Decline(earning_id=EarningId(earning_id))
    assert isinstance(await served.ledger.submit(served.shop.id, decline), Done)
    again = await _act(served, idempotency_key="a")
    attributes = again.json()["data"]["attributes"]
    assert (again.status_code, attributes["status"], attributes["replayed"]) == (
        200,
        "rejected",
        True,
    )


@pytest.mark.parametrize("rule", [_REVIEW, _ONCE], ids=["unlimited", "once"])
async def test_fifty_at_once_award_once(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, rule: EarningRule
) -> None:
    served = await _serve(serve_shop, clock, rule)
    responses = await asyncio.gather(*(_act(served, idempotency_key="a") for _ in range(50)))
    assert sorted(each.status_code for each in responses) == [200] * 49 + [201]
    (earning_id,) = await _earning_ids(pool)
    for response in responses:
        is_replay = response.status_code == 200
        expected = _entry(earning_id, idempotency_key="a", replayed=is_replay)
        assert response.json() == expected
    assert await pool.fetchval("SELECT sum(points_available) FROM wallets") == 75


async def test_fifty_at_once_under_one_header_get_one_answer(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    responses = await asyncio.gather(*(_act(served, key_header="h-1") for _ in range(50)))
    assert {(each.status_code, each.content) for each in responses} == {(201, responses[0].content)}
    replayed = [each for each in responses if "idempotent-replayed" in each.headers]
    assert len(replayed) == 49
    assert len(await _earning_ids(pool)) == 1
    other = await _act(served, key_header="h-1", customer_id="7002")
    assert _seen(other) == _error(
        409, "Conflict", "Idempotency-Key was used before with a different request"
    )


async def test_the_id_counts_where_both_names_are_given(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    await _act(served, customer_id="gid://shopify/Customer/7001", customer_email="bo@shop.example")
    await _act(served, customer_id=" ", customer_email="bo@shop.example")
    rows = await pool.fetch(
        "SELECT m.external_id FROM earnings e JOIN members m ON m.id = e.member_id ORDER BY e.id"
    )
    assert [row[0] for row in rows] == ["7001", "7002"]


@pytest.mark.parametrize("status", ["inactive", "draft"])
async def test_a_program_that_is_off_succeeds_and_awards_nothing(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock, status: ProgramStatus
) -> None:
    served = await _serve(serve_shop, clock)
    await _act(served, idempotency_key="a")
    await _switch(served, status)
    before = await books(pool)
    for name in (
        {"customer_id": "7001"},
        {"customer_id": ..., "customer_email": "ana@shop.example"},
    ):
        response = await _act(served, name, idempotency_key="b")
        assert _seen(response) == (
            200,
            _entry(0, points=0, status="skipped", idempotency_key="b", points_given_at=None),
        )
    replay = await _act(served, idempotency_key="a")
    assert replay.json()["data"]["attributes"]["replayed"] is True
    assert await books(pool) == before
    await _switch(served, "active")
    assert (await _act(served, idempotency_key="b")).status_code == 201


async def test_a_program_that_is_off_still_knows_its_customers(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock, status="inactive")
    before = await books(pool)
    response = await _act(served, customer_id="7009")
    assert _seen(response) == _error(404, "Not Found", "Customer '7009' not found")
    assert await books(pool) == before


async def test_an_excluded_customer_earns_nothing(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    freeze = ChangeMember(program_id=PROGRAM, member=ANA, is_frozen=True)
    await served.ledger.submit(served.shop.id, freeze)
    before = await books(pool)
    for action_key in ("review_2", "unheard_of"):
        assert _seen(await _act(served, action_key=action_key)) == _error(
            403, "Forbidden", "Customer is excluded from the loyalty program"
        )
    assert await books(pool) == before


async def test_names_what_is_not_found(pool: asyncpg.Pool, serve_shop: Serve, clock: Clock) -> None:
    off = make_rule(2, action_key="off", is_active=False)
    gone = make_rule(3, action_key="gone", archived_at=FOUNDED)
    served = await _serve(serve_shop, clock, _REVIEW, off, gone)
    before = await books(pool)
    for action_key in ("off", "gone", "unheard_of"):
        assert _seen(await _act(served, action_key=action_key)) == _error(
            404, "Not Found", f"Custom action '{action_key}' not found"
        )
    for name, customer in {
        "customer_id": "7009",
        "customer_email": "Nobody@shop.example",
    }.items():
        body = {"customer_id": ...} | {name: customer}
        for action_key in ("review_2", "unheard_of"):
            response = await _act(served, body, action_key=action_key)
            detail = f"Customer '{customer}' not found"
            assert _seen(response) == _error(404, "Not Found", detail)
    by_email = await _act(served, customer_id="ana@shop.example")
    assert _seen(by_email) == _error(404, "Not Found", "Customer 'ana@shop.example' not found")
    assert await books(pool) == before


async def test_an_action_made_elsewhere_is_known_at_once(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    async with transaction(pool) as tx:
        await offers.put_rule(tx, served.shop.id, make_rule(2, action_key="brand_new"))
        await sequences.bump_catalogue_version(tx, served.shop.id)
    assert (await _act(served, action_key="brand_new")).status_code == 201


_PATTERN = "action_key must be lowercase letters, digits and underscores, at most 100"
_LENGTH = "idempotency_key must be 1 to 255 printable characters"
_NOBODY = "customer_id or customer_email is required"
_BAD: list[tuple[dict[str, object], str]] = [
    ({"action_key": ...}, "action_key is required"),
    ({"action_key": None}, "action_key must be a string"),
    ({"action_key": 1}, "action_key must be a string"),
    ({"action_key": ""}, _PATTERN),
    ({"action_key": "Review"}, _PATTERN),
    ({"action_key": "re-view"}, _PATTERN),
    ({"action_key": "review\n"}, _PATTERN),
    ({"action_key": "a" * 101}, _PATTERN),
    ({"customer_id": ...}, _NOBODY),
    ({"customer_id": None}, _NOBODY),
    ({"customer_id": " ", "customer_email": ""}, _NOBODY),
    ({"customer_id": 7001}, "customer_id must be a string or null"),
    ({"customer_id": ..., "customer_email": "ana"}, "customer_email must be an email address"),
    ({"idempotency_key": ""}, _LENGTH),
    ({"idempotency_key": "a" * 256}, _LENGTH),
    ({"idempotency_key": "a\tb"}, _LENGTH),
    ({"idempotency_key": 5}, "idempotency_key must be a string or null"),
    ({"metadata": []}, "metadata must be an object or null"),
    ({"metadata": "{}"}, "metadata must be an object or null"),
    (
        {"metadata": {"a": "b" * METADATA_BYTES_MAX}},
        f"metadata must be at most {METADATA_BYTES_MAX} bytes of JSON",
    ),
]


_NO_JSON: dict[bytes, str | None] = {
    b"": "Invalid JSON body: it is not valid JSON",
    b"[1]": "Invalid JSON body: it must be a JSON object",
    b'{"metadata": {"a": "\\u0000"}}': None,
    b'{"metadata": {"a": "\\ud800"}}': None,
    b'{"metadata": {"a": 1e999}}': None,
    b'{"metadata": {"a": 1, "a": 2}}': None,
    b'{"metadata":' + b"[" * 5000 + b"]" * 5000 + b"}": None,
}


async def test_refuses_a_body_that_is_not_right(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    before = await books(pool)
    for body, detail in _BAD:
        response = await _act(served, body)
        assert _seen(response) == _error(400, "Bad Request", detail), body
    for text, said in _NO_JSON.items():
        response = await served.client.post("/v1/actions", content=text)
        assert response.status_code == 400, text
        if said is not None:
            assert _seen(response) == _error(400, "Bad Request", said)
    assert await books(pool) == before


async def test_largest_metadata_is_taken(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    largest = {"a": "b" * (METADATA_BYTES_MAX - len('{"a":""}'))}
    assert (await _act(served, metadata=largest)).status_code == 201
    assert (await _act(served, metadata={})).status_code == 201
    assert (await _act(served, metadata=None)).status_code == 201
    stored = await pool.fetch("SELECT metadata FROM earnings ORDER BY id")
    assert [row[0] for row in stored] == [json.dumps(largest, separators=(",", ":")), "{}", None]


async def test_a_key_that_only_reads_may_not(
    pool: asyncpg.Pool, serve_shop: Serve, clock: Clock
) -> None:
    served = await _serve(serve_shop, clock)
    before = await books(pool)
    response = await served.client.post(
        "/v1/actions", content=b"{", headers={"Authorization": READ_SECRET}
    )
    assert _seen(response) == _error(
        403, "Forbidden", "This API key is read-only and cannot perform write operations"
    )
    shown = await served.client.get("/v1/actions")
    assert (shown.status_code, shown.headers["allow"]) == (405, "OPTIONS, POST")
    assert await books(pool) == before
