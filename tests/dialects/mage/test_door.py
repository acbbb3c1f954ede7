"""The front door: what makes no sense is turned away in the dialect's form, without a trace."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.app import BODY_BYTES_MAX, ROUTES
from guerdon.dialects.mage.call import Route
from guerdon.dialects.mage.errors import TABLE, Named, guerdon_error_answer, refusal_answer
from guerdon.dialects.mage.translate import dress, member_ref, undress
from guerdon.domain import errors
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.web import create_app
from tests.builders.http import SECRET, Served, error_of, everything
from tests.dialects.mage.conftest import Serve

_WRITES = [route for route in ROUTES if route.is_write and route.body is not None]

_HOSTILE = {
    "a name twice": b'{"customer_identifier": "7001", "customer_identifier": "7002"}',
    "NUL": b'{"customer_identifier": "7001\\u0000", "note": "\\u0000"}',
    "half a surrogate": b'{"customer_identifier": "\\ud83d", "note": "\\ud83d"}',
    "depth": b'{"a":' * 100_000,
    "huge integer": b'{"adjustment": ' + b"9" * 5000 + b"}",
    "beyond 64 bits": b'{"adjustment": 9223372036854775808}',
    "infinity": b'{"adjustment": 1e400}',
    "NaN": b'{"adjustment": NaN}',
    "not UTF-8": b'{"customer_identifier": "\xff\xfe"}',
    "form": b"customer_identifier=7001",
    "array": b"[{}]",
    "number": b"0",
    "empty": b"",
}


def _concrete(path: str) -> str:
    return path.replace("{identifier}", "7001").replace("{id}", dress("reward", 1001))


@pytest.mark.parametrize("name", _HOSTILE)
async def test_hostile_body_is_refused_by_every_write(served: Served, name: str) -> None:
    await served.enrol(points=500)
    before = await everything(served.pool)
    for route in _WRITES:
        response = await served.client.request(
            route.method, _concrete(route.path), content=_HOSTILE[name]
        )
        status, title, detail = error_of(response)
        assert (route.path, status, title) == (route.path, 400, "Bad Request")
        assert detail.startswith("Invalid JSON body: it ")
    assert await everything(served.pool) == before


@pytest.mark.parametrize("is_declared", [True, False])
async def test_body_too_large_is_refused(served: Served, *, is_declared: bool) -> None:
    await served.enrol(points=500)
    before = await everything(served.pool)
    body = json.dumps({"customer_identifier": "7001", "x": "y" * BODY_BYTES_MAX}).encode()

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    for route in _WRITES:
        content = body if is_declared else parts()
        response = await served.client.request(route.method, _concrete(route.path), content=content)
        assert error_of(response) == (
            413,
            "Payload Too Large",
            "The request body is too large",
        )
    assert await everything(served.pool) == before


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/vnd.api+json",
        "text/plain",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "\xff",
    ],
)
async def test_content_type_does_not_matter(served: Served, content_type: str | None) -> None:
    await served.enrol(points=100)
    headers = [] if content_type is None else [(b"Content-Type", content_type.encode("latin-1"))]
    response = await served.client.post(
        f"/v1/rewards/{dress('reward', 1001)}/purchase",
        content=b'{"customer_identifier": "7001"}',
        headers=headers,
    )
    assert response.status_code == 201


async def test_many_and_long_headers_are_survived(served: Served) -> None:
    await served.enrol(points=100)
    headers = [(f"X-Header-{number}", "x" * 200) for number in range(200)]
    response = await served.client.get(
        "/v1/customers/7001",
        headers=[*headers, ("Accept", "text/html"), ("Content-Length", "-1")],
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v2/customers",
        "/v1/customer",
        "/v1/customers/7001/points/5",
        "/v1/rewards//purchase",
        "/v1/%2e%2e/v1/customers",
        "/v1/customers/7001/POINTS",
        "//v1/customers",
    ],
)
async def test_path_that_leads_nowhere_is_not_found_whoever_asks(served: Served, path: str) -> None:
    del served.client.headers["Authorization"]
    for method in ("GET", "POST", "OPTIONS"):
        response = await served.client.request(method, f"http://guerdon.test/mage{path}")
        assert error_of(response) == (
            404,
            "Not Found",
            "The requested resource does not exist",
        )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_has_the_same_door(served: Served, route: Route) -> None:
    path = _concrete(route.path)
    method = route.method
    served.client.headers["Authorization"] = "nobody-was-given-this-secret"
    response = await served.client.request(method, path)
    assert error_of(response) == (401, "Unauthorized", "Invalid API key")
    del served.client.headers["Authorization"]
    response = await served.client.request(method, path)
    assert error_of(response) == (401, "Unauthorized", "Missing Authorization header")
    response = await served.client.request("PATCH", path)
    assert error_of(response)[:2] == (405, "Method Not Allowed")
    assert method in response.headers["allow"].split(", ")
    options = await served.client.options(path)
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == response.headers["allow"]


async def test_head_is_get_without_a_body(served: Served) -> None:
    await served.enrol()
    for path in ("/v1/customers/7001", "/v1/rewards", "/v1/customers/nobody"):
        get, head = await served.client.get(path), await served.client.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-length"] == str(len(get.content))


async def test_last_of_a_repeated_parameter_counts(served: Served) -> None:
    response = await served.client.get("/v1/rewards?sort=nonsense&sort=name&page[size]=")
    assert response.status_code == 200
    assert response.json()["meta"]["per_page"] == 20


def test_every_way_to_say_no_is_answered() -> None:
    ways = {*errors.all_refusals(), *errors.GuerdonError.__subclasses__(), errors.OutcomeUnknown}
    assert ways <= set(TABLE)


def test_refusals_are_answered_in_the_vendors_order() -> None:
    named = Named(customer="ana", reward="reward_x")
    poor, unknown = errors.InsufficientPoints(1, 2), errors.MemberUnknown("ana")
    limited = errors.RedemptionLimitReached(5)
    assert refusal_answer((poor, unknown), named).status == 404
    assert b"costs 2" in refusal_answer((limited, poor), named).body


def test_error_without_a_line_is_answered_as_the_one_above_it() -> None:
    class Narrow(errors.Conflict):
        """It is narrower."""

    answer = guerdon_error_answer(Narrow("taken"))
    assert (answer.status, b'"detail":"taken"' in answer.body) == (409, True)


@pytest.mark.parametrize("number", [1, 35, 36, 1001, 2**53 - 1])
def test_ids_are_dressed_and_undressed(number: int) -> None:
    dressed = dress("reward", number)
    assert len(dressed) == len("reward_") + 16
    assert undress("reward", dressed) == number
    for wrong in (dressed[:-1], dressed + "0", dressed.upper(), dressed[7:], f"cr{dressed[6:]}"):
        assert undress("reward", wrong) is None


@pytest.mark.parametrize(
    ("identifier", "ref"),
    [
        ("7001", MemberRef(external_id="7001")),
        (" 7001 ", MemberRef(external_id="7001")),
        ("gid://shopify/Customer/7001", MemberRef(external_id="7001")),
        ("gid://shopify/Order/7001", MemberRef(external_id="gid://shopify/Order/7001")),
        (" Ana@X.Example ", MemberRef(email="ana@x.example")),
        ("", None),
        ("  ", None),
        ("7001\x00", None),
        ("70\u202801", None),
        ("\ud800", None),
        ("x" * 321, None),
    ],
)
def test_identifier_is_read(identifier: str, ref: MemberRef | None) -> None:
    assert member_ref(identifier) == ref


async def test_database_gone_is_said_and_healed(
    serve_shop: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve_shop()
    await served.enrol(points=100)

    def refuse(_: object) -> None:
        raise ConnectionRefusedError("nobody listens")

    with monkeypatch.context() as gone:
        gone.setattr(type(served.pool), "acquire", refuse)
        for path in ("/v1/customers/7001", "/v1/customers", "/v1/rewards"):
            response = await served.client.get(path)
            assert error_of(response)[:2] == (503, "Service Unavailable")
        ready = await served.client.get("http://guerdon.test/readyz")
        assert ready.status_code == 503
        assert (await served.client.get("http://guerdon.test/healthz")).status_code == 200
    assert (await served.client.get("/v1/customers/7001")).status_code == 200


async def test_defect_is_a_500_that_tells_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise LookupError("the password is in here")

    monkeypatch.setattr(served.ledger, "submit", fail)
    response = await served.purchase()
    assert error_of(response) == (
        500,
        "Internal Server Error",
        "An unexpected error occurred",
    )


async def test_own_pages_of_the_process(served: Served) -> None:
    client = served.client
    for path, body in (("healthz", {"status": "alive"}), ("readyz", {"status": "ready"})):
        response = await client.get(f"http://guerdon.test/{path}")
        assert (response.status_code, response.json()) == (200, body)
        wrong = await client.post(f"http://guerdon.test/{path}")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    await client.get("/v1/rewards")
    await client.get("/v1/rewards/reward_none")
    metrics = (await client.get("http://guerdon.test/metrics")).text
    counted = 'guerdon_http_requests_total{dialect="mage",route="/v1/rewards",status="200"} 1.0'
    assert counted in metrics
    assert 'route="/v1/rewards/{id}",status="404"' in metrics
    for path in ("", "mages/v1/rewards", "favicon.ico"):
        response = await client.get(f"http://guerdon.test/{path}")
        assert (response.status_code, response.json()) == (404, {"error": "not found"})


async def test_host_bound_to_a_dialect_begins_at_v1(served: Served) -> None:
    app = create_app(served.ledger, hosts={"Loyalty.North.Example": "mage"})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, headers={"Authorization": SECRET}) as client:
        for host in ("loyalty.north.example", "LOYALTY.north.example:8443"):
            response = await client.get(f"http://{host}/v1/rewards")
            assert response.status_code == 200
        assert (await client.get("http://loyalty.north.example/healthz")).status_code == 200
        schema = await client.get("http://loyalty.north.example/schema")
        assert schema.json()["servers"] == [{"url": "/"}]
        other = await client.get("http://other.example/v1/rewards")
        assert (other.status_code, other.json()) == (404, {"error": "not found"})
        mounted = await client.get("http://other.example/mage/v1/rewards")
        assert mounted.status_code == 200


async def test_lifespan_waits_for_what_is_under_way(pool: asyncpg.Pool) -> None:
    app = create_app(Ledger(Runtime(pool=pool)))
    received: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    for kind in ("startup", "shutdown"):
        received.put_nowait({"type": f"lifespan.{kind}"})
    await app({"type": "lifespan"}, received.get, send)
    assert sent == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
