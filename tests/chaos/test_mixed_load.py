"""Ten merchants on three web processes and two workers: purchases, refunds and what the shops tell,
while calls fail, processes die and time flies; then ledger and outside world agree.

GUERDON_CHAOS_SECONDS sets for how long, GUERDON_CHAOS_SEED what happens."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.equalities import assert_all_equal, recover
from tests.chaos.moments import fault_of
from tests.chaos.orders import Orders
from tests.chaos.test_fault_table import CALLS, KINDS
from tests.chaos.town import FIRST_MEMBER, Merchant, Process, Town, town

_SECONDS = float(os.environ.get("GUERDON_CHAOS_SECONDS", "6"))
_SEED = int(os.environ.get("GUERDON_CHAOS_SEED", "20261122"))
_MERCHANTS = 10
_MEMBERS = 5
_BUYERS = 8


class Load:
    """People, shops, faults and deaths, each going on until the time is over."""

    def __init__(self, made: Town, pool: asyncpg.Pool) -> None:
        self.town = made
        self._pool = pool
        self._chance = random.Random(_SEED)  # noqa: S311 -- repeatable as far as time allows
        self._numbers = count(1)
        self._is_over = False
        self._orders = Orders(made, self._chance, self._web)

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
        await self._orders.place(*self._someone())

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
