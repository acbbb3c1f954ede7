"""Where a call goes: an address as it is written, and the machines that its name stands for."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from guerdon.domain.webhook_url import UrlRules, find_url_problem, is_public_address

Resolve = Callable[[str, int], Coroutine[None, None, Sequence[str]]]


class TargetRefused(Exception):
    """The call may not go there."""


class Target(Struct, frozen=True):
    """`host` is the name that the certificate must be for; `origin` is what a connection may be
    used again for."""

    is_tls: bool
    host: str
    port: int
    head: bytes

    @property
    def origin(self) -> tuple[bool, str, int]:
        return self.is_tls, self.host, self.port


@lru_cache(maxsize=4096)
def read_target(url: str, rules: UrlRules) -> Target:
    """Read an address. What was allowed when it was given may be no more, so it is judged again."""
    problem = find_url_problem(url, rules)
    if problem is not None:
        raise TargetRefused(f"the address {problem}")
    parts = urlsplit(url)
    host = parts.hostname
    assert host is not None, "an address without a host has a problem"
    is_tls = parts.scheme == "https"
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    named = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        named = f"{named}:{parts.port}"
    head = f"POST {path} HTTP/1.1\r\nHost: {named}\r\n".encode("ascii")
    return Target(is_tls, host, parts.port or (443 if is_tls else 80), head)


class Names:
    """Asks for names. Who asks for one that is being asked for waits with the first: the system has
    few hands for it, and a slow name server must not have them all."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def ask(self, host: str, port: int) -> Sequence[str]:
        key = (host, port)
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = asyncio.ensure_future(self._resolve(host, port))
            answer.add_done_callback(lambda _: self._asked.pop(key, None))
        # Whose time is up goes, and the others wait on.
        return await asyncio.shield(answer)

    def close(self) -> None:
        """Ask no more."""
        for answer in list(self._asked.values()):
            answer.cancel()


async def find_addresses(target: Target, rules: UrlRules, names: Names) -> list[str]:
    """Ask once what a target's name stands for, and keep the addresses that may be called.

    The connection is made to one of these very addresses and the name is not asked for again, so
    that a name which answers differently the next time gains nothing."""
    try:
        ip_address(target.host)
    except ValueError:
        answers = await names.ask(target.host, target.port)
    else:
        answers = [target.host]
    allowed = [each for each in answers if rules.allows_private or _is_public(each)]
    if not allowed:
        is_known = bool(answers)
        raise TargetRefused(
            "the name stands for a private address" if is_known else "the name is not known"
        )
    return list(dict.fromkeys(allowed))


def _is_public(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None and is_public_address(address)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(place[0]) for *_, place in found]
