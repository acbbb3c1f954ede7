"""Queued redemptions: pending after one transaction, brought to their end by a worker, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import Reward
from guerdon.domain.command import Command, EraseMember, Outcome, Redeem, Refused, Release
from guerdon.domain.errors import Invalid, OutOfStock
from guerdon.domain.ids import MerchantId, RedemptionId, RewardVersionId
from guerdon.domain.redemption import MEMBER_GONE, PROGRAM_GONE, Redemption
from guerdon.engine import queueing, repairing
from guerdon.engine.inspecting import list_redemptions_with_fulfilments
from guerdon.engine.pooling import add_codes
from guerdon.engine.queueing import list_waiting, process_queued
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, redemptions, sequences
from guerdon.store.fulfilments import list_fulfilments
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction
from guerdon.worker.loop import Worker
from guerdon.worker.timetable import TIMETABLE
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import (
    SHOP,
    balance,
    connect,
    drifts,
    enrol,
    redemption_of,
    ref,
)
from tests.builders.platform import MemoryPlatform
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

CODE = make_reward(1)
POOL = make_reward(2, fulfil_by="pool", kind="cart_discount")
# Of another's pool, as what is made of a template is.
DRAWN = make_reward(3, fulfil_by="pool", codes_from=POOL.id)
MANUAL = make_reward(4, fulfil_by="manual", kind="custom", expiry_days=5)
POINTS = make_reward(5, fulfil_by="points", kind="custom", credit_points=30)
PLATFORM = make_reward(6, fulfil_by="shopify")
HOOK = make_reward(7, fulfil_by="webhook", kind="custom")
LAST = make_reward(8, stock=1)
REWARDS = (CODE, POOL, DRAWN, MANUAL, POINTS, PLATFORM, HOOK, LAST)


class Scene:
    """A shop with a reward of every way, `anna` with 1,000 points, and two processes."""

    def __init__(self, pool: asyncpg.Pool, other: asyncpg.Pool) -> None:
        self.pool = pool
        self.clock = Clock()
        self.platform = MemoryPlatform()
        runtime = Runtime(
            pool=pool,
            now=self.clock,
            seal=Seal(b"a sealing key of thirty-two bytes or more"),
            fulfillers={"shopify": self.platform},
            fulfil_seconds=30,
        )
        self.ledger = Ledger(runtime)
        self.rival = Ledger(replace_pool(runtime, other))

    async def buy(self, reward: Reward, *, key: str | None = None) -> Redemption:
        command = Redeem(
            program_id=PROGRAM, member=ref("anna"), reward_id=reward.id, is_queued=True
        )
        return redemption_of(await redeem(self.ledger, SHOP, command, key=key))

    async def see(self, redemption_id: RedemptionId) -> Redemption:
        async with snapshot(self.pool) as view:
            (found,) = await redemptions.list_redemptions(view, SHOP, [redemption_id])
        return found

    async def held(self) -> int:
        points: int = await self.pool.fetchval("SELECT sum(points_held) FROM wallets")
        return points


def replace_pool(runtime: Runtime, pool: asyncpg.Pool) -> Runtime:
    return Runtime(
        pool=pool,
        now=runtime.now,
        seal=runtime.seal,
        fulfillers=runtime.fulfillers,
        fulfil_seconds=runtime.fulfil_seconds,
        queue_delay_seconds=runtime.queue_delay_seconds,
    )


async def end_program(scene: Scene) -> None:
    program = make_shop().program
    async with transaction(scene.pool) as tx:
        await offers.put_program(
            tx, SHOP, replace(program, archived_at=scene.clock()), scene.clock()
        )
        await sequences.bump_catalogue_version(tx, SHOP)


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    pools = [await connect(database_url) for _ in range(2)]
    scene = Scene(*pools)
    await save_shop(pools[0], make_shop(rewards=REWARDS))
    await connect_platform(scene.ledger.runtime, SHOP)
    await add_codes(scene.ledger.runtime, SHOP, POOL.id, ["P-1", "P-2", "P-3"])
    await enrol(scene.ledger, "anna", 1000)
    yield scene
    await scene.ledger.close()
    await scene.rival.close()
    for each in pools:
        await each.close()


async def test_every_way_in_house_is_pending_first_and_settled_by_the_worker(
    scene: Scene,
) -> None:
    made = {each.slug: await scene.buy(each) for each in (CODE, POOL, DRAWN, MANUAL, HOOK)}
    assert {(each.status, each.fulfilment) for each in made.values()} == {("pending", "queued")}
    assert (made["reward-2"].code, made["reward-3"].code) == ("P-1", "P-2")
    assert await scene.pool.fetchval("SELECT count(*) FROM fulfilments") == 0
    assert (await balance(scene.pool, "anna"), await scene.held()) == (500, 500)
    assert await drifts(scene.pool) == []
    assert await list_waiting(scene.ledger) == [SHOP]
    portion = await process_queued(scene.ledger, SHOP, 500)
    assert (portion.done, portion.has_more) == (5, True)
    seen = {slug: await scene.see(each.id) for slug, each in made.items()}
    assert {slug: (each.status, each.fulfilment) for slug, each in seen.items()} == {
        "reward-1": ("approved", "done"),
        "reward-2": ("approved", "done"),
        "reward-3": ("approved", "done"),
        "reward-4": ("approved", "open"),
        "reward-7": ("approved", "open"),
    }
    assert {slug: each.code for slug, each in seen.items()} == {
        slug: each.code for slug, each in made.items()
    }
    assert (await balance(scene.pool, "anna"), await scene.held()) == (500, 0)
    assert await list_waiting(scene.ledger) == []
    assert (await process_queued(scene.ledger, SHOP, 500)).done == 0
    assert await drifts(scene.pool) == []


async def test_repeating_a_key_gives_the_first_answer_and_nothing_is_made_twice(
    scene: Scene,
) -> None:
    first = await scene.buy(CODE, key="k")
    assert (await scene.buy(CODE, key="k")).id == first.id
    await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.buy(CODE, key="k")).status == "pending"
    assert await scene.pool.fetchval("SELECT count(*) FROM redemptions") == 1


async def test_what_is_queued_waits_for_as_long_as_was_said(scene: Scene) -> None:
    bought = await scene.buy(CODE)
    slow = Ledger(replace_delay(scene.ledger.runtime, 3.0))
    scene.clock.advance(seconds=2.9)
    assert await list_waiting(slow) == []
    assert (await process_queued(slow, SHOP, 500)).done == 0
    scene.clock.advance(seconds=0.2)
    assert await list_waiting(slow) == [SHOP]
    await process_queued(slow, SHOP, 500)
    assert (await scene.see(bought.id)).status == "approved"
    await slow.close()


def replace_delay(runtime: Runtime, seconds: float) -> Runtime:
    return Runtime(
        pool=runtime.pool,
        now=runtime.now,
        seal=runtime.seal,
        fulfillers=runtime.fulfillers,
        queue_delay_seconds=seconds,
    )


async def test_a_portion_is_no_larger_than_it_may_be(scene: Scene) -> None:
    for _ in range(3):
        await scene.buy(CODE)
    portion = await process_queued(scene.ledger, SHOP, 2)
    assert (portion.done, portion.has_more) == (2, True)
    assert (await process_queued(scene.ledger, SHOP, 2)).done == 1


async def test_what_a_platform_makes_does_not_hold_up_the_rest(scene: Scene) -> None:
    scene.platform.gate.clear()
    on_platform, in_house = await scene.buy(PLATFORM), await scene.buy(CODE)
    assert (await process_queued(scene.ledger, SHOP, 500)).done == 2
    assert (await scene.see(in_house.id)).status == "approved"
    assert await queueing.list_to_be_handed_over(scene.ledger) == [SHOP]
    handing_over = asyncio.create_task(fulfil_due(scene.ledger, SHOP, 20))
    while not scene.platform.asked:
        await asyncio.sleep(0.01)
    later = await scene.buy(CODE)
    await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.see(later.id)).status == "approved"
    waiting = await scene.see(on_platform.id)
    assert (waiting.status, waiting.fulfilment) == ("pending", "open")
    async with snapshot(scene.pool) as view:
        kept = await list_fulfilments(view, SHOP, [on_platform.id])
    assert kept[on_platform.id].leased_until is not None
    scene.platform.gate.set()
    await handing_over
    settled = await scene.see(on_platform.id)
    assert (settled.status, settled.fulfilment) == ("approved", "done")
    assert (scene.platform.live, await drifts(scene.pool)) == ([settled.code], [])


async def test_points_are_credited_once_however_often_a_worker_dies(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = await scene.buy(POINTS)

    async def die(*_: object) -> list[object]:
        raise ConnectionError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr(queueing, "submit_all", die)
        with pytest.raises(ConnectionError):
            await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.see(bought.id)).status == "pending"
    await process_queued(scene.rival, SHOP, 500)
    assert (await scene.see(bought.id)).status == "approved"
    assert await balance(scene.pool, "anna") == 930
    assert await drifts(scene.pool) == []


@pytest.mark.parametrize("why", ["staff", "program"])
async def test_points_credited_by_a_worker_that_died_come_off_again_with_a_release(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    bought = await scene.buy(POINTS)

    async def die(*_: object) -> list[object]:
        raise ConnectionError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr(queueing, "submit_all", die)
        with pytest.raises(ConnectionError):
            await process_queued(scene.ledger, SHOP, 500)
    assert await balance(scene.pool, "anna") == 930
    if why == "staff":
        await repairing.void(scene.ledger, SHOP, bought.id, "changed their mind")
    else:
        await end_program(scene)
        await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.see(bought.id)).status == "declined"
    await fulfil_due(scene.ledger, SHOP, 20)
    assert (await balance(scene.pool, "anna"), await scene.held()) == (1000, 0)
    assert await drifts(scene.pool) == []


async def test_points_approved_while_staff_void_them_come_off_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = await scene.buy(POINTS)
    submit = scene.ledger.submit

    async def be_late(
        merchant_id: MerchantId, command: Command, *, key: str | None = None, **more: Any
    ) -> Outcome:
        if isinstance(command, Release):
            await process_queued(scene.rival, SHOP, 500)
            await fulfil_due(scene.rival, SHOP, 20)
        return await submit(merchant_id, command, key=key, **more)

    monkeypatch.setattr(scene.ledger, "submit", be_late)
    await repairing.void(scene.ledger, SHOP, bought.id, "changed their mind")
    assert (await scene.see(bought.id)).status == "void"
    assert (await balance(scene.pool, "anna"), await scene.held()) == (1000, 0)
    assert await drifts(scene.pool) == []


async def test_two_workers_settle_once(scene: Scene) -> None:
    bought = [await scene.buy(each) for each in (CODE, POINTS, PLATFORM, CODE, MANUAL)]
    await asyncio.gather(
        process_queued(scene.ledger, SHOP, 500), process_queued(scene.rival, SHOP, 500)
    )
    await asyncio.gather(fulfil_due(scene.ledger, SHOP, 20), fulfil_due(scene.rival, SHOP, 20))
    assert {(await scene.see(each.id)).status for each in bought} == {"approved"}
    approved = await scene.pool.fetchval(
        "SELECT count(*) FROM events WHERE kind = 'redemption.approved'"
    )
    assert (approved, len(scene.platform.asked)) == (5, 1)
    assert await balance(scene.pool, "anna") == 530
    assert await drifts(scene.pool) == []


async def test_who_has_gone_gets_nothing_and_everything_goes_back(scene: Scene) -> None:
    bought = [await scene.buy(each) for each in (LAST, PLATFORM, POINTS)]
    erase = EraseMember(program_id=PROGRAM, member=ref("anna"))
    await scene.ledger.submit(SHOP, erase)
    assert (await process_queued(scene.ledger, SHOP, 500)).done == 3
    for each in bought:
        seen = await scene.see(each.id)
        assert (seen.status, seen.reason) == ("declined", MEMBER_GONE)
    assert await scene.held() == 0
    assert await scene.pool.fetchval("SELECT points_available FROM wallets") == 1000
    assert await scene.pool.fetchval("SELECT sum(units_live) FROM reward_counters") == 0
    assert scene.platform.asked == []
    assert await drifts(scene.pool) == []


async def test_a_program_that_is_gone_gives_everything_back(scene: Scene) -> None:
    bought = [await scene.buy(each) for each in (CODE, PLATFORM)]
    await end_program(scene)
    await process_queued(scene.ledger, SHOP, 500)
    for each in bought:
        seen = await scene.see(each.id)
        assert (seen.status, seen.reason) == ("declined", PROGRAM_GONE)
    assert (await balance(scene.pool, "anna"), await scene.held()) == (1000, 0)
    assert await drifts(scene.pool) == []


async def test_staff_may_settle_and_void_what_is_queued(scene: Scene) -> None:
    first, second = await scene.buy(CODE), await scene.buy(CODE)
    ((shown, kept), _) = await list_redemptions_with_fulfilments(
        scene.ledger.runtime, SHOP, status="pending", is_stuck=False, limit=5
    )
    assert (shown.fulfilment, kept) == ("queued", None)
    with pytest.raises(Invalid, match="queued"):
        await repairing.complete(scene.ledger, SHOP, first.id)
    await repairing.retry(scene.ledger, SHOP, first.id)
    assert (await scene.see(first.id)).status == "approved"
    await repairing.void(scene.ledger, SHOP, second.id, "changed their mind")
    assert (await scene.see(second.id)).status == "declined"
    assert (await process_queued(scene.ledger, SHOP, 500)).done == 0
    assert await scene.pool.fetchval("SELECT count(*) FROM fulfilments") == 0
    assert await drifts(scene.pool) == []


async def test_what_waits_long_is_not_taken_for_a_platforms(scene: Scene) -> None:
    bought = await scene.buy(CODE)
    scene.clock.advance(seconds=timedelta(hours=30).total_seconds())
    assert (await fulfil_due(scene.ledger, SHOP, 20)).done == 0
    await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.see(bought.id)).status == "approved"


async def test_rewards_of_one_pool_share_its_last_code(scene: Scene) -> None:
    await scene.buy(DRAWN)
    await scene.buy(POOL)
    command = Redeem(program_id=PROGRAM, member=ref("anna"), reward_id=DRAWN.id, is_queued=True)
    outcomes = await asyncio.gather(
        *(
            ledger.submit(SHOP, replace(command, reward_id=reward.id))
            for ledger in (scene.ledger, scene.rival)
            for reward in (POOL, DRAWN)
        )
    )
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert len(refused) == 3
    assert all(isinstance(each.refusals[0], OutOfStock) for each in refused)
    await process_queued(scene.ledger, SHOP, 500)
    assert await drifts(scene.pool) == []


async def test_the_reward_is_as_it_was_when_it_was_redeemed(scene: Scene) -> None:
    bought = await scene.buy(MANUAL)
    changed = replace(MANUAL, version_id=RewardVersionId(9999), fulfil_by="code")
    await save_shop_reward(scene, changed)
    await scene.ledger.catalogues.refresh(SHOP)
    await process_queued(scene.ledger, SHOP, 500)
    assert (await scene.see(bought.id)).fulfilment == "open"


async def save_shop_reward(scene: Scene, reward: Reward) -> None:
    async with transaction(scene.pool) as tx:
        await offers.insert_reward_version(tx, SHOP, reward, scene.clock())
        await offers.put_reward(tx, SHOP, reward)


async def test_the_timetable_visits_only_who_has_some(scene: Scene) -> None:
    chore = next(each for each in TIMETABLE if each.name == "process queued")
    worker = Worker(scene.ledger, asyncio.Event())
    assert chore.where is not None
    assert await chore.where(scene.ledger) == []
    bought = await scene.buy(CODE)
    assert await worker.do(chore) is False
    assert (await scene.see(bought.id)).status == "approved"
