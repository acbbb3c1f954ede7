"""One connection to a receiver: a call goes out, and of the answer only the status matters."""

import asyncio
from typing import cast

import httptools
from msgspec import Struct

# What is read of an answer, head and body. Its status is all that counts; the rest is let go.
ANSWER_BYTES_MAX = 16 * 1024
_RETRY_AFTER = b"retry-after"


class Answered(Struct, frozen=True):
    """What a receiver said."""

    status: int
    retry_after: str | None = None


class NoAnswer(Exception):
    """The receiver did not say whether it took the call. `is_unheard`: it said nothing at all on a
    connection that was used before, and most likely had closed it already."""

    def __init__(self, reason: str, *, is_unheard: bool = False) -> None:
        super().__init__(reason)
        self.is_unheard = is_unheard


class Conversation(asyncio.Protocol):
    """Calls over one connection, one after another.

    A body is neither kept nor unpacked. One that is too long, or does not end, costs the
    connection and not the answer, since a status that was given stands."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[Answered] | None = None
        self._bytes = 0
        self._status: int | None = None
        self._retry_after: str | None = None
        self.is_open = False
        self.is_used = False
        self.opened_at = 0.0
        self.idle_since = 0.0

    async def call(self, request: bytes) -> Answered:
        """Send a call and wait for its answer; whoever calls bounds the time."""
        assert self._transport is not None, "a conversation is connected before it begins"
        self._bytes, self._status, self._retry_after = 0, None, None
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.end()
            raise
        finally:
            self._waiter = None
            self.is_used = True

    @property
    def status_so_far(self) -> Answered | None:
        """What the receiver has said by now, should there be no time to hear it out."""
        return None if self._status is None else Answered(self._status, self._retry_after)

    def end(self) -> None:
        """Close at once; what was not yet sent or heard is dropped."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done() or self._parser is None:
            # Nobody asked: whatever this answers is not the next call.
            self.end()
            return
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._finish("the answer is not HTTP")
            return
        if self._bytes > ANSWER_BYTES_MAX and not self._waiter.done():
            self._finish("the answer's head is too long")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's shape
        is_unheard = self.is_used and self._bytes == 0
        self.is_open = False
        if self._waiter is not None and not self._waiter.done():
            self._finish("the receiver closed the connection", is_unheard=is_unheard)
        self._parser = None

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._waiter is None or self._waiter.done():
            # A second answer to one call would be taken for the next call's.
            self.end()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == len(_RETRY_AFTER) and name.lower() == _RETRY_AFTER:
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        assert self._parser is not None, "a parser called"
        status = self._parser.get_status_code()
        # 1xx is a word in passing.
        self._status = status if status >= 200 else None

    def on_message_complete(self) -> None:
        if self._status is None or self._waiter is None or self._waiter.done():
            return
        assert self._parser is not None, "a parser called"
        if not self._parser.should_keep_alive():
            self.end()
        self._waiter.set_result(Answered(self._status, self._retry_after))

    def _finish(self, reason: str, *, is_unheard: bool = False) -> None:
        """End with the status, where one was given, or without an answer."""
        self.end()
        assert self._waiter is not None, "somebody waits"
        answered = self.status_so_far
        if self._waiter.done():
            return
        if answered is not None:
            self._waiter.set_result(answered)
        else:
            self._waiter.set_exception(NoAnswer(reason, is_unheard=is_unheard))
