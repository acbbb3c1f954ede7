"""Each kind of fault over a real connection: what the client sees, and what was done."""

import asyncio
import contextlib
import time
from typing import Any

import httpx
import pytest

from guerdon.sandbox.app import SandboxApp
from guerdon.sandbox.cutting import ConnectionCut
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shopify_calls import CREATE, VERSION, basic_input

_LONG = 30.0


async def _create(sandbox: RunningSandbox, *, code: str = "LOY-1", seconds: float = _LONG) -> Any:
    async with httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
        return await client.post(
            f"{sandbox.shopify}/admin/api/{VERSION}/graphql.json",
            headers={"X-Shopify-Access-Token": "a-token"},
            json={"query": CREATE, "variables": {"input": basic_input(code=code)}},
        )


async def _codes(sandbox: RunningSandbox) -> list[str]:
    return [one["code"] for one in (await sandbox.shop())["discounts"]]


def _fault(kind: str, **more: Any) -> dict[str, Any]:
    return {"service": "shopify", "match": "discountCodeBasicCreate", "kind": kind, **more}


async def test_without_a_fault_all_is_well(sandbox: RunningSandbox) -> None:
    came = await _create(sandbox)
    assert came.json()["data"]["discountCodeBasicCreate"]["userErrors"] == []
    assert await _codes(sandbox) == ["LOY-1"]
    (call,) = (await sandbox.state())["calls"]
    assert (call["service"], call["name"], call["fault"]) == (
        "shopify",
        "discountCodeBasicCreate",
        None,
    )


async def test_late_answer_comes_after_the_act(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("late", seconds=0.5))
    with pytest.raises(httpx.ReadTimeout):
        await _create(sandbox, seconds=0.2)
    assert await _codes(sandbox) == ["LOY-1"]


async def test_late_answer_is_whole(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("late", seconds=0.3))
    begun = time.monotonic()
    came = await _create(sandbox)
    assert time.monotonic() - begun >= 0.3
    assert came.json()["data"]["discountCodeBasicCreate"]["codeDiscountNode"] is not None


async def test_late_act_happens_when_nobody_listens_any_more(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("late", seconds=0.6, acts_late=True))
    with pytest.raises(httpx.ReadTimeout):
        await _create(sandbox, seconds=0.2)
    assert await _codes(sandbox) == []
    async with asyncio.timeout(20):
        while await _codes(sandbox) == []:
            await asyncio.sleep(0.05)


async def test_never_keeps_the_connection_and_does_not_act(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("never"))
    with pytest.raises(httpx.ReadTimeout):
        await _create(sandbox, seconds=0.3)
    assert await _codes(sandbox) == []


