"""Every event goes to every destination that was there for it, once."""

import asyncio

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.domain.catalogue import Program
from guerdon.domain.command import Adjust, Earn, Redeem
from guerdon.domain.ids import ProgramId
from guerdon.domain.member import MemberRef
from guerdon.engine.addressing import hand_on
from guerdon.engine.clearing import clear_destinations, purge_deliveries
from guerdon.engine.portions import Portion
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.outbox_cursors import list_due_destinations, list_merchants_behind
from guerdon.store.snapshot import snapshot
from tests.builders.couriers import (
    Scripted,
    add_webhook,
    deliver_all,
    give,
    hand_all_on,
    make_runtime,
    statuses,
)
from tests.builders.ledgers import connect
from tests.builders.member import ANA, Clock, do, enrol
from tests.builders.shop import (
    FOUNDED,
    PROGRAM,
    Shop,
    make_rule,
    make_shop,
    make_tier,
    save_shop,
)


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    return await save_shop(
        pool, make_shop(rules=(make_rule(),), tiers=(make_tier(1, 0, name="Amber"),))
    )


@pytest.fixture
def courier() -> Scripted:
    return Scripted()


@pytest.fixture
def ledger(pool: asyncpg.Pool, courier: Scripted) -> Ledger:
    return Ledger(make_runtime(pool, courier, Clock()))


