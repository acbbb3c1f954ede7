"""The same races as a shop runs them: over HTTP, against web processes that may be killed."""

import asyncio
import os
import random
import signal
from contextlib import ExitStack
from typing import Any

import asyncpg
import httpx
import pytest

from guerdon.dialects.mage.translate import dress
from guerdon.engine.submitting import Ledger
from tests.builders.http import SECRET, add_key
from tests.builders.ledgers import balance, drifts, enrol, ledgers
from tests.builders.shop import make_reward, make_shop, save_shop
from tests.support.commands import served
from tests.support.servers import DurableServer

URL = f"/mage/v1/rewards/{dress('reward', make_reward().id)}/purchase"
KILLS = int(os.environ.get("GUERDON_KILL_ROUNDS", "4")) // 2
SEED = int(os.environ.get("GUERDON_KILL_SEED", "20261121"))


async def begin(ledger: Ledger, *, members: int, points: int, **reward: Any) -> None:
    shop = await save_shop(ledger.runtime.pool, make_shop(rewards=(make_reward(**reward),)))
    await add_key(ledger, shop)
    await asyncio.gather(*(enrol(ledger, 7000 + number, points) for number in range(members)))


def client(base: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=50)
    return httpx.AsyncClient(
        base_url=base,
        headers={"Authorization": SECRET},
        timeout=60,
        limits=limits,
        trust_env=False,
    )


async def buy(web: httpx.AsyncClient, member: int, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await web.post(URL, json={"customer_identifier": str(member)}, headers=headers)


def start(stack: ExitStack, url: str, *arguments: str) -> tuple[Any, str]:
    return stack.enter_context(served(*arguments, GUERDON_DATABASE_URL=url))


async def test_parallel_purchases_spend_what_there_is(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger, members=1, points=3799)
        with ExitStack() as stack:
            _, base = await asyncio.to_thread(start, stack, database_url, "--workers", "2")
            async with client(base) as web:
                answers = await asyncio.gather(*(buy(web, 7000) for _ in range(200)))
        codes = [
            each.json()["data"]["attributes"]["discount_code"]
            for each in answers
            if each.status_code == 201
        ]
        assert len(codes) == len(set(codes)) == 37
        assert {each.status_code for each in answers} == {201, 422}
        assert await balance(ledger.runtime.pool, 7000) == 99
        assert await drifts(ledger.runtime.pool) == []


async def test_one_key_sent_fifty_times_is_one_purchase(database_url: str) -> None:
    async with ledgers(database_url, 1) as (ledger,):
        await begin(ledger, members=1, points=9000)
        with ExitStack() as stack:
            _, base = await asyncio.to_thread(start, stack, database_url, "--workers", "2")
            async with client(base) as web:
                answers = await asyncio.gather(*(buy(web, 7000, "k") for _ in range(50)))
        assert {each.status_code for each in answers} == {201}
        assert len({each.content for each in answers}) == 1
        assert await balance(ledger.runtime.pool, 7000) == 8900
        assert await drifts(ledger.runtime.pool) == []


@pytest.mark.timeout(180 + 60 * KILLS)
async def test_a_killed_web_process_loses_and_doubles_nothing(
    durable_server: DurableServer,
) -> None:
    chance = random.Random(SEED)  # noqa: S311 -- repeatable on purpose
    url = durable_server.url
    async with ledgers(url, 1) as (ledger,):
        await begin(ledger, members=20, points=10_000_000, points_cost=1, stock=10**9)
    answered: dict[str, str] = {}
    asked: list[tuple[str, int]] = []
    for turn in range(KILLS):
        with ExitStack() as stack:
            process, base = await asyncio.to_thread(start, stack, url)
            async with client(base) as web:
                callers = [
                    asyncio.create_task(_shop_on(web, f"{turn}-{n}", n, asked, answered))
                    for n in range(20)
                ]
                while sum(key.startswith(f"{turn}-") for key in answered) < 100:
                    await asyncio.sleep(0.05)
                await asyncio.sleep(chance.uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
                await asyncio.gather(*callers)
    async with ledgers(url, 1) as (ledger,):
        pool: asyncpg.Pool = ledger.runtime.pool
        assert await drifts(pool) == []
        rows = await pool.fetch("SELECT code FROM redemptions")
        codes = [row["code"] for row in rows]
        assert set(answered.values()) <= set(codes)
        assert len(set(answered.values())) == len(answered) <= len(codes) <= len(asked)
        with ExitStack() as stack:
            _, base = await asyncio.to_thread(start, stack, url)
            async with client(base) as web:
                for key, member in asked:
                    if key not in answered or chance.random() < 0.05:
                        again = await buy(web, member, key)
                        assert again.status_code == 201
                        code = again.json()["data"]["attributes"]["discount_code"]
                        assert answered.get(key, code) == code
        assert await pool.fetchval("SELECT count(*) FROM redemptions") == len(asked)
        assert await drifts(pool) == []


async def _shop_on(
    web: httpx.AsyncClient,
    name: str,
    number: int,
    asked: list[tuple[str, int]],
    answered: dict[str, str],
) -> None:
    """Buy until the server is gone."""
    for turn in range(100_000):
        key, member = f"{name}-{turn}", 7000 + number
        asked.append((key, member))
        try:
            response = await buy(web, member, key)
        except httpx.TransportError:
            return
        assert response.status_code == 201, response.text
        answered[key] = response.json()["data"]["attributes"]["discount_code"]
