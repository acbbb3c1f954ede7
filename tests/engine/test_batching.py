"""What batches meet: rivals, changing offers, few connections, a full queue, callers who leave."""

import asyncio
from datetime import timedelta

import asyncpg

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import (
    Adjust,
    Done,
    Enrol,
    MarkUsed,
    Redeem,
    Refund,
    Refused,
)
from guerdon.domain.errors import (
    InsufficientPoints,
    RewardUnknown,
    Unavailable,
)
from guerdon.engine.runtime import Runtime, utc_now
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.ledgers import (
    SHOP,
    balance,
    connect,
    drifts,
    enrol,
    enrolled_of,
    ledgers,
    redemption_of,
    ref,
)
from tests.builders.shop import (
    PROGRAM,
    make_reward,
    make_rule,
    make_shop,
    make_tier,
    save_shop,
)

REWARD = make_reward().id


def redeem_by(name: object) -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref(name), reward_id=REWARD)


def give_to(name: object, points: int) -> Adjust:
    return Adjust(program_id=PROGRAM, member=ref(name), points=points)


async def test_a_rivals_member_is_found_on_the_second_look(database_url: str) -> None:
    async with ledgers(database_url, 4) as those:
        await save_shop(those[0].runtime.pool, make_shop())
        enrolments = [
            ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id=f"m{number}"))
            for number in range(10)
            for ledger in those
        ]
        outcomes = await asyncio.gather(*enrolments)
        assert all(isinstance(each, Done) for each in outcomes)
        assert sum(enrolled_of(each).is_new for each in outcomes) == 10
        assert await drifts(those[0].runtime.pool) == []


async def test_a_code_that_is_taken_already_is_chosen_anew(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop(code_alphabet="AB", code_length=3))
    turns = iter(range(10**9))
    # Each three codes come twice running, so that a batch collides with itself and with others.
    ledger = Ledger(Runtime(pool=pool, bits=lambda: next(turns) // 2 * 13))
    await enrol(ledger, "anna", 1000)
    outcomes = await asyncio.gather(*(ledger.submit(SHOP, redeem_by("anna")) for _ in range(4)))
    codes = {redemption_of(each).code for each in outcomes}
    assert len(codes) == 4
    assert await balance(pool, "anna") == 600
    assert await drifts(pool) == []


async def test_offers_changed_under_a_batch_are_read_anew(database_url: str) -> None:
    async with ledgers(database_url, 2) as (ledger, other):
        shop = await save_shop(other.runtime.pool, make_shop())
        await enrol(ledger, "anna", 1000)
        async with transaction(other.runtime.pool) as tx:
            dearer = make_reward(points_cost=300)
            await offers.put_reward(tx, shop.id, dearer)
            await sequences.bump_catalogue_version(tx, shop.id)
        made = redemption_of(await ledger.submit(SHOP, redeem_by("anna")))
        assert made.points_cost == 300


async def test_a_refusal_by_stale_offers_is_never_given(database_url: str) -> None:
    async with ledgers(database_url, 2) as (ledger, other):
        shop = await save_shop(other.runtime.pool, make_shop())
        await enrol(ledger, "anna", 1000)
        fresh = make_reward(2)
        command = Redeem(program_id=PROGRAM, member=ref("anna"), reward_id=fresh.id)
        assert await ledger.submit(SHOP, command) == Refused((RewardUnknown(fresh.id),))
        async with transaction(other.runtime.pool) as tx:
            await offers.put_reward(tx, shop.id, fresh)
            await sequences.bump_catalogue_version(tx, shop.id)
        assert isinstance(await ledger.submit(SHOP, command), Done)


async def test_a_wrong_guess_at_ids_never_mixes_new_lots_with_old(database_url: str) -> None:
    """One ledger goes on guessing ids that another has given to a lot it then draws from."""
    async with ledgers(database_url, 2, lanes=1) as (slow, busy):
        await save_shop(busy.runtime.pool, make_shop(rules=(make_rule(),)))
        await enrol(slow, "anna", 50)
        for _ in range(30):
            await busy.submit(SHOP, give_to("anna", 7))
        both = [
            slow.submit(SHOP, give_to("anna", 7)),
            *(slow.submit(SHOP, redeem_by("anna")) for _ in range(2)),
            slow.submit(SHOP, give_to("anna", 7)),
        ]
        outcomes = await asyncio.gather(*both)
        assert all(isinstance(each, Done) for each in outcomes)
        assert await balance(busy.runtime.pool, "anna") == 50 + 210 + 14 - 200
        assert await drifts(busy.runtime.pool) == []


async def test_a_ledger_without_any_guess_never_mixes_new_lots_with_old(
    database_url: str,
) -> None:
    async with ledgers(database_url, 2, lanes=1) as (first, cold):
        await save_shop(first.runtime.pool, make_shop())
        async with first.runtime.pool.acquire() as connection:
            await connection.execute("UPDATE sequences SET next_id = 1")
        await enrol(first, "anna", 50)
        for _ in range(10):
            await first.submit(SHOP, give_to("anna", 10))
        outcomes = await asyncio.gather(
            cold.submit(SHOP, Enrol(program_id=PROGRAM, external_id="bela")),
            *(cold.submit(SHOP, give_to("anna", 10)) for _ in range(3)),
            cold.submit(SHOP, redeem_by("anna")),
        )
        assert all(isinstance(each, Done) for each in outcomes)
        assert await balance(first.runtime.pool, "anna") == 80
        assert await drifts(first.runtime.pool) == []


async def test_refunds_meet_redemptions_of_a_scarce_reward_without_deadlock(
    database_url: str,
) -> None:
    async with ledgers(database_url, 4) as those:
        await save_shop(
            those[0].runtime.pool, make_shop(rewards=(make_reward(stock=10_000, points_cost=1),))
        )
        for number in range(8):
            await enrol(those[0], number, 1000)
        before = await _deadlocks(those[0].runtime.pool)

        async def go_back_and_forth(ledger: Ledger, name: int) -> None:
            for _ in range(25):
                made = redemption_of(await ledger.submit(SHOP, redeem_by(name)))
                await ledger.submit(SHOP, Refund(redemption_id=made.id))

        await asyncio.gather(*(go_back_and_forth(those[n % 4], n) for n in range(8)))
        assert await _deadlocks(those[0].runtime.pool) == before
        assert await drifts(those[0].runtime.pool) == []


async def _deadlocks(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        count: int = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return count


async def test_few_connections_serve_many_callers(database_url: str) -> None:
    pool = await connect(database_url, size=1)
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, lanes=4, batch_size=5))
    await enrol(ledger, "anna", 10_000)
    outcomes = await asyncio.gather(*(ledger.submit(SHOP, redeem_by("anna")) for _ in range(100)))
    assert all(isinstance(each, Done) for each in outcomes)
    await pool.close()


async def test_a_full_queue_turns_callers_away_at_once(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, waiting_max=3, lanes=1))
    await enrol(ledger, "anna", 1000)
    outcomes = await asyncio.gather(
        *(ledger.submit(SHOP, redeem_by("anna")) for _ in range(9)), return_exceptions=True
    )
    turned_away = [each for each in outcomes if isinstance(each, Unavailable)]
    done = [each for each in outcomes if isinstance(each, Done)]
    assert len(done) + len(turned_away) == 9
    assert len(turned_away) >= 5
    assert await balance(pool, "anna") == 1000 - 100 * len(done)


