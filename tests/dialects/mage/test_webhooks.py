"""Webhook subscriptions: six operations, and a secret that is shown twice in its life at most."""

import asyncio
import re
from datetime import timedelta

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.domain.ids import MerchantId, SubscriptionId
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.subscribing import context_of
from tests.builders.http import READ_SECRET, Served, serve
from tests.builders.member import Clock, books
from tests.builders.shop import make_shop, save_shop
from tests.dialects.mage.conftest import SEAL, Serve

_PATH = "/v1/webhook-subscriptions"
_NOW = "2026-03-14T09:26:53.589Z"
_URL = "https://shop.example/hooks?till=1"
_BODY = {"url": _URL, "events": ["points.redeemed", "points.earned"], "description": "Till"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def till(serve_shop: Serve, clock: Clock) -> Served:
    return await serve_shop(make_shop(), now=clock)


async def _create(served: Served, **changes: object) -> dict[str, object]:
    response = await served.client.post(_PATH, json=_BODY | changes)
    assert response.status_code == 201, response.text
    data: dict[str, object] = response.json()["data"]
    return data


def _shown(number: int, **changes: object) -> dict[str, object]:
    attributes = {
        "url": _URL,
        "events": ["points.redeemed", "points.earned"],
        "is_active": True,
        "description": "Till",
        "created_at": _NOW,
        "updated_at": _NOW,
    }
    return {
        "type": "webhook_subscription",
        "id": dress("whsub", number),
        "attributes": attributes | changes,
    }


def _error(status: int, title: str, detail: str) -> tuple[int, dict[str, object]]:
    return status, {"errors": [{"status": str(status), "title": title, "detail": detail}]}


def _seen(response: httpx.Response) -> tuple[int, dict[str, object]]:
    return response.status_code, response.json()


async def _secret(pool: asyncpg.Pool, number: int) -> str:
    sealed = await pool.fetchval("SELECT secret_sealed FROM webhook_subscriptions")
    return SEAL.open(sealed, context_of(MerchantId(1), SubscriptionId(number))).decode()


async def test_creates_with_a_secret(pool: asyncpg.Pool, till: Served) -> None:
    response = await till.client.post(_PATH, json=_BODY)
    body = response.json()
    secret = body["data"]["attributes"].pop("secret")
    assert response.status_code == 201
    assert re.fullmatch(r"[0-9a-f]{64}", secret)
    assert body == {"data": _shown(10_000)}
    assert await _secret(pool, 10_000) == secret
    names = list(response.json()["data"]["attributes"])
    assert names[names.index("description") + 1] == "secret"


async def test_needs_no_description_and_takes_each_event_once(till: Served) -> None:
    events = ["points.earned", "customer.tier_upgrade", "points.earned", "customer.tier_downgrade"]
    made = await till.client.post(_PATH, json={"url": _URL, "events": events, "is_active": False})
    attributes = made.json()["data"]["attributes"]
    assert made.status_code == 201
    assert attributes["description"] is None
    assert attributes["is_active"] is True
    assert attributes["events"] == [
        "points.earned",
        "customer.tier_upgrade",
        "customer.tier_downgrade",
    ]


_EVENTS = (
    "events must be some of points.earned, points.redeemed, customer.tier_upgrade, "
    "customer.tier_downgrade"
)
_BAD_URLS = {
    "": "url must be a valid URL",
    "shop.example": "url must be a valid URL",
    "ftp://shop.example/": "url must be a valid URL",
    "http://shop.example/hooks": "url must use HTTPS",
    "https://localhost/hooks": "url must not point to a private address",
    "https://127.0.0.1/": "url must not point to a private address",
    "https://169.254.169.254/latest": "url must not point to a private address",
    "https://[::1]/": "url must not point to a private address",
    "https://u:p@shop.example/": "url must not hold a user name or password",
}
_BAD_BOTH: list[tuple[dict[str, object], str]] = [
    ({"url": None}, "url must be a string"),
    ({"url": 5}, "url must be a string"),
    ({"events": None}, "events must be an array"),
    ({"events": "points.earned"}, "events must be an array"),
    ({"events": []}, "events must not be empty"),
    ({"events": [1]}, "events[0] must be a string"),
    ({"events": ["points.earned", "points.lost"]}, _EVENTS),
    ({"events": ["*"]}, _EVENTS),
    ({"description": 5}, "description must be a string or null"),
    ({"description": "a" * 1001}, "description must have at most 1000 characters"),
    *[(dict[str, object](url=url), detail) for url, detail in _BAD_URLS.items()],
]
_BAD_JSON = {
    b"": "Invalid JSON body: it is not valid JSON",
    b'{"url"': "Invalid JSON body: it is not valid JSON",
    b"[]": "Invalid JSON body: it must be a JSON object",
}


async def test_refuses_to_create_what_is_not_right(pool: asyncpg.Pool, till: Served) -> None:
    before = await books(pool)
    for changes, detail in _BAD_BOTH:
        response = await till.client.post(_PATH, json=_BODY | changes)
        assert _seen(response) == _error(400, "Bad Request", detail), changes
    for field in ("url", "events"):
        rest = {name: value for name, value in _BODY.items() if name != field}
        response = await till.client.post(_PATH, json=rest)
        assert _seen(response) == _error(400, "Bad Request", f"{field} is required")
    for text, detail in _BAD_JSON.items():
        response = await till.client.post(_PATH, content=text)
        assert _seen(response) == _error(400, "Bad Request", detail), text
    assert await books(pool) == before


async def test_lists_newest_first_by_page_without_secrets(till: Served, clock: Clock) -> None:
    empty = await till.client.get(_PATH)
    meta = {"total": 0, "page": 1, "per_page": 20, "total_pages": 0}
    assert _seen(empty) == (200, {"data": [], "meta": meta})
    for number in range(3):
        await _create(till, description=str(number))
        clock.pass_(seconds=1)
    listed = await till.client.get(_PATH)
    assert listed.json() == {
        "data": [
            _shown(
                10_000 + number,
                description=str(number),
                created_at=f"2026-03-14T09:26:5{3 + number}.589Z",
                updated_at=f"2026-03-14T09:26:5{3 + number}.589Z",
            )
            for number in (2, 1, 0)
        ],
        "meta": {"total": 3, "page": 1, "per_page": 20, "total_pages": 1},
    }
    page = (await till.client.get(f"{_PATH}?page[size]=2&page[number]=2")).json()
    assert [each["id"] for each in page["data"]] == [dress("whsub", 10_000)]
    assert page["meta"] == {"total": 3, "page": 2, "per_page": 2, "total_pages": 2}


async def test_those_of_one_moment_are_listed_by_id(till: Served) -> None:
    for _ in range(3):
        await _create(till)
    listed = (await till.client.get(_PATH)).json()["data"]
    assert [each["id"] for each in listed] == [dress("whsub", 10_000 + n) for n in (2, 1, 0)]


async def test_shows_one_without_its_secret(till: Served) -> None:
    made = await _create(till)
    shown = await till.client.get(f"{_PATH}/{made['id']}")
    assert _seen(shown) == (200, {"data": _shown(10_000)})


_LATER = "2026-03-14T10:26:53.589Z"
_CHANGES: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"is_active": False}, {"is_active": False}),
    ({"description": None}, {"is_active": False, "description": None}),
    (
        {"url": "https://other.example/", "events": ["points.earned", "points.earned"]},
        {
            "is_active": False,
            "description": None,
            "url": "https://other.example/",
            "events": ["points.earned"],
        },
    ),
]


