"""The dialect's front door; routes.py says what is behind it."""

import re
import time
from urllib.parse import parse_qsl

import structlog

from guerdon.dialects.voucherify.auth import authenticate
from guerdon.dialects.voucherify.call import Call, Route, Settings
from guerdon.dialects.voucherify.errors import guerdon_error_answer
from guerdon.dialects.voucherify.problems import (
    BODY_BYTES_MAX,
    TOO_LARGE,
    Fault,
    broken,
    forbidden,
    invalid_payload,
    invalid_query,
    new_request_id,
    no_such_path,
    not_acceptable,
    too_many,
    wrong_media_type,
    wrong_method,
)
from guerdon.dialects.voucherify.rates import Rates
from guerdon.dialects.voucherify.routes import API, ROUTES
from guerdon.domain.errors import GuerdonError, Unavailable
from guerdon.domain.key import Key
from guerdon.engine.granting import Tokenring
from guerdon.engine.keying import Keyring
from guerdon.engine.submitting import Ledger
from guerdon.http.asgi import (
    Answer,
    BodyTooLarge,
    Disconnected,
    Header,
    Receive,
    Scope,
    Send,
    mount_of,
    read_body,
    send_answer,
)
from guerdon.http.metering import Meter
from guerdon.http.reference import REFERENCE_PATHS, Reference
from guerdon.http.routing import Resource, Router
from guerdon.store.faults import DRIVER_ERRORS, fault_of

_FORM = b"application/x-www-form-urlencoded"
_JSON = b"application/json"
_EMPTY_BODIES = re.compile(rb"\s*(?:\{\s*\}\s*)?")
_INDEX = re.compile(r"\[\d{0,3}\]$")
_log = structlog.get_logger(__name__)


class VoucherifyApp:
    """Answers under a mount point. `calls_per_minute_max` 0 sets no limit."""

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        meter: Meter,
        *,
        calls_per_minute_max: int = 0,
        settings: Settings | None = None,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._tokens = Tokenring(ledger.runtime)
        self._meter = meter
        self._settings = settings or Settings()
        self._rates = Rates(calls_per_minute_max, now=ledger.runtime.now)
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
        rates: tuple[Header, ...] = ()
        if found is None or "\x00" in "".join(found[1]):
            answer, path = no_such_path(), "other"
        else:
            path = found[0].path
            try:
                answer, rates = await self._answer(scope, receive, method, raw_path, *found)
            except Disconnected:
                return
        self._meter.count("voucherify", path, answer.status, time.perf_counter() - started)
        headers = (*answer.headers, *(rates or self._rates.unasked()))
        told = Answer(answer.status, answer.body, headers, answer.media_type)
        await send_answer(send, told, is_head=method == "HEAD")

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        method: str,
        raw_path: bytes,
        resource: Resource[Route],
        path: tuple[str, ...],
    ) -> tuple[Answer, tuple[Header, ...]]:
        """Go through the door: method, key, rate; then what follows it. Gives the headers too that
        tell of the rate."""
        route = resource.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            return _no_such_method(method, resource), ()
        rates: tuple[Header, ...] = ()
        try:
            headers: list[tuple[bytes, bytes]] = scope["headers"]
            key = await authenticate(self._keyring, self._tokens, headers)
            if isinstance(key, Answer):
                return key, ()
            wait, rates = self._rates.take(key.merchant_id)
            if wait:
                return too_many(wait), rates
            refused = _refuse(route, key, headers)
            if refused is not None:
                return refused, rates
            if scope["query_string"]:
                _check_query(route, scope["query_string"])
            body = b""
            if route.takes_body:
                body = await read_body(receive, bytes_max=BODY_BYTES_MAX)
                _check_body(route, headers, body)
            call = Call(
                self._ledger,
                key,
                route,
                path,
                settings=self._settings,
                base_url=mount_of(scope, raw_path),
                query_string=scope["query_string"],
                headers=headers,
                body=body,
            )
            return await route.handler(call), rates
        except Fault as fault:
            return fault.answer, rates
        except BodyTooLarge:
            return TOO_LARGE, rates
        except GuerdonError as error:
            return guerdon_error_answer(error), rates
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 -- the caller is owed an answer whatever it is
            return _mishap(error, route), rates


def _refuse(route: Route, key: Key, headers: list[tuple[bytes, bytes]]) -> Answer | None:
    """Say why a known key may not make this call; None where it may."""
    if route.is_write and key.access != "full":
        return forbidden("This key may only read")
    if key.scopes and not {"api", route.needed_scope} & {*key.scopes}:
        return forbidden(f"This token lacks the scope {route.needed_scope}")
    if route.method == "POST" and not route.takes_key and _has_key(headers):
        # Ignored, it would let a caller believe that asking twice is safe.
        return invalid_payload("Header Idempotency-Key is not supported here").answer
    accepted = [value for name, value in headers if name == b"accept"]
    if accepted and not _is_acceptable(b",".join(accepted).lower()):
        return not_acceptable()
    return None


def _is_acceptable(accepted: bytes) -> bool:
    return not accepted or any(each in accepted for each in (b"*/*", b"application/*", _JSON))


def _has_key(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"idempotency-key" for name, _ in headers)


def _check_query(route: Route, query: bytes) -> None:
    """Refuse a parameter that nothing would heed. A filter is told of by one of its operators, and
    an array by its name; which of them there are is for the list to say."""
    known = {parameter.name for parameter in route.query}
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        is_filter = name.startswith("filters") and any(each[:7] == "filters" for each in known)
        if not is_filter and _INDEX.sub("", name) not in known:
            raise invalid_query(f"Query must NOT have additional properties ('{name}')")


def _check_body(route: Route, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Refuse a body of another media type, and one where none is taken."""
    if not body:
        return
    wanted = _FORM if route.is_form else _JSON
    for name, value in headers:
        if name != b"content-type" or value == wanted:
            continue
        if value.split(b";")[0].strip().lower() != wanted:
            raise Fault(wrong_media_type(wanted.decode()))
    if route.body is None and not _EMPTY_BODIES.fullmatch(body):
        raise invalid_payload("Payload must be empty")


def _no_such_method(method: str, resource: Resource[Route]) -> Answer:
    if method == "OPTIONS":
        return Answer(204, headers=((b"allow", resource.allow),))
    return wrong_method(method, resource.allow)


def _mishap(error: Exception, route: Route) -> Answer:
    """Answer what no rule foresaw: a database out of reach is a 503, anything else our fault."""
    if isinstance(error, DRIVER_ERRORS) and fault_of(error) in ("lost", "busy", "collision"):
        _log.warning("database_unavailable", route=route.path, error=repr(error))
        return guerdon_error_answer(Unavailable())
    request_id = new_request_id()
    _log.error(
        "request_failed",
        method=route.method,
        route=route.path,
        request_id=request_id,
        exc_info=error,
    )
    return broken(request_id)
