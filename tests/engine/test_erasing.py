"""Forgetting people, whatever fails meanwhile and whatever their ids look like."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from guerdon.domain.command import Command, Enrol, EraseMember, Outcome
from guerdon.domain.errors import Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.engine import acting
from guerdon.engine.erasing import erase_member
from guerdon.store import shoppers
from guerdon.store.snapshot import snapshot
from tests.builders.ledgers import SHOP
from tests.builders.orders import make_order
from tests.builders.shop import PROGRAM
from tests.engine.test_receiving import Desk

_PAID = make_order(2, financial_status="paid", processed_at="2026-03-14T09:00:00Z")
_REDACT = {"customer": {"id": 9001, "email": "anna@shop.example"}}


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> AsyncIterator[Desk]:
    made = Desk(pool)
    await made.open()
    yield made
    await made.ledger.close()


async def test_erasure_that_fails_midway_is_taken_up_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is emptied last: until then it alone says who is to be forgotten."""
    submit = desk.ledger.submit
    is_down = True

    async def fail_at_first(
        merchant_id: MerchantId, command: Command, *, key: str | None = None
    ) -> Outcome:
        nonlocal is_down
        if isinstance(command, EraseMember) and is_down:
            is_down = False
            raise Unavailable("the database is out of reach")
        return await submit(merchant_id, command, key=key)

    monkeypatch.setattr(desk.ledger, "submit", fail_at_first)
    assert await desk.tell("customers/redact", _REDACT) == "waiting"
    desk.clock.advance(seconds=60)
    await desk.act()
    assert await desk.statuses() == ["done"]
    assert (await desk.member())["external_id"].startswith("erased-")
    assert await desk.pool.fetchval("SELECT body FROM inbox_events") == b""


async def test_a_short_id_empties_nobody_elses_message(desk: Desk) -> None:
    """What an order holds two of is not customer 2."""
    await desk.ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id="2"))
    assert _PAID["line_items"][1]["quantity"] == 2
    await desk.receive("orders/paid", _PAID)
    async with snapshot(desk.pool) as view:
        (member,) = await shoppers.list_shoppers(view, SHOP, [PROGRAM], external_id="2", email=None)
    await erase_member(desk.ledger, SHOP, "shopify", member)
    await desk.act()
    assert await desk.statuses() == ["done"]
    assert await desk.points() > 0


async def test_what_was_dealt_with_says_nothing_any_more(desk: Desk) -> None:
    """Also of those who are no members, and whom nobody will ask to erase by an id."""
    guest = {"email": "Guest@Else.example", "customer": None, "id": 7002}
    assert await desk.tell("orders/create", make_order(1, **guest)) == "ignored"
    assert await desk.tell("orders/paid", _PAID) == "done"
    bodies = await desk.pool.fetch("SELECT body FROM inbox_events")
    assert [row["body"] for row in bodies] == [b"", b""]


async def test_an_address_is_erased_however_the_shop_writes_it(desk: Desk) -> None:
    """A guest's order that could not be acted on yet holds the address in capitals."""
    order = make_order(1, email="ANNA@Shop.Example", customer=None)
    assert await desk.tell("orders/paid", order | {"currency": None}) == "dead"
    assert await desk.tell("customers/redact", _REDACT) == "done"
    bodies = await desk.pool.fetch("SELECT body FROM inbox_events")
    assert [row["body"] for row in bodies] == [b"", b""]


async def test_a_large_shop_is_erased_in_turns(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than a lease, and than any message is tried: nobody else's messages wait for it."""
    monkeypatch.setattr(acting, "ERASING_SECONDS", 0.0)
    for number in range(acting.ATTEMPTS_MAX + 2):
        await desk.ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id=f"5{number}"))
    await desk.tell("app/uninstalled", b"{}")
    await desk.receive("shop/redact", b'{"shop_id": 1}')
    turns = 0
    while (await desk.statuses())[-1] == "waiting":
        turns += 1
        assert turns < 100
        desk.clock.advance(seconds=10)
        await desk.act()
    assert turns > acting.ATTEMPTS_MAX
    left = "SELECT count(*) FROM members WHERE external_id NOT LIKE 'erased-%'"
    assert await desk.pool.fetchval(left) == 0
    assert (await desk.statuses())[-1] == "done"
