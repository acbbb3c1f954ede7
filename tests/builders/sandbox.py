"""A sandbox that is served over real HTTP, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from guerdon.sandbox.app import SandboxApp

SHOP = "north-shelf.myshopify.com"
CLIENT_ID = "sandbox-app"

_START_SECONDS = 20.0


class RunningSandbox:
    """Where a sandbox listens, and what a test asks of it."""

    def __init__(self, app: SandboxApp, port: int) -> None:
        self.app = app
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        # Kept for less long than the server does, which else hangs up on the next call.
        limits = httpx.Limits(keepalive_expiry=1)
        self._client = httpx.AsyncClient(
            base_url=self.url, trust_env=False, timeout=30, limits=limits
        )

    @property
    def shopify(self) -> str:
        """The base URL of the shop SHOP."""
        return self.shopify_of(SHOP)

    def shopify_of(self, domain: str) -> str:
        return f"{self.url}/shopify/{domain}"

    @property
    def klaviyo(self) -> str:
        return f"{self.url}/klaviyo"

    @property
    def omnisend(self) -> str:
        return f"{self.url}/omnisend"

    @property
    def postscript(self) -> str:
        return f"{self.url}/postscript"

    def hook(self, name: str) -> str:
        """Give the URL of a receiver of webhooks."""
        return f"{self.url}/hooks/{name}"

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Post to the control surface, and give what it answers."""
        came = await self._client.post(f"/_control/{path}", json=body or {})
        assert came.status_code == 200, came.text
        return came.json()

    async def faults(self, *faults: dict[str, Any]) -> None:
        """Script faults, each as the control surface takes them."""
        await self.control("faults", {"faults": list(faults)})

    async def send_notice(self, domain: str, notice: dict[str, Any]) -> int | None:
        """Have a shop send a webhook; give the status that came back, None where nothing did."""
        came = await self._client.post(f"/_control/shops/{domain}/webhooks/send", json=notice)
        if came.status_code == 502:
            return None
        assert came.status_code == 200, came.text
        status: int = came.json()["status"]
        return status

    async def clear_faults(self) -> None:
        came = await self._client.delete("/_control/faults")
        assert came.status_code == 200

    async def state(self) -> dict[str, Any]:
        """Give the whole world."""
        came = await self._client.get("/_control/state")
        assert came.status_code == 200
        state: dict[str, Any] = came.json()
        return state

    async def shop(self, domain: str = SHOP) -> dict[str, Any]:
        """Give what a shop holds; one that nobody has called holds nothing."""
        found: dict[str, Any] = (await self.state())["shopify"].get(domain) or {
            "customers": [],
            "discounts": [],
            "gift_cards": [],
            "store_credit": [],
            "metafields": [],
            "webhook_subscriptions": [],
        }
        return found

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def running_sandbox(app: SandboxApp | None = None) -> AsyncIterator[RunningSandbox]:
    """Serve a sandbox on a free port of the loopback until the block is left."""
    served = app or SandboxApp()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        served,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    running = RunningSandbox(served, listener.getsockname()[1])
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not server.started:
                await asyncio.sleep(0.005)
        yield running
    finally:
        await running.close()
        server.should_exit = True
        # What is still being held open by a fault is not waited for.
        server.force_exit = True
        await asyncio.to_thread(thread.join, _START_SECONDS)
        listener.close()
