"""Klaviyo's create-event call. An event it has seen already is accepted and not recorded again."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
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

_MEDIA_TYPE = "application/vnd.api+json"
_REVISION = re.compile(r"\d{4}-\d{2}-\d{2}(\.pre)?")
_ATTRIBUTES = {
    "properties",
    "metric",
    "profile",
    "time",
    "value",
    "value_currency",
    "unique_id",
    "backfill",
}
_IDENTIFIERS = ("id", "email", "phone_number", "external_id", "anonymous_id", "_kx")
_PROPERTIES_MAX = 400
_TEXT_BYTES_MAX = 100 * 1024
_BODY_BYTES_MAX = 5 * 1024 * 1024
_SUPPORTED = timedelta(days=2 * 365)

_Finding = tuple[str, str]


class KlaviyoService:
    """Takes events at `/api/events`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def names(self, request: Request) -> list[str]:
        return [request.path.strip("/").rpartition("/")[2]]

    def act(self, request: Request) -> Answer:
        if request.path.rstrip("/") != "/api/events" or request.method != "POST":
            return _refused(404, "not_found", "Not found.")
        if refused_credential(request.header("authorization"), "Klaviyo-API-Key "):
            return _refused(401, "not_authenticated", "Missing or invalid private key.")
        refusal = self._header_refusal(request)
        if refusal is not None:
            return refusal
        try:
            sent = object_of(request.body)
        except NotJson as error:
            return _refused(400, "invalid", f"The body is no JSON object: {error}")
        findings = [*_findings(sent, self._world.now(), len(request.body))]
        if findings:
            return _errors(
                400, [_error(400, "invalid", detail, pointer) for pointer, detail in findings]
            )
        self._record(sent["data"]["attributes"])
        limits = {"RateLimit-Limit": "350", "RateLimit-Remaining": "349", "RateLimit-Reset": "1"}
        return answer(202, headers=limits, media_type=_MEDIA_TYPE)

    def faulted(self, _request: Request, fault: Fault) -> Answer:
        """Answer with a fault in Klaviyo's own form."""
        if fault.kind == "throttled":
            headers = {"Retry-After": str(max(1, round(fault.seconds))), **fault.headers}
            return _refused(429, "throttled", "Request was throttled.", headers=headers)
        if fault.kind == "wrong_version":
            return _refused(410, "gone", "This revision of the API has been retired.")
        status = fault.status or (400 if fault.kind == "user_error" else 500)
        return _refused(status, fault.code or "error", fault.message or "A fault was scripted.")

    def _header_refusal(self, request: Request) -> Answer | None:
        if request.header("content-type").partition(";")[0] not in (
            _MEDIA_TYPE,
            "application/json",
        ):
            return _refused(415, "unsupported_media_type", f"Content-Type must be {_MEDIA_TYPE}.")
        revision = request.header("revision")
        if _REVISION.fullmatch(revision) is None:
            return _refused(400, "invalid", "The revision header is missing or is no date.")
        try:
            day = date.fromisoformat(revision[:10])
        except ValueError:
            return _refused(400, "invalid", "The revision header is no date.")
        if day < (self._world.now() - _SUPPORTED).date():
            return _refused(410, "gone", "This revision of the API has been retired.")
        return None

    def _record(self, attributes: Fields) -> None:
        profile = attributes["profile"]["data"]["attributes"]
        name = attributes["metric"]["data"]["attributes"]["name"]
        # Without an id, the time to the second stands in.
        stamp = self._world.now().isoformat(timespec="seconds")
        unique_id = attributes.get("unique_id") or attributes.get("time") or stamp
        who = next(str(profile[key]) for key in _IDENTIFIERS if profile.get(key))
        known = self._world.known_events.get((unique_id, name, who))
        if known is not None:
            known["received"] += 1
            return
        event = {
            "name": name,
            "unique_id": unique_id,
            "profile": who,
            "email": profile.get("email"),
            "properties": attributes["properties"],
            "received": 1,
            "at": self._world.stamp(),
            "body": attributes,
        }
        self._world.known_events[unique_id, name, who] = event
        self._world.events["klaviyo"].append(event)


