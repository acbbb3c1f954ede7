"""The control surface: faults, the whole state, customers, webhooks to send and to expect."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from guerdon.http.asgi import Answer
from guerdon.sandbox.exchange import NotJson, Request, answer, object_of
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.hooks import FORMS
from guerdon.sandbox.notifying import Notice, NoticeFailed, send_notice
from guerdon.sandbox.shopify.shop import Customer
from guerdon.sandbox.state import state_of
from guerdon.sandbox.world import Hook, World


class _Faults(Struct, forbid_unknown_fields=True):
    faults: list[Fault]


class _Customer(Struct, forbid_unknown_fields=True):
    id: int
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class _Settings(Struct, forbid_unknown_fields=True):
    currency: str | None = None
    timezone: str | None = None
    sells_subscriptions: bool | None = None
    gift_card_limit: Decimal | None = None
    credit_limit: Decimal | None = None
    scopes: list[str] | None = None


class Control:
    """Answers below `/_control`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request) -> Answer:
        """Do what a test, or a person at the command line, asks for."""
        parts = request.path.strip("/").split("/")
        try:
            return await self._route(request, parts)
        except NotJson as error:
            return answer(400, {"error": f"the body is no JSON object: {error}"})
        except (msgspec.ValidationError, NoticeFailed) as error:
            status = 502 if isinstance(error, NoticeFailed) else 400
            return answer(status, {"error": str(error)})

    async def _route(self, request: Request, parts: list[str]) -> Answer:
        world = self._world
        match (request.method, *parts):
            case ("GET", "state"):
                return answer(200, state_of(world))
            case ("POST", "reset"):
                world.reset()
            case ("DELETE", "faults"):
                world.faults.clear()
            case ("GET", "faults"):
                listed = world.faults.listed()
                faults = [
                    {**msgspec.to_builtins(fault), "seen": seen, "spent": is_spent}
                    for fault, seen, is_spent in listed
                ]
                return answer(200, {"faults": faults})
            case ("POST", "faults"):
                world.faults.add(_converted(request, _Faults).faults)
            case ("POST", "shops", domain):
                self._set_shop(domain, _converted(request, _Settings))
            case ("POST", "shops", domain, "customers"):
                self._add_customer(domain, _converted(request, _Customer))
            case ("POST", "shops", domain, "webhooks", "send"):
                notice = _converted(request, Notice)
                return answer(200, await send_notice(world, domain, notice))
            case ("POST", "hooks", name):
                hook = _converted(request, Hook)
                if hook.form not in FORMS:
                    return answer(400, {"error": f"form is one of {', '.join(FORMS)}"})
                world.hooks[name] = hook
            case _:
                return answer(404, {"error": "no such control"})
        return answer(200, {"done": True})

    def _set_shop(self, domain: str, told: _Settings) -> None:
        settings = self._world.shop(domain).settings
        for name in told.__struct_fields__:
            value = getattr(told, name)
            if value is not None:
                setattr(settings, name, tuple(value) if name == "scopes" else value)

    def _add_customer(self, domain: str, told: _Customer) -> None:
        shop = self._world.shop(domain)
        shop.customers[told.id] = Customer(
            id=told.id,
            created_at=shop.second(),
            email=told.email,
            phone=told.phone,
            first_name=told.first_name,
            last_name=told.last_name,
        )


def _converted(request: Request, kind: Any) -> Any:
    return msgspec.convert(object_of(request.body), kind)
