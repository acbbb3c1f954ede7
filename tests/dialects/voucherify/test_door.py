"""The front door: what makes no sense is turned away in the dialect's form, without a trace."""

import re
from typing import Any

import httpx
import pytest

from guerdon.dialects.voucherify.app import VoucherifyApp
from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.errors import (
    TABLE,
    V1_TABLE,
    Named,
    guerdon_error_answer,
    refusal_answer,
)
from guerdon.dialects.voucherify.problems import BODY_BYTES_MAX
from guerdon.dialects.voucherify.rates import Rates
from guerdon.dialects.voucherify.routes import ROUTES
from guerdon.domain import errors
from tests.builders.http import Clock, everything
from tests.builders.vouch import ServedVouch, error_of, problem_of
from tests.dialects.voucherify.conftest import ServeVouch

_PROGRAMS = "/v2/loyalties/programs"
_TOKEN = "/v1/oauth/token"
_HOSTILE = {
    "a name twice": b'{"name": "a", "name": "b"}',
    "NUL": b'{"name": "a\\u0000", "note": "\\u0000"}',
    "half a surrogate": b'{"name": "\\ud83d", "note": "\\ud83d"}',
    "depth": b'{"a":' * 100_000,
    "huge integer": b'{"points": ' + b"9" * 5000 + b"}",
    "beyond 64 bits": b'{"points": 9223372036854775808}',
    "infinity": b'{"points": 1e400}',
    "NaN": b'{"points": NaN}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "form": b"name=a",
    "number": b"0",
    "null": b"null",
    "unknown": b'{"there_is_no_such_property": 1}',
}
# Orders are told with whatever a shop's other systems say of them.
_OPEN = ("/v1/orders", "/v1/events")


def _concrete(path: str) -> str:
    return re.sub(r"{\w+}", "x", path)


async def test_a_hostile_body_is_refused_by_every_write(served: ServedVouch) -> None:
    await served.enrol(points=500)
    before = await everything(served.pool)
    for route in ROUTES:
        if route.method == "GET":
            continue
        for name, body in _HOSTILE.items():
            if name == "unknown" and route.path in _OPEN:
                continue
            response = await served.client.request(
                route.method,
                _concrete(route.path),
                content=body,
                headers={"Content-Type": _media_type(route)},
            )
            assert response.status_code in (400, 404), (name, route.path)
            _, key, _ = error_of(response)
            assert key != "api_error"
    assert await everything(served.pool) == before


def _media_type(route: Route) -> str:
    return "application/x-www-form-urlencoded" if route.is_form else "application/json"


async def test_hostile_paths_and_queries_lead_nowhere(served: ServedVouch) -> None:
    for raw in ("/v2/loyalties/programs/%00", "/v2/nothing", "/", "/v2/loyalties/programs/a/b/c/d"):
        assert error_of(await served.client.get(raw))[:2] == (404, "not_found"), raw
    for query in ("limit=%00", "%00=1", "filters%5Bid%5D=%00", "order=%ff"):
        response = await served.client.get(f"{_PROGRAMS}?{query}")
        assert error_of(response)[:2] == (400, "invalid_query_params"), query


async def test_a_parameter_that_nothing_heeds_is_refused(served: ServedVouch) -> None:
    for query, named in (
        ("limti=5", "limti"),
        ("limit=5&page=2", "page"),
        ("order[0]=id&orders[]=id", "orders[]"),
    ):
        response = await served.client.get(f"{_PROGRAMS}?{query}")
        said = f"Query must NOT have additional properties ('{named}')"
        assert error_of(response) == (400, "invalid_query_params", said)
    assert (await served.client.get(f"{_PROGRAMS}?order[0]=id&limit=")).status_code == 200
    no_list = await served.client.get(f"{_PROGRAMS}/x?filters[id][conditions][$is]=1")
    assert error_of(no_list)[:2] == (400, "invalid_query_params")


async def test_methods_and_media_types_are_kept_to(served: ServedVouch) -> None:
    wrong = await served.client.delete(_PROGRAMS)
    assert error_of(wrong)[:2] == (405, "method_not_allowed")
    assert problem_of(wrong)["message"] == "HTTP Method Not Allowed"
    assert {"GET", "HEAD", "OPTIONS"} <= {*wrong.headers["allow"].split(", ")}
    assert (await served.client.options(_PROGRAMS)).status_code == 204
    head = await served.client.head(_PROGRAMS)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 2
    for accept, status in (
        ("text/html", 406),
        ("application/json", 200),
        ("application/*;q=0.5, text/html", 200),
        ("*/*", 200),
    ):
        response = await served.client.get(_PROGRAMS, headers={"Accept": accept})
        assert response.status_code == status, accept
    form = await served.client.post(_TOKEN, content=b"{}", headers={"Content-Type": "text/plain"})
    assert error_of(form)[:2] == (415, "unsupported_media_type")


