"""A shop in the sandbox, and what is handed over there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from guerdon.adapters.shopify.platform import Shopify
from guerdon.domain.catalogue import Reward
from guerdon.domain.ids import MerchantId
from guerdon.engine.ports import Connected, Handover
from guerdon.sandbox.app import SandboxApp
from guerdon.sandbox.faults import Fault
from guerdon.sandbox.state import state_of
from tests.builders.letters import make_member, make_redemption
from tests.builders.shop import make_reward, make_shop

SHOP = "north-shelf.myshopify.com"
TOKEN = "shpat_never_to_be_seen"
CODE = "MAGE-7QH2ZP"
OURS = "guerdon-shop-1-6001"


@dataclass
class Sandboxed:
    """The sandbox as it runs, and Guerdon's side of it."""

    app: SandboxApp
    url: str
    shopify: Shopify

    @property
    def base_url(self) -> str:
        return f"{self.url}/shopify/{SHOP}"

    def connected(self, secrets: Mapping[str, str] | None = None, **definition: str) -> Connected:
        return Connected(
            merchant_id=MerchantId(1),
            kind="shopify",
            definition={"shop": SHOP, "base_url": self.base_url, **definition},
            secrets=dict(secrets or {"token": TOKEN}),
        )

    def handover(self, reward: Reward | None = None, **changes: Any) -> Handover:
        """Make a handover of a reward redeemed a moment ago."""
        taken = reward or make_reward(fulfil_by="shopify")
        now = datetime.now(UTC)
        redemption = make_redemption(taken, created_at=now, updated_at=now)
        given: dict[str, Any] = {
            "merchant": make_shop().merchant,
            "member": make_member(),
            "reward": taken,
            "redemption": redemption,
            "connected": self.connected(),
            "code": CODE,
        }
        return Handover(**(given | changes))

    def fail(self, kind: str, match: str | None = None, **more: Any) -> None:
        """Script a failure of the next matching call."""
        fault: dict[str, Any] = {"service": "shopify", "kind": kind, "match": match, **more}
        self.app.world.faults.add([Fault(**fault)])

    def state(self) -> dict[str, Any]:
        """Give the shop as it stands."""
        shops: dict[str, Any] = json.loads(json.dumps(state_of(self.app.world), default=str))
        found: dict[str, Any] = shops["shopify"].get(SHOP, {})
        return found

    def discounts(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.state().get("discounts", [])
        return listed

    def calls(self, name: str) -> int:
        """Count the calls of a root field so far."""
        return sum(str(call["name"]) == name for call in self.app.world.calls)


def in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
