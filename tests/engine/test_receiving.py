"""The inbox: messages are acted on once, whoever acts and whatever fails meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from guerdon.adapters.shopify.translate_webhooks import ShopifyReader
from guerdon.domain.command import Adjust, Earn, Enrol
from guerdon.domain.errors import Unavailable
from guerdon.domain.ids import InboxId, RuleId
from guerdon.domain.incoming import Received
from guerdon.domain.member import Member, MemberRef
from guerdon.engine import acting, receiving
from guerdon.engine.disclosing import answer_requests, disclose
from guerdon.engine.portions import Portion
from guerdon.engine.receiving import Inbox, purge_inbox, replay_inbox
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store import shoppers
from guerdon.store.snapshot import snapshot
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, drifts
from tests.builders.orders import Body, make_order, make_refund
from tests.builders.shop import PROGRAM, Shop, make_rule, make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
RULE = make_rule(
    1, trigger="order_paid", category="purchase", action_key=None, points=1, is_per_unit=True
)
CUSTOMER = {
    "id": 9001,
    "email": "Anna@Shop.example",
    "first_name": "Anna",
    "last_name": "Ash",
    "updated_at": "2026-03-01T10:00:00Z",
}


class Desk:
    """A merchant with member 9001, what Shopify sends them, and the worker's chore."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.clock = Clock()
        runtime = Runtime(
            pool=pool, now=self.clock, seal=SEAL, readers={"shopify": ShopifyReader()}
        )
        self.ledger = Ledger(runtime)
        self._inbox = Inbox(self.ledger, "shopify")
        self._count = 0

    async def open(self, shop: Shop | None = None) -> None:
        await save_shop(self.pool, shop or make_shop(rules=(RULE,)))
        await connect_platform(self.ledger.runtime, SHOP, secrets={"webhook_secret": "s"})
        enrol = Enrol(program_id=PROGRAM, external_id="9001", email="anna@shop.example")
        await self.ledger.submit(SHOP, enrol)

    async def receive(self, topic: str, body: Body | bytes, **facts: Any) -> bool:
        self._count += 1
        event = Received(
            source="shopify",
            topic=topic,
            delivery_key=facts.get("delivery_key", f"w-{self._count}"),
            event_key=facts.get("event_key"),
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            triggered_at=facts.get("triggered_at", self.clock()),
        )
        return await self._inbox.receive(SHOP, event)

    async def act(self) -> Portion:
        return await acting.act_on_inbox(self.ledger, SHOP, 100)

    async def tell(self, topic: str, body: Body | bytes, **facts: Any) -> str:
        """Receive and act; give what became of the message."""
        assert await self.receive(topic, body, **facts)
        await self.act()
        return (await self.statuses())[-1]

    async def statuses(self) -> list[str]:
        rows = await self.pool.fetch("SELECT status FROM inbox_events ORDER BY id")
        return [row["status"] for row in rows]

    async def member(self) -> Any:
        return await self.pool.fetchrow("SELECT * FROM members ORDER BY id LIMIT 1")

    async def points(self) -> int:
        points: int = await self.pool.fetchval("SELECT sum(points_available)::int FROM wallets")
        return points


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> AsyncIterator[Desk]:
    made = Desk(pool)
    yield made
    await made.ledger.close()


PAID = make_order(1, financial_status="paid", processed_at="2026-03-14T09:00:00Z")


async def test_messages_of_an_order_lead_to_its_points(desk: Desk) -> None:
    await desk.open()
    await desk.receive("refunds/create", make_refund(1, "25.00"))
    await desk.receive("orders/paid", PAID)
    assert await desk.act() == Portion(2, has_more=False)
    assert await desk.statuses() == ["done", "done"]
    assert await desk.points() == 75
    assert await desk.act() == Portion(0, has_more=False)
    assert await drifts(desk.pool) == []


