from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.shopify_calls import NOW


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=SandboxApp(Clock(NOW)))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as made:
        yield made


async def _received(client: httpx.AsyncClient, tool: str) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = (await client.get("/_control/state")).json()[tool]
    return received


def _changed(given: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    made = {**given, **changes}
    return {name: value for name, value in made.items() if value is not ...}


def _klaviyo(**changes: Any) -> dict[str, Any]:
    attributes = {
        "properties": {"reward_name": "£10 voucher", "points_spent": 800},
        "metric": {"data": {"type": "metric", "attributes": {"name": "Reward Redeemed"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "ines@shop.example"}}},
        "time": "2026-11-21T09:30:00Z",
        "value": 10.0,
        "value_currency": "GBP",
        "unique_id": "redemption-9",
    }
    return {"data": {"type": "event", "attributes": _changed(attributes, changes)}}


async def _to_klaviyo(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    sent = {
        "authorization": "Klaviyo-API-Key pk_1",
        "revision": "2026-07-15",
        "content-type": "application/vnd.api+json",
        **headers,
    }
    return await client.post("/klaviyo/api/events", json=body, headers=sent)


async def test_klaviyo_accepts_with_an_empty_body(client: httpx.AsyncClient) -> None:
    came = await _to_klaviyo(client, _klaviyo())
    assert (came.status_code, came.content) == (202, b"")
    assert came.headers["RateLimit-Limit"] == "350"
    (event,) = await _received(client, "klaviyo")
    assert (event["name"], event["email"]) == ("Reward Redeemed", "ines@shop.example")
    assert event["properties"]["points_spent"] == 800


async def test_klaviyo_records_the_same_event_once(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await _to_klaviyo(client, _klaviyo())).status_code == 202
    await _to_klaviyo(client, _klaviyo(unique_id="redemption-10"))
    profile = {"data": {"type": "profile", "attributes": {"email": "omar@shop.example"}}}
    await _to_klaviyo(client, _klaviyo(profile=profile))
    received = [one["received"] for one in await _received(client, "klaviyo")]
    assert received == [2, 1, 1]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"properties": ...}, "/properties"),
        ({"properties": {str(n): n for n in range(401)}}, "/properties"),
        ({"metric": ...}, "/metric/data/attributes/name"),
        ({"profile": ...}, "/profile/data"),
        (
            {"profile": {"data": {"type": "profile", "attributes": {}}}},
            "/profile/data/attributes",
        ),
        (
            {"profile": {"data": {"type": "profile", "attributes": {"email": "ines"}}}},
            "/profile/data/attributes/email",
        ),
        ({"value": "10"}, "/value"),
        ({"value_currency": "pounds"}, "/value_currency"),
        ({"unique_id": 9}, "/unique_id"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2028-01-01T00:00:00Z"}, "/time"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_klaviyo_refuses_what_its_schema_does(
    client: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    came = await _to_klaviyo(client, _klaviyo(**changes))
    assert came.status_code == 400
    (error,) = came.json()["errors"]
    assert error["source"] == {"pointer": f"/data/attributes{pointer}"}
    assert await _received(client, "klaviyo") == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": "Klaviyo-API-Key bad"}, 401),
        ({"authorization": "Bearer pk_1"}, 401),
        ({"revision": ""}, 400),
        ({"revision": "2024-10-15"}, 410),
        ({"content-type": "text/plain"}, 415),
    ],
)
async def test_klaviyo_reads_its_headers(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert (await _to_klaviyo(client, _klaviyo(), **headers)).status_code == status
    assert await _received(client, "klaviyo") == []


def _omnisend(**changes: Any) -> dict[str, Any]:
    given = {
        "eventName": "Reward Redeemed",
        "eventID": "0199f6a2-6c00-7000-8000-000000000009",
        "eventTime": "2026-11-21T09:30:00Z",
        "origin": "api",
        "contact": {"email": "ines@shop.example", "firstName": "Ines"},
        "properties": {"points_spent": 800},
    }
    return _changed(given, changes)


async def _to_omnisend(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    sent = {
        "authorization": "Omnisend-API-Key key",
        "omnisend-version": "2026-03-15",
        **headers,
    }
    return await client.post("/omnisend/api/events", json=body, headers=sent)


async def test_omnisend_records_every_call(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await _to_omnisend(client, _omnisend())).status_code == 202
    assert len(await _received(client, "omnisend")) == 2


async def test_omnisend_still_takes_its_older_form(client: httpx.AsyncClient) -> None:
    came = await client.post("/omnisend/v5/events", json=_omnisend(), headers={"x-api-key": "key"})
    assert came.status_code == 202
    assert (await client.post("/omnisend/v5/events", json=_omnisend())).status_code == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"eventName": ...}, "eventName"),
        ({"origin": ...}, "origin"),
        ({"eventID": "redemption-9"}, "eventID"),
        ({"eventID": "c232ab00-9414-11ec-b3c8-9f6bdeced846"}, "eventID"),
        ({"eventTime": "2026-11-21 09:30"}, "eventTime"),
        ({"contact": ...}, "contact"),
        ({"contact": {"firstName": "Ines"}}, "contact"),
        ({"contact": {"phone": "+1234567890123456"}}, "contact.phone"),
        ({"contact": {"email": "a@b.example", "lastName": "x" * 51}}, "contact.lastName"),
        ({"properties": []}, "properties"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_omnisend_names_every_wrong_field(
    client: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    came = await _to_omnisend(client, _omnisend(**changes))
    assert came.status_code == 400
    assert came.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in came.json()["errors"]] == [field]
    assert await _received(client, "omnisend") == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Omnisend-API-Key bad"}, 401),
        ({"omnisend-version": ""}, 400),
        ({"omnisend-version": "2025-01-15"}, 410),
    ],
)
async def test_omnisend_reads_its_headers(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert (await _to_omnisend(client, _omnisend(), **headers)).status_code == status


def _postscript(**changes: Any) -> dict[str, Any]:
    given = {
        "type": "RewardRedeemed",
        "email": "ines@shop.example",
        "occurred_at": "2026-11-21 09:30:00.000000",
        "properties": {"points_spent": 800, "is_first": True},
        "external_id": "redemption-9",
    }
    return _changed(given, changes)


async def _to_postscript(client: httpx.AsyncClient, body: Any, key: str = "sk_1") -> httpx.Response:
    sent = {"authorization": f"Bearer {key}"}
    return await client.post("/postscript/api/v2/events", json=body, headers=sent)


async def test_postscript_names_the_event_it_took(client: httpx.AsyncClient) -> None:
    came = await _to_postscript(client, _postscript())
    assert came.status_code == 202
    assert len(came.json()["event_ids"]) == 1
    (event,) = await _received(client, "postscript")
    assert (event["name"], event["unique_id"]) == ("RewardRedeemed", "redemption-9")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": ...},
        {"type": "Reward Redeemed"},
        {"email": ...},
        {"email": "ines"},
        {"phone": "07700 900111"},
        {"occurred_at": "2026-11-21T09:30:00Z"},
        {"properties": {"deep": {"er": 1}}},
        {"properties": {"nothing": None}},
        {"colour": "red"},
    ],
)
async def test_postscript_refuses(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    came = await _to_postscript(client, _postscript(**changes))
    assert came.status_code == 400
    assert came.json()["success"] is False
    assert await _received(client, "postscript") == []


async def test_postscript_knows_a_bad_key(client: httpx.AsyncClient) -> None:
    assert (await _to_postscript(client, _postscript(), key="bad")).status_code == 401
    for key, status in (("sk_1", 200), ("bad", 401)):
        headers = {"authorization": f"Bearer {key}"}
        came = await client.get("/postscript/api/v2/me", headers=headers)
        assert came.status_code == status


@pytest.mark.parametrize(
    "path", ["/klaviyo/api/profiles", "/omnisend/events", "/postscript/api/v1/events"]
)
async def test_other_paths_are_not_played(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path, json={})).status_code == 404


@pytest.mark.parametrize(
    "path", ["/klaviyo/api/events", "/omnisend/api/events", "/postscript/api/v2/events"]
)
async def test_no_json_is_a_bad_request(client: httpx.AsyncClient, path: str) -> None:
    headers = {
        "/klaviyo/api/events": {
            "authorization": "Klaviyo-API-Key pk_1",
            "revision": "2026-07-15",
            "content-type": "application/json",
        },
        "/omnisend/api/events": {
            "authorization": "Omnisend-API-Key key",
            "omnisend-version": "2026-03-15",
        },
        "/postscript/api/v2/events": {"authorization": "Bearer sk_1"},
    }[path]
    assert (await client.post(path, content=b"[", headers=headers)).status_code == 400
