"""Members of a shop, and what they have."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from guerdon.domain.command import Adjust, Command, Done, Enrol, Result
from guerdon.domain.member import MemberRef
from guerdon.engine.submitting import Ledger
from tests.builders.shop import PROGRAM, Shop

ANA = MemberRef(external_id="7001")


@dataclass
class Clock:
    """Time as a test has it."""

    at: datetime = field(default_factory=lambda: datetime.fromisoformat("2026-03-14T09:26:53.589Z"))

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **duration: float) -> None:
        self.at += timedelta(**duration)


async def enrol(
    ledger: Ledger, shop: Shop, external_id: str = "7001", points: int = 0
) -> MemberRef:
    """Enrol a member with the e-mail `<id>@shopper.example`, and give them points by hand."""
    email = f"{external_id}@shopper.example"
    await do(ledger, shop, Enrol(program_id=PROGRAM, external_id=external_id, email=email))
    ref = MemberRef(external_id=external_id)
    if points:
        await do(ledger, shop, Adjust(program_id=PROGRAM, member=ref, points=points))
    return ref


async def do(ledger: Ledger, shop: Shop, command: Command) -> Result:
    """Carry out a command that must not be refused."""
    outcome = await ledger.submit(shop.id, command)
    assert isinstance(outcome, Done), outcome
    return outcome.result


_TABLES = ("entries", "lots", "earnings", "redemptions", "events", "idempotency_records")


async def books(pool: asyncpg.Pool) -> dict[str, list[tuple[object, ...]]]:
    """Give everything that a refused write must leave as it was."""
    found = {}
    for table in (*_TABLES, "members", "wallets", "sequences", "webhook_subscriptions"):
        rows = await pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608 -- our names
        found[table] = [tuple(row) for row in rows]
    return found
