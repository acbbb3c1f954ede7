"""Who may call: pairs of keys, and tokens made with them."""

from datetime import timedelta

import pytest

from guerdon.dialects.voucherify.oauth import SCOPES
from guerdon.dialects.voucherify.routes import ROUTES
from guerdon.engine import granting
from guerdon.engine.keying import list_keys, revoke_key
from tests.builders.http import Clock
from tests.builders.vouch import APP_ID, APP_TOKEN, READ_KEYS, ServedVouch, error_of, keys
from tests.dialects.voucherify.conftest import ServeVouch

_PROGRAMS = "/v2/loyalties/programs"
_NOBODY = {"X-App-Id": "", "X-App-Token": ""}


async def _status(served: ServedVouch, *shown: tuple[str, str]) -> int:
    """Call with these headers alone."""
    request = served.client.build_request("GET", _PROGRAMS)
    for name in ("X-App-Id", "X-App-Token"):
        del request.headers[name]
    request.headers = type(request.headers)([*request.headers.multi_items(), *shown])
    response = await served.client.send(request)
    if response.status_code != 200:
        assert error_of(response)[:2] == (401, "unauthorized")
    return response.status_code


async def _token(served: ServedVouch, scope: str | None = None, **headers: str) -> str:
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    response = await served.client.post("/v1/oauth/token", data=form, headers=headers)
    assert response.status_code == 200, response.text
    token: str = response.json()["access_token"]
    return token


async def test_a_pair_or_a_token_lets_in(served: ServedVouch) -> None:
    app_id, secret = ("X-App-Id", APP_ID), ("X-App-Token", APP_TOKEN)
    token = ("Authorization", f"Bearer {await _token(served)}")
    assert await _status(served, app_id, secret) == 200
    assert await _status(served, app_id, secret, ("Authorization", "Bearer nonsense")) == 200
    assert await _status(served, token) == 200
    refused: list[tuple[tuple[str, str], ...]] = [
        (),
        (app_id,),
        (secret,),
        (app_id, ("X-App-Token", "another-secret-of-the-app")),
        (("X-App-Id", "another-app"), secret),
        (app_id, app_id, secret),
        (app_id, secret, secret),
        (app_id, ("X-App-Token", "x" * 4096)),
        (("X-App-Token", "wrong"), token),
        (token, token),
        (("Authorization", "Basic nonsense"),),
        (("Authorization", f"Bearer {APP_TOKEN}"),),
        (("Authorization", f"{token[1]}x"),),
        (("Authorization", "Bearer 1.short"),),
        (("Authorization", f"Bearer {'f' * 15}.{'x' * 43}"),),
    ]
    for shown in refused:
        assert await _status(served, *shown) == 401, shown


async def test_a_key_that_may_only_read_writes_nothing(served: ServedVouch) -> None:
    token = await _token(served, **READ_KEYS)
    tried = 0
    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        for headers in (READ_KEYS, _NOBODY | {"Authorization": f"Bearer {token}"}):
            shown = {name: value for name, value in headers.items() if value}
            request = served.client.build_request(route.method, path, headers=headers)
            for name in set(_NOBODY) - set(shown):
                del request.headers[name]
            response = await served.client.send(request)
            if route.is_write:
                assert error_of(response) == (403, "forbidden", "This key may only read"), path
                tried += 1
            else:
                assert response.status_code != 403, path
    assert tried >= 2 * sum(route.is_write for route in ROUTES)


async def test_a_token_does_what_its_scope_says(served: ServedVouch) -> None:
    token = await _token(served, "rewards")
    request = served.client.build_request(
        "GET", _PROGRAMS, headers={"Authorization": f"Bearer {token}"}
    )
    for name in _NOBODY:
        del request.headers[name]
    response = await served.client.send(request)
    assert error_of(response) == (403, "forbidden", "This token lacks the scope loyalties")
    both = await _token(served, "rewards loyalties rewards")
    request.headers["Authorization"] = f"Bearer {both}"
    assert (await served.client.send(request)).status_code == 200
    inspected = await served.client.post("/v1/oauth/introspect", data={"access_token": both})
    assert inspected.json()["scope"] == "rewards loyalties"


def test_every_route_needs_a_scope_that_a_token_can_have() -> None:
    needed = {route.needed_scope for route in ROUTES if not route.is_form}
    assert needed <= set(SCOPES)
    assert {"loyalties", "orders", "events", "customers"} <= needed


async def test_a_token_is_told_of_and_ends(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(now=clock)
    response = await served.client.post(
        "/v1/oauth/token", data={"grant_type": "client_credentials", "scope": "api"}
    )
    assert response.headers["cache-control"] == "no-store"
    made = response.json()
    token = made["access_token"]
    assert made == {
        "access_token": token,
        "client_id": APP_ID,
        "expires_at": int((clock.now + timedelta(minutes=15)).timestamp()),
        "expires_in": 900,
        "scope": "api",
        "token_type": "Bearer",
    }
    clock.advance(minutes=5)
    seen = await served.client.post("/v1/oauth/introspect", data={"access_token": token})
    assert seen.json() == made | {"expires_in": 600, "active": True}
    clock.advance(minutes=10)
    seen = await served.client.post("/v1/oauth/introspect", data={"access_token": token})
    assert seen.json() == {"active": False}
    assert await _status(served, ("Authorization", f"Bearer {token}")) == 401
    gone = await served.client.post("/v1/oauth/token/revoke", data={"access_token": token})
    assert error_of(gone)[:2] == (404, "not_found")
    fresh = await _token(served)
    revoked = await served.client.post("/v1/oauth/token/revoke", data={"access_token": fresh})
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert await _status(served, ("Authorization", f"Bearer {fresh}")) == 401
    async with served.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM oauth_tokens") == 0


async def test_a_token_ends_with_its_key(served: ServedVouch) -> None:
    token = await _token(served)
    for key in await list_keys(served.ledger.runtime, served.shop.id):
        if key.access == "full":
            await revoke_key(served.ledger.runtime, served.shop.id, key.id)
    assert await _status(served, ("Authorization", f"Bearer {token}")) == 401


async def test_tokens_are_asked_for_with_a_form_and_a_pair(
    served: ServedVouch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def said(path: str, **form: str) -> tuple[int, str]:
        return error_of(await served.client.post(path, data=form))[:2]

    assert await said("/v1/oauth/token") == (400, "invalid_grant_type")
    assert await said("/v1/oauth/token", grant_type="password") == (400, "invalid_grant_type")
    right = {"grant_type": "client_credentials"}
    assert await said("/v1/oauth/token", **right, scope="api all") == (400, "invalid_scope")
    assert await said("/v1/oauth/introspect") == (400, "missing_parameters")
    assert await said("/v1/oauth/token/revoke") == (400, "missing_parameters")
    as_json = await served.client.post("/v1/oauth/token", json=right)
    assert error_of(as_json)[:2] == (415, "unsupported_media_type")
    token = await _token(served)
    request = served.client.build_request(
        "POST", "/v1/oauth/token", data=right, headers={"Authorization": f"Bearer {token}"}
    )
    for name in keys():
        del request.headers[name]
    assert error_of(await served.client.send(request))[:2] == (401, "unauthorized")
    monkeypatch.setattr("guerdon.dialects.voucherify.oauth.TOKENS_MAX", 1)
    monkeypatch.setattr(granting, "TOKENS_MAX", 1)
    assert await said("/v1/oauth/token", **right) == (403, "oauth_tokens_limit_exceeded")
