"""The page over HTTP: shown to anybody, its forms taken from itself only."""

import ipaddress
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec

from guerdon.http.asgi import Answer
from guerdon.sandbox.exchange import Request, answer
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.page import render
from guerdon.sandbox.world import World

_HTML = (b"content-type", b"text/html; charset=utf-8")
_CSS = (b"content-type", b"text/css; charset=utf-8")
_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
            b" frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_REFRESH_SECONDS_MAX = 3600


def is_from_elsewhere(request: Request, *, any_host: bool) -> bool:
    """Say whether another site's page made a browser send this. Programs send neither header.

    A host name that is not the loopback's is refused too: a stranger's name may be made to lead
    here after its page was loaded."""
    if request.header("sec-fetch-site") not in ("", "same-origin", "none"):
        return True
    origin = request.header("origin")
    if not origin:
        return False
    parts = urlsplit(origin)
    if parts.netloc != request.header("host"):
        return True
    return not (any_host or is_loopback(parts.hostname or ""))


def is_loopback(host: str) -> bool:
    """Say whether a host name or address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Page:
    """Answers at `/` and for the page's forms."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request, query: str) -> Answer:
        """Show the page, or do what one of its buttons says."""
        if (request.method, request.path) == ("GET", "/"):
            text = render(self._world, refresh_seconds=_refresh_seconds(query))
            return Answer(200, text.encode(), headers=_HEADERS, media_type=_HTML)
        if (request.method, request.path) == ("GET", "/page.css"):
            return Answer(200, _stylesheet(), headers=_HEADERS, media_type=_CSS)
        if request.method != "POST":
            return answer(404, {"error": "nothing is here"})
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        faults = self._world.faults
        match request.path:
            case "/faults/add":
                try:
                    faults.add([_fault_of(form)])
                except (msgspec.ValidationError, ValueError) as error:
                    return answer(400, {"error": str(error)})
            case "/faults/remove":
                if form.get("place", "").isdecimal():
                    faults.remove(int(form["place"]))
            case "/faults/clear":
                faults.clear()
            case "/reset":
                self._world.reset()
            case _:
                return answer(404, {"error": "nothing is here"})
        return Answer(303, headers=((b"location", b"/"),), media_type=_HTML)


def _refresh_seconds(query: str) -> int | None:
    told = parse_qs(query).get("refresh", [""])[0]
    if not told.isdecimal() or len(told) > 4:
        return None
    return min(max(1, int(told)), _REFRESH_SECONDS_MAX)


def _fault_of(form: dict[str, str]) -> Fault:
    """Read the form's texts as a fault; what was left empty is left to the fault."""
    return msgspec.convert({name: told for name, told in form.items() if told}, Fault, strict=False)


@cache
def _stylesheet() -> bytes:
    return files("guerdon.sandbox").joinpath("page.css").read_bytes()