async def _made(pool: asyncpg.Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch("SELECT destination, event_id FROM deliveries ORDER BY id")
    return [(row[0], row[1]) for row in rows]


async def _events(pool: asyncpg.Pool, kind: str) -> list[int]:
    rows = await pool.fetch("SELECT id FROM events WHERE kind = $1 ORDER BY id", kind)
    return [row[0] for row in rows]


async def test_each_destination_gets_what_it_wants_in_order(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    first = await add_webhook(pool, shop.id)
    second = await add_webhook(pool, shop.id, "points.adjusted", "member.enrolled")
    await enrol(ledger, shop, "1")
    await give(ledger, shop, 1, 5, 6)
    assert await hand_all_on(ledger, shop.id, limit=1) == 5
    (enrolled,) = await _events(pool, "member.enrolled")
    one, two = await _events(pool, "points.adjusted")
    assert await _made(pool) == [
        (second, enrolled),
        (first, one),
        (second, one),
        (first, two),
        (second, two),
    ]
    assert await hand_all_on(ledger, shop.id) == 0


async def test_another_programs_events_are_not_a_webhooks(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    other = Program(id=ProgramId(12), slug="other", name="Other")
    await add_webhook(pool, shop.id, program=other)
    own = await add_webhook(pool, shop.id, program=shop.program)
    await enrol(ledger, shop, "1", 5)
    await hand_all_on(ledger, shop.id)
    assert [name for name, _ in await _made(pool)] == [own]


async def test_a_destination_added_later_gets_what_comes_from_then_on(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    await enrol(ledger, shop, "1", 5)
    assert await hand_all_on(ledger, shop.id) == 0
    await add_webhook(pool, shop.id)
    await give(ledger, shop, 1, 6)
    assert await hand_all_on(ledger, shop.id) == 1
    assert await deliver_all(ledger, shop.id, (await _made(pool))[0][0]) == 1


async def test_a_destination_there_from_the_beginning_gets_what_no_worker_saw(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1", 5)
    assert await hand_all_on(ledger, shop.id) == 1


async def test_a_webhook_switched_off_gets_nothing(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    await add_webhook(pool, shop.id, is_active=False)
    await enrol(ledger, shop, "1", 5)
    assert await hand_all_on(ledger, shop.id) == 0


async def test_only_merchants_with_something_to_do_are_looked_at(
    pool: asyncpg.Pool, shop: Shop, courier: Scripted
) -> None:
    clock = Clock()
    ledger = Ledger(make_runtime(pool, courier, clock))
    quiet = await save_shop(pool, make_shop(2))
    name = await add_webhook(pool, shop.id)
    for each in (shop.id, quiet.id):
        await hand_all_on(ledger, each)

    async def look() -> tuple[list[int], list[tuple[int, str]]]:
        async with snapshot(pool) as view:
            behind = await list_merchants_behind(view)
            return list(behind), [*await list_due_destinations(view, clock.at)]

    assert await look() == ([], [])
    await enrol(ledger, shop, "1", 5)
    assert await look() == ([shop.id], [])
    await hand_all_on(ledger, shop.id)
    assert await look() == ([], [(shop.id, name)])
    await deliver_all(ledger, shop.id, name)
    assert await look() == ([], [])


async def test_two_workers_and_many_writers_lose_and_double_nothing(
    database_url: str, pool: asyncpg.Pool, shop: Shop, courier: Scripted
) -> None:
    names = [await add_webhook(pool, shop.id) for _ in range(2)]
    pools = [await connect(database_url) for _ in range(4)]
    writers = [Ledger(Runtime(pool=each)) for each in pools[:2]]
    workers = [Ledger(make_runtime(each, courier)) for each in pools[2:]]
    for member in range(8):
        await enrol(writers[0], shop, str(member))
    done = asyncio.Event()

    async def write(ledger: Ledger, member: int) -> None:
        for points in range(1, 16):
            await give(ledger, shop, member, points)

    async def work(ledger: Ledger) -> None:
        while not done.is_set():
            await hand_on(ledger, shop.id, 7)
            await asyncio.sleep(0)

    working = [asyncio.create_task(work(each)) for each in workers]
    await asyncio.gather(*(write(writers[n % 2], n) for n in range(8)))
    done.set()
    await asyncio.gather(*working)
    await hand_all_on(workers[0], shop.id)
    events = await _events(pool, "points.adjusted")
    assert len(events) == 120
    made = await _made(pool)
    for name in names:
        assert [event for to, event in made if to == name] == events
    for each in (*writers, *workers):
        await each.close()
    for each_pool in pools:
        await each_pool.close()


async def test_a_letter_says_all_there_is_to_say(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger, courier: Scripted
) -> None:
    name = await add_webhook(pool, shop.id, "redemption.approved", "points.earned")
    await enrol(ledger, shop, points=500)
    await do(ledger, shop, Earn(program_id=PROGRAM, member=ANA, rule_id=shop.rules[0].id))
    await do(ledger, shop, Redeem(program_id=PROGRAM, member=ANA, reward_id=shop.rewards[0].id))
    await hand_all_on(ledger, shop.id)
    await deliver_all(ledger, shop.id, name)
    earned, redeemed = courier.carried
    assert (earned.event.kind, redeemed.event.kind) == ("points.earned", "redemption.approved")
    assert earned.rule == shop.rules[0]
    assert earned.earning is not None
    assert (earned.earning.points, earned.redemption) == (50, None)
    assert redeemed.reward == shop.rewards[0]
    assert redeemed.redemption is not None
    assert redeemed.redemption.id == redeemed.event.redemption_id
    assert redeemed.redemption.code is not None
    assert redeemed.member.email == "7001@shopper.example"
    since = replace(shop.program, created_at=FOUNDED)
    assert (redeemed.merchant, redeemed.program) == (shop.merchant, since)
    standing = redeemed.standing
    assert (standing.points_available, standing.points_redeemed) == (450, 100)
    assert standing.tier is not None
    assert standing.tier.name == "Amber"
    assert not standing.is_frozen


async def test_letters_are_written_with_the_offers_as_they_are_now(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger, courier: Scripted
) -> None:
    name = await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1", 5)
    await hand_all_on(ledger, shop.id)
    await ledger.catalogues.get(shop.id)
    await pool.execute("UPDATE merchants SET name = 'New name'")
    await pool.execute("UPDATE sequences SET catalogue_version = catalogue_version + 1")
    await deliver_all(ledger, shop.id, name)
    assert [letter.merchant.name for letter in courier.carried] == ["New name"]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ("DELETE FROM webhook_subscriptions", "skipped", "the destination was removed"),
        (
            "UPDATE webhook_subscriptions SET is_active = false",
            "dead",
            "the destination is switched off",
        ),
    ],
)
async def test_what_waits_for_a_destination_that_is_gone_is_closed(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger, change: str, status: str, reason: str
) -> None:
    name = await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1")
    await give(ledger, shop, 1, 5, 6, 7)
    await hand_all_on(ledger, shop.id)
    assert await clear_destinations(ledger, shop.id, 2) == Portion(0, has_more=False)
    await pool.execute(change)
    assert await deliver_all(ledger, shop.id, name) == 0
    assert await statuses(pool) == ["waiting"] * 3
    assert await clear_destinations(ledger, shop.id, 2) == Portion(2, has_more=True)
    assert await clear_destinations(ledger, shop.id, 2) == Portion(1, has_more=False)
    rows = await pool.fetch("SELECT DISTINCT status, last_error FROM deliveries")
    assert [tuple(row) for row in rows] == [(status, reason)]
    assert await pool.fetchval("SELECT destinations FROM outbox_cursors") == []


async def test_what_is_long_over_is_forgotten_but_not_what_failed(
    pool: asyncpg.Pool, shop: Shop, courier: Scripted
) -> None:
    clock = Clock()
    ledger = Ledger(make_runtime(pool, courier, clock))
    name = await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1")
    await give(ledger, shop, 1, *range(1, 8))
    await hand_all_on(ledger, shop.id)
    await deliver_all(ledger, shop.id, name)
    await pool.execute("UPDATE deliveries SET status = 'dead' WHERE id = 3")
    clock.pass_(days=7)
    assert await purge_deliveries(ledger, shop.id, 4) == Portion(0, has_more=False)
    clock.pass_(seconds=1)
    assert await purge_deliveries(ledger, shop.id, 4) == Portion(4, has_more=True)
    assert await purge_deliveries(ledger, shop.id, 4) == Portion(2, has_more=False)
    assert await statuses(pool) == ["dead"]


async def test_the_ledger_does_not_wait_for_deliveries(
    pool: asyncpg.Pool, shop: Shop, ledger: Ledger
) -> None:
    await add_webhook(pool, shop.id)
    await enrol(ledger, shop, "1")
    await hand_all_on(ledger, shop.id)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM outbox_cursors FOR UPDATE")
        await do(
            ledger, shop, Adjust(program_id=PROGRAM, member=MemberRef(external_id="1"), points=5)
        )
        # A rival has the cursor, and will hand on.
        assert await hand_on(ledger, shop.id, 9) == Portion(0, has_more=False)
    assert await hand_all_on(ledger, shop.id) == 1
