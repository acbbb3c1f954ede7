"""Ledgers as separate processes would have them: each with connections of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from guerdon.domain.command import Adjust, Done, Enrol, Enrolled, Outcome, Redeemed, Refused
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import MemberRef
from guerdon.domain.redemption import Redemption
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.shop import PROGRAM

SHOP = MerchantId(1)


async def connect(url: str, *, size: int = 5, lock_timeout: str = "10s") -> asyncpg.Pool:
    """Open connections that give up a lock and a statement sooner than those of the product."""
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        server_settings={
            "lock_timeout": lock_timeout,
            "statement_timeout": "30s",
            "timezone": "UTC",
        },
    )


@asynccontextmanager
async def ledgers(url: str, count: int, **runtime: Any) -> AsyncIterator[list[Ledger]]:
    """Open several ledgers on one database, and close them with their connections."""
    pools = [await connect(url) for _ in range(count)]
    made = [Ledger(Runtime(pool=pool, **runtime)) for pool in pools]
    try:
        yield made
    finally:
        for ledger in made:
            await ledger.close()
        for pool in pools:
            await pool.close()


def ref(name: object) -> MemberRef:
    return MemberRef(external_id=str(name))


async def enrol(ledger: Ledger, name: object, points: int = 0) -> None:
    """Enrol a member with so many points."""
    outcome = await ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id=str(name)))
    assert isinstance(outcome, Done), outcome
    if points:
        give = Adjust(program_id=PROGRAM, member=ref(name), points=points)
        assert isinstance(await ledger.submit(SHOP, give), Done)


def redemption_of(outcome: Outcome) -> Redemption:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.result, Redeemed)
    return outcome.result.redemption


def enrolled_of(outcome: Outcome) -> Enrolled:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.result, Enrolled)
    return outcome.result


def done(outcomes: list[Outcome]) -> list[Redemption]:
    """Give the redemptions of those that were done; the others must be refused."""
    assert all(isinstance(each, Done | Refused) for each in outcomes), outcomes
    return [redemption_of(each) for each in outcomes if isinstance(each, Done)]


async def drifts(pool: asyncpg.Pool) -> list[str]:
    """Say what `guerdon verify` finds."""
    return [str(each) for each in (await verify(pool)).drifts]


async def balance(pool: asyncpg.Pool, name: object) -> int:
    points: int = await pool.fetchval(
        "SELECT points_available FROM wallets w JOIN members m ON m.id = w.member_id "
        "WHERE external_id = $1",
        str(name),
    )
    return points
