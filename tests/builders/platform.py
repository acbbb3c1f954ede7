"""A platform that keeps discounts in memory, and fails as it is told."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import asyncpg

from guerdon.domain.ids import RedemptionId
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.ports import CodeTaken, Fulfilled, FulfilmentFailed, Handover
from tests.builders.ledgers import drifts

Mood = Literal[
    "works",
    "refuses",
    "refuses for good",
    "is busy",
    "acts and dies",
    "dies",
    "acts and hangs",
    "hangs",
    "acts late",
    "is out of reach",
]


class MemoryPlatform:
    """Each call takes the next mood; after the last one it works.

    A discount is a code, whose it is, and whether it is live. `redemption_id` 0 is a stranger."""

    platform: IntegrationKind = "shopify"

    def __init__(self, *moods: Mood) -> None:
        self.moods = list(moods)
        self.discounts: dict[str, tuple[RedemptionId, bool]] = {}
        self.asked: list[tuple[str, bool]] = []
        self.taken_back: list[str] = []
        self.late: list[Handover] = []
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def live(self) -> list[str]:
        return sorted(
            code for code, (owner, is_live) in self.discounts.items() if is_live and owner
        )

    def take_for_stranger(self, code: str) -> None:
        self.discounts[code] = (RedemptionId(0), True)

    async def fulfil(self, handover: Handover) -> Fulfilled:
        code = self._code_of(handover)
        self.asked.append((code, handover.is_repeat))
        mood = self.moods.pop(0) if self.moods else "works"
        await self.gate.wait()
        if mood == "is out of reach":
            raise ConnectionError("out of reach")
        if handover.is_repeat and code in self.discounts:
            return self._found(handover)
        if mood == "refuses":
            raise FulfilmentFailed("not just now")
        if mood == "is busy":
            raise FulfilmentFailed("in a moment", after_seconds=0.05)
        if mood == "refuses for good":
            raise FulfilmentFailed("not ever", is_permanent=True)
        if mood == "acts late":
            self.late.append(handover)
        if mood in ("hangs", "acts late"):
            await asyncio.Event().wait()
        if mood == "dies":
            raise ConnectionError("cut before it was read")
        if code in self.discounts:
            return self._found(handover)
        self.discounts[code] = (handover.redemption.id, True)
        if mood == "acts and dies":
            raise ConnectionError("cut before the answer")
        if mood == "acts and hangs":
            await asyncio.Event().wait()
        return Fulfilled(reference=f"gid/{code}")

    async def take_back(self, handover: Handover) -> None:
        code = self._code_of(handover)
        self.taken_back.append(code)
        mood = self.moods.pop(0) if self.moods else "works"
        if mood != "works":
            raise FulfilmentFailed("not just now")
        if self.discounts.get(code, (0, False))[0] == handover.redemption.id:
            self.discounts[code] = (handover.redemption.id, False)

    def act_late(self) -> None:
        """Do what was asked for long ago, as a queue somewhere may."""
        for handover in self.late:
            self.discounts.setdefault(self._code_of(handover), (handover.redemption.id, True))
        self.late.clear()

    def _found(self, handover: Handover) -> Fulfilled:
        code = self._code_of(handover)
        if self.discounts[code] != (handover.redemption.id, True):
            raise CodeTaken("the code is a stranger's")
        return Fulfilled(reference=f"gid/{code}")

    def _code_of(self, handover: Handover) -> str:
        assert handover.code is not None
        return handover.code


async def assert_equal(pool: asyncpg.Pool, live: Sequence[str]) -> None:
    """Exactly one live discount for each approved or used redemption, none for any other, nothing
    pending, and every point in its place."""
    rows = await pool.fetch("SELECT code, status FROM redemptions ORDER BY code")
    assert [row["code"] for row in rows if row["status"] in ("approved", "used")] == sorted(live)
    assert {row["status"] for row in rows} <= {"approved", "used", "declined", "void"}
    assert await pool.fetchval("SELECT coalesce(sum(points_held), 0) FROM wallets") == 0
    assert await drifts(pool) == []
