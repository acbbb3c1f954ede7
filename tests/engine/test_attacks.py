"""What was tried against the hand-over: points twice, and codes that outlive their redemption."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from guerdon.domain.command import Done, EraseMember, Outcome, Redeem, Refund, Refused, Settle
from guerdon.domain.event import EventKind
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from guerdon.engine.delivering import deliver
from guerdon.engine.expiring import KEYS_KEPT, auto_refund_due, purge_keys
from guerdon.engine.ports import Destination
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due, retry, void
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from tests.builders.couriers import Scripted, hand_all_on, statuses
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, balance, drifts, enrol, redemption_of, ref
from tests.builders.platform import MemoryPlatform, assert_equal
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

_POINTS = make_reward(1, fulfil_by="points", credit_points=30, auto_refund_seconds=7 * 86_400)
_DISCOUNT = make_reward(2, fulfil_by="shopify")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
async def ledger(pool: asyncpg.Pool, clock: Clock, platform: MemoryPlatform) -> Ledger:
    runtime = Runtime(
        pool=pool,
        now=clock,
        seal=Seal(b"a sealing key of thirty-two bytes or more"),
        fulfillers={"shopify": platform},
    )
    made = Ledger(runtime)
    await save_shop(pool, make_shop(rewards=(_POINTS, _DISCOUNT)))
    await connect_platform(runtime, SHOP)
    await enrol(made, "7001", 250)
    return made


async def _redeem(ledger: Ledger) -> Redemption:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_POINTS.id)
    return redemption_of(await redeem(ledger, SHOP, command))


async def _redeem_discount(ledger: Ledger) -> Outcome:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_DISCOUNT.id)
    return await redeem(ledger, SHOP, command)


async def _pass(ledger: Ledger, clock: Clock, **time: float) -> None:
    clock.advance(**time)
    await purge_keys(ledger, SHOP, 1000)


async def test_credited_points_go_back_also_when_their_key_is_forgotten(
    ledger: Ledger, clock: Clock, pool: asyncpg.Pool
) -> None:
    redemption = await _redeem(ledger)
    assert await balance(pool, "7001") == 180
    await _pass(ledger, clock, seconds=(KEYS_KEPT + timedelta(hours=1)).total_seconds())
    assert isinstance(await void(ledger, SHOP, redemption.id, "by staff"), Done)
    assert await balance(pool, "7001") == 250
    for _ in range(3):
        # Whatever is asked of it later on, nothing is taken twice.
        await _pass(ledger, clock, seconds=KEYS_KEPT.total_seconds() + 60)
        await retry(ledger, SHOP, redemption.id)
        await void(ledger, SHOP, redemption.id, "once more")
        await fulfil_due(ledger, SHOP, 50)
    assert await balance(pool, "7001") == 250
    assert await drifts(pool) == []


async def test_points_that_go_back_by_themselves_are_not_there_twice(
    ledger: Ledger, clock: Clock, pool: asyncpg.Pool
) -> None:
    await _redeem(ledger)
    await _pass(ledger, clock, seconds=7 * 86_400)
    assert (await auto_refund_due(ledger, SHOP, 10)).done == 1
    assert await balance(pool, "7001") == 250
    assert await drifts(pool) == []


async def test_a_refund_takes_what_it_credited_in_the_same_act(
    ledger: Ledger, clock: Clock, pool: asyncpg.Pool
) -> None:
    redemption = await _redeem(ledger)
    assert isinstance(await void(ledger, SHOP, redemption.id, "by staff"), Done)
    for seconds in (0, 60, 300, 3600):
        clock.advance(seconds=seconds)
        await fulfil_due(ledger, SHOP, 50)
        assert await balance(pool, "7001") == 250
    assert await drifts(pool) == []


async def test_what_was_made_after_a_refund_is_taken_back(
    ledger: Ledger, platform: MemoryPlatform, pool: asyncpg.Pool
) -> None:
    """A request slept; a worker settled in its place, and staff refunded. Then it wakes."""
    platform.gate.clear()
    request = asyncio.create_task(_redeem_discount(ledger))
    while not platform.asked:
        await asyncio.sleep(0.01)
    redemption_id = await pool.fetchval("SELECT id FROM redemptions")
    assert isinstance(await ledger.submit(SHOP, Settle(redemption_id=redemption_id)), Done)
    assert isinstance(await ledger.submit(SHOP, Refund(redemption_id=redemption_id)), Done)
    platform.gate.set()
    assert isinstance(await request, Refused)
    assert len(platform.live) == 1
    await fulfil_due(ledger, SHOP, 50)
    await assert_equal(pool, platform.live)
    assert platform.live == []


class _Shop(Scripted):
    """A platform that events go to."""

    def wants(self, destination: Destination, kind: EventKind) -> bool:
        del destination
        return kind == "redemption.refunded"


async def test_a_forgotten_members_refund_still_reaches_the_shop(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    """The points went back, so whoever knows the code must not have the discount as well."""
    courier = _Shop()
    ledger.runtime.couriers["shopify"] = courier  # type: ignore[index]
    redemption = redemption_of(await _redeem_discount(ledger))
    member = MemberRef(id=redemption.member_id)
    await ledger.submit(SHOP, EraseMember(program_id=PROGRAM, member=member))
    assert isinstance(await void(ledger, SHOP, redemption.id, "by staff"), Done)
    await hand_all_on(ledger, SHOP)
    await deliver(ledger, SHOP, "shopify")
    (letter,) = courier.carried
    assert letter.redemption is not None
    assert letter.redemption.code == redemption.code
    assert letter.member.email is None
    assert await statuses(pool) == ["delivered"]
