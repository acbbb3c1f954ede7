"""Every fault at every call to the outside world, and a process killed at every moment: once all
is calm again, ledger and outside world agree.

GUERDON_CHAOS_RUNS sets how many runs there are, GUERDON_CHAOS_SEED in which order they come. A run
is a death and, right after it, a fault at each call. As many runs as there are KINDS hold every
fault at every call; as many as there are MOMENTS, every death."""

import asyncio
import os
import random
from collections.abc import Awaitable
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.chaos.calm import until_quiet
from tests.chaos.equalities import assert_all_equal, recover
from tests.chaos.moments import MOMENTS, Moment, arm, die, fault_of, is_spent
from tests.chaos.orders import Orders
from tests.chaos.town import FIRST_MEMBER, FULFIL_SECONDS, Merchant, Town, town

_RUNS = int(os.environ.get("GUERDON_CHAOS_RUNS", "8"))
_SEED = int(os.environ.get("GUERDON_CHAOS_SEED", "20261122"))
# So many runs in one town, which remembers those before.
_RUNS_PER_TOWN = 4
_MEMBERS = 6
# The calls, by their place, that are soon made again where they fail.
_ASKED_AGAIN = (0, 1)
# Longer than the lease of anything that is carried.
_SLEPT_SECONDS = 100

_CREATE = ("shopify", "discountCodeBasicCreate")
_LOOK = ("shopify", "codeDiscountNodeByCode")
_TOKEN = ("shopify", "access_token")
CALLS: tuple[tuple[str, str | None], ...] = (
    _CREATE,
    _LOOK,
    ("shopify", "discountCodeDeactivate"),
    ("shopify", "metafieldsSet"),
    _TOKEN,
    ("klaviyo", None),
    ("omnisend", None),
    ("postscript", None),
    ("webhook", "standard"),
    ("webhook", "mage"),
)
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "late", "seconds": 0.3},
    {"kind": "late", "seconds": 1.2},
    {"kind": "acts_late", "seconds": 1.2},
    {"kind": "never"},
    {"kind": "cut_before"},
    {"kind": "cut_after"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 503, "headers": {"Retry-After": "2"}},
    {"kind": "status", "status": 401},
    {"kind": "throttled", "seconds": 1.0},
    {"kind": "throttled", "status": 429, "seconds": 1.0},
    {"kind": "user_error"},
    {"kind": "top_error"},
    {"kind": "wrong_version"},
)


def row_of_faults(number: int) -> list[dict[str, Any]]:
    """Give each call its fault of one run; after as many runs as there are kinds, each had each."""
    row = []
    for place, (service, match) in enumerate(CALLS):
        kind = dict(KINDS[(number + 4 * place) % len(KINDS)])
        if number % 2 and place in _ASKED_AGAIN:
            kind["times"] = 3
        if match == "standard" and kind["kind"] == "wrong_version":
            # 410 means that no more calls are wanted: a webhook switched off is told nothing.
            kind = {"kind": "status", "status": 504}
        row.append(fault_of(service, match, **kind))
    return row


