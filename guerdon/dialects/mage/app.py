"""The dialect's front door, and its whole API as a table at the foot."""

import time

import structlog

from guerdon.dialects.mage import rewards, wire
from guerdon.dialects.mage.auth import authenticate
from guerdon.dialects.mage.call import Call, Route
from guerdon.dialects.mage.errors import (
    BROKEN,
    NOT_FOUND,
    READ_ONLY,
    TOO_LARGE,
    TOO_MANY,
    Fault,
    error_answer,
    guerdon_error_answer,
)
from guerdon.domain.errors import GuerdonError, Unavailable
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
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
from guerdon.http.limiting import SlidingWindow
from guerdon.http.metering import Meter
from guerdon.http.routing import Resource, Router
from guerdon.store.faults import DRIVER_ERRORS, fault_of

BODY_BYTES_MAX = 1 << 20
_log = structlog.get_logger(__name__)


class MageApp:
    """Answers under a mount point. `calls_per_second_max` 0 sets no limit; the vendor's is 6."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        meter: Meter,
        *,
        calls_per_second_max: int = 0,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._meter = meter
        self._window = SlidingWindow(calls_per_second_max)
        self._router: Router[Route] = Router(ROUTES)

    async def handle(self, scope: Scope, receive: Receive, send: Send, *, raw_path: bytes) -> None:
        """Answer one request; `raw_path` begins after the mount point."""
        started = time.perf_counter()
        method: str = scope["method"]
        found = self._router.find(raw_path)
        if found is None:
            answer, path = NOT_FOUND, "other"
        else:
            path = found[0].path
            try:
                answer = await self._answer(scope, receive, method, *found)
            except Disconnected:
                return
        self._meter.count("mage", path, answer.status, time.perf_counter() - started)
        await send_answer(send, answer, is_head=method == "HEAD")

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        method: str,
        resource: Resource[Route],
        path: tuple[str, ...],
    ) -> Answer:
        """Go through the door in the vendor's order: method, key, rate, scope; then the body and
        the operation's own checks."""
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
            body = b""
            if route.is_write:
                if key.access != "full":
                    return READ_ONLY
                body = await read_body(receive, bytes_max=BODY_BYTES_MAX)
            call = Call(
                self._ledger,
                key,
                route,
                path,
                query_string=scope["query_string"],
                headers=headers,
                body=body,
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


def _no_such_method(method: str, resource: Resource[Route]) -> Answer:
    allow = ((b"allow", resource.allow),)
    if method == "OPTIONS":
        return Answer(204, headers=allow)
    return error_answer(405, f"{method} is not supported on this path", headers=allow)


def _mishap(error: Exception, route: Route) -> Answer:
    """Answer what no rule foresaw: a database out of reach is a 503, anything else our fault."""
    if isinstance(error, DRIVER_ERRORS) and fault_of(error) in ("lost", "busy", "collision"):
        _log.warning("database_unavailable", route=route.path, error=repr(error))
        return guerdon_error_answer(Unavailable())
    _log.error("request_failed", method=route.method, route=route.path, exc_info=error)
    return BROKEN


ROUTES = (
    Route(
        method="POST",
        path="/v1/rewards/{id}/purchase",
        handler=rewards.purchase_reward,
        summary="Buy a reward with a customer's points",
        body=wire.PurchaseBody,
        answers={201: wire.Document[wire.RewardHistoryEntry]},
        refuses=(403, 404, 422, 503),
    ),
)
