"""Serves a dialect's OpenAPI document, and the same as a page to read."""

from collections.abc import Sequence

import msgspec

from guerdon.http.asgi import Answer, Scope, mount_of
from guerdon.http.openapi import Api, Operation, describe
from guerdon.http.reference_page import POLICY, render

REFERENCE_PATHS = (b"/schema", b"/docs")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Reference:
    """Made once for each path that a dialect is mounted at: there are two, with and without its
    name before it."""

    def __init__(self, api: Api, operations: Sequence[Operation]) -> None:
        self._api = api
        self._operations = operations
        self._made: dict[tuple[str, bytes], Answer] = {}

    def answer(self, scope: Scope, raw_path: bytes) -> Answer:
        """Answer one of REFERENCE_PATHS."""
        mount = mount_of(scope, raw_path)
        made = self._made.get((mount, raw_path))
        if made is None:
            document = describe(self._api, self._operations, mount=mount)
            if raw_path == b"/docs":
                made = Answer(200, render(document).encode(), _HEADERS, _HTML)
            else:
                made = Answer(200, msgspec.json.encode(document))
            self._made[mount, raw_path] = made
        return made
