"""Postscript's custom-event call. Nothing is deduplicated, and matching happens later."""

import re
from collections.abc import Iterator
from datetime import datetime

from guerdon.http.asgi import Answer
from guerdon.sandbox.exchange import (
    Fields,
    NotJson,
    Request,
    answer,
    object_of,
    refused_credential,
)
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.world import World

_FIELDS = {
    "type",
    "subscriber_id",
    "phone",
    "email",
    "occurred_at",
    "properties",
    "external_id",
}
_TYPE = re.compile(r"[A-Za-z0-9_]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_THROTTLED = 3002


class PostscriptService:
    """Takes events at `/api/v2/events`; `/api/v2/me` tells a good key from a bad one."""

    def __init__(self, world: World) -> None:
        self._world = world

    def names(self, request: Request) -> list[str]:
        return [request.path.strip("/").rpartition("/")[2]]

    def act(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if (request.method, path) not in (("POST", "/api/v2/events"), ("GET", "/api/v2/me")):
            return _refused(404, 1004, "Not found")
        if refused_credential(request.header("authorization"), "Bearer "):
            return _refused(401, 1001, "The key is missing or not valid")
        if path == "/api/v2/me":
            return answer(200, {"shop": {"name": "Sandbox"}})
        try:
            sent = object_of(request.body)
        except NotJson as error:
            return _refused(400, 2000, f"Invalid JSON: {error}")
        findings = [*_findings(sent)]
        if findings:
            return _refused(400, 2001, "; ".join(findings))
        name = f"event-{self._world.take_id()}"
        self._record(sent)
        return answer(202, {"event_ids": [name]})

    def faulted(self, _request: Request, fault: Fault) -> Answer:
        """Answer with a fault in Postscript's own form."""
        if fault.kind == "throttled":
            return _refused(429, _THROTTLED, "Rate limit exceeded")
        if fault.kind == "wrong_version":
            return _refused(410, 1010, "This version was retired")
        status = fault.status or (400 if fault.kind == "user_error" else 500)
        return _refused(status, 2000, fault.message or "Scripted fault")

    def _record(self, sent: Fields) -> None:
        self._world.events["postscript"].append(
            {
                "name": sent["type"],
                "unique_id": sent.get("external_id"),
                "email": sent.get("email"),
                "phone": sent.get("phone"),
                "properties": sent.get("properties") or {},
                "at": self._world.stamp(),
                "body": sent,
            }
        )


def _refused(status: int, code: int, message: str) -> Answer:
    body = {"error_code": code, "error_message": message, "success": False}
    return answer(status, body)


def _findings(sent: Fields) -> Iterator[str]:
    for name in sorted(sent.keys() - _FIELDS):
        yield f"{name}: no such field"
    kind = sent.get("type")
    if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
        yield "type: required; letters, digits and underscores only"
    if not any(sent.get(name) for name in ("subscriber_id", "phone", "email")):
        yield "one of subscriber_id, phone and email is required"
    phone, email = sent.get("phone"), sent.get("email")
    if phone is not None and _PHONE.fullmatch(str(phone)) is None:
        yield "phone: not of E.164"
    if email is not None and (not isinstance(email, str) or "@" not in email):
        yield "email: not an address"
    if "occurred_at" in sent and not _is_time(sent["occurred_at"]):
        yield "occurred_at: not like 2026-11-21 09:30:00.000000"
    properties = sent.get("properties", {})
    if not isinstance(properties, dict):
        yield "properties: not an object"
        return
    for name, value in properties.items():
        if not isinstance(value, str | bool | int | float):
            yield f"properties.{name}: only texts, booleans and numbers are taken"


def _is_time(value: object) -> bool:
    try:
        datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 -- UTC by definition
    except ValueError:
        return False
    return True