async def test_changes_what_is_named_and_keeps_the_secret(
    pool: asyncpg.Pool, till: Served, clock: Clock
) -> None:
    made = await _create(till)
    before = await _secret(pool, 10_000)
    unchanged = await till.client.put(f"{_PATH}/{made['id']}", json={})
    assert _seen(unchanged) == (200, {"data": _shown(10_000)})
    clock.at += timedelta(hours=1)
    for change, seen in _CHANGES:
        response = await till.client.put(f"{_PATH}/{made['id']}", json=change)
        expected = _shown(10_000, updated_at=_LATER, **seen)
        assert _seen(response) == (200, {"data": expected})
        shown = await till.client.get(f"{_PATH}/{made['id']}")
        assert shown.json() == {"data": expected}
    assert await _secret(pool, 10_000) == before
    ignored = await till.client.put(f"{_PATH}/{made['id']}", json={"secret": "mine"})
    assert ignored.status_code == 200
    assert await _secret(pool, 10_000) == before


async def test_refuses_a_change_that_is_not_right(pool: asyncpg.Pool, till: Served) -> None:
    path = f"{_PATH}/{(await _create(till))['id']}"
    before = await books(pool)
    no_flag: dict[str, object] = {"is_active": None}
    for change, detail in [*_BAD_BOTH, (no_flag, "is_active must be a boolean")]:
        response = await till.client.put(path, json={"is_active": False, **change})
        assert _seen(response) == _error(400, "Bad Request", detail), change
    for text, detail in _BAD_JSON.items():
        response = await till.client.put(path, content=text)
        assert _seen(response) == _error(400, "Bad Request", detail), text
    assert await books(pool) == before


async def test_removes_for_good(pool: asyncpg.Pool, till: Served) -> None:
    path = f"{_PATH}/{(await _create(till))['id']}"
    gone = await till.client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    unknown = _error(404, "Not Found", f"Webhook subscription '{path[len(_PATH) + 1 :]}' not found")
    assert _seen(await till.client.get(path)) == unknown
    assert _seen(await till.client.delete(path)) == unknown
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 0


async def test_rotation_gives_a_new_secret(pool: asyncpg.Pool, till: Served, clock: Clock) -> None:
    made = await _create(till)
    first = await _secret(pool, 10_000)
    clock.at += timedelta(hours=1)
    rotated = await till.client.post(f"{_PATH}/{made['id']}/rotate-secret")
    body = rotated.json()
    secret = body["data"]["attributes"].pop("secret")
    assert rotated.status_code == 200
    assert re.fullmatch(r"[0-9a-f]{64}", secret)
    assert secret != first
    assert await _secret(pool, 10_000) == secret
    assert body == {"data": _shown(10_000, updated_at=_LATER)}


