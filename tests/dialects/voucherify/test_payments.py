"""Orders stated through v1, the points they earn, and orders paid with points."""

from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.dialects.voucherify import ids
from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Adjust, Done, Enrol
from guerdon.domain.member import MemberRef
from guerdon.engine.disclosing import disclose
from guerdon.engine.erasing import erase_member
from guerdon.store.members import list_members
from guerdon.store.snapshot import snapshot
from tests.builders.ledgers import drifts
from tests.builders.shop import POINT_TYPE, PROGRAM, Shop, make_rule, make_shop
from tests.builders.vouch import ServedVouch
from tests.dialects.voucherify.conftest import ServeVouch

LPRG = ids.write_id("program", PROGRAM)


def paying_shop(**changes: Any) -> Shop:
    point_type = PointType(id=POINT_TYPE, slug="points", name="Points", exchange_ratio="0.05")
    shop = make_shop(rules=(make_rule(1, trigger="order_paid", points=1, is_per_unit=True),))
    return Shop(**{**vars(shop), "point_type": replace(point_type, **changes)})


class Member:
    """A member with their card, and the paths to both."""

    def __init__(self, served: ServedVouch, member_id: int, wallet_id: int) -> None:
        self.served = served
        self.card = ids.write_id("card", wallet_id)
        self.path = f"/v2/loyalties/programs/{LPRG}/members/{ids.write_id('member', member_id)}"

    async def pay(self, body: dict[str, Any], status: int = 202) -> Any:
        body = {"card_id": self.card, **body}
        answer = await self.served.client.post(f"{self.path}/orders/payments", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def paid(self, query: str = "") -> Any:
        answer = await self.served.client.get(f"{self.path}/orders/payments{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def enrol(served: ServedVouch, points: int = 0) -> Member:
    ledger = served.ledger
    enrolled = await ledger.submit(served.shop.id, Enrol(program_id=PROGRAM, external_id="anna"))
    assert isinstance(enrolled, Done)
    if points:
        give = Adjust(program_id=PROGRAM, member=MemberRef(external_id="anna"), points=points)
        assert isinstance(await ledger.submit(served.shop.id, give), Done)
    pool: asyncpg.Pool = ledger.runtime.pool
    row = await pool.fetchrow("SELECT member_id, id FROM wallets")
    assert row is not None
    return Member(served, row[0], row[1])


async def order(served: ServedVouch, expected: int = 200, /, **body: Any) -> Any:
    answer = await served.client.post("/v1/orders", json=body)
    assert answer.status_code == expected, answer.text
    return answer.json()


@pytest.fixture
async def served(serve_shop: ServeVouch) -> ServedVouch:
    return await serve_shop(paying_shop())


async def balance(served: ServedVouch) -> int:
    pool: asyncpg.Pool = served.ledger.runtime.pool
    points: int = await pool.fetchval("SELECT points_available FROM wallets")
    return points


async def test_an_order_earns_once_when_it_is_paid(served: ServedVouch) -> None:
    await enrol(served)
    customer = {"source_id": "anna"}
    placed = await order(served, source_id="o-1", amount=4250, customer=customer)
    assert (placed["status"], placed["amount"], placed["updated_at"]) == ("CREATED", 4250, None)
    assert placed["customer"] == {
        "id": ids.write_customer_id("anna"),
        "source_id": "anna",
        "object": "customer",
    }
    assert await balance(served) == 0
    for _ in range(2):
        paid = await order(served, source_id="o-1", amount=4250, status="PAID", customer=customer)
        assert (paid["id"], paid["status"]) == (placed["id"], "PAID")
        assert await balance(served) == 42
    for name in ("o-1", placed["id"]):
        shown = await served.client.get(f"/v1/orders/{name}")
        assert shown.json()["id"] == placed["id"]
    assert (await served.client.get("/v1/orders/o-2")).status_code == 404
    assert await drifts(served.ledger.runtime.pool) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"amount": -1}, "Property .amount cannot be lower than 0"),
        ({"amount": "12"}, "Property .amount must be integer"),
        ({"status": "GONE"}, "Property .status must be equal to one of the allowed values"),
        ({"amount": 5, "discount_amount": 6}, "Property .discount_amount cannot be greater"),
        ({"customer": {}}, "Property .customer must have required property 'source_id'"),
        ({"customer": {"source_id": "~1"}}, "Property .customer.source_id must match pattern"),
        ({"source_id": "~1"}, "Property .source_id must match pattern"),
        (
            {"items": [{"price": 2**53 - 1, "quantity": 2}]},
            "Property .items cannot come to more than 9007199254740991",
        ),
    ],
)
async def test_a_wrong_order_is_refused_by_name(
    served: ServedVouch, body: dict[str, Any], said: str
) -> None:
    refused = await order(served, 400, **{"source_id": "o-1", **body})
    assert refused["key"] == "invalid_payload"
    assert refused["details"].startswith(said)
    pool: asyncpg.Pool = served.ledger.runtime.pool
    assert await pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_points_pay_for_an_order(served: ServedVouch) -> None:
    member = await enrol(served, points=1000)
    placed = await order(served, source_id="o-1", amount=6000, customer={"source_id": "anna"})
    body = {"order": {"source_id": "o-1"}}
    tried = await member.pay({**body, "mode": "DRY_RUN"}, 200)
    assert tried["status"] == "DRY_RUN"
    assert tried["transaction"]["status"] == "SIMULATED"
    assert "id" not in tried["transaction"]
    assert await balance(served) == 1000
    paid = await member.pay(
        {**body, "payment_limit": {"type": "AMOUNT_LIMIT", "amount_limit": {"max": 1000}}}
    )
    assert (paid["status"], paid["message"]) == (
        "TRANSACTION_CREATED",
        "Pay with points transaction created",
    )
    transaction = paid["transaction"]
    assert transaction["status"] == "PENDING"
    assert transaction["order_id"] == placed["id"]
    assert transaction["details"]["payment"] == {
        "id": transaction["id"].replace("lotx_", "ordpay_"),
        "amount": 1000,
        "points_spent": 200,
        "exchange_ratio": "0.05",
    }
    assert transaction["details"]["metadata"] == {"amount_limit": {"max": 1000}}
    assert transaction["details"]["spending_cap"] == {
        "type": "REQUEST_PAYMENT_LIMIT",
        "unit": "AMOUNT",
        "value": 1000,
    }
    assert await balance(served) == 800
    rest = await member.pay({"order": {"id": placed["id"]}})
    assert rest["transaction"]["details"]["payment"]["points_spent"] == 800
    listed = await member.paid("?limit=1")
    assert [each["id"] for each in listed["data"]] == [rest["transaction"]["id"]]
    assert listed["data"][0]["status"] == "APPROVED"
    following = await member.paid(f"?limit=1&cursor={listed['cursor']['next']}")
    assert [each["id"] for each in following["data"]] == [transaction["id"]]
    assert following["cursor"] is None
    chosen = await member.paid(f"?filters[id][conditions][$is]={transaction['id']}")
    assert [each["id"] for each in chosen["data"]] == [transaction["id"]]
    assert await drifts(served.ledger.runtime.pool) == []


