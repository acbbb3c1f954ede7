"""Omnisend's events call, in its dated form and in v5. Live events are never deduplicated."""

import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

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

_PATHS = ("/api/events", "/v5/events")
_FIELDS = {
    "eventName",
    "eventID",
    "eventTime",
    "eventVersion",
    "origin",
    "contact",
    "properties",
}
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_OLDEST = "2026-03-15"
_PHONE = re.compile(r"\+?\d{1,15}")

_Finding = tuple[str, str, str]


class OmnisendService:
    """Takes events at `/api/events` and `/v5/events`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def names(self, request: Request) -> list[str]:
        return [request.path.strip("/").rpartition("/")[2]]

    def act(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if path not in _PATHS or request.method != "POST":
            return self._problem(404, "not-found", "No such resource")
        if path == "/v5/events":
            is_refused = refused_credential(request.header("x-api-key"), "")
        else:
            is_refused = refused_credential(
                request.header("authorization"), "Omnisend-API-Key "
            ) and refused_credential(request.header("authorization"), "Bearer ")
        if is_refused:
            return self._problem(401, "unauthorized", "The key is missing or not valid")
        if path == "/api/events":
            version = request.header("omnisend-version")
            if _VERSION.fullmatch(version) is None:
                return self._problem(400, "invalid-version", "Omnisend-Version is required")
            if version < _OLDEST:
                return self._problem(410, "version-retired", "This version was retired")
        try:
            sent = object_of(request.body)
        except NotJson as error:
            return self._problem(400, "invalid-json", str(error))
        findings = [*_findings(sent)]
        if findings:
            errors = [
                {"field": field, "code": code, "message": message}
                for field, code, message in findings
            ]
            return self._problem(400, "validation", "The event is not valid", errors=errors)
        self._record(sent)
        return answer(202)

    def faulted(self, _request: Request, fault: Fault) -> Answer:
        """Answer with a fault in Omnisend's own form."""
        if fault.kind == "throttled":
            seconds = max(1, round(fault.seconds))
            return self._problem(429, "rate-limit", "Too many requests", retryAfter=seconds)
        if fault.kind == "wrong_version":
            return self._problem(410, "version-retired", "This version was retired")
        status = fault.status or (400 if fault.kind == "user_error" else 500)
        return self._problem(status, fault.code or "error", fault.message or "Scripted fault")

    def _problem(self, status: int, kind: str, detail: str, **more: object) -> Answer:
        body = {
            "type": f"https://problems.omnisend.com/{kind}",
            "title": kind.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
            "instance": f"urn:omnisend:request:{self._world.take_id()}",
            **more,
        }
        return answer(status, body, media_type="application/problem+json")

    def _record(self, sent: Fields) -> None:
        contact = sent["contact"]
        self._world.events["omnisend"].append(
            {
                "name": sent["eventName"],
                "unique_id": sent.get("eventID"),
                "email": contact.get("email"),
                "phone": contact.get("phone"),
                "properties": sent.get("properties") or {},
                "at": self._world.stamp(),
                "body": sent,
            }
        )


def _findings(sent: Fields) -> Iterator[_Finding]:
    """Find what is wrong with a body: the field, a code, and what."""
    for name in sorted(sent.keys() - _FIELDS):
        yield name, "unknown", "No such field"
    told = sent.get("eventName")
    if not isinstance(told, str) or not told.strip():
        yield "eventName", "required", "The event's name is required"
    origin = sent.get("origin")
    if not isinstance(origin, str) or not origin:
        yield "origin", "required", "The origin is required"
    if not _is_absent_or(sent, "eventID", _is_uuid):
        yield "eventID", "invalid", "It is no UUID of version 4 to 7"
    if not _is_absent_or(sent, "eventTime", _is_instant):
        yield "eventTime", "invalid", "It is no time of RFC 3339"
    if not isinstance(sent.get("properties", {}), dict):
        yield "properties", "invalid", "The properties are an object"
    contact = sent.get("contact")
    if not isinstance(contact, dict):
        yield "contact", "required", "The contact is required"
        return
    yield from _contact_findings(contact)


def _is_absent_or(sent: Fields, name: str, check: Any) -> bool:
    return name not in sent or bool(check(sent[name]))


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and uuid.UUID(value).version in (4, 5, 6, 7)
    except ValueError:
        return False


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _contact_findings(contact: Fields) -> Iterator[_Finding]:
    if not any(contact.get(name) for name in ("id", "email", "phone")):
        yield "contact", "required", "An id, an e-mail or a phone number is required"
    email, phone = contact.get("email"), contact.get("phone")
    if email is not None and (not isinstance(email, str) or "@" not in email):
        yield "contact.email", "invalid", "It is no e-mail address"
    if phone is not None and _PHONE.fullmatch(str(phone)) is None:
        yield "contact.phone", "invalid", "It is no phone number of at most 15 digits"
    for part in ("firstName", "lastName"):
        if len(str(contact.get(part) or "")) > 50:
            yield f"contact.{part}", "too-long", "It has more than 50 characters"
    if len(contact.get("tags") or []) > 100:
        yield "contact.tags", "too-many", "A contact has at most 100 tags"
