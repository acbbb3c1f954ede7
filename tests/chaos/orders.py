"""What the shops tell of orders and refunds, in whatever order, until it is taken."""

import asyncio
import random
from collections.abc import Callable
from itertools import count
from typing import Any

from guerdon.engine.receiving import hook_path
from guerdon.engine.sealing import Seal
from tests.builders.orders import make_order, make_refund
from tests.chaos.town import APP_SECRET, SECRET_KEY, Merchant, Process, Town

# An order is over 100.00, at a point each.
_POINTS = 100
_REFUND_MAX = 40


class Orders:
    """Orders of a town. What they are worth in the end is kept in `town.earned`."""

    def __init__(self, town: Town, chance: random.Random, web: Callable[[], Process]) -> None:
        self._town = town
        self._chance = chance
        self._web = web
        self._ids = count(10_001)
        self._seal = Seal(SECRET_KEY.encode())

    async def place(self, merchant: Merchant, member: int) -> None:
        """Place an order, refund some of it, and tell of both, perhaps twice."""
        order_id = next(self._ids)
        now = self._town.clock().isoformat()
        paid = make_order(
            id=order_id,
            name=f"#{order_id}",
            customer={"id": member},
            email=f"{member}@shopper.example",
            financial_status="paid",
            processed_at=now,
            created_at=now,
            updated_at=now,
            discount_codes=self._code_of(merchant),
        )
        told = [("orders/paid", paid)]
        worth = _POINTS
        for number in range(self._chance.choice((0, 0, 1, 2))):
            back = self._chance.randint(1, _REFUND_MAX)
            worth -= back
            refund = make_refund(number, f"{back}.00", order_id=order_id, id=order_id * 10 + number)
            told.append(("refunds/create", refund))
        self._town.earned[merchant.number, member] += worth
        told += self._chance.sample(told, self._chance.randrange(2))
        self._chance.shuffle(told)
        for topic, body in told:
            await self._tell(merchant, topic, body, f"{topic}-{body['id']}")

    def _code_of(self, merchant: Merchant) -> list[dict[str, Any]]:
        """Now and then, give a code to be used, of somebody who was given one."""
        purchases = self._town.purchases
        keys = [key for key in purchases.codes if purchases.asked[key][0].id == merchant.id]
        if not keys or self._chance.random() < 0.5:
            return []
        code = purchases.codes[self._chance.choice(keys)]
        return [{"code": code, "amount": "10.00", "type": "fixed_amount"}]

    async def _tell(self, merchant: Merchant, topic: str, body: Any, name: str) -> None:
        """Tell of something until it is taken, as Shopify does."""
        while True:
            notice = {
                "topic": topic,
                "url": self._web().base + hook_path(self._seal, "shopify", merchant.slug),
                "secret": APP_SECRET,
                "body": body,
                "headers": {"X-Shopify-Webhook-Id": name, "X-Shopify-Event-Id": name},
            }
            came = await self._town.sandbox.send_notice(merchant.domain, notice)
            if came == 200:
                return
            assert came in (None, 503), came
            await asyncio.sleep(0.1)
