"""Orders and activities as LoyaltyLion's clients tell of them, and what the ledger then holds."""

from datetime import UTC, datetime
from typing import Any

import asyncpg

from guerdon.domain.catalogue import EarningRule
from tests.builders.ledgers import drifts
from tests.builders.lion import ServedLion
from tests.builders.shop import make_rule

Body = dict[str, Any]
NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NOON_TEXT = "2026-03-01T12:00:00.250Z"


def pool_of(served: ServedLion) -> asyncpg.Pool:
    """Give the database's connections as the driver has them, to look at rows."""
    pool = served.pool
    assert isinstance(pool, asyncpg.Pool)
    return pool


class Clock:
    """A time that only moves when a test says so."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def purchase(number: int = 1, **changes: Any) -> EarningRule:
    """Make a rule of one point for each pound, at once."""
    facts: Body = {"trigger": "order_paid", "category": "purchase", "points": 1, "name": "Purchase"}
    return make_rule(number, **{**facts, "action_key": None, "is_per_unit": True, **changes})


def order_body(**changes: Any) -> Body:
    """Tell of order 1001 of customer C-1 over 100.00, of which 10.00 shipping, paid."""
    body = {
        "merchant_id": "1001",
        "customer_id": "C-1",
        "customer_email": "ana@shop.example",
        "total": "100.00",
        "total_shipping": "10.00",
        "payment_status": "paid",
    }
    return {**body, **changes}


def standing(**changes: Any) -> Body:
    """Tell that an order is paid and nothing more."""
    body = {
        "payment_status": "paid",
        "refund_status": "not_refunded",
        "cancellation_status": "not_cancelled",
    }
    return {**body, **changes}


async def tell(served: ServedLion, **changes: Any) -> None:
    """Tell of an order; the answer is an empty text."""
    response = await served.client.post("/v2/orders", json=order_body(**changes))
    assert (response.status_code, response.content) == (201, b'""'), response.text


async def update(served: ServedLion, order: str = "1001", **changes: Any) -> None:
    """Tell how an order stands; the answer is nothing."""
    response = await served.client.put(f"/v2/orders/{order}", json=standing(**changes))
    assert (response.status_code, response.content) == (204, b""), response.text


async def listed(served: ServedLion, what: str = "orders") -> list[Body]:
    response = await served.client.get(f"/v2/{what}")
    assert response.status_code == 200, response.text
    assert list(response.json()) == [what, "cursor"]
    found: list[Body] = response.json()[what]
    return found


async def figures(served: ServedLion, customer: str = "C-1") -> tuple[int, int, int]:
    """Give what a member has: available, pending, lifetime. The books must be in order."""
    row = await pool_of(served).fetchrow(
        "SELECT points_available, points_pending, points_lifetime FROM wallets w "
        "JOIN members m ON m.id = w.member_id WHERE m.external_id = $1",
        customer,
    )
    assert row is not None, f"{customer} is no member"
    assert await drifts(pool_of(served)) == []
    return row[0], row[1], row[2]


async def states(served: ServedLion) -> list[tuple[str, int]]:
    """Give each activity's state and value, the first first."""
    return [(each["state"], each["value"]) for each in reversed(await listed(served, "activities"))]


def clock_of(served: ServedLion) -> Clock:
    clock = served.ledger.runtime.now
    assert isinstance(clock, Clock)
    return clock


async def member_id(served: ServedLion, customer: str = "C-1") -> int:
    found: int = await pool_of(served).fetchval(
        "SELECT id FROM members WHERE external_id = $1", customer
    )
    return found
