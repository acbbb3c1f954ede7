"""The dialect's front door; routes.py says what is behind it."""

import re
import time
from functools import partial

import structlog

from guerdon.dialects.loyaltylion.auth import authenticate, is_pair, scopes_of
from guerdon.dialects.loyaltylion.call import Call, Route
from guerdon.dialects.loyaltylion.errors import (
    BROKEN,
    NOT_FOR_PAIRS,
    NOT_FOUND,
    READ_ONLY,
    TOO_LARGE,
    TOO_MANY,
    Fault,
    error_answer,
    guerdon_error_answer,
    scope_missing,
)
from guerdon.dialects.loyaltylion.routes import API, ROUTES
from guerdon.dialects.loyaltylion.scopes import covers
from guerdon.domain.errors import GuerdonError, Unavailable
from guerdon.domain.key import Key
from guerdon.engine.expiring import give_back_due
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    mount_of,
    read_body,
    send_answer,
)
from guerdon.http.limiting import SlidingWindow
from guerdon.http.metering import Meter
from guerdon.http.reference import REFERENCE_PATHS, Reference
from guerdon.http.routing import Resource, Router
from guerdon.store.faults import DRIVER_ERRORS, fault_of

BODY_BYTES_MAX = 1 << 20

_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
# What these let a caller read tells how many points somebody has: it is brought up to date before.
_SHOW_POINTS = frozenset({"read_customers", "read_orders"})
_log = structlog.get_logger(__name__)


class LoyaltyLionApp:
    """Answers under a mount point. `calls_per_second_max` 0 sets no limit; the vendor's is 20. With
    `is_strict` only those keys are shown that the vendor's first document has."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        meter: Meter,
        *,
        calls_per_second_max: int = 0,
        is_strict: bool = False,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._meter = meter
        self._is_strict = is_strict
        self._window = SlidingWindow(calls_per_second_max)
        self._router: Router[Route] = Router(ROUTES)
        self._reference = Reference(API, ROUTES)

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, raw_path: bytes) -> None:
        """Answer one request; `raw_path` begins after the mount point."""
        started = time.perf_counter()
        method: str = scope["method"]
        if raw_path in REFERENCE_PATHS and method in ("GET", "HEAD"):
            told = self._reference.answer(scope, raw_path)
            await send_answer(send, told, is_head=method == "HEAD")
            return
        found = self._router.find(raw_path)
        if found is None or any("\x00" in segment for segment in found[1]):
            answer, path = NOT_FOUND, "other"
        else:
            path = found[0].path
            try:
                answer = await self._answer(scope, receive, method, raw_path, *found)
            except Disconnected:
                return
        self._meter.count("loyaltylion", path, answer.status, time.perf_counter() - started)
        await send_answer(send, answer, is_head=method == "HEAD")

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        method: str,
        raw_path: bytes,
        resource: Resource[Route],
        path: tuple[str, ...],
    ) -> Answer:
        """Go through the door: method, key, rate, scope; then the body and the operation's own
        checks."""
        route = resource.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            return _no_such_method(method, resource)
        try:
            headers: list[tuple[bytes, bytes]] = scope["headers"]
            key = await authenticate(self._keyring, headers)
            if isinstance(key, Answer):
                return key
            if not self._window.admits(key.id):
                return TOO_MANY
            refused = _refuse(route, key)
            if refused is not None:
                return refused
            if not route.is_write and route.scope in _SHOW_POINTS:
                await give_back_due(self._ledger, key.merchant_id)
            body = await read_body(receive, bytes_max=BODY_BYTES_MAX) if route.is_write else b""
            call = Call(
                self._ledger,
                key,
                route,
                path,
                locate=partial(_base_url, scope, raw_path),
                raw_path=raw_path,
                query_string=scope["query_string"],
                headers=headers,
                body=body,
                is_strict=self._is_strict,
            )
            return await route.handler(call)
        except Fault as fault:
            return fault.answer
        except BodyTooLarge:
            return TOO_LARGE
        except GuerdonError as error:
            return guerdon_error_answer(error)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 -- the caller is owed an answer whatever it is
            return _mishap(error, route)


def _refuse(route: Route, key: Key) -> Answer | None:
    """Say why a known key may not make this call; None where it may."""
    if is_pair(key) and not route.is_for_pairs:
        return NOT_FOR_PAIRS
    if route.is_write and key.access != "full":
        return READ_ONLY
    if route.scope is not None and not covers(scopes_of(key), route.scope):
        return scope_missing(route.scope)
    return None


def _no_such_method(method: str, resource: Resource[Route]) -> Answer:
    allow = ((b"allow", resource.allow),)
    if method == "OPTIONS":
        return Answer(204, headers=allow)
    return error_answer(
        405,
        f"{method} is not supported on this path",
        name="MethodNotAllowedError",
        code="method_not_allowed",
        headers=allow,
    )


def _mishap(error: Exception, route: Route) -> Answer:
    """Answer what no rule foresaw: a database out of reach is a 503, anything else our fault."""
    if isinstance(error, DRIVER_ERRORS) and fault_of(error) in ("lost", "busy", "collision"):
        _log.warning("database_unavailable", route=route.path, error=repr(error))
        return guerdon_error_answer(Unavailable())
    _log.error("request_failed", method=route.method, route=route.path, exc_info=error)
    return BROKEN


def _base_url(scope: Scope, raw_path: bytes) -> str:
    """Give where the caller finds this dialect. A proxy's word that the caller speaks HTTPS is
    believed: it can only turn a caller's own links to HTTPS, never away from it. Where the Host
    header names no host, addresses begin at the root."""
    mount = mount_of(scope, raw_path)
    host, is_https = b"", scope.get("scheme") == "https"
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-forwarded-proto":
            is_https = is_https or value.split(b",")[0].strip().lower() == b"https"
    if not _HOST.fullmatch(host):
        return mount
    return f"{'https' if is_https else 'http'}://{host.decode()}{mount}"
