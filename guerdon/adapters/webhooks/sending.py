"""Sends calls to addresses that shops give, and to no others.

Written on asyncio and httptools, not on an HTTP library: see docs/decisions/0010."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache

from guerdon.adapters.webhooks.conversation import Answered, Conversation, NoAnswer
from guerdon.adapters.webhooks.target import (
    Names,
    Resolve,
    Target,
    TargetRefused,
    find_addresses,
    read_target,
    resolve_by_system,
)
from guerdon.domain.webhook_url import UrlRules

# A name's machines change: after so long a new connection is made, and the name asked for again.
_CONNECTION_SECONDS_MAX = 300.0
# Kept below what servers commonly wait before they close.
_IDLE_SECONDS_MAX = 4.0
_IDLE_MAX = 64
_ADDRESSES_MAX = 3
_CONNECT_SECONDS_MAX = 1.5

Connect = Callable[[str, int], Awaitable[socket.socket]]


async def connect_socket(address: str, port: int) -> socket.socket:
    """Connect to an address, which is never a name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


@lru_cache(maxsize=1)
def _default_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class Sender:
    """Makes calls, and keeps connections for the next ones.

    No proxy, no cookie, no redirect, no decompression. A connection goes to an address that was
    checked after the name was resolved, while the Host header and the certificate stay by name."""

    def __init__(
        self,
        rules: UrlRules,
        *,
        resolve: Resolve = resolve_by_system,
        connect: Connect = connect_socket,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._names = Names(resolve)
        self._connect = connect
        self._tls = tls
        self._idle: dict[tuple[bool, str, int], deque[Conversation]] = {}
        self._swept_at = 0.0

    async def post(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        timeout_seconds: float,
    ) -> Answered:
        """Make a call; the time is for all of it, from the name to the last byte of the answer.

        Raises TargetRefused where the call may not go, NoAnswer where none came."""
        target = read_target(url, self._rules)
        request = _request(target, headers, body)
        conversation: Conversation | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                conversation = self._take_idle(target)
                if conversation is not None:
                    try:
                        return await self._converse(conversation, target, request)
                    except NoAnswer as failure:
                        if not failure.is_unheard:
                            raise
                conversation = await self._open(target)
                return await self._converse(conversation, target, request)
        except TimeoutError as error:
            answered = None if conversation is None else conversation.status_so_far
            if answered is not None:
                return answered
            raise NoAnswer(f"no answer within {timeout_seconds:g} s") from error
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason or "it failed"
            raise NoAnswer(f"TLS: {reason}") from error
        except OSError as error:
            raise NoAnswer(f"no connection: {error.strerror or type(error).__name__}") from error

    async def close(self) -> None:
        """Close every connection that waits for a next call."""
        for conversations in self._idle.values():
            for conversation in conversations:
                conversation.end()
        self._idle.clear()
        self._names.close()
        # Transports let go of their sockets in the loop's next round.
        await asyncio.sleep(0)

    async def _converse(
        self, conversation: Conversation, target: Target, request: bytes
    ) -> Answered:
        answered = await conversation.call(request)
        if conversation.is_open:
            conversation.idle_since = asyncio.get_running_loop().time()
            idle = self._idle.setdefault(target.origin, deque())
            idle.append(conversation)
            if len(idle) > _IDLE_MAX:
                idle.popleft().end()
        return answered

    def _take_idle(self, target: Target) -> Conversation | None:
        """Take the connection that was used last: the likeliest to be open still."""
        idle = self._idle.get(target.origin)
        if not idle:
            return None
        now = asyncio.get_running_loop().time()
        while idle:
            conversation = idle.pop()
            if _is_fresh(conversation, now):
                return conversation
            conversation.end()
        return None

    def _sweep(self) -> None:
        """Close what waits for origins that nobody calls any more."""
        now = asyncio.get_running_loop().time()
        if now - self._swept_at < _IDLE_SECONDS_MAX:
            return
        self._swept_at = now
        for origin, idle in list(self._idle.items()):
            while idle and not _is_fresh(idle[0], now):
                idle.popleft().end()
            if not idle:
                del self._idle[origin]

    async def _open(self, target: Target) -> Conversation:
        self._sweep()
        found = await find_addresses(target, self._rules, self._names)
        *others, last = found[:_ADDRESSES_MAX]
        for address in others:
            # One that is silent must not use up the time of those that answer.
            with suppress(OSError):
                async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                    sock = await self._connect(address, target.port)
                return await self._begin(sock, target)
        return await self._begin(await self._connect(last, target.port), target)

    async def _begin(self, sock: socket.socket, target: Target) -> Conversation:
        loop = asyncio.get_running_loop()
        conversation = Conversation()
        tls = (self._tls or _default_tls()) if target.is_tls else None
        try:
            await loop.create_connection(
                lambda: conversation,
                sock=sock,
                ssl=tls,
                server_hostname=target.host if target.is_tls else None,
            )
        except BaseException:
            sock.close()
            raise
        conversation.opened_at = loop.time()
        return conversation


def _is_fresh(conversation: Conversation, now: float) -> bool:
    return (
        conversation.is_open
        and now - conversation.idle_since < _IDLE_SECONDS_MAX
        and now - conversation.opened_at < _CONNECTION_SECONDS_MAX
    )


def _request(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise TargetRefused("a header holds a line break")
    return b"".join(
        (target.head, lines.encode("latin-1"), b"Content-Length: %d\r\n\r\n" % len(body), body)
    )
