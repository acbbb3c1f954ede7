"""Purchases by calls, processed by workers that are killed while they are at it."""

import asyncio
import sys
from dataclasses import replace

import asyncpg

from guerdon.domain.catalogue import PointType
from guerdon.domain.ids import PointTypeId
from tests.builders.ledgers import drifts
from tests.builders.shop import make_reward, make_shop
from tests.builders.vouch import ServedVouch
from tests.builders.vouch_purchases import Buyer, buyer_of, row_of
from tests.dialects.voucherify.conftest import ServeVouch
from tests.support.commands import environment

BEANS = PointTypeId(77)
CODE = make_reward(1, points_cost=1)
POINTS = make_reward(
    2,
    points_cost=1,
    fulfil_by="points",
    kind="custom",
    credit_points=30,
    credit_point_type="beans",
)
ROUNDS = 2
PAIRS = 12


async def _start_worker(database_url: str) -> asyncio.subprocess.Process:
    settings = environment(
        GUERDON_DATABASE_URL=database_url,
        GUERDON_SECRET_KEY="a sealing key of thirty-two bytes or more",
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guerdon", "worker", env=settings, stderr=asyncio.subprocess.DEVNULL
    )


async def _kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def _count(served: ServedVouch, status: str) -> int:
    (count,) = await row_of(served, "SELECT count(*) FROM redemptions WHERE status = $1", status)
    return int(count)


async def _until_none_is_pending(served: ServedVouch) -> None:
    async with asyncio.timeout(60):
        while await _count(served, "pending"):
            await asyncio.sleep(0.05)


async def _buy(buyer: Buyer) -> None:
    for _ in range(PAIRS):
        await asyncio.gather(buyer.buy(CODE), buyer.buy(POINTS))


async def test_what_killed_workers_leave_is_done_once(
    serve_shop: ServeVouch, database_url: str
) -> None:
    shop = make_shop(rewards=(CODE, POINTS), further_point_type_ids=(BEANS,))
    beans = PointType(id=BEANS, slug="beans", name="Beans")
    served = await serve_shop(replace(shop, further_point_types=(beans,)))
    buyer = await buyer_of(served)
    for _ in range(ROUNDS):
        worker = await _start_worker(database_url)
        try:
            await buyer.buy(CODE)
            await _until_none_is_pending(served)
            before = await _count(served, "approved")
            buying = asyncio.create_task(_buy(buyer))
            async with asyncio.timeout(60):
                while await _count(served, "approved") == before:
                    await asyncio.sleep(0.01)
        finally:
            await _kill(worker)
        await buying
    assert await _count(served, "pending") > 0
    worker = await _start_worker(database_url)
    try:
        await _until_none_is_pending(served)
    finally:
        await _kill(worker)
    listed = await buyer.purchases("?limit=100")
    assert len(listed) == ROUNDS * (1 + 2 * PAIRS)
    assert {each["status"] for each in listed} == {"APPROVED"}
    assert await buyer.balance() == (1000 - len(listed), 0)
    assert await buyer.balance(BEANS) == (30 * ROUNDS * PAIRS, 0)
    assert isinstance(served.pool, asyncpg.Pool)
    assert await drifts(served.pool) == []