async def test_received_twice_is_kept_once(desk: Desk) -> None:
    await desk.open()
    assert await desk.receive("orders/paid", PAID, delivery_key="a", event_key="e")
    assert not await desk.receive("orders/paid", PAID, delivery_key="a", event_key="e")
    assert not await desk.receive("orders/paid", PAID, delivery_key="b", event_key="e")
    assert await desk.receive("orders/paid", PAID, delivery_key="c", event_key="f")


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/paid", b"no json"),
        ("orders/paid", b'{"id": 7001}'),
        ("refunds/create", b'{"id": 1, "order_id": 7001, "refund_line_items": [{}]}'),
        ("customers/update", b"\xff"),
    ],
)
async def test_unreadable_message_is_dead_at_once(desk: Desk, topic: str, body: bytes) -> None:
    await desk.open()
    assert await desk.tell(topic, body) == "dead"
    assert await desk.pool.fetchval("SELECT last_error FROM inbox_events")


async def test_message_that_reads_like_none_before_leaves_the_others_their_turn(
    desk: Desk,
) -> None:
    await desk.open()
    await desk.receive("orders/paid", {**PAID, "id": 5, "shipping_lines": [{"price": "NaN"}]})
    assert await desk.tell("orders/paid", PAID) == "done"
    assert await desk.statuses() == ["waiting", "done"]
    assert await desk.points() == 100


async def test_topic_that_concerns_nobody_is_ignored(desk: Desk) -> None:
    await desk.open()
    assert await desk.tell("products/update", b"{}") == "ignored"


async def test_failure_is_tried_again_later_and_in_the_end_is_dead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open()

    async def fail(*_: object) -> bool:
        raise Unavailable("the database is out of reach")

    with monkeypatch.context() as patched:
        patched.setattr(acting, "follow_order", fail)
        assert await desk.tell("orders/paid", PAID) == "waiting"
        assert await desk.act() == Portion(0, has_more=False)
        for attempt in range(2, acting.ATTEMPTS_MAX + 1):
            desk.clock.advance(hours=1)
            await desk.act()
            row = await desk.pool.fetchrow("SELECT attempts, last_error FROM inbox_events")
            assert row["attempts"] == attempt
            assert row["last_error"] == "Unavailable: the database is out of reach"
        assert await desk.statuses() == ["dead"]
    assert await replay_inbox(desk.ledger.runtime, SHOP, [InboxId(1)]) == 0
    assert await replay_inbox(desk.ledger.runtime, SHOP, None) == 1
    await desk.act()
    assert await desk.statuses() == ["done"]
    assert await desk.points() == 100


async def test_foreign_failure_is_kept_without_its_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open()

    async def fail(*_: object) -> bool:
        raise KeyError("anna@shop.example")

    monkeypatch.setattr(acting, "follow_order", fail)
    assert await desk.tell("orders/paid", PAID) == "waiting"
    assert await desk.pool.fetchval("SELECT last_error FROM inbox_events") == "KeyError"


async def test_message_in_another_workers_hand_is_left_until_its_lease_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open()
    await desk.receive("orders/paid", PAID)
    begun = asyncio.Event()

    async def hang(*_: object) -> bool:
        begun.set()
        await asyncio.Event().wait()
        return True

    with monkeypatch.context() as patched:
        patched.setattr(acting, "follow_order", hang)
        dying = asyncio.create_task(desk.act())
        await begun.wait()
    dying.cancel()
    assert await desk.act() == Portion(0, has_more=False)
    desk.clock.now += acting.LEASE + timedelta(seconds=1)
    assert await desk.act() == Portion(1, has_more=False)
    assert await desk.points() == 100


async def test_two_workers_share_the_inbox(desk: Desk, pool: asyncpg.Pool) -> None:
    await desk.open()
    for number in range(30):
        await desk.receive("orders/paid", {**PAID, "id": 7001 + number})
    other = Ledger(replace(desk.ledger.runtime))
    portions = await asyncio.gather(
        *(acting.act_on_inbox(ledger, SHOP, 10) for ledger in (desk.ledger, other) * 2)
    )
    assert sum(portion.done for portion in portions) == 30
    assert await desk.points() == 3000
    await other.close()
    assert await drifts(pool) == []


async def test_old_messages_are_forgotten(desk: Desk) -> None:
    await desk.open()
    await desk.tell("orders/paid", PAID)
    await desk.receive("orders/updated", PAID)
    desk.clock.now += receiving.KEPT
    assert (await purge_inbox(desk.ledger, SHOP, 10)).done == 0
    desk.clock.advance(seconds=1)
    assert (await purge_inbox(desk.ledger, SHOP, 10)).done == 1
    assert await desk.statuses() == ["waiting"]


