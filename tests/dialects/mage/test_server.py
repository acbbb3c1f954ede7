"""The dialect behind a real server: requests no client library would send, and made-up ones."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from guerdon.dialects.mage.app import ROUTES
from guerdon.dialects.mage.translate import dress
from guerdon.domain.ids import TierId
from tests.builders.http import SECRET, Served, everything
from tests.builders.shop import make_reward, make_rule, make_shop, make_tier
from tests.dialects.mage.conftest import Serve

Listen = Callable[[Served], Awaitable[str]]


async def _say(url: str, request: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer


def _request(*headers: str, body: bytes = b"", target: str = "") -> bytes:
    path = target or f"/mage/v1/rewards/{dress('reward', 1001)}/purchase"
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {SECRET}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


_BODY = b'{"customer_identifier":"7001"}'


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (_request(f"Content-Length: {len(_BODY)}", body=_BODY), 201),
        (
            _request("Transfer-Encoding: chunked", body=b"1e\r\n" + _BODY + b"\r\n0\r\n\r\n"),
            201,
        ),
        (
            _request(f"Content-Length: {len(_BODY)}", "Expect: 100-continue", body=_BODY),
            100,
        ),
        (_request("Content-Length: 2", "Content-Length: 3", body=b"{}"), 400),
        (_request("Content-Length: -5"), 400),
        (_request("Content-Length: many"), 400),
        (_request("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"), 400),
        (_request("Bad Header: 1"), 400),
        (_request("X: " + "y" * 100_000), 400),
        (b"BREW /mage/v1/rewards HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (_request("Content-Length: 0", target="/mage/v1/rewards/%00/purchase"), 400),
        (_request("Content-Length: 0", target="*"), 404),
        (_request("Content-Length: 0", target="/mage/../mage/v1/customers"), 404),
        (_request("Upgrade: websocket", "Content-Length: 2", body=b"{}"), 400),
    ],
)
async def test_abused_request_is_answered_with_a_4xx(
    served: Served, listen: Listen, request_: bytes, status: int
) -> None:
    await served.enrol(points=100)
    before = await everything(served.pool)
    url = await listen(served)
    answer = await _say(url, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    if status >= 400:
        assert await everything(served.pool) == before


async def test_caller_who_hangs_up_half_way_leaves_no_trace(served: Served, listen: Listen) -> None:
    await served.enrol(points=100)
    before = await everything(served.pool)
    url = await listen(served)
    host, port = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(_request(f"Content-Length: {len(_BODY)}", body=_BODY[:10]))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/healthz")).status_code == 200
    assert await everything(served.pool) == before


async def test_document_describes_every_route(served: Served) -> None:
    response = await served.client.get("/schema", headers={"Authorization": ""})
    assert response.status_code == 200
    document = response.json()
    assert document["servers"] == [{"url": "/mage"}]
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in ROUTES}


# The vendor's leniency is ours: a page that is no number is the first one, and where an order of
# checks is documented, a wrong body may be answered for another reason first.
_LENIENT = ("negative_data_rejection", "positive_data_acceptance", "missing_required_header")


# Random ids lead nowhere, so one run is told of things that are there.
_THERE = f"""
[parameters]
identifier = "1"

[[operations]]
include-path-regex = "/v1/rewards/"
parameters = {{ id = "{dress("reward", 1001)}" }}

[[operations]]
include-path-regex = "/v1/earning-rules/"
parameters = {{ id = "{dress("rule", 4001)}" }}
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("phases", "settings"), [("coverage", ""), ("fuzzing", _THERE)])
async def test_made_up_requests_are_answered_as_described(
    serve_shop: Serve, listen: Listen, tmp_path: Path, phases: str, settings: str
) -> None:
    served = await serve_shop(
        make_shop(
            rewards=(make_reward(points_cost=0, tier_id=TierId(3001)), make_reward(2)),
            tiers=(make_tier(1, 0),),
            rules=(make_rule(),),
        )
    )
    for number in range(3):
        await served.enrol(f"{number}", f"p{number}@shop.example", points=1000)
    url = await listen(served)
    tool = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert tool is not None
    (tmp_path / "schemathesis.toml").write_text(settings)
    process = await asyncio.create_subprocess_exec(
        tool,
        "run",
        f"{url}/mage/schema",
        f"--header=Authorization: {SECRET}",
        f"--phases={phases}",
        "--max-examples=12",
        "--seed=20261121",
        f"--exclude-checks={','.join(_LENIENT)}",
        "--continue-on-failure",
        "--no-color",
        "--warnings=off",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 280)
    assert process.returncode == 0, output.decode()[-6000:]
    if settings:
        metrics = (await served.client.get(f"{url}/metrics")).text
        assert 'route="/v1/customers/{identifier}/points",status="200"' in metrics
        assert 'status="5' not in metrics