async def test_what_cannot_be_paid_is_said_by_its_key(
    served: ServedVouch, serve_shop: ServeVouch
) -> None:
    member = await enrol(served)
    await order(served, source_id="o-1", amount=6000)
    await order(served, source_id="o-2", amount=0)
    body = {"order": {"source_id": "o-1"}}
    assert (await member.pay(body, 423))["key"] == "zero_card_balance"
    give = Adjust(program_id=PROGRAM, member=MemberRef(external_id="anna"), points=10)
    await served.ledger.submit(served.shop.id, give)
    refused = await member.pay({"order": {"source_id": "o-2"}}, 423)
    assert refused["key"] == "zero_order_total_amount"
    unknown = await member.pay({"order": {"source_id": "o-3"}}, 404)
    assert unknown["details"] == "Cannot find order with source_id o-3"
    assert (await member.pay({**body, "card_id": "lcrd_0"}, 404))["resource_type"] == "card"
    assert (await member.pay({"order": {}}, 400))["key"] == "invalid_payload"
    await order(served, source_id="o-4", amount=6000, customer={"source_id": "bo"})
    other = await member.pay({"order": {"source_id": "o-4"}}, 404)
    assert other["resource_type"] == "order"
    small = {**body, "payment_limit": {"type": "AMOUNT_LIMIT", "amount_limit": {"max": 0}}}
    assert "amount_limit.max" in (await member.pay(small, 400))["details"]
    assert await balance(served) == 10