async def test_never_ends_when_the_client_goes(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    serve = sandbox.app._serve

    async def watched(*arguments: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        await serve(*arguments)
        loop.call_soon_threadsafe(ended.set)

    await sandbox.faults(_fault("never"))
    monkeypatch.setattr(sandbox.app, "_serve", watched)
    call = asyncio.create_task(_create(sandbox))
    async with asyncio.timeout(10):
        await begun.wait()
    await asyncio.sleep(0.1)
    assert not ended.is_set()
    call.cancel()
    async with asyncio.timeout(10):
        await ended.wait()


@pytest.mark.parametrize(("kind", "made"), [("cut_before", []), ("cut_after", ["LOY-1"])])
async def test_connection_is_really_cut(
    sandbox: RunningSandbox, kind: str, made: list[str]
) -> None:
    await sandbox.faults(_fault(kind))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await _create(sandbox)
    assert await _codes(sandbox) == made


async def test_cut_sends_not_a_byte(sandbox: RunningSandbox) -> None:
    await sandbox.faults({"service": "klaviyo", "kind": "cut_before"})
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(b"POST /klaviyo/api/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_status_is_answered_without_acting(sandbox: RunningSandbox) -> None:
    await sandbox.faults(
        _fault("status", status=502, body={"errors": "bad gateway"}, headers={"X-Why": "script"})
    )
    came = await _create(sandbox)
    assert (came.status_code, came.json()) == (502, {"errors": "bad gateway"})
    assert came.headers["X-Why"] == "script"
    assert await _codes(sandbox) == []


async def test_throttled_with_either_status(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("throttled"), _fault("throttled", status=429, seconds=1.5))
    first, second = await _create(sandbox), await _create(sandbox)
    assert (first.status_code, second.status_code) == (200, 429)
    assert "Retry-After" not in first.headers
    assert second.headers["Retry-After"] == "1.5"
    for came in (first, second):
        assert came.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert await _codes(sandbox) == []


async def test_user_error_is_in_the_payload(sandbox: RunningSandbox) -> None:
    await sandbox.faults(
        _fault("user_error", code="TAKEN", field=["basicCodeDiscount", "code"], message="No")
    )
    payload = (await _create(sandbox)).json()["data"]["discountCodeBasicCreate"]
    assert payload == {
        "codeDiscountNode": None,
        "userErrors": [
            {
                "field": ["basicCodeDiscount", "code"],
                "code": "TAKEN",
                "message": "No",
                "extraInfo": None,
            }
        ],
    }
    assert await _codes(sandbox) == []


async def test_top_error_has_no_data(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("top_error", code="ACCESS_DENIED", message="No"))
    body = (await _create(sandbox)).json()
    assert body == {"errors": [{"message": "No", "extensions": {"code": "ACCESS_DENIED"}}]}
    assert await _codes(sandbox) == []


async def test_wrong_version_acts_and_says_another(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("wrong_version"))
    came = await _create(sandbox)
    assert came.headers["X-Shopify-API-Version"] == "2026-01"
    assert await _codes(sandbox) == ["LOY-1"]


async def test_nth_and_times_choose_the_calls(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("status", status=503, nth=2, times=2))
    statuses = [(await _create(sandbox, code=f"C{n}")).status_code for n in range(4)]
    assert statuses == [200, 503, 503, 200]


async def test_no_fault_is_lost_to_another(sandbox: RunningSandbox) -> None:
    await sandbox.faults(
        _fault("status", status=501),
        _fault("status", status=502),
        _fault("status", status=503, nth=4),
    )
    statuses = [(await _create(sandbox, code=f"C{n}")).status_code for n in range(5)]
    assert statuses == [501, 502, 200, 503, 200]


async def test_without_nth_it_is_every_call(sandbox: RunningSandbox) -> None:
    await sandbox.faults(_fault("status", nth=None))
    statuses = [(await _create(sandbox, code=f"C{n}")).status_code for n in range(3)]
    assert statuses == [503, 503, 503]
    await sandbox.clear_faults()
    assert (await _create(sandbox)).status_code == 200


async def test_other_calls_are_left_alone(sandbox: RunningSandbox) -> None:
    await sandbox.faults(
        {"service": "shopify", "match": "giftCardCreate", "kind": "cut_before"},
        {"service": "klaviyo", "kind": "cut_before"},
    )
    assert (await _create(sandbox)).status_code == 200


async def test_path_is_matched_too(sandbox: RunningSandbox) -> None:
    await sandbox.faults(
        {"service": "shopify", "match": "oauth/access_token", "kind": "status", "status": 500}
    )
    assert (await _create(sandbox)).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as client:
        came = await client.post(f"{sandbox.shopify}/admin/oauth/access_token", json={})
    assert came.status_code == 500


@pytest.mark.parametrize(
    ("service", "path", "kind", "status"),
    [
        ("klaviyo", "/klaviyo/api/events", "throttled", 429),
        ("klaviyo", "/klaviyo/api/events", "user_error", 400),
        ("klaviyo", "/klaviyo/api/events", "wrong_version", 410),
        ("klaviyo", "/klaviyo/api/events", "top_error", 500),
        ("omnisend", "/omnisend/api/events", "throttled", 429),
        ("omnisend", "/omnisend/api/events", "user_error", 400),
        ("postscript", "/postscript/api/v2/events", "throttled", 429),
        ("postscript", "/postscript/api/v2/events", "user_error", 400),
        ("webhook", "/hooks/orders", "throttled", 429),
        ("webhook", "/hooks/orders", "status", 503),
    ],
)
async def test_each_service_fails_in_its_own_form(
    sandbox: RunningSandbox, service: str, path: str, kind: str, status: int
) -> None:
    await sandbox.faults({"service": service, "kind": kind, "seconds": 3})
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        came = await client.post(path, json={})
    assert came.status_code == status
    state = await sandbox.state()
    assert [state[name] for name in ("klaviyo", "omnisend", "postscript")] == [[], [], []]
    assert state["webhooks"] == {}
    assert [call["fault"] for call in state["calls"]] == [kind]
    if (service, kind) == ("klaviyo", "throttled"):
        assert came.headers["Retry-After"] == "3"
    if (service, kind) == ("postscript", "throttled"):
        assert came.json()["error_code"] == 3002


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
async def test_without_a_connection_the_caller_is_given_the_cut(kind: str) -> None:
    app = SandboxApp()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
        await client.post(
            "/_control/faults", json={"faults": [{"service": "webhook", "kind": kind}]}
        )
        with pytest.raises(ConnectionCut):
            await client.post("/hooks/orders", json={"a": 1})
    assert len(app.world.deliveries) == (kind == "cut_after")


async def test_server_stops_while_a_call_is_held_open() -> None:
    async with asyncio.timeout(20):
        async with running_sandbox() as sandbox:
            await sandbox.faults(_fault("never"))
            call = asyncio.create_task(_create(sandbox))
            while not (await sandbox.state())["calls"]:
                await asyncio.sleep(0.02)
            assert not call.done()
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await call
