"""Ten merchants on three web processes and two workers: purchases, refunds and what the shops tell,
while calls fail, processes die and time flies; then ledger and outside world agree.

GUERDON_CHAOS_SECONDS sets for how long, GUERDON_CHAOS_SEED what happens."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guerdon.engine.receiving import hook_path
from guerdon.engine.sealing import Seal
from tests.builders.orders import make_order, make_refund
from tests.chaos.equalities import assert_all_equal, recover
from tests.chaos.moments import fault_of
from tests.chaos.test_fault_table import CALLS, KINDS
from tests.chaos.town import APP_SECRET, FIRST_MEMBER, SECRET_KEY, Merchant, Process, Town, town

_SECONDS = float(os.environ.get("GUERDON_CHAOS_SECONDS", "6"))
_SEED = int(os.environ.get("GUERDON_CHAOS_SEED", "20261122"))
_MERCHANTS = 10
_MEMBERS = 5
_BUYERS = 8
_ORDER_POINTS = 100


class Load:
    """People, shops, faults and deaths, each going on until the time is over."""

    def __init__(self, made: Town, pool: asyncpg.Pool) -> None:
        self.town = made
        self._pool = pool
        self._chance = random.Random(_SEED)  # noqa: S311 -- repeatable as far as time allows
        self._numbers = count(1)
        self._is_over = False
        self._seal = Seal(SECRET_KEY.encode())

    async def rage(self) -> None:
        """Let everything go on for so long."""
        doing = [
            *(self._forever(self._buy, 0.02, 0.2) for _ in range(_BUYERS)),
            *(self._forever(self._order, 0.05, 0.3) for _ in range(3)),
            self._forever(self._void, 0.3, 0.6),
            self._forever(self._fault, 0.2, 0.6),
            self._forever(self._kill, 0.5, 4.0),
            self._forever(self._let_time_pass, 0.2, 0.5),
        ]
        tasks = [asyncio.ensure_future(each) for each in doing]
        await asyncio.wait(tasks, timeout=_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        self._is_over = True
        await asyncio.gather(*tasks)
        await self.town.sandbox.clear_faults()

    async def _forever(self, act: Callable[[], Awaitable[None]], low: float, high: float) -> None:
        while not self._is_over:
            await act()
            await asyncio.sleep(self._chance.uniform(low, high))

    def _someone(self) -> tuple[Merchant, int]:
        merchant = self._chance.choice(self.town.merchants)
        return merchant, FIRST_MEMBER + self._chance.randrange(_MEMBERS)

    def _web(self) -> Process:
        return self._chance.choice(self.town.webs)

    async def _buy(self) -> None:
        """Buy once; now and then ask twice at a time, or once more."""
        key = f"k{next(self._numbers)}"
        merchant, member = self._someone()
        times = self._chance.choice((1, 1, 1, 2))
        await asyncio.gather(
            *(self.town.buy(key, merchant, member, self._web()) for _ in range(times))
        )
        if self._chance.random() < 0.3:
            await self.town.buy(key, merchant, member, self._web())

    async def _void(self) -> None:
        merchant = self._chance.choice(self.town.merchants)
        rows = await self._pool.fetch(
            "SELECT id FROM redemptions WHERE merchant_id = $1 AND status = 'approved'",
            merchant.id,
        )
        if rows:
            # Meanwhile it may have been used or voided, which is refused then.
            redemption_id = str(self._chance.choice(rows)["id"])
            await self.town.command(
                "redemptions", "void", redemption_id, "--merchant", merchant.slug
            )

    async def _order(self) -> None:
        """Place an order, refund some of it, and tell of both in whatever order, perhaps twice."""
        merchant, member = self._someone()
        order_id = 10_000 + next(self._numbers)
        now = self.town.clock().isoformat()
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
        worth = _ORDER_POINTS
        for number in range(self._chance.choice((0, 0, 1, 2))):
            back = self._chance.randrange(1, 41)
            worth -= back
            refund = make_refund(number, f"{back}.00", order_id=order_id, id=order_id * 10 + number)
            told.append(("refunds/create", refund))
        self.town.earned[merchant.number, member] += worth
        told += self._chance.sample(told, self._chance.randrange(2))
        self._chance.shuffle(told)
        for topic, body in told:
            await self._tell(merchant, topic, body, f"{topic}-{body['id']}")

    def _code_of(self, merchant: Merchant) -> list[dict[str, Any]]:
        """Give a code to be used, of somebody who was given one."""
        purchases = self.town.purchases
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
            came = await self.town.sandbox.send_notice(merchant.domain, notice)
            if came == 200:
                return
            assert came in (None, 503), came
            await asyncio.sleep(0.1)

    async def _fault(self) -> None:
        service, match = self._chance.choice(CALLS)
        kind = self._chance.choice(KINDS)
        if service == "webhook":
            if kind["kind"] == "wrong_version":
                return
            match = None
        await self.town.sandbox.faults(fault_of(service, match, **kind))

    async def _kill(self) -> None:
        victim = self._chance.choice([*self.town.webs, *self.town.workers])
        await victim.kill()
        await victim.start()

    async def _let_time_pass(self) -> None:
        self.town.clock.advance(self._chance.choice((1, 5, 20)))


@pytest.mark.timeout(300 + 5 * _SECONDS)
async def test_ten_merchants_come_through_a_storm(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    async with town(
        database_url, tmp_path, merchants=_MERCHANTS, members=_MEMBERS, webs=3, workers=2
    ) as made:
        load = Load(made, pool)
        await load.rage()
        assert len(made.purchases.codes) >= 10
        await recover(made, pool)
        await assert_all_equal(made, pool)
