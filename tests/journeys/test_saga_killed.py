"""Real processes are killed while they hand over; in the end, shop and ledger agree."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import yaml

from guerdon.dialects.mage.translate import dress
from tests.builders.ledgers import drifts
from tests.builders.program_file import SECRETS, make_file
from tests.builders.sandbox import SHOP as DOMAIN
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.support.commands import run_here, served

_BUYERS = 24
_COST = 10
_POINTS = 100
# Each call of the shop's takes so long, so that a process dies with some of them under way.
_CALL_SECONDS = 0.5


def _apply(url: str, folder: Path, sandbox: RunningSandbox) -> dict[str, str]:
    """Make a shop with members; give the settings of its processes."""
    settings = {
        "GUERDON_DATABASE_URL": url,
        "GUERDON_SECRET_KEY": "a sealing key of thirty-two bytes or more",
        "GUERDON_FULFIL_SECONDS": "2",
        **SECRETS,
    }
    shopify = {"shop": DOMAIN, "token_env": "TOKEN", "base_url": sandbox.shopify}
    key = {"name": "till", "dialect": "mage", "secret_env": "KEY_ONE"}
    file = make_file(keys=[key], integrations={"shopify": shopify})
    file["programs"][0]["rewards"][0] |= {"points_cost": _COST, "fulfil": {"by": "shopify"}}
    (folder / "shop.yaml").write_text(yaml.safe_dump(file))
    assert run_here("apply", str(folder / "shop.yaml"), **settings).code == 0
    rows = "".join(f"{7001 + each},{_POINTS}\n" for each in range(_BUYERS))
    (folder / "members.csv").write_text(f"external_id,points\n{rows}")
    assert run_here("import", "members", str(folder / "members.csv"), **settings).code == 0
    return settings


async def _buy_all(base: str, url: str, codes: dict[int, str]) -> None:
    """Have everybody who has no code yet ask for one, each under a key of their own."""
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as client:

        async def buy(member: int) -> None:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.post(
                    url,
                    json={"customer_identifier": str(member)},
                    headers={"Authorization": SECRETS["KEY_ONE"], "Idempotency-Key": f"k{member}"},
                )
                assert answer.status_code in (201, 503), answer.text
                if answer.status_code == 201:
                    codes[member] = answer.json()["data"]["attributes"]["discount_code"]

        members = [7001 + each for each in range(_BUYERS) if 7001 + each not in codes]
        await asyncio.gather(*map(buy, members))


async def _until(is_so: Callable[[], Any], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await is_so():
            await asyncio.sleep(0.1)


async def _has_made(sandbox: RunningSandbox, count: int) -> bool:
    return len((await sandbox.shop(DOMAIN))["discounts"]) >= count


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_processes_leave_no_discount_and_no_point_behind(
    database_url: str, tmp_path: Path, pool: asyncpg.Pool, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- when a process dies is no secret
    codes: dict[int, str] = {}
    async with running_sandbox() as sandbox:
        settings = await asyncio.to_thread(_apply, database_url, tmp_path, sandbox)
        reward_id = await pool.fetchval("SELECT id FROM rewards WHERE slug = 'ten'")
        url = f"/mage/v1/rewards/{dress('reward', reward_id)}/purchase"
        slow = {"service": "shopify", "match": None, "nth": None, "times": 10_000}
        await sandbox.faults({**slow, "kind": "late", "seconds": _CALL_SECONDS})
        with served(**settings) as (process, base):
            buying = asyncio.create_task(_buy_all(base, url, codes))
            made = chance.randrange(1, _BUYERS // 2)
            await _until(lambda: _has_made(sandbox, made))
            process.kill()
            await buying
        assert len(codes) < _BUYERS, "nobody was in the middle of anything"
        with served("--with-worker", **settings) as (process, base):
            buying = asyncio.create_task(_buy_all(base, url, codes))
            await asyncio.sleep(chance.uniform(0.1, 1.0))
            process.kill()
            await buying
        await sandbox.clear_faults()
        with served("--with-worker", **settings) as (_, base):

            async def all_served() -> bool:
                await _buy_all(base, url, codes)
                return len(codes) == _BUYERS

            async def all_equal() -> bool:
                shop = await sandbox.shop(DOMAIN)
                live = {each["code"] for each in shop["discounts"] if each["status"] == "ACTIVE"}
                rows = await pool.fetch("SELECT code, status FROM redemptions")
                approved = {row["code"] for row in rows if row["status"] == "approved"}
                pending = [row for row in rows if row["status"] == "pending"]
                return live == approved == set(codes.values()) and not pending

            await _until(all_served)
            await _until(all_equal)
    left = await pool.fetchval("SELECT sum(points_available) FROM wallets")
    assert left == _BUYERS * (_POINTS - _COST)
    assert await drifts(pool) == []
