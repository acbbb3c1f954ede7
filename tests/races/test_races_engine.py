"""Many at once, from several ledgers and several processes: exactly as many as there is for."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import Adjust, Command, Done, MarkUsed, Redeem, Refund, Release, Settle
from guerdon.engine.runtime import utc_now
from guerdon.engine.submitting import Ledger
from guerdon.store import offers
from guerdon.store.transaction import transaction
from tests.builders.ledgers import (
    SHOP,
    balance,
    done,
    drifts,
    enrol,
    ledgers,
    redemption_of,
    ref,
)
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop
from tests.house.source import ROOT

REWARD = make_reward().id


def redeem_by(name: object) -> Redeem:
    return Redeem(program_id=PROGRAM, member=ref(name), reward_id=REWARD)


async def begin(those: list[Ledger], *, members: int = 1, points: int = 100, **reward: Any) -> None:
    await save_shop(those[0].runtime.pool, make_shop(rewards=(make_reward(**reward),)))
    await asyncio.gather(*(enrol(those[0], number, points) for number in range(members)))


async def test_points_for_thirty_seven_buy_thirty_seven(database_url: str) -> None:
    async with ledgers(database_url, 4) as those:
        await begin(those, points=3799)
        outcomes = await asyncio.gather(
            *(those[number % 4].submit(SHOP, redeem_by(0)) for number in range(200))
        )
        made = done(outcomes)
        assert len(made) == 37
        assert len({each.code for each in made}) == len({each.id for each in made}) == 37
        assert await balance(those[0].runtime.pool, 0) == 99
        assert await drifts(those[0].runtime.pool) == []


async def test_a_stock_of_a_hundred_serves_a_hundred_in_eight_processes(
    database_url: str, tmp_path: Path
) -> None:
    async with ledgers(database_url, 1) as those:
        await begin(those, members=2000, points=200, stock=100)
        logs = [tmp_path / f"{number}.log" for number in range(8)]
        workers = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.races.worker"),
                *(database_url, str(log), "2000", "250", str(number)),
                cwd=ROOT,
            )
            for number, log in enumerate(logs)
        ]
        assert await asyncio.gather(*(worker.wait() for worker in workers)) == [0] * 8
        lines = [line.split() for log in logs for line in log.read_text().splitlines()]
        told = [line for line in lines if line[0] == "done"]
        assert len(told) == 100
        assert len([line for line in lines if line[0] == "refused"]) == 1900
        pool: asyncpg.Pool = those[0].runtime.pool
        rows = await pool.fetch("SELECT id, code FROM redemptions")
        assert {(str(row["id"]), row["code"]) for row in rows} == {
            (line[2], line[3]) for line in told
        }
        assert await drifts(pool) == []


async def test_the_same_key_fifty_times_is_one_redemption(database_url: str) -> None:
    async with ledgers(database_url, 5) as those:
        await begin(those, points=5000)
        outcomes = await asyncio.gather(
            *(
                those[number % 5].submit(SHOP, redeem_by(0), key="k", fingerprint=b"f")
                for number in range(50)
            )
        )
        made = done(outcomes)
        assert len(made) == 50
        assert all(each == made[0] for each in made)
        assert sum(isinstance(each, Done) and not each.is_replay for each in outcomes) == 1
        pool: asyncpg.Pool = those[0].runtime.pool
        assert await pool.fetchval("SELECT count(*) FROM redemptions") == 1
        assert await balance(pool, 0) == 4900
        assert await drifts(pool) == []


async def test_the_same_key_for_two_members_is_one_redemption(database_url: str) -> None:
    async with ledgers(database_url, 2) as those:
        await begin(those, members=2)
        for turn in range(10):
            outcomes = await asyncio.gather(
                *(
                    those[number].submit(
                        SHOP, redeem_by(number), key=f"k{turn}", fingerprint=b"%d" % number
                    )
                    for number in range(2)
                )
            )
            assert sorted(type(each).__name__ for each in outcomes) == ["Done", "Refused"]
            (made,) = done(outcomes)
            await those[0].submit(SHOP, Refund(redemption_id=made.id))
        assert await drifts(those[0].runtime.pool) == []


async def test_a_member_limit_holds_when_all_come_at_once(database_url: str) -> None:
    limit = MemberLimit(count=3, interval="ever")
    async with ledgers(database_url, 4) as those:
        await begin(those, members=3, points=10_000, limit_per_member=limit)
        outcomes = await asyncio.gather(
            *(those[n % 4].submit(SHOP, redeem_by(n % 3)) for n in range(90))
        )
        made = done(outcomes)
        assert sorted(each.member_id for each in made) == sorted(
            [member_id for member_id in {each.member_id for each in made} for _ in range(3)]
        )
        assert len(made) == 9
        assert await drifts(those[0].runtime.pool) == []


async def test_a_total_limit_holds_when_all_come_at_once(database_url: str) -> None:
    async with ledgers(database_url, 4) as those:
        await begin(those, members=60, max_redemptions=25)
        outcomes = await asyncio.gather(
            *(those[n % 4].submit(SHOP, redeem_by(n)) for n in range(60))
        )
        assert len(done(outcomes)) == 25
        assert await drifts(those[0].runtime.pool) == []


async def test_fifty_pool_codes_go_to_fifty(database_url: str) -> None:
    async with ledgers(database_url, 4) as those:
        await begin(those, members=40, points=1000, fulfil_by="pool")
        async with transaction(those[0].runtime.pool) as tx:
            codes = [(500 + number, f"POOL-{number:02}") for number in range(50)]
            await offers.insert_pool_codes(tx, SHOP, REWARD, codes, utc_now())
        outcomes = await asyncio.gather(
            *(those[n % 4].submit(SHOP, redeem_by(n % 40)) for n in range(200))
        )
        made = done(outcomes)
        assert sorted(each.code or "" for each in made) == [code for _, code in codes]
        assert await drifts(those[0].runtime.pool) == []


@pytest.mark.parametrize(
    ("fulfil_by", "rivals"),
    [
        ("code", (Refund, Refund)),
        ("code", (Refund, MarkUsed)),
        ("shopify", (Settle, Release)),
    ],
    ids=["refund-refund", "refund-use", "settle-release"],
)
async def test_of_two_ends_one_wins(
    database_url: str, fulfil_by: str, rivals: tuple[Callable[..., Command], Callable[..., Command]]
) -> None:
    async with ledgers(database_url, 2) as those:
        await begin(those, points=1000, fulfil_by=fulfil_by, stock=1)
        for _ in range(12):
            made = redemption_of(await those[0].submit(SHOP, redeem_by(0)))
            acts = [
                rival(redemption_id=made.id, **({"reason": "x"} if rival is Release else {}))
                for rival in rivals
            ]
            before = await balance(those[0].runtime.pool, 0)
            outcomes = await asyncio.gather(
                *(ledger.submit(SHOP, act) for ledger, act in zip(those, acts, strict=True))
            )
            assert sorted(type(each).__name__ for each in outcomes) == ["Done", "Refused"]
            (after,) = done(outcomes)
            came_back = 100 if after.status in ("void", "declined") else 0
            assert await balance(those[0].runtime.pool, 0) == before + came_back
            if not came_back:
                # Spent for good; the next round needs stock and points.
                pool: asyncpg.Pool = those[0].runtime.pool
                await pool.execute(
                    "UPDATE redemptions SET status = 'approved', used_at = NULL WHERE id = $1",
                    made.id,
                )
                await those[0].submit(SHOP, Refund(redemption_id=made.id))
        assert await drifts(those[0].runtime.pool) == []


async def test_a_poller_by_id_misses_nothing_while_many_write(
    database_url: str, tmp_path: Path
) -> None:
    """Ids become visible in rising order, whichever process took them."""
    async with ledgers(database_url, 3) as those:
        await begin(those, members=50, points=100_000)
        pool: asyncpg.Pool = those[0].runtime.pool
        workers = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.races.worker"),
                *(database_url, str(tmp_path / f"{number}.log"), "50", "600", str(number)),
                cwd=ROOT,
            )
            for number in range(3)
        ]
        local = asyncio.gather(*(_write(ledger, number) for number, ledger in enumerate(those)))
        ended = asyncio.gather(local, *(worker.wait() for worker in workers))
        seen: dict[str, list[int]] = {"entries": [], "events": [], "redemptions": []}
        while True:
            is_last = ended.done()
            for table, ids in seen.items():
                ids.extend(await _after(pool, table, ids[-1] if ids else 0))
            if is_last:
                break
        assert (await ended)[1:] == [0, 0, 0]
        for table, ids in seen.items():
            rows = await pool.fetch(f"SELECT id FROM {table} ORDER BY id")  # noqa: S608 -- ours
            assert ids == [row["id"] for row in rows]
        assert len(seen["redemptions"]) == 1800 + 3 * 150
        assert await drifts(pool) == []


async def _after(pool: asyncpg.Pool, table: str, last: int) -> list[int]:
    rows = await pool.fetch(
        f"SELECT id FROM {table} WHERE merchant_id = 1 AND id > $1 ORDER BY id",  # noqa: S608 -- ours
        last,
    )
    return [row["id"] for row in rows]


async def _write(ledger: Ledger, number: int) -> None:
    for turn in range(30):
        give = Adjust(program_id=PROGRAM, member=ref(turn), points=1)
        redeems = [ledger.submit(SHOP, redeem_by((number * 7 + turn + n) % 50)) for n in range(5)]
        outcomes = await asyncio.gather(ledger.submit(SHOP, give), *redeems)
        assert all(isinstance(each, Done) for each in outcomes)