# -- customers -------------------------------------------------------------------------------


async def test_members_profile_follows_the_newest_message(desk: Desk) -> None:
    await desk.open()
    newest = {**CUSTOMER, "last_name": "Birch", "updated_at": "2026-03-01T12:00:00Z"}
    assert await desk.tell("customers/update", newest) == "done"
    assert await desk.tell("customers/update", CUSTOMER) == "done"
    member = await desk.member()
    assert (member["email"], member["first_name"], member["last_name"]) == (
        "anna@shop.example",
        "Anna",
        "Birch",
    )


async def test_what_shopify_leaves_out_stays(desk: Desk) -> None:
    await desk.open()
    await desk.tell("customers/update", {**CUSTOMER, "email": None, "last_name": ""})
    member = await desk.member()
    assert (member["email"], member["first_name"]) == ("anna@shop.example", "Anna")


async def test_new_customer_is_enrolled_only_where_that_is_wanted(desk: Desk) -> None:
    await desk.open()
    assert await desk.tell("customers/create", {**CUSTOMER, "id": 9002}) == "ignored"
    assert await desk.pool.fetchval("SELECT count(*) FROM members") == 1


async def test_new_customer_is_enrolled(desk: Desk) -> None:
    await desk.open(make_shop(enrol_new_customers=True))
    zoe = {**CUSTOMER, "id": 9002, "email": "zoe@shop.example"}
    assert await desk.tell("customers/update", zoe) == "ignored"
    assert await desk.tell("customers/create", zoe) == "done"
    assert await desk.tell("customers/create", zoe) == "done"
    row = await desk.pool.fetchrow("SELECT * FROM members WHERE external_id = '9002'")
    assert (row["email"], row["first_name"]) == ("zoe@shop.example", "Anna")


# -- leaving, and being forgotten ------------------------------------------------------------


async def test_shop_that_uninstalls_is_called_no_more(desk: Desk) -> None:
    await desk.open()
    assert await desk.ledger.connections.find(SHOP, "shopify") is not None
    assert await desk.tell("app/uninstalled", b"{}") == "done"
    fresh = Ledger(desk.ledger.runtime)
    assert await fresh.connections.find(SHOP, "shopify") is None
    gone = await fresh.connections.recall(SHOP, "shopify")
    assert gone is not None
    assert gone.secrets == {"webhook_secret": "s"}


async def test_news_of_an_uninstall_does_not_undo_what_is_applied_meanwhile(
    desk: Desk, database_url: str
) -> None:
    await desk.open()
    await desk.receive("app/uninstalled", b"{}", triggered_at=desk.clock())
    applying = await asyncpg.connect(database_url)
    async with applying.transaction():
        await applying.execute("SELECT 1 FROM sequences FOR UPDATE")
        later = desk.clock() + timedelta(hours=1)
        await applying.execute(
            "UPDATE integrations SET secret_sealed = 'new', updated_at = $1", later
        )
        acting_ = asyncio.create_task(desk.act())
        async with asyncio.timeout(10):
            while not await applying.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await applying.execute("SELECT pg_stat_clear_snapshot()")
                await asyncio.sleep(0.01)
    await acting_
    assert await applying.fetchval("SELECT secret_sealed FROM integrations") == b"new"
    assert await desk.statuses() == ["ignored"]
    await applying.close()


async def test_late_news_of_an_uninstall_does_no_harm(desk: Desk) -> None:
    await desk.open()
    early = datetime.fromisoformat("2025-12-31T00:00:00Z")
    assert await desk.tell("app/uninstalled", b"{}", triggered_at=early) == "ignored"
    assert await desk.ledger.connections.find(SHOP, "shopify") is not None


