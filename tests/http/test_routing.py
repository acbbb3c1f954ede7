"""The router: fixed before free, decoded after it is split, one slash forgiven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from guerdon.http.asgi import BodyTooLarge, Disconnected, Message, read_body
from guerdon.http.limiting import SlidingWindow
from guerdon.http.routing import Router


class _Route(Struct, frozen=True):
    method: str
    path: str


_ROUTER = Router(
    [
        _Route("GET", "/v1/things"),
        _Route("POST", "/v1/things"),
        _Route("GET", "/v1/things/{id}"),
        _Route("PUT", "/v1/things/{id}"),
        _Route("GET", "/v1/things/special"),
        _Route("POST", "/v1/things/{id}/parts/{part}"),
    ]
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/v1/things", ("/v1/things", ())),
        (b"/v1/things/", ("/v1/things", ())),
        (b"/v1/things/7", ("/v1/things/{id}", ("7",))),
        (b"/v1/things/7/", ("/v1/things/{id}", ("7",))),
        (b"/v1/things/special", ("/v1/things/special", ())),
        (b"/v1/things/a%2Fb", ("/v1/things/{id}", ("a/b",))),
        (b"/v1/things/ana%40x.example", ("/v1/things/{id}", ("ana@x.example",))),
        (b"/v1/things/%E2%82%AC", ("/v1/things/{id}", ("\N{EURO SIGN}",))),
        (b"/v1/things/%FF", ("/v1/things/{id}", ("\ufffd",))),
        (b"/v1/things/%zz%", ("/v1/things/{id}", ("%zz%",))),
        (b"/v1/things/a+b", ("/v1/things/{id}", ("a+b",))),
        (b"/v1/things/7/parts/8", ("/v1/things/{id}/parts/{part}", ("7", "8"))),
        (b"/v1/things//", None),
        (b"/v1/things//parts/8", None),
        (b"/v1/things/7/parts", None),
        (b"/v1/Things", None),
        (b"/v1", None),
        (b"/", None),
        (b"", None),
        (b"v1/things", None),
        (b"//v1/things", None),
    ],
)
def test_path_is_found(path: bytes, found: tuple[str, tuple[str, ...]] | None) -> None:
    match = _ROUTER.find(path)
    assert (match and (match[0].path, match[1])) == found


def test_resource_says_which_methods_it_has() -> None:
    match = _ROUTER.find(b"/v1/things")
    assert match is not None
    assert match[0].allow == b"GET, HEAD, OPTIONS, POST"
    match = _ROUTER.find(b"/v1/things/7/parts/8")
    assert match is not None
    assert match[0].allow == b"OPTIONS, POST"


@given(st.binary(max_size=80))
def test_no_path_breaks_the_router(path: bytes) -> None:
    _ROUTER.find(path)


def test_window_slides() -> None:
    time = [0.0]
    window = SlidingWindow(2, clock=lambda: time[0])
    admitted = []
    for moment in (0.0, 0.5, 0.9, 1.0, 1.4, 1.5, 1.9, 2.0):
        time[0] = moment
        admitted.append(window.admits(1))
    assert admitted == [True, True, False, True, False, True, False, True]
    assert window.admits(2)


def test_no_window_admits_all() -> None:
    window = SlidingWindow(0)
    assert all(window.admits(1) for _ in range(1000))


class _Wire:
    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)

    async def __call__(self) -> Message:
        return self.messages.pop(0)


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_body_is_read_in_parts() -> None:
    wire = _Wire(_part(b"ab", more=True), _part(b"", more=True), _part(b"cd", more=False))
    assert await read_body(wire, bytes_max=4) == b"abcd"


@pytest.mark.parametrize(
    "parts",
    [
        [_part(b"abcde", more=False)],
        [_part(b"abc", more=True), _part(b"de", more=False)],
        [_part(b"abc", more=True), _part(b"de", more=True)],
        [_part(b"abcde", more=True)],
    ],
)
async def test_body_is_read_no_further_than_it_may_be(parts: list[Message]) -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(_Wire(*parts), bytes_max=4)


@pytest.mark.parametrize("parts", [[], [_part(b"ab", more=True)]])
async def test_caller_may_hang_up(parts: list[Message]) -> None:
    with pytest.raises(Disconnected):
        await read_body(_Wire(*parts, {"type": "http.disconnect"}), bytes_max=4)