async def test_who_left_pays_for_nothing(served: ServedVouch) -> None:
    member = await enrol(served, points=1000)
    await order(served, source_id="o-1", amount=6000)
    assert (await served.client.delete(member.path)).status_code == 200
    unknown = await member.pay({"order": {"source_id": "o-1"}}, 404)
    assert unknown["resource_type"] == "member"
    listed = await served.client.get(f"{member.path}/orders/payments")
    assert (listed.status_code, listed.json()["resource_type"]) == (404, "member")


@pytest.mark.parametrize("is_erased", [False, True])
async def test_history_names_nobody_who_left_or_was_erased(
    served: ServedVouch, *, is_erased: bool
) -> None:
    """Who left is not found by the shop's id any more, so it has to go with them."""
    member = await enrol(served, points=1000)
    named = "anna-of-the-shop"
    await order(served, source_id=named, amount=6000, customer={"source_id": "anna"})
    await member.pay({"order": {"source_id": named}})
    for points in (5, -50_000):
        body = {"points": points, "reason": named}
        path = f"{member.path}/cards/{member.card}/points"
        assert (await served.client.post(path, json=body)).status_code == 200
    pool: asyncpg.Pool = served.ledger.runtime.pool
    row = await pool.fetchrow("SELECT * FROM members")
    assert row is not None
    async with snapshot(pool) as view:
        (known,) = await list_members(view, served.shop.id, [row["id"]])
    assert f'"order_key":"{named}"' in await disclose(served.ledger.runtime, served.shop.id, known)
    if is_erased:
        await erase_member(served.ledger, served.shop.id, "shopify", known)
    else:
        assert (await served.client.delete(member.path)).status_code == 200
    for table in ("entries", "earnings", "refused_adjustments", "order_payments"):
        texts = await pool.fetch(f"SELECT t::text FROM {table} t")  # noqa: S608 -- names of ours
        assert texts, table
        assert not [each for each in texts if named in each[0]], table
    assert await drifts(served.ledger.runtime.pool) == []


async def test_points_without_a_ratio_pay_for_nothing(serve_shop: ServeVouch) -> None:
    served = await serve_shop(paying_shop(exchange_ratio=None))
    member = await enrol(served, points=10)
    await order(served, source_id="o-1", amount=6000)
    refused = await member.pay({"order": {"source_id": "o-1"}}, 423)
    assert (refused["key"], refused["message"], refused["details"]) == (
        "pay_with_points_not_enabled",
        "Pay with points is not enabled",
        "Card definition does not have pay with points enabled",
    )


async def test_an_event_awards_what_its_rule_gives(serve_shop: ServeVouch) -> None:
    rule = make_rule(1, trigger="custom", action_key="review", points=50)
    served = await serve_shop(make_shop(rules=(rule,)))
    await enrol(served)
    for name, points in (("review", 50), ("other", 50), ("review", 100)):
        body = {"event": name, "customer": {"source_id": "anna"}}
        answer = await served.client.post("/v1/events", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["type"] == name
        assert await balance(served) == points
