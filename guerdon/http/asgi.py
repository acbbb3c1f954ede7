"""The shapes of ASGI, and an answer that is bytes from the start."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from msgspec import Struct

# The server's seam: ASGI passes plain dictionaries.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json; charset=utf-8")


class Answer(Struct, frozen=True):
    """What is sent back. `headers` come after the content type and the length."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()
    media_type: Header = JSON


async def send_answer(send: Send, answer: Answer, *, is_head: bool = False) -> None:
    """Send an answer whole; to HEAD everything but the body."""
    headers: list[Header] = [*answer.headers]
    if answer.status != 204:
        headers.append(answer.media_type)
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})


def mount_of(scope: Scope, raw_path: bytes) -> str:
    """Give what stands before a dialect's own path; on a host of its own that is nothing."""
    whole: bytes = scope.get("raw_path") or scope["path"].encode()
    return whole.removesuffix(raw_path).decode("latin-1")


class BodyTooLarge(Exception):
    """The request's body is longer than is taken."""


class Disconnected(Exception):
    """The caller hung up before the request was whole; there is nobody to answer."""


async def read_body(receive: Receive, *, bytes_max: int) -> bytes:
    """Read a request's body, and stop at the first byte too many."""
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > bytes_max:
            raise BodyTooLarge
        return body
    chunks = [body]
    length = len(body)
    while message.get("more_body", False):
        if length > bytes_max:
            raise BodyTooLarge
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        chunks.append(chunk)
        length += len(chunk)
    if length > bytes_max:
        raise BodyTooLarge
    return b"".join(chunks)
