"""A request as the sandbox's services see it, and answers in JSON."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from guerdon.http.asgi import Answer, Scope

# What was decoded from a stranger's JSON, or is about to be encoded.
Fields = dict[str, Any]


class Request(Struct, frozen=True):
    """A whole request. Header names are in lower case; `path` is what follows a service's base."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class NotJson(Exception):
    """The body is no JSON object."""


def request_of(scope: Scope, path: str, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1").lower()] = value.decode("latin-1")
    return Request(scope["method"], path, headers, body)


def object_of(body: bytes) -> Fields:
    """Decode a JSON object, or raise NotJson."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise NotJson(str(error)) from None
    if not isinstance(decoded, dict):
        raise NotJson("it is not an object")
    return decoded


def form_of(request: Request) -> Fields:
    """Decode a form or a JSON object."""
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    return object_of(request.body)


def answer(
    status: int,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json; charset=utf-8",
) -> Answer:
    """Make an answer in JSON, or without a body."""
    written = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    return Answer(
        status,
        written,
        headers=tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (headers or {}).items()
        ),
        media_type=(b"content-type", media_type.encode("latin-1")),
    )


def refused_credential(told: str, scheme: str) -> bool:
    """Say whether a credential is to be refused: whatever is there and is not bad will do."""
    token = told.removeprefix(scheme).strip() if told.startswith(scheme) else ""
    return not token or token.startswith("bad")
