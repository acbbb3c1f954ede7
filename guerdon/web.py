"""The web process: one small ASGI application in front of every dialect."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from guerdon.adapters.shopify.webhooks import ShopifyHooks
from guerdon.dialects.loyaltylion.app import LoyaltyLionApp
from guerdon.dialects.mage.app import MageApp
from guerdon.dialects.voucherify.app import VoucherifyApp
from guerdon.dialects.voucherify.call import Settings as VoucherifySettings
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import Answer, Receive, Scope, Send, send_answer
from guerdon.http.metering import Meter
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.offers import find_merchant_by_slug
from guerdon.store.snapshot import snapshot

_log = structlog.get_logger(__name__)


def _plain(code: int, **facts: str) -> Answer:
    return Answer(code, json.dumps(facts).encode())


_NOT_FOUND = _plain(404, error="not found")
_WRONG_METHOD = Answer(405, b'{"error": "method not allowed"}', ((b"allow", b"GET, HEAD"),))
_ALIVE = _plain(200, status="alive")
_READY = _plain(200, status="ready")


class _Dialect(Protocol):
    """What answers under a mount point."""

    async def handle(
        self, scope: Scope, receive: Receive, send: Send, *, raw_path: bytes
    ) -> None: ...


class WebApp:
    """Sends each request to the dialect that its path begins with, or that its host is bound to.

    On a bound host the path begins as at the vendor, at /v1 or /v2."""

    def __init__(
        self,
        ledger: Ledger,
        dialects: Mapping[str, _Dialect],
        hosts: Mapping[str, str],
        meter: Meter,
    ) -> None:
        self._ledger = ledger
        self._dialects = {name.encode(): app for name, app in dialects.items()}
        self._hosts = {host.lower().encode(): dialects[name] for host, name in hosts.items()}
        self._own: dict[bytes, Callable[[], Awaitable[Answer]]] = {
            b"/healthz": self._health,
            b"/readyz": self._readiness,
            b"/metrics": self._metrics,
        }
        self._meter = meter
        self._shopify_hooks = ShopifyHooks(ledger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        if self._hosts:
            bound = self._hosts.get(_host_of(scope))
            if bound is not None and raw_path not in self._own:
                await bound.handle(scope, receive, send, raw_path=raw_path)
                return
        _, _, rest = raw_path.partition(b"/")
        first, slash, rest = rest.partition(b"/")
        dialect = self._dialects.get(first)
        if dialect is not None:
            await dialect.handle(scope, receive, send, raw_path=slash + rest)
            return
        if first == b"hooks" and rest.startswith(b"shopify/"):
            hook_path = rest.removeprefix(b"shopify")
            await self._shopify_hooks.handle(scope, receive, send, raw_path=hook_path)
            return
        own = self._own.get(raw_path)
        if own is None:
            answer = _NOT_FOUND
        elif scope["method"] not in ("GET", "HEAD"):
            answer = _WRONG_METHOD
        else:
            answer = await own()
        await send_answer(send, answer, is_head=scope["method"] == "HEAD")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._ledger.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _health(self) -> Answer:
        return _ALIVE

    async def _readiness(self) -> Answer:
        try:
            async with snapshot(self._ledger.runtime.pool) as view:
                # Any look-up will do: without the schema there is no table to look in.
                await find_merchant_by_slug(view, "")
        except DRIVER_ERRORS as error:
            _log.warning("not_ready", error=repr(error))
            return _plain(
                503, status="unavailable", reason="the database does not answer, or has no schema"
            )
        return _READY

    async def _metrics(self) -> Answer:
        body = generate_latest(self._meter.registry)
        return Answer(200, body, media_type=(b"content-type", CONTENT_TYPE_LATEST.encode()))


def create_app(
    ledger: Ledger,
    *,
    hosts: Mapping[str, str] | None = None,
    mage_calls_per_second_max: int = 0,
    loyaltylion_calls_per_second_max: int = 0,
    loyaltylion_strict_seed_keys: bool = False,
    voucherify_calls_per_minute_max: int = 0,
    voucherify_settings: VoucherifySettings | None = None,
    keyring: Keyring | None = None,
) -> WebApp:
    """Put the dialects in front of a ledger. `hosts` binds host names to dialects by name."""
    meter = Meter()
    keyring = keyring or Keyring(ledger.runtime.pool)
    dialects: dict[str, _Dialect] = {
        "mage": MageApp(ledger, keyring, meter, calls_per_second_max=mage_calls_per_second_max),
        "loyaltylion": LoyaltyLionApp(
            ledger,
            keyring,
            meter,
            calls_per_second_max=loyaltylion_calls_per_second_max,
            is_strict=loyaltylion_strict_seed_keys,
        ),
        "voucherify": VoucherifyApp(
            ledger,
            keyring,
            meter,
            calls_per_minute_max=voucherify_calls_per_minute_max,
            settings=voucherify_settings,
        ),
    }
    return WebApp(ledger, dialects, hosts or {}, meter)


def _host_of(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"host":
            host: bytes = value
            return host.rsplit(b":", 1)[0].lower()
    return b""
