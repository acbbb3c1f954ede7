"""A proxy between a client and PostgreSQL that loses the connection at a COMMIT, when told to.

It reads the messages of PostgreSQL's protocol, so that it acts at the very COMMIT and not at some
byte near it. Commits of transactions begun READ ONLY are always passed: nothing depends on their
fate.
"""

import asyncio
import enum
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

_ENCRYPTION_REQUESTS = {80877103, 80877104}
_COMMIT = re.compile(rb"(?:^|;)\s*(?:COMMIT|END)\b", re.IGNORECASE)
_BEGIN = re.compile(rb"(?:^|;)\s*(?:BEGIN|START\s+TRANSACTION)\b([^;]*)", re.IGNORECASE)
_ROLLBACK = re.compile(rb"(?:^|;)\s*ROLLBACK\b", re.IGNORECASE)
_WRITE = re.compile(rb"\b(?:INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_READ_ONLY = re.compile(rb"\bREAD\s+ONLY\b", re.IGNORECASE)


class AtCommit(enum.Enum):
    """What happens to a COMMIT."""

    PASS = "pass"
    CUT_BEFORE = "cut before"
    """The server never sees it, and rolls back."""
    CUT_AFTER = "cut after"
    """The server has committed, and the client never hears of it."""
    STALL = "stall"
    """It waits for release() before it goes to the server."""
    HIDE = "hide"
    """The server has committed, and the client hears of it only after release()."""


class TcpProxy:
    """Made by `tcp_proxy`. Listens on loopback; `url` leads through it."""

    def __init__(self, upstream_url: str) -> None:
        self._parts = urlsplit(upstream_url)
        self._plan: deque[tuple[AtCommit, bytes]] = deque()
        self._links: set[_Link] = set()
        self._released = asyncio.Event()
        self._stalled = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.commits_seen = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.username or ""
        if self._parts.password:
            user = f"{user}:{self._parts.password}"
        return f"postgresql://{user}@127.0.0.1:{port}{self._parts.path}?sslmode=disable"

    def at_commit(self, *acts: AtCommit, of: bytes = b"") -> None:
        """Plan what happens to the next commits, one act each; later ones pass.

        With `of`, an act waits for the commit of a transaction one of whose statements holds these
        words; others pass meanwhile."""
        self._plan.extend((act, of) for act in acts)

    async def stalled(self) -> None:
        """Wait until a commit, or its answer, is being held up."""
        await self._stalled.wait()

    def release(self) -> None:
        """Let the commits that are held up go on."""
        self._stalled.clear()
        self._released.set()

    async def idle(self) -> None:
        """Wait until every connection whose client is gone has come to its end."""
        while any(link.is_deserted for link in self._links):
            await asyncio.sleep(0.001)

    def cut_all(self) -> None:
        """Break every connection now."""
        for link in list(self._links):
            link.cut()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut_all()
        while self._links:
            await asyncio.sleep(0.001)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._connect()
        except OSError:
            # The server is down: the client sees its connection end, as it would without us.
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), (server_reader, server_writer))
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        query = parse_qs(self._parts.query)
        host = query.get("host", [self._parts.hostname or "127.0.0.1"])[0]
        port = int(query.get("port", [str(self._parts.port or 5432)])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def decide(self, statements: Sequence[bytes]) -> AtCommit:
        """Take the plan's next act for a commit that has just arrived, of these statements; wait
        if it is to stall."""
        self.commits_seen += 1
        act = AtCommit.PASS
        if self._plan and any(self._plan[0][1] in each for each in (*statements, b"")):
            act, _ = self._plan.popleft()
        if act is AtCommit.STALL:
            await self.hold_up()
        return act

    async def hold_up(self) -> None:
        """Wait for release(), and let stalled() know."""
        self._released.clear()
        self._stalled.set()
        await self._released.wait()


class _Link:
    """One client's connection and its own to the server."""

    def __init__(
        self,
        proxy: TcpProxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._commit_statements: set[bytes] = set()
        self._commit_portals: set[bytes] = set()
        self._writing_statements: set[bytes] = set()
        self._writing_portals: set[bytes] = set()
        self._texts: dict[bytes, bytes] = {}
        self._bound: dict[bytes, bytes] = {}
        self._said: list[bytes] = []
        self._is_in_transaction = False
        self._is_read_only = False
        self._is_muted = False
        self._is_hidden = False

    async def run(self) -> None:
        pumps = {
            asyncio.create_task(self._pump_client()),
            asyncio.create_task(self._pump_server()),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cut()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    @property
    def is_deserted(self) -> bool:
        return self._to_client.transport.is_closing()

    def cut(self) -> None:
        self._to_client.transport.abort()
        self._to_server.transport.abort()

    async def _pump_client(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._pass_start_up()
            while True:
                kind, body = await _read_message(self._from_client)
                if self._is_commit(kind, body):
                    act = await self._proxy.decide(self._said)
                    if act is AtCommit.CUT_BEFORE:
                        return
                    self._is_muted = act is AtCommit.CUT_AFTER
                    self._is_hidden = act is AtCommit.HIDE
                self._to_server.write(_message(kind, body))
                await self._to_server.drain()

    async def _pump_server(self) -> None:
        hidden = bytearray()
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, body = await _read_message(self._from_server)
                if self._is_muted:
                    if kind == b"Z":
                        return
                    continue
                hidden += _message(kind, body)
                if self._is_hidden:
                    # Only once all of the answer is here has the server committed.
                    if kind != b"Z":
                        continue
                    await self._proxy.hold_up()
                    self._is_hidden = False
                self._to_client.write(bytes(hidden))
                hidden.clear()
                await self._to_client.drain()

    async def _pass_start_up(self) -> None:
        while True:
            head = await self._from_client.readexactly(8)
            length, code = struct.unpack("!II", head)
            rest = await self._from_client.readexactly(length - 8)
            if code in _ENCRYPTION_REQUESTS:
                self._to_client.write(b"N")
                continue
            self._to_server.write(head + rest)
            return

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        """Follow the client's messages, and tell whether this one makes the server commit."""
        if kind == b"Q":
            self._said.append(body)
            return self._ends_transaction(body)
        if kind == b"P":
            name, query = body.split(b"\0", 2)[:2]
            self._texts[name] = query
            self._commit_statements.discard(name)
            self._writing_statements.discard(name)
            if self._ends_transaction(query):
                self._commit_statements.add(name)
            elif _WRITE.search(query):
                self._writing_statements.add(name)
        elif kind == b"B":
            portal, statement = body.split(b"\0", 2)[:2]
            self._commit_portals.discard(portal)
            self._writing_portals.discard(portal)
            self._bound[portal] = self._texts.get(statement, b"")
            if statement in self._commit_statements:
                self._commit_portals.add(portal)
            elif statement in self._writing_statements:
                self._writing_portals.add(portal)
        elif kind == b"E":
            portal = body.split(b"\0", 1)[0]
            # A write outside of a transaction is one of its own, and its end a commit.
            is_lone_write = portal in self._writing_portals and not self._is_in_transaction
            text = self._bound.get(portal, b"")
            self._said = [*self._said, text] if self._is_in_transaction else [text]
            return portal in self._commit_portals or is_lone_write
        return False

    def _ends_transaction(self, query: bytes) -> bool:
        if begun := _BEGIN.search(query):
            self._is_read_only = bool(_READ_ONLY.search(begun[1]))
            self._is_in_transaction = True
            self._said = [query]
        is_commit = bool(_COMMIT.search(query))
        if is_commit or _ROLLBACK.search(query):
            self._is_in_transaction = False
        return is_commit and not self._is_read_only


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return head[:1], await reader.readexactly(length - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


@asynccontextmanager
async def tcp_proxy(upstream_url: str) -> AsyncIterator[TcpProxy]:
    """Open a proxy in front of a server, and close it with all its connections."""
    proxy = TcpProxy(upstream_url)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