async def test_a_caller_who_leaves_stops_nobody(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, lanes=1))
    await enrol(ledger, "anna", 5000)
    for delay in (0, 0.001, 0.003, 0.01):
        leaving = asyncio.create_task(ledger.submit(SHOP, redeem_by("anna")))
        staying = [asyncio.create_task(ledger.submit(SHOP, redeem_by("anna"))) for _ in range(3)]
        await asyncio.sleep(delay)
        leaving.cancel()
        assert all(isinstance(each, Done) for each in await asyncio.gather(*staying))
    await ledger.close()
    made = await pool.fetchval("SELECT count(*) FROM redemptions")
    assert 12 <= made <= 16
    assert await balance(pool, "anna") == 5000 - 100 * made
    assert ledger._queues == {}
    assert await drifts(pool) == []


async def test_closing_waits_for_what_was_submitted(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    ledger = Ledger(Runtime(pool=pool, batch_size=3))
    await enrol(ledger, "anna", 5000)
    asked = [asyncio.create_task(ledger.submit(SHOP, redeem_by("anna"))) for _ in range(20)]
    await asyncio.sleep(0)
    await ledger.close()
    assert await pool.fetchval("SELECT count(*) FROM redemptions") == 20
    assert all(isinstance(each, Done) for each in await asyncio.gather(*asked))


async def test_pooled_grants_suffice_for_everyone_enrolled_at_once(pool: asyncpg.Pool) -> None:
    granted = make_reward(grant_on_entry=True, tier_id=make_tier(2, 0).id, fulfil_by="pool")
    shop = await save_shop(
        pool,
        make_shop(
            rewards=(granted,),
            tiers=(make_tier(1, 0), make_tier(2, 100)),
            rules=(make_rule(trigger="signup", points=100),),
        ),
    )
    async with transaction(pool) as tx:
        codes = [(500 + number, f"WELCOME-{number}") for number in range(20)]
        await offers.insert_pool_codes(tx, shop.id, granted.id, codes, utc_now())
    ledger = Ledger(Runtime(pool=pool, lanes=1))
    await asyncio.gather(*(enrol(ledger, number) for number in range(12)))
    assert await pool.fetchval("SELECT count(DISTINCT code) FROM redemptions") == 12
    assert await drifts(pool) == []


async def test_a_batch_on_the_database_ends_like_its_commands_one_by_one(
    pool: asyncpg.Pool,
) -> None:
    limit = MemberLimit(count=1, interval="ever")
    await save_shop(pool, make_shop(rewards=(make_reward(limit_per_member=limit),)))
    ledger = Ledger(Runtime(pool=pool, lanes=1))
    await enrol(ledger, "anna", 1000)
    made = redemption_of(await ledger.submit(SHOP, redeem_by("anna")))
    first, back, second, used = await asyncio.gather(
        ledger.submit(SHOP, redeem_by("anna")),
        ledger.submit(SHOP, Refund(redemption_id=made.id)),
        ledger.submit(SHOP, redeem_by("anna")),
        ledger.submit(SHOP, MarkUsed(redemption_id=made.id)),
    )
    assert [type(each) for each in (first, back, second, used)] == [Refused, Done, Done, Refused]
    assert await drifts(pool) == []


async def test_time_is_told_once_the_locks_are_held(pool: asyncpg.Pool) -> None:
    """A lot that expires while the batch waits for its wallet is not drawn."""
    await save_shop(pool, make_shop())
    started = utc_now()
    ledger = Ledger(Runtime(pool=pool, goes_unlocked=False))
    await enrol(ledger, "anna")
    give = Adjust(
        program_id=PROGRAM,
        member=ref("anna"),
        points=100,
        expires_at=started + timedelta(seconds=1),
    )
    await ledger.submit(SHOP, give)
    async with pool.acquire() as rival, rival.transaction():
        await rival.execute("SELECT 1 FROM wallets FOR UPDATE")
        asked = asyncio.create_task(ledger.submit(SHOP, redeem_by("anna")))
        await asyncio.sleep(1.1)
    assert await asked == Refused((InsufficientPoints(0, 100),))
