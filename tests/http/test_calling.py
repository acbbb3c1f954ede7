"""What a call comes to, on real connections: an answer, nothing sent, or an answer lost."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from guerdon.http.calling import Answer, AnswerLost, Caller, NotSent
from tests.support.played_server import Manner, Play, played_server

_SECRET = "sk_live_do_not_tell"
_HEADERS = {"Authorization": f"Bearer {_SECRET}"}


@asynccontextmanager
async def _caller(
    seconds_max: float = 10.0, bytes_max: int = 65_536, connections_max: int = 8
) -> AsyncIterator[Caller]:
    caller = Caller(seconds_max=seconds_max, bytes_max=bytes_max, connections_max=connections_max)
    try:
        yield caller
    finally:
        await caller.aclose()


async def test_answer_is_given_as_it_was() -> None:
    async with played_server(Play(418, b"short", {"X-One": "1"})) as server, _caller() as caller:
        answer = await caller.call("POST", f"{server.url}/tea?a=1", headers=_HEADERS, content=b"{}")
    assert (answer.status, answer.body, answer.is_whole) == (418, b"short", True)
    assert answer.headers["x-one"] == "1"
    (heard,) = server.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/tea?a=1", b"{}")
    assert heard.headers["authorization"] == f"Bearer {_SECRET}"
    assert heard.headers["accept-encoding"] == "identity"
    assert heard.headers["user-agent"].startswith("guerdon/")


async def test_connection_is_used_again() -> None:
    async with played_server() as server, _caller() as caller:
        for _ in range(3):
            await caller.call("POST", server.url, headers={}, content=b"{}")
    assert (len(server.heard), server.connections) == (3, 1)


async def test_redirect_is_not_followed_and_no_cookie_is_kept() -> None:
    headers = {"Location": "http://127.0.0.1:1/", "Set-Cookie": "who=them; Path=/"}
    async with played_server(Play(302, headers=headers)) as server, _caller() as caller:
        answer = await caller.call("GET", server.url, headers={})
        await caller.call("GET", server.url, headers={})
    assert answer.status == 302
    assert "cookie" not in server.heard[1].headers


async def test_refused_connection_sent_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with _caller() as caller:
            with pytest.raises(NotSent) as raised:
                await caller.call("POST", url, headers=_HEADERS, content=b"{}")
    assert raised.value.reason == "no connection"


async def test_waiting_for_a_free_connection_sent_nothing() -> None:
    async with (
        played_server(Play(manner="silence")) as server,
        _caller(connections_max=1) as caller,
    ):
        first = asyncio.create_task(
            caller.call("POST", server.url, headers={}, content=b"1", seconds_max=30)
        )
        while not server.heard:
            await asyncio.sleep(0.01)
        with pytest.raises(NotSent):
            await caller.call("POST", server.url, headers={}, content=b"2", seconds_max=0.1)
        first.cancel()
        await asyncio.wait([first])
    assert [heard.body for heard in server.heard] == [b"1"]


@pytest.mark.parametrize("content", [b"{}", b""])
@pytest.mark.parametrize("manner", ["cut_after", "silence"])
async def test_answer_is_lost_once_the_request_is_out(manner: Manner, content: bytes) -> None:
    async with played_server() as server, _caller() as caller:
        # Over a connection that is there: making the first one may take longer than what follows.
        await caller.call("POST", server.url, headers={}, content=b"first")
        server.plays = [Play(manner=manner)]
        with pytest.raises(AnswerLost):
            await caller.call(
                "POST",
                server.url,
                headers=_HEADERS,
                content=content,
                seconds_max=0.3 if manner == "silence" else None,
            )
    assert [heard.body for heard in server.heard] == [b"first", content]


async def test_cut_before_the_body_was_read_is_not_taken_for_unsent() -> None:
    """The body was on its way: from here nobody can tell what became of it."""
    async with played_server(Play(manner="cut_before")) as server, _caller() as caller:
        with pytest.raises(AnswerLost):
            await caller.call("POST", server.url, headers=_HEADERS, content=b"{}")


async def test_status_is_known_though_the_body_was_cut() -> None:
    play = Play(202, b"half", manner="cut_inside")
    async with played_server(play) as server, _caller() as caller:
        answer = await caller.call("POST", server.url, headers={}, content=b"{}")
    assert (answer.status, answer.body, answer.is_whole) == (202, b"half", False)


async def test_long_answer_is_cut_where_reading_stops() -> None:
    play = Play(200, b"x" * 300_000)
    async with played_server(play) as server, _caller(bytes_max=1000) as caller:
        answer = await caller.call("GET", server.url, headers={})
    assert (len(answer.body), answer.is_whole) == (1000, False)


async def test_slow_answer_within_the_time_is_an_answer() -> None:
    async with played_server(Play(200, after_seconds=0.2)) as server, _caller() as caller:
        assert (await caller.call("GET", server.url, headers={})).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"{_SECRET}\r\nX: y"}, {"Authorization": f"{_SECRET}\N{SNOWMAN}"}],
)
async def test_header_that_cannot_be_sent_does_not_tell_the_secret(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with played_server() as server, _caller() as caller:
        with pytest.raises(NotSent) as raised:
            await caller.call("POST", server.url, headers=headers, content=b"{}")
    assert server.heard == []
    assert _SECRET not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://[/", "not an address"])
async def test_address_that_is_none_sent_nothing(url: str) -> None:
    async with _caller() as caller:
        with pytest.raises(NotSent):
            await caller.call("POST", url, headers={}, content=b"{}")


async def test_libraries_log_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with played_server() as server, _caller() as caller:
        await caller.call("POST", server.url, headers=_HEADERS, content=b"{}")
        server.plays = [Play(manner="cut_after")]
        with pytest.raises(AnswerLost):
            await caller.call("POST", server.url, headers=_HEADERS, content=b"{}")
    assert "send_request_body" in caplog.text
    assert _SECRET not in caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        (
            {
                "Retry-After": f"Sun, 22 Nov 2026 10:00:30 +{'9' * 14}",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            None,
        ),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 10:00:30 -0000",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            None,
        ),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    answer = Answer(status=429, headers=httpx.Headers(headers), body=b"", is_whole=True)
    assert answer.retry_after_seconds() == seconds
