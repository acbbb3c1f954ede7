"""Offers made over the Voucherify dialect, as whoever sets a program up would make them."""

from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
V2 = "/v2/loyalties"


@dataclass(kw_only=True)
class Setup:
    """Makes offers by calls, with as little said of each as will do."""

    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make a call that must succeed."""
        response = await self.client.request(method, f"{V2}{path}", json=body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def refused(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make a call that must be refused."""
        response = await self.client.request(method, f"{V2}{path}", json=body)
        assert response.status_code >= 400, response.text
        answer: Json = response.json()
        assert answer["code"] == response.status_code
        return answer

    async def card_definition(self, **more: object) -> str:
        body = {"name": "Beans", "type": "INDIVIDUAL", "status": "ACTIVE", **more}
        return str((await self.ask("POST", "/card-definitions", body))["id"])

    async def rule(self, definition: str, value: int = 1, **more: object) -> str:
        effect = {"type": "POINTS", "points": {"value": value, "card_definition_id": definition}}
        body = {
            "name": "Every order",
            "status": "ACTIVE",
            "trigger": {"event": "customer.order.paid"},
            "earnings": [{"effects": [effect]}],
            **more,
        }
        return str((await self.ask("POST", "/earning-rules", body))["id"])

    async def reward(self, definition: str, points: int = 400, **more: object) -> str:
        body = {**reward_body(definition, points), **more}
        return str((await self.ask("POST", "/rewards", body))["id"])

    async def program(
        self, definition: str, rule: str, *rewards: str, quantity: int = 5, **more: object
    ) -> str:
        body: Json = {
            "name": "Bean Club",
            "status": "ACTIVE",
            "card_definitions": [{"id": definition}],
            "earning_rules": [{"id": rule}],
            "rewards": [{"id": each, "stock": limited(quantity)} for each in rewards],
            **more,
        }
        return str((await self.ask("POST", "/programs", body))["id"])


def limited(quantity: int) -> Json:
    return {"type": "LIMITED", "limited": {"quantity": quantity}}


def costs(definition: str, points: int = 400) -> list[Json]:
    return [{"spending": [{"points": points, "card_definition_id": definition}]}]


def reward_body(definition: str, points: int = 400) -> Json:
    return {
        "name": "Enamel mug",
        "type": "MATERIAL",
        "status": "ACTIVE",
        "material": {"type": "PRODUCT", "product": {"id": "prod_0a1b2c"}},
        "costs": costs(definition, points),
    }
