"""Debian's Chromium, driven without a screen."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

# It may run as root, in a container, and is to look nothing up on its own.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Say where Chromium is, if it is installed."""
    return shutil.which("chromium")


@asynccontextmanager
async def open_page() -> AsyncIterator[Page]:
    """Open an empty page in a browser of its own."""
    program = find_chromium()
    assert program is not None, "without a browser its tests are left out"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()
