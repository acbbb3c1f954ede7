"""The front door: what makes no sense is turned away in the dialect's form, without a trace."""

import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.dialects.loyaltylion.app import BODY_BYTES_MAX, LoyaltyLionApp
from guerdon.dialects.loyaltylion.call import Route
from guerdon.dialects.loyaltylion.errors import (
    TABLE,
    Named,
    guerdon_error_answer,
    refusal_answer,
)
from guerdon.dialects.loyaltylion.routes import ROUTES
from guerdon.dialects.loyaltylion.scopes import SCOPES, covers
from guerdon.domain import errors
from guerdon.domain.ids import RedemptionId
from guerdon.engine.keying import create_key
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.http.limiting import SlidingWindow
from guerdon.web import create_app
from tests.builders.http import add_key, everything
from tests.builders.lion import (
    PAIR_SECRET,
    PAIR_TOKEN,
    TOKEN,
    ServedLion,
    basic,
    bearer,
    details_of,
    error_of,
)
from tests.dialects.loyaltylion.conftest import ServeLion

_IDS = [f"{route.method} {route.path}" for route in ROUTES]
_WITH_BODY = [route for route in ROUTES if route.body is not None]
_DENIED = (401, "unauthorized", "Authentication is required")
_HOSTILE = {
    "a name twice": b'{"email": "a@b.example", "email": "c@d.example"}',
    "NUL": b'{"email": "a\\u0000@b.example", "note": "\\u0000"}',
    "half a surrogate": b'{"email": "\\ud83d", "note": "\\ud83d"}',
    "depth": b'{"a":' * 100_000,
    "huge integer": b'{"points": ' + b"9" * 5000 + b"}",
    "beyond 64 bits": b'{"points": 9223372036854775808}',
    "infinity": b'{"points": 1e400}',
    "NaN": b'{"points": NaN}',
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "form": b"email=a@b.example",
    "array": b"[{}]",
    "number": b"0",
    "empty": b"",
}


def _concrete(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "7" if found[1].endswith("_id") else "x", path)


async def _rows(served: ServedLion) -> dict[str, list[str]]:
    tables = "members wallets entries redemptions earnings webhook_subscriptions email_unsubscribes"
    return await everything(served.pool, *tables.split(), "idempotency_records", "signing_secrets")


@pytest.mark.parametrize("name", _HOSTILE)
async def test_hostile_body_is_refused_by_every_write(served: ServedLion, name: str) -> None:
    await served.enrol("7", points=500)
    before = await _rows(served)
    for route in _WITH_BODY:
        response = await served.client.request(
            route.method, _concrete(route.path), content=_HOSTILE[name]
        )
        assert list(details_of(response)) == ["body"], route.path
    assert await _rows(served) == before


@pytest.mark.parametrize("is_declared", [True, False])
async def test_body_too_large_is_refused(served: ServedLion, *, is_declared: bool) -> None:
    before = await _rows(served)
    body = json.dumps({"email": "a@b.example", "x": "y" * BODY_BYTES_MAX}).encode()

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    for route in _WITH_BODY:
        content = body if is_declared else parts()
        response = await served.client.request(route.method, _concrete(route.path), content=content)
        assert error_of(response) == (413, "payload_too_large", "The request body is too large")
    assert await _rows(served) == before


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "\xff"])
async def test_content_type_does_not_matter(served: ServedLion, content_type: str | None) -> None:
    headers = [] if content_type is None else [(b"Content-Type", content_type.encode("latin-1"))]
    response = await served.client.post(
        "/v2/loyalty_emails/unsubscribes", content=b'{"email": "a@b.example"}', headers=headers
    )
    assert response.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v2",
        "/v1/whoami",
        "/v2/whoami/x",
        "/v2//whoami",
        "//v2/whoami",
        "/v2/WHOAMI",
        "/v2/webhooks/7%00",
        "/v2/%2e%2e/v2/whoami",
    ],
)
async def test_path_that_leads_nowhere_is_not_found_whoever_asks(
    served: ServedLion, path: str
) -> None:
    del served.client.headers["Authorization"]
    for method in ("GET", "DELETE", "OPTIONS"):
        response = await served.client.request(method, f"http://guerdon.test/loyaltylion{path}")
        expected = (404, "not_found", "The requested resource does not exist")
        assert error_of(response) == expected


