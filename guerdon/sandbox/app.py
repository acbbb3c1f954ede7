"""The sandbox as an ASGI application: one world, and the faults that come between it and a call."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from guerdon.engine.runtime import utc_now
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    send_answer,
)
from guerdon.sandbox.browsing import Page, is_from_elsewhere
from guerdon.sandbox.control import Control
from guerdon.sandbox.cutting import cut, hold_open
from guerdon.sandbox.exchange import Request, answer, request_of
from guerdon.sandbox.faults import Fault, ServiceName
from guerdon.sandbox.hooks import HookReceiver
from guerdon.sandbox.klaviyo import KlaviyoService
from guerdon.sandbox.omnisend import OmnisendService
from guerdon.sandbox.postscript import PostscriptService
from guerdon.sandbox.shopify.endpoint import ShopifyService
from guerdon.sandbox.shopify.throttle import GENEROUS, Rate
from guerdon.sandbox.world import Options, World

_BODY_BYTES_MAX = 12 * 1024 * 1024


class Service(Protocol):
    """A platform that is played: it acts, or answers with a fault in its own form."""

    def names(self, request: Request) -> list[str]: ...
    def act(self, request: Request) -> Answer: ...
    def faulted(self, request: Request, fault: Fault, /) -> Answer: ...


class SandboxApp:
    """One world, in memory. `rate` is how fast Shopify's points come back; with `any_host` the
    page's forms are also taken where it is served under another name than the loopback's."""

    def __init__(
        self,
        now: Callable[[], datetime] = utc_now,
        seed: int = 0,
        *,
        strict_customers: bool = False,
        rate: Rate = GENEROUS,
        bulk_seconds: float = 0.2,
        token_seconds: int = 86_399,
        any_host: bool = False,
    ) -> None:
        options = Options(
            seed=seed,
            strict_customers=strict_customers,
            rate=rate,
            bulk_seconds=bulk_seconds,
            token_seconds=token_seconds,
        )
        self.world = World(now, options)
        self._any_host = any_host
        self._control = Control(self.world)
        self._page = Page(self.world)
        self._services: dict[str, tuple[ServiceName, Service]] = {
            "shopify": ("shopify", ShopifyService(self.world)),
            "klaviyo": ("klaviyo", KlaviyoService(self.world)),
            "omnisend": ("omnisend", OmnisendService(self.world)),
            "postscript": ("postscript", PostscriptService(self.world)),
            "hooks": ("webhook", HookReceiver(self.world)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        assert scope["type"] == "http", "the sandbox speaks HTTP only"
        try:
            body = await read_body(receive, bytes_max=_BODY_BYTES_MAX)
        except Disconnected:
            return
        except BodyTooLarge:
            await send_answer(send, answer(413, {"errors": "Payload Too Large"}))
            return
        first, _, rest = scope["path"].lstrip("/").partition("/")
        if first in self._services:
            request = request_of(scope, f"/{rest}", body)
            await self._serve(*self._services[first], request, receive, send)
            return
        is_control = first == "_control"
        request = request_of(scope, f"/{rest}" if is_control else scope["path"], body)
        if request.method != "GET" and is_from_elsewhere(request, any_host=self._any_host):
            given = answer(403, {"error": "sent by another site's page"})
        elif is_control:
            given = await self._control.answer(request)
        else:
            given = self._page.answer(request, scope["query_string"].decode("latin-1"))
        await send_answer(send, given)

    async def _serve(
        self,
        name: ServiceName,
        service: Service,
        request: Request,
        receive: Receive,
        send: Send,
    ) -> None:
        names = service.names(request)
        fault = self.world.faults.meet(name, names, request.path)
        # A webhook is known by its receiver, a GraphQL call by what it asks for.
        shown = "+".join(names) or request.path
        self.world.note_call(name, shown, None if fault is None else fault.kind, request.path)
        if fault is None:
            await send_answer(send, service.act(request))
            return
        given = await _suffer(service, request, fault, receive, send)
        if given is not None:
            await send_answer(send, given)


async def _suffer(
    service: Service, request: Request, fault: Fault, receive: Receive, send: Send
) -> Answer | None:
    """Let a fault happen; what it leaves to answer, if anything, comes back."""
    match fault.kind:
        case "late":
            if fault.acts_late:
                await asyncio.sleep(fault.seconds)
                return service.act(request)
            given = service.act(request)
            await asyncio.sleep(fault.seconds)
            return given
        case "never":
            await hold_open(receive, send)
        case "cut_before":
            await cut(receive, send)
        case "cut_after":
            service.act(request)
            await cut(receive, send)
        case "status":
            return answer(fault.status or 503, fault.body, headers=fault.headers)
        case "throttled" | "user_error" | "top_error" | "wrong_version":
            return service.faulted(request, fault)
    return None


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop as the server says; there is nothing to open."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
