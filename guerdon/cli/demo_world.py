"""The outside world of the demo: the sandbox in a thread, and a look at what arrived there."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from guerdon.cli.console import fail, out

# Where `guerdon sandbox` listens too, so that the shop can be gone on with.
PORT = 8800
SHOP = "harbour-roast.myshopify.com"
_START_SECONDS = 20.0
_ARRIVE_SECONDS = 30.0
_EVENT = {
    "klaviyo": "Reward Redeemed",
    "omnisend": "Reward Redeemed",
    "postscript": "Reward_Redeemed",
}


@contextmanager
def outside_world() -> Iterator[str]:
    """Play Shopify and the marketing tools on the loopback interface; give the address."""
    import uvicorn

    from guerdon.sandbox.app import SandboxApp

    listener = _listen()
    server = uvicorn.Server(
        uvicorn.Config(
            SandboxApp(),
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > until:
                fail("the sandbox did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()


def _listen() -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", PORT))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


class Arrivals:
    """What arrived in the sandbox for one shopper and one code."""

    def __init__(
        self, base: str, external_id: str, *, code: str, reward_name: str, points_redeemed: int
    ) -> None:
        self._base = base
        self._points_redeemed = points_redeemed
        self._external_id = external_id
        self._code = code
        self._reward_name = reward_name

    def await_all(self) -> dict[str, Any]:
        """Wait until everything that a redemption sets off is there; give it by where it is."""
        import httpx

        until = time.monotonic() + _ARRIVE_SECONDS
        with httpx.Client(base_url=self._base, trust_env=False, timeout=10) as client:
            while True:
                found = self._look(client.get("/_control/state").json())
                missing = [name for name, what in found.items() if what is None]
                if not missing:
                    return found
                if time.monotonic() > until:
                    fail(f"of what the redemption sets off, this did not arrive: {missing}")
                time.sleep(0.1)

    def _look(self, state: dict[str, Any]) -> dict[str, Any]:
        shop = state["shopify"].get(SHOP) or {"discounts": [], "metafields": []}
        found: dict[str, Any] = {
            "discount": next((d for d in shop["discounts"] if d["code"] == self._code), None),
            "metafield": next((m for m in shop["metafields"] if self._is_ours(m)), None),
        }
        for service, name in _EVENT.items():
            found[service] = next(
                (
                    event
                    for event in state[service]
                    if event["name"] == name
                    and self._external_id in event["email"]
                    and event["properties"]["Reward Name"] == self._reward_name
                ),
                None,
            )
        return found

    def _is_ours(self, metafield: dict[str, Any]) -> bool:
        place = (metafield["owner"].rsplit("/", 1)[-1], metafield["namespace"], metafield["key"])
        if place != (self._external_id, "mage", "loyalty"):
            return False
        redeemed: int = json.loads(metafield["value"])["redeemed_points"]
        return redeemed == self._points_redeemed


def print_arrivals(found: dict[str, Any]) -> None:
    """Show the discount as the shop has it, the events, and the customer's metafield."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="What arrived outside", title_justify="left", show_lines=True)
    table.add_column("where")
    table.add_column("what")
    for where, what in found.items():
        shown = {
            key: what[key]
            for key in _SHOWN.get(where, ("name", "email", "properties"))
            if key in what
        }
        table.add_row(where, escape(json.dumps(shown, indent=1, ensure_ascii=False)))
    out().print(table)


_SHOWN = {
    "discount": (
        "id",
        "code",
        "title",
        "status",
        "customers",
        "value",
        "minimum_subtotal",
        "usage_limit",
        "ends_at",
    ),
    "metafield": ("owner", "namespace", "key", "value"),
}