async def test_erased_customer_cannot_be_recognised(desk: Desk) -> None:
    await desk.open()
    await desk.tell("customers/update", CUSTOMER)
    await desk.tell("orders/paid", PAID)
    gift = Adjust(
        program_id=PROGRAM, member=MemberRef(external_id="9001"), points=5, note="for Anna"
    )
    await desk.ledger.submit(SHOP, gift)
    await desk.receive("customers/update", {**CUSTOMER, "updated_at": "2026-04-01T00:00:00Z"})
    redact = {"customer": {"id": 9001, "email": "anna@shop.example"}, "orders_to_redact": [7001]}
    assert await desk.tell("customers/redact", redact) == "done"
    assert await desk.points() == 105
    frozen = await desk.pool.fetchval("SELECT bool_and(is_frozen) FROM wallets")
    assert frozen
    assert await drifts(desk.pool) == []
    for table in (
        "members",
        "earnings",
        "entries",
        "redemptions",
        "platform_objects",
        "inbox_events",
        "privacy_requests",
        "wallets",
        "events",
    ):
        rows = await desk.pool.fetch(f"SELECT t::text AS row FROM {table} t")  # noqa: S608
        text = " ".join(row["row"] for row in rows)
        for trace in ("9001", "anna", "Anna", "Ash", "7001", "#1001", b"anna".hex(), b"9001".hex()):
            assert trace not in text, f"{trace} is still in {table}"
    # What comes late about them finds nobody.
    assert await desk.tell("orders/updated", PAID) == "ignored"
    assert await desk.tell("customers/redact", redact) == "done"
    assert await desk.points() == 105


async def test_others_are_untouched_by_an_erasure(desk: Desk) -> None:
    await desk.open()
    await desk.ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id="90011"))
    await desk.receive("orders/paid", {**PAID, "id": 1, "customer": {"id": 90011}, "email": None})
    redact = {"customer": {"id": 9001, "email": "anna@shop.example"}}
    await desk.tell("customers/redact", redact)
    assert await desk.statuses() == ["done", "done"]
    known = await desk.pool.fetch("SELECT external_id FROM members WHERE external_id = '90011'")
    assert len(known) == 1
    assert await desk.points() == 100


async def test_shop_that_is_gone_has_everybody_erased(desk: Desk) -> None:
    await desk.open()
    for number in range(3):
        await desk.ledger.submit(SHOP, Enrol(program_id=PROGRAM, external_id=f"5{number}"))
    assert await desk.tell("shop/redact", b'{"shop_id": 1}') == "ignored"
    await desk.tell("app/uninstalled", b"{}")
    assert await desk.tell("shop/redact", b'{"shop_id": 1}') == "done"
    left = await desk.pool.fetchval(
        "SELECT count(*) FROM members WHERE external_id NOT LIKE 'erased-%'"
    )
    assert left == 0
    assert await drifts(desk.pool) == []


async def test_request_is_noted_once_and_answered_with_everything(desk: Desk) -> None:
    await desk.open()
    await desk.tell("orders/paid", PAID)
    asked = {"customer": {"id": 9001, "email": "anna@shop.example"}, "data_request": {"id": 31}}
    assert await desk.tell("customers/data_request", asked) == "done"
    assert await desk.tell("customers/data_request", asked) == "ignored"
    async with snapshot(desk.pool) as view:
        (member,) = await shoppers.list_shoppers(
            view, SHOP, [PROGRAM], external_id="9001", email=None
        )
    assert isinstance(member, Member)
    told = json.loads(await disclose(desk.ledger.runtime, SHOP, member))
    assert told["member"]["email"] == "anna@shop.example"
    assert [each["points"] for each in told["entries"]] == [100]
    assert told["earnings"][0]["order_number"] == "#1001"
    assert told["platform_objects"][0]["object_key"] == "7001"
    assert await answer_requests(desk.ledger.runtime, SHOP, "9001") == 1
    assert await answer_requests(desk.ledger.runtime, SHOP, "9001") == 0


async def test_erased_member_can_do_nothing_more(desk: Desk) -> None:
    await desk.open()
    await desk.tell("customers/redact", {"customer": {"id": 9001}})
    member = await desk.member()
    earn = Earn(
        program_id=PROGRAM,
        member=MemberRef(id=member["id"]),
        rule_id=RuleId(4001),
        base_points=3,
    )
    outcome = await desk.ledger.submit(SHOP, earn)
    assert "member_frozen" in str(outcome) or "MemberFrozen" in str(outcome)