def _findings(sent: Fields, now: datetime, length: int) -> Iterator[_Finding]:
    """Find what is wrong with a body: where, and what."""
    if length > _BODY_BYTES_MAX:
        yield "/data", "The payload is larger than 5 MB."
        return
    data = sent.get("data")
    if not isinstance(data, dict) or data.get("type") != "event":
        yield "/data/type", "The resource type must be 'event'."
        return
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        yield "/data/attributes", "The attributes are missing."
        return
    at = "/data/attributes"
    for name in sorted(attributes.keys() - _ATTRIBUTES):
        yield f"{at}/{name}", f"'{name}' is not a valid field for the resource 'event'."
    yield from _property_findings(f"{at}/properties", attributes.get("properties"))
    yield from _metric_findings(f"{at}/metric", attributes.get("metric"))
    yield from _profile_findings(f"{at}/profile", attributes.get("profile"))
    yield from _detail_findings(at, attributes, now)


def _property_findings(at: str, properties: Any) -> Iterator[_Finding]:
    if not isinstance(properties, dict):
        yield at, "Properties are required, and are an object."
        return
    if len(properties) > _PROPERTIES_MAX:
        yield at, f"An event has at most {_PROPERTIES_MAX} properties."
    for name, value in properties.items():
        if isinstance(value, str) and len(value.encode()) > _TEXT_BYTES_MAX:
            yield f"{at}/{name}", "A text is longer than 100 KB."


def _resource(thing: Any, kind: str) -> Fields | None:
    data = thing.get("data") if isinstance(thing, dict) else None
    if not isinstance(data, dict) or data.get("type") != kind:
        return None
    attributes = data.get("attributes")
    return attributes if isinstance(attributes, dict) else None


def _metric_findings(at: str, metric: Any) -> Iterator[_Finding]:
    attributes = _resource(metric, "metric")
    name = None if attributes is None else attributes.get("name")
    if not isinstance(name, str) or not name:
        yield f"{at}/data/attributes/name", "A metric with a name is required."
    elif len(name) >= 128:
        yield f"{at}/data/attributes/name", "A metric's name is shorter than 128 characters."


def _profile_findings(at: str, profile: Any) -> Iterator[_Finding]:
    attributes = _resource(profile, "profile")
    if attributes is None:
        yield f"{at}/data", "A profile is required."
        return
    if not any(attributes.get(name) for name in _IDENTIFIERS):
        yield f"{at}/data/attributes", "A profile needs one of its identifiers."
    email, phone = attributes.get("email"), attributes.get("phone_number")
    if email is not None and (not isinstance(email, str) or "@" not in email):
        yield f"{at}/data/attributes/email", "Invalid e-mail address."
    if phone is not None and re.fullmatch(r"\+[1-9]\d{6,14}", str(phone)) is None:
        yield f"{at}/data/attributes/phone_number", "Invalid phone number, E.164 is needed."


def _detail_findings(at: str, attributes: Fields, now: datetime) -> Iterator[_Finding]:
    value, currency = attributes.get("value"), attributes.get("value_currency")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield f"{at}/value", "The value must be a number."
    if currency is not None and re.fullmatch("[A-Z]{3}", str(currency)) is None:
        yield f"{at}/value_currency", "The currency is not one of ISO 4217."
    unique_id = attributes.get("unique_id")
    if unique_id is not None and not isinstance(unique_id, str):
        yield f"{at}/unique_id", "The unique id must be a text."
    time = attributes.get("time")
    if time is None:
        return
    try:
        instant = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        yield f"{at}/time", "The time is not of ISO 8601."
        return
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=now.tzinfo)
    if instant.year < 1990 or instant > now + timedelta(days=366):
        yield f"{at}/time", "The time is before 1990 or more than a year ahead."


def _error(status: int, code: str, detail: str, pointer: str | None = None) -> Fields:
    source = {} if pointer is None else {"pointer": pointer}
    return {
        "id": f"sandbox-{code}",
        "status": status,
        "code": code,
        "title": code.replace("_", " ").capitalize(),
        "detail": detail,
        "source": source,
        "meta": {},
    }


def _errors(status: int, errors: list[Fields], headers: dict[str, str] | None = None) -> Answer:
    return answer(status, {"errors": errors}, headers=headers, media_type=_MEDIA_TYPE)


def _refused(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None
) -> Answer:
    return _errors(status, [_error(status, code, detail)], headers)
