"""The page that shows a dialect's API: whole, escaped, and by itself."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from types import MappingProxyType
from typing import Any, cast

import asyncpg
import httpx
import pytest
import uvicorn
from msgspec import Struct
from playwright.async_api import Page, Request, expect

from guerdon.dialects.loyaltylion import routes as loyaltylion
from guerdon.dialects.mage import app as mage
from guerdon.dialects.voucherify import routes as voucherify
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.http.openapi import Api, Json, Parameter, describe
from guerdon.http.reference_page import render
from guerdon.web import create_app

_DIALECTS: dict[str, Any] = {"mage": mage, "loyaltylion": loyaltylion, "voucherify": voucherify}
_EVIL = "<script>alert(1)</script>\"'&"


class Thing(Struct):
    name: str
    others: list[str]


class Failure(Struct):
    error: str


class _Operation(Struct, frozen=True):
    method: str = "POST"
    path: str = "/v1/things/{thing_id}"
    summary: str = _EVIL
    body: Any = Thing
    answers: Any = MappingProxyType({201: Thing})
    refuses: tuple[int, ...] = (404,)
    query: tuple[Parameter, ...] = (Parameter("q", "string", _EVIL, _EVIL, (_EVIL, "b")),)
    is_write: bool = True
    takes_key: bool = True
    needs_body: bool = True
    tag: str = _EVIL
    notes: str = f"Mind `{_EVIL}`."


def _document() -> Json:
    api = Api(
        title=_EVIL,
        version="7",
        error=Failure,
        security={"key": {"type": "http", "scheme": "bearer"}},
        refuses=(400,),
        writes_refuse=(413,),
        integers=frozenset({"thing_id"}),
    )
    return describe(api, [_Operation()], mount="/things")


def test_words_are_escaped() -> None:
    page = render(_document())
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8


def test_what_an_operation_takes_and_gives_is_said() -> None:
    page = render(_document())
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    for said in (
        "Version 7. Paths are under /things",
        "Call with Authorization: Bearer …",
        "thing_id path integer (at least 1) Required.",
        "Body Thing",
        "201 Created Thing",
        "400 Bad Request, 404 Not Found",
        "others array of string required",
    ):
        assert said in words, said


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Ledger(Runtime(pool=pool)), hosts={"lion.example": "loyaltylion"})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://guerdon.test"
    ) as client:
        yield client


@pytest.mark.parametrize("name", _DIALECTS)
async def test_every_operation_of_a_dialect_is_shown(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/{name}/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    document = (await client.get(f"/{name}/schema")).json()
    assert document["servers"] == [{"url": f"/{name}"}]
    for route in _DIALECTS[name].ROUTES:
        described = document["paths"][route.path][route.method.lower()]
        assert f'<article id="{described["operationId"]}">' in response.text
    named = set(re.findall(r'href="#([^"]+)"', response.text))
    assert named <= set(re.findall(r'id="([^"]+)"', response.text))
    assert not re.findall(r'(?:src|href)="(?:https?:|//)', response.text)
    head = await client.head(f"/{name}/docs")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(response.content)))


async def test_on_a_host_of_its_own_paths_begin_at_the_root(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs", headers={"Host": "lion.example"})
    assert "Paths are under <code>/</code>" in response.text


@pytest.fixture
async def listen(pool: asyncpg.Pool) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Give a function that serves all dialects on the loopback, and gives the address."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start() -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        app = create_app(Ledger(Runtime(pool=pool)))
        config = uvicorn.Config(cast("Any", app), http="httptools", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        running.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
        while not server.started:
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task


@pytest.mark.parametrize("name", _DIALECTS)
async def test_the_page_reads_well(
    listen: Callable[[], Awaitable[str]], browser_page: Page, name: str
) -> None:
    address = await listen()
    problems: list[str] = []
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.removeprefix(address))

    browser_page.on("request", note)
    browser_page.on("console", lambda message: problems.append(message.text))
    browser_page.on("pageerror", lambda error: problems.append(str(error)))
    await browser_page.goto(f"{address}/{name}/docs")
    title = _DIALECTS[name].API.title
    await expect(browser_page.get_by_role("heading", level=1)).to_have_text(title)
    route = _DIALECTS[name].ROUTES[-1]
    menu = browser_page.get_by_role("navigation")
    await menu.get_by_role("link", name=route.summary, exact=True).click()
    await expect(
        browser_page.get_by_role("heading", name=route.summary, exact=True)
    ).to_be_in_viewport()
    # The style is let in by its own policy.
    display = await browser_page.locator(".columns").evaluate("e => getComputedStyle(e).display")
    assert display == "grid"
    for width in (1280, 360):
        await browser_page.set_viewport_size({"width": width, "height": 720})
        excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await browser_page.evaluate(excess) <= 0
    # The browser looks for an icon on its own, and finds none.
    assert [each for each in problems if "404" not in each] == []
    assert {each for each in asked if not each.endswith("/favicon.ico")} <= {
        f"/{name}/docs",
        f"/{name}/docs#{_anchor(route)}",
    }


def _anchor(route: Any) -> str:
    return str(route.method).lower() + re.sub(r"\W+", "_", route.path).rstrip("_")