async def test_an_idempotency_key_is_heeded_or_refused(served: ServedVouch) -> None:
    said = (400, "invalid_payload", "Header Idempotency-Key is not supported here")
    for route in ROUTES:
        if route.method == "GET":
            assert not route.takes_key
            continue
        response = await served.client.request(
            route.method,
            _concrete(route.path),
            content=b"[]",
            headers={"Idempotency-Key": "k-1", "Content-Type": _media_type(route)},
        )
        refuses = route.method == "POST" and not route.takes_key
        assert (error_of(response) == said) == refuses, route.path


async def test_a_body_too_large_has_an_error_of_its_own(served: ServedVouch) -> None:
    response = await served.client.post(_TOKEN, content=b"a" * (BODY_BYTES_MAX + 1))
    assert response.json() == {
        "statusCode": 413,
        "error": "Request Entity Too Large",
        "message": "Payload content length greater than maximum allowed: 10485760",
    }


async def test_every_answer_tells_of_the_rate(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(calls_per_minute_max=2, now=clock)
    seen = [await served.client.get(_PROGRAMS) for _ in range(3)]
    assert [response.status_code for response in seen] == [200, 200, 429]
    assert [_rates(response) for response in seen[:2]] == [
        ("2", "1", str(int(clock.now.timestamp()))),
        ("2", "0", str(int(clock.now.timestamp()))),
    ]
    late = seen[2]
    assert error_of(late)[:2] == (429, "too_many_requests")
    assert problem_of(late)["message"] == "Too many requests hit the API too quickly."
    wait = int(late.headers["retry-after"])
    assert 1 <= wait <= 60
    assert _rates(late) == ("2", "0", str(int(clock.now.timestamp()) + wait))
    assert late.headers["x-rate-limit-type"] == "api_calls"
    for refused in (
        await served.client.get("/nothing"),
        await served.client.get(_PROGRAMS, headers={"X-App-Token": "wrong"}),
        await served.client.delete(_PROGRAMS),
    ):
        assert refused.status_code in (401, 404, 405)
        assert _rates(refused)[:2] == ("2", "1")


def _rates(response: httpx.Response) -> tuple[str, str, str]:
    limit, remaining, retry = (
        response.headers[f"x-rate-limit-{name}"] for name in ("limit", "remaining", "retry")
    )
    return limit, remaining, retry


def test_a_place_is_free_again_after_a_minute() -> None:
    ticks = [0.0]
    rates = Rates(2, now=Clock(), clock=lambda: ticks[0])
    assert rates.take(1)[0] == 0
    ticks[0] = 30.0
    assert rates.take(1)[0] == 0
    assert rates.take(1)[0] == 30
    assert rates.take(2)[0] == 0
    ticks[0] = 59.5
    assert rates.take(1)[0] == 1
    ticks[0] = 60.0
    assert rates.take(1)[0] == 0
    assert rates.take(1)[0] == 30


async def test_what_nobody_foresaw_is_told_with_the_name_of_the_request(
    served: ServedVouch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("guerdon.dialects.voucherify.programs.read_listing", fail)
    response = await served.client.get(_PROGRAMS)
    assert error_of(response)[:2] == (500, "api_error")
    assert "secret" not in response.text
    assert VoucherifyApp.__name__ not in response.text


def test_every_refusal_is_said_in_v2_and_in_v1() -> None:
    named = Named(program="lprg_1", member="lmbr_1", reward="lrew_1", card="lcrd_1")
    assert set(V1_TABLE) <= set(TABLE)
    for error in errors.GuerdonError.__subclasses__():
        assert guerdon_error_answer(error("why")).status >= 400
    missing = refusal_answer([errors.MemberUnknown("ana")], named)
    assert b'"resource_id":"lmbr_1","resource_type":"member"' in missing.body
    short = errors.InsufficientPoints(available=1, asked=2)
    assert b'"insufficient_card_balance"' in refusal_answer([short], named).body
    older = Named(card="a-code", is_v1=True)
    said = refusal_answer([short], older)
    assert (said.status, b'"details":"a-code"' in said.body) == (400, True)
    assert b'"error":{"message":"loyalty card points exceeded"}' in said.body


def test_of_several_refusals_the_vendors_first_is_answered() -> None:
    refusals: list[errors.Refusal] = [
        errors.InsufficientPoints(available=1, asked=2),
        errors.OutOfStock(units_left=0),
        errors.ProgramInactive(),
    ]
    said = refusal_answer(refusals, Named())
    assert b'"message":"Cannot purchase reward when program status is not ACTIVE"' in said.body
    assert said.status == 423