class Story:
    """The runs of one town, one after the other."""

    def __init__(self, made: Town, pool: asyncpg.Pool, chance: random.Random) -> None:
        self.town = made
        self._pool = pool
        self._chance = chance
        self._numbers = count()
        self._orders = Orders(made, chance, lambda: made.webs[0])

    async def run(self, moment: Moment, faults: list[dict[str, Any]]) -> None:
        """Kill at the moment, then let every fault happen, then see whether all is well."""
        starting = await self._kill(moment)
        await self.town.sandbox.clear_faults()
        await self.town.sandbox.faults(*faults)
        await asyncio.gather(self._live(), *starting)
        await until_quiet(self.town, self._pool)
        for _ in range(10):
            if is_spent(self.town):
                break
            self.town.clock.advance(60)
            await self._live()
            await until_quiet(self.town, self._pool)
        assert is_spent(self.town), self.town.counting.world.faults.listed()
        await self.town.sandbox.clear_faults()
        await recover(self.town, self._pool)
        await assert_all_equal(self.town, self._pool)

    async def buy(self) -> None:
        """Have somebody ask for the reward."""
        await self.town.buy(f"k{next(self._numbers)}", *self._someone(), self.town.webs[0])

    async def order(self) -> None:
        """Have somebody buy in the shop, which tells of it."""
        await self._orders.place(*self._someone())

    def _someone(self) -> tuple[Merchant, int]:
        return self.town.merchants[0], FIRST_MEMBER + self._chance.randrange(_MEMBERS)

    async def void(self) -> None:
        """Give the oldest redemption back that stands."""
        row = await self._pool.fetchrow(
            "SELECT id FROM redemptions WHERE status = 'approved' ORDER BY id LIMIT 1"
        )
        ran = await self.town.command("redemptions", "void", str(row["id"]))
        # An order may have used it meanwhile.
        assert ran.code == 0 or "is used" in ran.err, ran.err

    async def _live(self) -> None:
        """Let people ask for rewards, buy and give back; at times everybody sleeps meanwhile."""
        acts = [self.buy(), self.buy(), self.order(), self.void()]
        tasks = [asyncio.ensure_future(act) for act in acts]
        if self._chance.random() < 0.3:
            await asyncio.sleep(self._chance.uniform(0, 0.3))
            self.town.clock.advance(_SLEPT_SECONDS)
        await asyncio.gather(*tasks)

    async def _kill(self, moment: Moment) -> list[Awaitable[None]]:
        """Kill at the moment; give what is left to be started again."""
        web, worker = self.town.webs[0], self.town.workers[0]
        worker.pause()
        if moment.victim == "web":
            await self._kill_web(moment)
            worker.resume()
            return []
        await self._set_the_scene(moment)
        await arm(self.town, moment, worker)
        worker.resume()
        await die(self.town, moment, worker)
        if moment.scene == "left":
            await web.start()
        return [worker.start()]

    async def _kill_web(self, moment: Moment) -> None:
        web = self.town.webs[0]
        if moment.at_call == _LOOK:
            await self.town.sandbox.faults(fault_of(*_CREATE, "cut_after"))
        elif moment.scene == "lost":
            await self._lose_answers()
        if moment.at_call == _TOKEN:
            # The one it has is over then.
            self.town.clock.advance(_SLEPT_SECONDS)
        await arm(self.town, moment, web)
        act = self.order if moment.scene == "order" else self.buy
        acting = [asyncio.ensure_future(act()) for _ in range(2)]
        await die(self.town, moment, web)
        await web.start()
        await asyncio.gather(*acting)

    async def _set_the_scene(self, moment: Moment) -> None:
        """Bring about what the worker, which is paused, is to be killed at."""
        web = self.town.webs[0]
        if moment.scene == "left":
            await self.town.sandbox.faults(fault_of(*_CREATE, self._left_by(moment), seconds=0.5))
            buying = asyncio.ensure_future(self.buy())
            while not is_spent(self.town):
                await asyncio.sleep(0.005)
            await web.kill()
            await buying
            self.town.clock.advance(FULFIL_SECONDS + 8)
        elif moment.scene == "lost":
            await self._lose_answers()
            await self.buy()
        elif moment.scene == "refund":
            await self.void()
        elif moment.scene == "order":
            await self.order()
        else:
            await self.buy()
        await self.town.sandbox.clear_faults()

    def _left_by(self, moment: Moment) -> str:
        """Say what the shop did for the web process that died; to be created, it may not have."""
        is_to_create = moment.at_call == _CREATE
        return "never" if is_to_create else self._chance.choice(("never", "late"))

    async def _lose_answers(self) -> None:
        """Have the shop act and not tell, until told otherwise."""
        await self.town.sandbox.faults(
            fault_of(*_CREATE, "cut_after", nth=None),
            fault_of(*_LOOK, "status", status=503, nth=None),
        )


def _plan() -> list[list[int]]:
    """Deal the runs out to towns: each run is a number, which says its moment and its faults."""
    return [
        list(range(_RUNS))[first : first + _RUNS_PER_TOWN]
        for first in range(0, _RUNS, _RUNS_PER_TOWN)
    ]


def _order() -> list[Moment]:
    moments = list(MOMENTS)
    random.Random(_SEED).shuffle(moments)  # noqa: S311 -- repeatable on purpose
    return moments


@pytest.mark.timeout(600)
@pytest.mark.parametrize("runs", _plan(), ids=lambda runs: f"{runs[0]}-{runs[-1]}")
async def test_nothing_is_lost_doubled_or_left(
    runs: list[int], database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    chance = random.Random(_SEED + runs[0])  # noqa: S311 -- repeatable on purpose
    moments = _order()
    async with town(
        database_url, tmp_path, merchants=1, members=_MEMBERS, webs=1, workers=1
    ) as made:
        story = Story(made, pool, chance)
        for _ in range(3):
            await story.buy()
        for number in runs:
            moment = moments[number % len(moments)]
            try:
                await story.run(moment, row_of_faults(number + number // len(moments)))
            except (AssertionError, TimeoutError) as error:
                error.add_note(f"run {number}, seed {_SEED}: {moment}")
                raise
