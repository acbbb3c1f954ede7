"""A receiver of webhooks that answers with whatever bytes a test wants, well-formed or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Write a plain answer."""
    lines = [f"HTTP/1.1 {status} Said", *headers, f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass(frozen=True)
class Received:
    """One request, as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`plays` are used up one per request; after them every request is answered OK. Bytes are
    sent, None closes without an answer, a function does as it likes."""

    port: int = 0
    plays: list[bytes | Play | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    written: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.received.append(await _read(reader))
                play = self.plays.pop(0) if self.plays else OK
                if play is None:
                    break
                if isinstance(play, bytes):
                    writer.write(play)
                    await writer.drain()
                else:
                    await play(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def pour(self, writer: asyncio.StreamWriter) -> None:
        """Write without end."""
        while True:
            writer.write(b"x" * 4096)
            self.written += 4096
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head[:-4].split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines)
    return Received(line, headers, await reader.readexactly(int(headers["Content-Length"])))


@asynccontextmanager
async def receiving(
    *plays: bytes | Play | None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Receive on a free port of this machine."""
    receiver = Receiver(plays=list(plays))
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
