"""A server on loopback that plays what it is told: answers, silence, cuts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Manner = Literal["answer", "cut_before", "cut_after", "cut_inside", "silence"]


@dataclass(frozen=True)
class Play:
    """What is done with one request. `cut_before`: hang up before its body is read. `cut_after`:
    hang up once it was read. `cut_inside`: hang up in the middle of the answer's body. `silence`:
    read it and say nothing."""

    status: int = 202
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = "answer"
    after_seconds: float = 0.0

    @classmethod
    def json(cls, status: int, body: object, **headers: str) -> "Play":
        return cls(status, json.dumps(body).encode(), headers)


@dataclass(frozen=True)
class Heard:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


class PlayedServer:
    """Plays `plays` one after the other, then the `usual` one for ever."""

    def __init__(self, usual: Play | None = None) -> None:
        self.usual = usual or Play()
        self.plays: list[Play] = []
        self.heard: list[Heard] = []
        self.connections = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        play = self.plays.pop(0) if self.plays else self.usual
        if play.manner == "cut_before":
            return False
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = head[0].split(" ")
        self.heard.append(Heard(method, path, headers, body))
        if play.manner == "cut_after":
            return False
        if play.manner == "silence":
            await reader.read()
            return False
        await asyncio.sleep(play.after_seconds)
        writer.write(_answer(play))
        if play.manner == "cut_inside":
            await writer.drain()
            return False
        return True


def _answer(play: Play) -> bytes:
    length = len(play.body) + (100 if play.manner == "cut_inside" else 0)
    headers = {"Content-Length": str(length), **play.headers}
    lines = [f"HTTP/1.1 {play.status} Played", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + play.body


@asynccontextmanager
async def played_server(usual: Play | None = None) -> AsyncIterator[PlayedServer]:
    """Serve on a free port of loopback until the test is done."""
    played = PlayedServer(usual)
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield played
    finally:
        server.close()
        # Hung up on rather than cancelled, which asyncio's own callback would complain of.
        for writer in played.writers:
            writer.close()
        await asyncio.gather(*played.tasks, return_exceptions=True)
