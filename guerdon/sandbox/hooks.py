"""The receiver of webhooks, and the three ways in which a delivery may be signed."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from guerdon.http.asgi import Answer
from guerdon.sandbox.exchange import NotJson, Request, answer, object_of
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.world import Hook, World

_TOLERANCE_SECONDS = 300


class HookReceiver:
    """Takes anything at `/{name}`, and keeps it with what its signature was worth."""

    def __init__(self, world: World) -> None:
        self._world = world

    def names(self, request: Request) -> list[str]:
        return [request.path.strip("/")]

    def act(self, request: Request) -> Answer:
        if request.method != "POST":
            return answer(405, {"error": "post deliveries here"})
        name = request.path.strip("/")
        hook = self._world.hooks.get(name)
        verified = None if hook is None else is_signed(hook, request, self._world.now())
        try:
            body: object = object_of(request.body)
        except NotJson:
            body = request.body.decode("utf-8", "replace")
        self._world.deliveries.setdefault(name, []).append(
            {
                "at": self._world.stamp(),
                "headers": dict(request.headers),
                "body": body,
                "raw": request.body.decode("utf-8", "replace"),
                "verified": verified,
            }
        )
        # It is kept either way, so that one can look at what was wrong with it.
        return answer(200, {"received": True}) if verified is not False else _unverified()

    def faulted(self, _request: Request, fault: Fault) -> Answer:
        """Answer with a fault; a receiver has no form of its own but the status."""
        status = {"throttled": 429, "user_error": 400, "wrong_version": 410}.get(fault.kind, 500)
        headers = dict(fault.headers)
        if fault.kind == "throttled":
            headers.setdefault("Retry-After", str(max(1, round(fault.seconds))))
        return answer(
            fault.status or status, {"error": fault.message or "scripted"}, headers=headers
        )


def _unverified() -> Answer:
    return answer(401, {"error": "the signature does not fit"})


def is_signed(hook: Hook, request: Request, now: datetime) -> bool:
    """Say whether a delivery carries the signature that its form asks for."""
    return FORMS[hook.form](hook.secret, request.headers, request.body, now)


def _mage(secret: str, headers: Mapping[str, str], body: bytes, _now: datetime) -> bool:
    signed = headers.get("x-webhook-timestamp", "").encode() + b"." + body
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return _same(headers.get("x-webhook-signature", ""), f"sha256={mac}")


def _loyaltylion(secret: str, headers: Mapping[str, str], body: bytes, _now: datetime) -> bool:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    told = headers.get("x-loyaltylion-hmac-sha256", "")
    return _same(told, base64.b64encode(mac).decode())


def _standard(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        sent_at = int(headers.get("webhook-timestamp", ""))
    except (ValueError, binascii.Error):
        return False
    if abs(now.timestamp() - sent_at) > _TOLERANCE_SECONDS:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # A list, while a secret is being changed for another.
    told = headers.get("webhook-signature", "").split(" ")
    return any(_same(one, f"v1,{mac}") for one in told)


def _same(told: str, right: str) -> bool:
    return hmac.compare_digest(told.encode(), right.encode())


_Check = Callable[[str, Mapping[str, str], bytes, datetime], bool]
FORMS: dict[str, _Check] = {"mage": _mage, "loyaltylion": _loyaltylion, "standard": _standard}
