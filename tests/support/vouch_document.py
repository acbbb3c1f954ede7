"""Holds calls of the Voucherify dialect to the OpenAPI document that it serves."""

import re
from functools import cache
from typing import Any

import httpx
import jsonschema

from guerdon.dialects.voucherify.call import Route
from guerdon.dialects.voucherify.routes import API, ROUTES
from guerdon.http.openapi import Json, describe
from guerdon.http.routing import Router

# What the door answers on any path, whatever is behind it.
_OF_THE_DOOR = {405}
_FILTER = re.compile(r"filters\[\w+\]\[conditions\]\[\$\w+\]")
_INDEX = re.compile(r"\[\d*\]$")
# What cannot be done of these is told of in a report.
_TAKES_ANYTHING = ("/v2/loyalties/programs/{programId}/members/batch",)


@cache
def _document() -> Json:
    return describe(API, ROUTES, mount="")


@cache
def _router() -> Router[Route]:
    return Router(ROUTES)


@cache
def _validator(method: str, path: str, status: str | None) -> Any:
    """Make what checks a body: a status's, or without one the request's; None where there is
    none."""
    operation = _document()["paths"][path][method]
    holder = operation.get("requestBody", {}) if status is None else operation["responses"][status]
    content = holder.get("content", {}).get("application/json")
    if content is None:
        return None
    schema = {"components": _document()["components"], "allOf": [content["schema"]]}
    return jsonschema.Draft202012Validator(schema)


def check_described(response: httpx.Response, path: str) -> None:
    """Assert that the document knows the status of an answer and the form of its body, and, where
    a call succeeded, its parameters and its body too."""
    request = response.request
    found = _router().find(path.encode())
    method = "GET" if request.method == "HEAD" else request.method
    if found is None or method not in found[0].routes or response.status_code in _OF_THE_DOOR:
        return
    where = f"{method} {found[0].path}"
    operation = _document()["paths"][found[0].path][method.lower()]
    status = str(response.status_code)
    assert status in operation["responses"], f"{where}: {status} is not described"
    if request.method == "HEAD":
        return
    # A body too large has an error of its own, which the door alone gives.
    is_json = response.headers.get("content-type", "").startswith("application/json")
    if is_json and status != "413":
        _check_body(_validator(method.lower(), found[0].path, status), response.content, where)
    if response.is_success:
        _check_request(request, operation, where, method.lower(), found[0].path)


def _check_request(
    request: httpx.Request, operation: Json, where: str, method: str, path: str
) -> None:
    named = {each["name"] for each in operation["parameters"]}
    for name in request.url.params:
        # A filter is described by one of its operators, an array by its name.
        plain = _INDEX.sub("", name)
        is_known = plain in named or _FILTER.fullmatch(plain)
        assert is_known, f"{where}: the parameter {name} is not described"
    validator = _validator(method, path, None)
    if validator is None or path in _TAKES_ANYTHING:
        return
    is_there = bool(request.content.strip())
    assert is_there or not operation["requestBody"]["required"], f"{where}: it went without a body"
    if is_there:
        _check_body(validator, request.content, where)


def _check_body(validator: Any, body: bytes, where: str) -> None:
    if validator is None:
        assert body == b"", f"{where}: {body[:200]!r} is not described"
        return
    value = httpx.Response(200, content=body).json()
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    assert error is None, f"{where}: {error.json_path}: {error.message[:500]}"