@pytest.mark.parametrize("route", ROUTES, ids=_IDS)
async def test_every_route_has_the_same_door(served: ServedLion, route: Route) -> None:
    path = _concrete(route.path)
    del served.client.headers["Authorization"]
    for headers in ({}, bearer(f"pat_{'0' * 32}")):
        response = await served.client.request(route.method, path, headers=headers)
        assert error_of(response) == _DENIED
        assert response.headers["www-authenticate"].startswith("Bearer")
    response = await served.client.request("TRACE", path)
    assert error_of(response)[:2] == (405, "method_not_allowed")
    assert route.method in response.headers["allow"].split(", ")
    options = await served.client.options(path)
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == response.headers["allow"]


@pytest.mark.parametrize("route", ROUTES, ids=_IDS)
async def test_every_route_asks_for_its_scope_and_no_other(
    served: ServedLion, route: Route
) -> None:
    path, method = _concrete(route.path), route.method
    others = [scope for scope in SCOPES if route.scope is None or not covers((scope,), route.scope)]
    headers = await served.add_key(*others, token=f"pat_{'c3' * 16}")
    response = await served.client.request(method, path, headers=headers)
    if route.scope is not None:
        assert error_of(response) == (
            403,
            "forbidden",
            f"This API key lacks the scope {route.scope}",
        )
    else:
        assert response.status_code not in (401, 403)
    enough = await served.add_key(*([route.scope] if route.scope else []), token=f"pat_{'d4' * 16}")
    response = await served.client.request(method, path, headers=enough)
    assert response.status_code not in (401, 403, 500)


@pytest.mark.parametrize("route", ROUTES, ids=_IDS)
async def test_a_token_and_secret_opens_all_but_a_few(served: ServedLion, route: Route) -> None:
    response = await served.client.request(route.method, _concrete(route.path), headers=basic())
    assert (response.status_code == 403) is not route.is_for_pairs
    assert response.status_code not in (401, 500)


def test_the_routes_that_a_token_and_secret_does_not_open() -> None:
    closed = {route.path for route in ROUTES if not route.is_for_pairs}
    assert closed <= {
        "/v2/sites",
        "/v2/rewards/{reward_id}/enable",
        "/v2/rewards/{reward_id}/disable",
    }
    assert "/v2/sites" in closed


@pytest.mark.parametrize(
    ("granted", "wanted", "is_covered"),
    [
        (("write_orders",), "read_orders", True),
        (("read_orders",), "write_orders", False),
        (("write_customers",), "read_orders", False),
        (("write_configuration",), "write_configuration", True),
        ((), "read_customers", False),
    ],
)
def test_who_may_write_may_read(granted: tuple[str, ...], wanted: str, *, is_covered: bool) -> None:
    assert covers(granted, wanted) is is_covered


_PAIR = base64.b64encode(f"{PAIR_TOKEN}:{PAIR_SECRET}".encode()).decode()
_NOT_CREDENTIALS: dict[str, Any] = {
    "no scheme": TOKEN,
    "another scheme": f"Token {TOKEN}",
    "nothing": "",
    "only a scheme": "Bearer",
    "a blank token": "Bearer  ",
    "a pair's secret as a token": f"Bearer {PAIR_SECRET}",
    "a token as a secret": basic(PAIR_TOKEN, TOKEN)["Authorization"],
    "another's token before the secret": basic("a-token", PAIR_SECRET)["Authorization"],
    "no token before the secret": basic("", PAIR_SECRET)["Authorization"],
    "no secret": basic(PAIR_TOKEN, "")["Authorization"],
    "not base64": f"Basic {_PAIR}!",
    "base64 of no UTF-8": "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "too long": "Bearer " + "x" * 5000,
    "half a surrogate": basic("a", "b")["Authorization"] + "\ud83d",
}


@pytest.mark.parametrize("name", _NOT_CREDENTIALS)
async def test_what_is_no_credential_opens_nothing(served: ServedLion, name: str) -> None:
    given: str = _NOT_CREDENTIALS[name]
    value = given.encode("utf-8", "surrogatepass")
    response = await served.client.get("/v2/whoami", headers=[(b"Authorization", value)])
    assert error_of(response) == _DENIED