async def _send(served: Served, method: str, path: str, **options: object) -> httpx.Response:
    body = {"is_active": False} if method == "PUT" else None
    headers = options.get("headers")
    assert headers is None or isinstance(headers, dict)
    return await served.client.request(method, path, json=body, headers=headers)


_ON_ONE = (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/rotate-secret"))


async def test_an_unknown_id_is_named_as_sent(pool: asyncpg.Pool, till: Served) -> None:
    before = await books(pool)
    for name in ("whsub_1", "cr_0000000000000001", "x%2Fy", dress("whsub", 9)):
        for method, rest in _ON_ONE:
            response = await _send(till, method, f"{_PATH}/{name}{rest}")
            shown = name.replace("%2F", "/")
            expected = _error(404, "Not Found", f"Webhook subscription '{shown}' not found")
            assert _seen(response) == expected, (method, name)
    assert await books(pool) == before


async def test_strangers_see_no_subscription(
    pool: asyncpg.Pool, till: Served, clock: Clock
) -> None:
    made = await _create(till)
    other = await save_shop(pool, make_shop(2))
    ledger = Ledger(Runtime(pool=pool, now=clock, seal=SEAL))
    await create_key(
        ledger.runtime,
        merchant_id=other.id,
        program_id=other.program.id,
        dialect="mage",
        name="stranger",
        secret="the-secret-of-a-stranger-to-it",
    )
    headers = {"Authorization": "the-secret-of-a-stranger-to-it"}
    before = await books(pool)
    for method, rest in _ON_ONE:
        response = await _send(till, method, f"{_PATH}/{made['id']}{rest}", headers=headers)
        expected = _error(404, "Not Found", f"Webhook subscription '{made['id']}' not found")
        assert _seen(response) == expected
    assert (await till.client.get(_PATH, headers=headers)).json()["data"] == []
    assert await books(pool) == before


async def test_a_key_that_only_reads_may_not_write(pool: asyncpg.Pool, till: Served) -> None:
    made = await _create(till)
    headers = {"Authorization": READ_SECRET}
    before = await books(pool)
    detail = "This API key is read-only and cannot perform write operations"
    for method, path in (
        ("POST", _PATH),
        ("PUT", f"{_PATH}/whsub_x"),
        ("DELETE", f"{_PATH}/{made['id']}"),
        ("POST", f"{_PATH}/{made['id']}/rotate-secret"),
    ):
        response = await _send(till, method, path, headers=headers)
        assert _seen(response) == _error(403, "Forbidden", detail)
    assert await books(pool) == before
    assert (await till.client.get(_PATH, headers=headers)).status_code == 200
    shown = await till.client.get(f"{_PATH}/{made['id']}", headers=headers)
    assert "secret" not in shown.json()["data"]["attributes"]


async def test_the_same_key_at_once_creates_one(pool: asyncpg.Pool, till: Served) -> None:
    headers = {"Idempotency-Key": "till-1"}
    responses = await asyncio.gather(
        *(till.client.post(_PATH, json=_BODY, headers=headers) for _ in range(50))
    )
    assert {(each.status_code, each.content) for each in responses} == {(201, responses[0].content)}
    replayed = [each for each in responses if "idempotent-replayed" in each.headers]
    assert len(replayed) == 49
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 1
    before = await books(pool)
    other = await till.client.post(_PATH, json=_BODY | {"description": None}, headers=headers)
    assert _seen(other) == _error(
        409, "Conflict", "Idempotency-Key was used before with a different request"
    )
    assert await books(pool) == before


async def test_every_write_is_repeatable(pool: asyncpg.Pool, till: Served, clock: Clock) -> None:
    path = f"{_PATH}/{(await _create(till))['id']}"
    for method, rest in (("POST", "/rotate-secret"), ("PUT", ""), ("DELETE", "")):
        headers = {"Idempotency-Key": f"{method}-1"}
        first = await _send(till, method, path + rest, headers=headers)
        clock.pass_(hours=1)
        after = await books(pool)
        again = await _send(till, method, path + rest, headers=headers)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert await books(pool) == after


async def test_other_methods_are_refused(till: Served) -> None:
    for method, path, allow in (
        ("DELETE", _PATH, "GET, HEAD, OPTIONS, POST"),
        ("PATCH", f"{_PATH}/whsub_x", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("GET", f"{_PATH}/whsub_x/rotate-secret", "OPTIONS, POST"),
    ):
        response = await till.client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allow)


async def test_without_a_sealing_key_nothing_is_made(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    served = await serve(Ledger(Runtime(pool=pool)), shop)
    before = await books(pool)
    async with served.client:
        response = await served.client.post(_PATH, json=_BODY)
    assert response.status_code == 503
    assert await books(pool) == before
