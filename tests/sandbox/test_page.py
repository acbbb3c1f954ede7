"""The page in a browser: what it shows, its buttons, and how it fits a small screen."""

import asyncio
from typing import Any

import httpx
from playwright.async_api import Page, expect

from tests.builders.sandbox import SHOP, RunningSandbox
from tests.builders.shopify_calls import CREATE, VERSION, basic_input


async def _create(sandbox: RunningSandbox, **changes: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{sandbox.shopify}/admin/api/{VERSION}/graphql.json",
            headers={"X-Shopify-Access-Token": "a-token"},
            json={"query": CREATE, "variables": {"input": basic_input(**changes)}},
        )


async def test_what_arrived_is_shown(sandbox: RunningSandbox, browser_page: Page) -> None:
    problems: list[str] = []
    browser_page.on("console", lambda message: problems.append(message.text))
    browser_page.on("pageerror", lambda error: problems.append(str(error)))
    await _create(sandbox, title="<b>£15</b> voucher")
    await sandbox.control("hooks/orders", {"form": "mage", "secret": "a-secret"})
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(sandbox.hook("orders"), json={"event": "points.redeemed"})
    await browser_page.goto(sandbox.url)
    await expect(browser_page.get_by_role("heading", name=SHOP)).to_be_visible()
    row = browser_page.get_by_role("row").filter(has_text="LOY-1")
    await expect(row).to_contain_text("<b>£15</b> voucher")
    await expect(row).to_contain_text("active")
    await expect(browser_page.locator("#webhooks")).to_contain_text("signature wrong")
    await expect(browser_page.locator("#calls")).to_contain_text("discountCodeBasicCreate")
    # The browser looks for an icon on its own, and finds none.
    assert [problem for problem in problems if "404" not in problem] == []


async def test_fault_is_added_met_and_removed(sandbox: RunningSandbox, browser_page: Page) -> None:
    await browser_page.goto(sandbox.url)
    await browser_page.get_by_label("Call, or any").fill("discountCodeBasicCreate")
    await browser_page.get_by_label("What happens").select_option("an HTTP status")
    await browser_page.get_by_role("spinbutton", name="Status").fill("502")
    await browser_page.get_by_role("button", name="Add fault").click()
    await expect(browser_page.locator("#faults")).to_contain_text("seen 0")
    assert (await _create(sandbox)).status_code == 502
    await browser_page.reload()
    await expect(browser_page.locator("#faults")).to_contain_text("used up")
    await browser_page.get_by_role("button", name="Remove", exact=True).click()
    await expect(browser_page.locator("#faults")).to_contain_text("Nothing is made to go wrong.")


async def test_everything_is_forgotten(sandbox: RunningSandbox, browser_page: Page) -> None:
    await _create(sandbox)
    await browser_page.goto(sandbox.url)
    await browser_page.get_by_role("button", name="Forget everything").click()
    await expect(browser_page.locator("#shopify")).to_contain_text("No shop was called yet.")


async def test_page_refreshes_itself_when_asked(
    sandbox: RunningSandbox, browser_page: Page
) -> None:
    await browser_page.goto(f"{sandbox.url}/?refresh=1")
    await _create(sandbox)
    await expect(browser_page.get_by_text("LOY-1")).to_be_visible(timeout=20_000)


async def test_small_screen_needs_no_sideways_scroll(
    sandbox: RunningSandbox, browser_page: Page
) -> None:
    await _create(sandbox, code="L" * 255, tags=["t" * 255])
    await browser_page.set_viewport_size({"width": 360, "height": 740})
    await browser_page.goto(sandbox.url)
    assert await browser_page.evaluate("document.documentElement.scrollWidth") == 360


async def test_form_of_another_site_is_refused(sandbox: RunningSandbox, browser_page: Page) -> None:
    # Another port is another origin, though the same site.
    form = f"<form method=post action='{sandbox.url}/reset'><button>Win</button></form>"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(form)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{form}".encode())
        await writer.drain()
        writer.close()

    await _create(sandbox)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        await browser_page.goto(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await browser_page.get_by_role("button", name="Win").click()
        await expect(browser_page.locator("body")).to_contain_text("sent by another site")
    assert len((await sandbox.shop())["discounts"]) == 1