async def test_two_credentials_are_none(served: ServedLion) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Basic {_PAIR}")]
    del served.client.headers["Authorization"]
    assert error_of(await served.client.get("/v2/whoami", headers=headers)) == _DENIED


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
async def test_schemes_are_known_in_any_letters(served: ServedLion, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert (await served.client.get("/v2/whoami", headers=headers)).status_code == 200


async def test_a_key_of_another_dialect_opens_nothing(served: ServedLion) -> None:
    secret = "a-secret-of-the-other-door"
    await add_key(served.ledger, served.shop, secret)
    assert error_of(await served.client.get("/v2/whoami", headers=bearer(secret))) == _DENIED


async def test_keys_have_the_form_that_clients_expect(served: ServedLion) -> None:
    async def make(app_id: str | None) -> str:
        created = await create_key(
            served.ledger.runtime,
            merchant_id=served.shop.id,
            program_id=served.shop.program.id,
            dialect="loyaltylion",
            name="made",
            app_id=app_id,
        )
        return created.secret

    token = await make(None)
    assert re.fullmatch("pat_[0-9a-f]{32}", token)
    secret = await make("another-token")
    for headers in (bearer(token), basic("another-token", secret)):
        assert (await served.client.get("/v2/whoami", headers=headers)).status_code == 200


async def test_a_key_that_only_reads_writes_nothing(served: ServedLion) -> None:
    headers = await served.add_key(*SCOPES, token=f"pat_{'e5' * 16}", access="read")
    response = await served.client.post(
        "/v2/loyalty_emails/unsubscribes", json={"email": "a@b.example"}, headers=headers
    )
    assert error_of(response) == (403, "forbidden", "This API key may only read")
    listed = await served.client.get("/v2/loyalty_emails/unsubscribes", headers=headers)
    assert (listed.status_code, listed.json()) == (200, [])


async def test_rate_limit_is_each_keys_own(serve_shop: ServeLion) -> None:
    served = await serve_shop()
    door = served.app._dialects[b"loyaltylion"]
    assert isinstance(door, LoyaltyLionApp)
    door._window = SlidingWindow(2, clock=lambda: 100.0)
    statuses = [(await served.client.get("/v2/whoami")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = await served.client.get("/v2/whoami")
    assert error_of(refused)[:2] == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert (await served.client.get("/v2/whoami", headers=basic())).status_code == 200


async def test_head_is_get_without_a_body(served: ServedLion) -> None:
    for path in ("/v2/whoami", "/v2/webhooks", "/v2/loyalty_emails/unsubscribes?limit=x"):
        get, head = await served.client.get(path), await served.client.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize("key", [b"", b"two words", b"\xc3\xa9", b"k" * 256])
async def test_idempotency_key_that_is_none_is_refused(served: ServedLion, key: bytes) -> None:
    response = await served.client.post(
        "/v2/loyalty_emails/unsubscribes",
        json={"email": "a@b.example"},
        headers=[(b"Idempotency-Key", key)],
    )
    assert list(details_of(response)) == ["Idempotency-Key"]


async def test_dialect_answers_on_a_host_of_its_own(served: ServedLion) -> None:
    app = create_app(served.ledger, hosts={"Lion.North.Example": "loyaltylion"})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://lion.north.example"
    ) as client:
        response = await client.get("/v2/whoami", headers=bearer(TOKEN))
        assert response.status_code == 200
        assert (await client.get("/schema")).json()["servers"] == [{"url": "/"}]


async def test_a_database_out_of_reach_is_said(pool: asyncpg.Pool) -> None:
    app = create_app(Ledger(Runtime(pool=pool)))
    await pool.close()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://guerdon.test"
    ) as client:
        response = await client.get("/loyaltylion/v2/whoami", headers=bearer(TOKEN))
    assert error_of(response)[:2] == (503, "unavailable")


def test_every_way_to_say_no_is_answered() -> None:
    ways = {*errors.all_refusals(), *errors.GuerdonError.__subclasses__(), errors.OutcomeUnknown}
    assert ways <= set(TABLE)


def test_refusals_are_answered_in_the_vendors_order() -> None:
    named = Named(customer="C-1", reward="7")
    poor, unknown = errors.InsufficientPoints(310, 800), errors.MemberUnknown("C-1")
    frozen = errors.MemberFrozen()
    assert refusal_answer((poor, unknown), named).status == 404
    assert b'"code":"customer_blocked"' in refusal_answer((poor, frozen), named).body
    assert json.loads(refusal_answer((poor,), named).body) == {
        "error": {
            "name": "InsufficientPointsError",
            "code": "insufficient_points",
            "message": "Customer has 310 points, 800 required",
        }
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("used", "reward_already_used"),
        ("void", "reward_already_refunded"),
        ("expired", "reward_not_refundable"),
    ],
)
def test_why_nothing_is_refunded_depends_on_what_became_of_it(status: str, code: str) -> None:
    refusal = errors.RedemptionStatusWrong(RedemptionId(7), status)
    answer = refusal_answer((refusal,), Named())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (422, code)


def test_error_without_a_line_is_answered_as_the_one_above_it() -> None:
    class Narrow(errors.Conflict):
        """It is narrower."""

    answer = guerdon_error_answer(Narrow("taken"))
    assert (answer.status, b'"message":"taken"' in answer.body) == (409, True)
