"""What must be equal once all is quiet, told from the tables and the outside world themselves."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from guerdon.domain.announcement import event_key
from guerdon.domain.event import Event
from guerdon.domain.ids import EventId, MemberId, MerchantId, ProgramId
from tests.chaos.calm import until_quiet
from tests.chaos.town import COST, POINTS, Merchant, Town

_OMNISEND = UUID("8d3f5c0e-6b1a-4c57-9e42-2f7a90d1b6c3")
_TOOLS = ("klaviyo", "omnisend", "postscript")
# Who would message a shopper twice.
_ONCE = ("omnisend", "postscript")
_ROUNDS_MAX = 30
_ASKERS = 8

State = Mapping[str, Any]


async def recover(town: Town, pool: asyncpg.Pool) -> None:
    """Let everything come to its end; then do what an operator does, and the people who were told
    nothing."""
    for _ in range(_ROUNDS_MAX):
        # Soon, for a key is not remembered for ever.
        await until_quiet(town, pool, only="redemption")
        await _ask_again(town)
        await until_quiet(town, pool)
        is_changed = await _replay(town, pool)
        if not is_changed and not town.purchases.unanswered:
            return
    raise AssertionError("it does not come to an end")


async def _ask_again(town: Town) -> None:
    """Have everybody who got no yes ask again under the same key, a few at a time."""
    unanswered = iter(town.purchases.unanswered)

    async def ask() -> None:
        for key in unanswered:
            merchant, member = town.purchases.asked[key]
            await town.buy(key, merchant, member, town.webs[0])

    await asyncio.gather(*(ask() for _ in range(_ASKERS)))


async def _replay(town: Town, pool: asyncpg.Pool) -> bool:
    """Have carried again what is dead, and of what is uncertain, what did not arrive: an operator
    looks first."""
    received = _received(await town.sandbox.state())
    failed = await pool.fetch(
        "SELECT d.merchant_id, d.id, d.destination, d.status, e.id AS event_id, e.created_at "
        "FROM deliveries d JOIN events e ON e.merchant_id = d.merchant_id AND e.id = d.event_id "
        "WHERE d.status IN ('dead', 'uncertain') ORDER BY d.merchant_id, d.id"
    )
    is_changed = False
    for merchant in town.merchants:
        again = []
        for row in failed:
            if row["merchant_id"] == merchant.id:
                name = _name_at(row["destination"], _key(row))
                has_arrived = received.get(row["destination"], Counter())[name] > 0
                if row["status"] == "uncertain":
                    assert row["destination"] in _ONCE, "only there is a repetition wrong"
                    if has_arrived:
                        continue
                elif row["destination"] in _ONCE:
                    assert not has_arrived, f"{row} is dead and has arrived"
                again.append(str(row["id"]))
        if again:
            ran = await town.command("deliveries", "replay", *again, "--merchant", merchant.slug)
            assert ran.code == 0, ran.err
            is_changed = True
    return is_changed


async def assert_all_equal(town: Town, pool: asyncpg.Pool) -> None:
    """Check everything that the ledger and the outside world must agree on."""
    ran = await town.command("verify")
    assert ran.code == 0, ran.out + ran.err
    state = await town.sandbox.state()
    for merchant in town.merchants:
        ran = await town.command(
            *("sandbox", "compare", "--url", town.sandbox.url, "--merchant", merchant.slug)
        )
        assert ran.code == 0, ran.out + ran.err
        await _assert_discounts(town, merchant, state, pool)
        await _assert_standings(town, merchant, state, pool)
        await _assert_told(merchant, state, pool)


async def _assert_discounts(
    town: Town, merchant: Merchant, state: State, pool: asyncpg.Pool
) -> None:
    """One live discount for each approved or used redemption and none for any other; one
    redemption for each key, with the code that its asker was shown."""
    rows = await pool.fetch(
        "SELECT id, code, status FROM redemptions WHERE merchant_id = $1", merchant.id
    )
    discounts = state["shopify"].get(merchant.domain, {"discounts": []})["discounts"]
    live = Counter(each["code"] for each in discounts if each["status"] == "ACTIVE")
    assert live == Counter(r["code"] for r in rows if r["status"] in ("approved", "used"))
    shown = [
        code
        for key, code in town.purchases.codes.items()
        if town.purchases.asked[key][0].id == merchant.id
    ]
    assert Counter(shown) == Counter(r["code"] for r in rows if r["status"] != "declined")


async def _assert_standings(
    town: Town, merchant: Merchant, state: State, pool: asyncpg.Pool
) -> None:
    """Points are where they were but for those of orders, and of redemptions that stand; and the
    shop shows each member what they have."""
    rows = await pool.fetch(
        "SELECT m.external_id, w.is_default, w.points_available, w.points_held, w.points_redeemed, "
        "coalesce(r.paid, 0) AS paid, coalesce(g.earned, 0) AS earned "
        "FROM wallets w JOIN members m ON m.merchant_id = w.merchant_id AND m.id = w.member_id "
        "LEFT JOIN (SELECT member_id, count(*) AS paid FROM redemptions "
        "WHERE merchant_id = $1 AND status IN ('approved', 'used') GROUP BY member_id) r "
        "ON r.member_id = m.id "
        "LEFT JOIN (SELECT wallet_id, sum(points - points_reversed) AS earned FROM earnings "
        "WHERE merchant_id = $1 GROUP BY wallet_id) g ON g.wallet_id = w.id "
        "WHERE w.merchant_id = $1",
        merchant.id,
    )
    assert rows
    shop = state["shopify"].get(merchant.domain, {"metafields": []})
    shown = {each["owner"].rsplit("/", 1)[-1]: each["value"] for each in shop["metafields"]}
    for row in rows:
        if not row["is_default"]:
            assert (row["points_available"], row["points_held"]) == (row["earned"], 0), row
            continue
        assert row["earned"] == town.earned[merchant.number, int(row["external_id"])], row
        assert row["points_held"] == 0
        assert row["points_available"] == POINTS + row["earned"] - COST * row["paid"]
        value = shown.get(row["external_id"])
        if value is not None:
            assert json.loads(value)["points_balance"] == row["points_available"], row
        else:
            assert row["paid"] == row["earned"] == 0, f"the shop does not show {row}"


async def _assert_told(merchant: Merchant, state: State, pool: asyncpg.Pool) -> None:
    """Each event reached everybody who wants it, and where twice is wrong, once."""
    rows = await pool.fetch(
        "SELECT id AS event_id, merchant_id, kind, created_at, "
        "facts::json ->> 'point_type' AS point_type FROM events WHERE merchant_id = $1 "
        "AND (kind LIKE 'redemption.%' OR kind = 'points.earned')",
        merchant.id,
    )
    received = _received(state)
    for row in rows:
        if row["kind"] not in ("redemption.approved", "points.earned"):
            continue
        for tool in _TOOLS:
            times = received[tool][_name_at(tool, _key(row))]
            # Shoppers are told of the program's own points alone.
            expected = 0 if row["point_type"] else 1
            assert times == expected, f"{row} came to {tool} {times} times"
    own = state["webhooks"].get(merchant.hook("standard"), [])
    heard = {each["body"]["data"]["event_id"] for each in own if each["verified"]}
    assert heard >= {row["event_id"] for row in rows}
    redeemed = sum(row["kind"] == "redemption.approved" for row in rows)
    mage = state["webhooks"].get(merchant.hook("mage"), [])
    codes = {each["body"]["data"]["discount_code"] for each in mage if each["verified"]}
    assert len(codes) == redeemed


def _received(state: State) -> dict[str, Counter[str]]:
    return {tool: Counter(event["unique_id"] for event in state[tool]) for tool in _TOOLS}


def _key(row: Mapping[str, Any]) -> str:
    event = Event(
        EventId(row["event_id"]),
        "redemption.approved",
        ProgramId(0),
        MemberId(0),
        {},
        row["created_at"],
        None,
        None,
    )
    return event_key(MerchantId(row["merchant_id"]), event)


def _name_at(destination: str, key: str) -> str:
    """Give what a destination knows an event by."""
    return str(uuid5(_OMNISEND, key)) if destination == "omnisend" else key
