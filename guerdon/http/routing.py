"""Finds the handler of a path and a method, by the segments of the raw path."""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote_to_bytes


class Routable(Protocol):
    """What a router needs to know of a route. A path's `{name}` stands for one segment."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Routable)


class Resource(Generic[R]):
    """One path, with a route for each of its methods."""

    __slots__ = ("allow", "path", "routes")

    def __init__(self, path: str) -> None:
        self.path = path
        self.routes: dict[str, R] = {}
        self.allow = b""

    def add(self, route: R) -> None:
        assert route.method not in self.routes, f"{route.method} {route.path} is there twice"
        self.routes[route.method] = route
        methods = {*self.routes, "OPTIONS"} | ({"HEAD"} if "GET" in self.routes else set())
        self.allow = ", ".join(sorted(methods)).encode()


class _Node(Generic[R]):
    __slots__ = ("fixed", "free", "resource")

    def __init__(self) -> None:
        self.fixed: dict[bytes, _Node[R]] = {}
        self.free: _Node[R] | None = None
        self.resource: Resource[R] | None = None


class Router(Generic[R]):
    """A tree of path segments. A fixed segment wins over a free one."""

    def __init__(self, routes: Iterable[R]) -> None:
        self._root: _Node[R] = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: R) -> None:
        node = self._root
        for segment in route.path.strip("/").split("/"):
            if segment.startswith("{"):
                if node.free is None:
                    node.free = _Node()
                node = node.free
            else:
                node = node.fixed.setdefault(segment.encode(), _Node())
        if node.resource is None:
            node.resource = Resource(route.path)
        node.resource.add(route)

    def find(self, raw_path: bytes) -> tuple[Resource[R], tuple[str, ...]] | None:
        """Find a path's resource and its free segments, decoded; one trailing slash is nothing.

        Segments are split before they are decoded, so that an encoded slash is no separator."""
        node = self._root
        free: list[str] = []
        segments = raw_path.split(b"/")
        last = len(segments) - 1
        if last > 1 and not segments[last]:
            last -= 1
        for segment in segments[1 : last + 1]:
            known = node.fixed.get(segment)
            if known is not None:
                node = known
            elif node.free is not None and segment:
                node = node.free
                free.append(decode_segment(segment))
            else:
                return None
        return None if node.resource is None else (node.resource, tuple(free))


def decode_segment(segment: bytes) -> str:
    """Decode a path segment's percent signs; bytes that are no UTF-8 become U+FFFD."""
    plain = unquote_to_bytes(segment) if b"%" in segment else segment
    return plain.decode("utf-8", "replace")
