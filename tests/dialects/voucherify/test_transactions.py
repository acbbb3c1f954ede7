"""What happened on a card: every kind of it, in both profiles; filters, pages, and pollers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from msgspec.structs import replace as replaced

from guerdon.dialects.voucherify.call import Settings
from guerdon.dialects.voucherify.ids import write_bucket_id, write_id
from guerdon.domain.command import (
    Adjust,
    Command,
    Decline,
    Done,
    Earn,
    Earned,
    ExpireLots,
    PayOrder,
    SettlePending,
    Transfer,
)
from guerdon.domain.command import ClawBack as TakeBack
from guerdon.domain.earning import Earning
from guerdon.domain.ids import EarningId, MemberId
from guerdon.domain.member import MemberRef
from tests.builders.http import Clock
from tests.builders.ledgers import drifts
from tests.builders.shop import (
    POINT_TYPE,
    PROGRAM,
    Shop,
    make_reward,
    make_rule,
    make_shop,
)
from tests.builders.vouch import ServedVouch, error_of, problem_of
from tests.builders.vouch_purchases import Buyer, Json, buyer_of, row_of
from tests.dialects.voucherify.conftest import ServeVouch

ANNA = MemberRef(external_id="C-1")
NOW_RULE = make_rule(1, points=50, name="A review")
LATER_RULE = make_rule(2, points=20, name="An order", approval_days=3)
POINTS = make_reward(2, fulfil_by="points", kind="custom", credit_points=30)


def _shop() -> Shop:
    shop = make_shop(
        rewards=(make_reward(), POINTS), rules=(NOW_RULE, LATER_RULE), points_expiry_days=30
    )
    return replace(shop, point_type=replaced(shop.point_type, exchange_ratio="0.01"))


class Life:
    """A member to whom everything happens that can happen to points."""

    def __init__(self, buyer: Buyer, clock: Clock) -> None:
        self.buyer = buyer
        self.clock = clock
        self.served = buyer.served

    async def do(self, command: Command) -> Done:
        self.clock.now += timedelta(minutes=1)
        outcome = await self.served.ledger.submit(self.served.shop.id, command)
        assert isinstance(outcome, Done), outcome
        return outcome

    async def earn(self, rule: Any, key: str) -> Earning:
        done = await self.do(Earn(program_id=PROGRAM, member=ANNA, rule_id=rule.id, action_key=key))
        assert isinstance(done.result, Earned)
        return done.result.earning

    async def settle(self, earning: Earning, *, is_credited: bool) -> None:
        await self.do(
            SettlePending(
                program_id=PROGRAM,
                member=ANNA,
                earning_ids=(EarningId(earning.id),),
                is_credited=is_credited,
                note="Manual points activation",
            )
        )

    async def adjust(self, points: int) -> None:
        path = f"{self.buyer.root}/cards/{await self.buyer.card()}/points"
        body = {"points": points, "reason": "By hand"}
        response = await self.served.client.post(path, json=body)
        assert response.status_code == 200, response.text

    async def run(self) -> None:
        """Let all of it happen, each kind once at least."""
        await self.adjust(500)
        await self.adjust(-20)
        await self.adjust(-100_000)
        await self.earn(NOW_RULE, "a")
        credited, declined, reduced = [await self.earn(LATER_RULE, key) for key in "bcd"]
        await self.settle(credited, is_credited=True)
        await self.do(Decline(earning_id=declined.id))
        await self.do(TakeBack(earning_id=reduced.id, points=5))
        taken = await self.earn(NOW_RULE, "e")
        await self.do(TakeBack(earning_id=taken.id, points=50, reason="The order came back"))
        bought = await self.buyer.buy(make_reward())
        credit = await self.buyer.buy(POINTS)
        await self.buyer.process()
        for each in (bought, credit):
            self.clock.now += timedelta(minutes=1)
            assert (await self.buyer.refund(each)).status_code == 202
        pay = PayOrder(
            program_id=PROGRAM, member=ANNA, order_key="A-1", order_total_minor=1000, points_max=7
        )
        await self.do(pay)
        await self.served.enrol("C-2", None)
        other = MemberRef(external_id="C-2")
        await self.do(Transfer(program_id=PROGRAM, source=ANNA, target=other, points=3))
        await self.do(Transfer(program_id=PROGRAM, source=other, target=ANNA, points=3))
        await self._expire()

    async def _expire(self) -> None:
        """Some by hand before their day, and the rest on it."""
        await self.do(
            replaced(
                Adjust(program_id=PROGRAM, member=ANNA, points=9),
                expires_at=self.clock.now + timedelta(days=90),
            )
        )
        path = f"{self.buyer.root}/cards/{await self.buyer.card()}/expiring-points"
        buckets = (await self.buyer.page(path))["data"]
        late = max(buckets, key=lambda bucket: str(bucket["expiration_date"]))
        response = await self.served.client.post(f"{path}/{late['id']}/expire")
        assert response.status_code == 200, response.text
        self.clock.now += timedelta(days=45)
        await self.do(ExpireLots(program_id=PROGRAM, member=ANNA))


@pytest.fixture
async def live(serve_shop: ServeVouch) -> Callable[[Any], Awaitable[Life]]:
    async def start(profile: Any = "seed") -> Life:
        clock = Clock()
        served = await serve_shop(_shop(), settings=Settings(purchase_profile=profile), now=clock)
        return Life(await buyer_of(served, points=0), clock)

    return start


KINDS = [
    ("ADMIN_CREDIT", "APPROVED", 500),
    ("ADMIN_DEBIT", "APPROVED", -20),
    ("ADMIN_DEBIT", "REJECTED", -100_000),
    ("POINTS_EARNED", "APPROVED", 50),
    ("PENDING_POINTS_ADDED", "APPROVED", 20),
    ("PENDING_POINTS_ADDED", "APPROVED", 20),
    ("PENDING_POINTS_ADDED", "APPROVED", 20),
    ("PENDING_POINTS_ACTIVATED", "APPROVED", 20),
    ("PENDING_POINTS_CANCELED", "APPROVED", 20),
    ("PENDING_POINTS_CANCELED", "APPROVED", 5),
    ("POINTS_EARNED", "APPROVED", 50),
    ("POINTS_REFUNDED", "APPROVED", 50),
    ("POINTS_SPENT_ON_REWARD", "APPROVED", 100),
    ("POINTS_SPENT_ON_REWARD", "APPROVED", 100),
    ("POINTS_PURCHASED", "APPROVED", 30),
    ("POINTS_RETURNED", "APPROVED", 100),
    ("POINTS_PURCHASE_REVERSED", "APPROVED", 30),
    ("POINTS_RETURNED", "APPROVED", 100),
    ("POINTS_SPENT_ON_ORDER", "APPROVED", 7),
    ("ADMIN_DEBIT", "APPROVED", -3),
    ("ADMIN_CREDIT", "APPROVED", 3),
    ("ADMIN_CREDIT", "APPROVED", 9),
    ("ADMIN_POINTS_EXPIRATION", "APPROVED", 9),
    ("POINTS_EXPIRED", "APPROVED", 543),
]


@pytest.mark.parametrize("profile", ["seed", "current"])
async def test_every_kind_of_transaction_is_told(
    live: Callable[[Any], Awaitable[Life]], profile: Any
) -> None:
    """Their forms are held to their schemas by the client."""
    life = await live(profile)
    await life.run()
    buyer = life.buyer
    told = await buyer.transactions("?limit=100&order=id")
    assert [(each["type"], each["status"], _total(each)) for each in told] == KINDS
    by_type = {each["type"]: each for each in told}
    _check_reasons(by_type)
    expired = by_type["POINTS_EXPIRED"]["details"]
    assert sum(each["points"]["total"] for each in expired["buckets"]) == 543
    assert expired["date"] == max(each["expiration_date"] for each in expired["buckets"])
    number = int((await buyer.card()).partition("_")[2], 16)
    for bucket in expired["buckets"]:
        day = life.clock.now.date().fromisoformat(bucket["expiration_date"])
        assert bucket["id"] == write_bucket_id("points", number, day)
    rejected = next(each for each in told if each["status"] == "REJECTED")["details"]
    assert rejected["rejection"]["reason"] == "NOT_ENOUGH_BALANCE"
    pool = life.served.pool
    assert isinstance(pool, asyncpg.Pool)
    assert await drifts(pool) == []


def _total(transaction: Json) -> int:
    details = transaction["details"]
    return int((details.get("points") or details["bucket"]["points"])["total"])


def _check_reasons(by_type: dict[str, Json]) -> None:
    reasons = {kind: each["details"]["reason"] for kind, each in by_type.items()}
    assert reasons["POINTS_EARNED"] == "Main / A review"
    assert reasons["POINTS_SPENT_ON_REWARD"] == "Points spent on reward"
    assert reasons["POINTS_EXPIRED"] == "Points expired automatically"
    assert reasons["ADMIN_POINTS_EXPIRATION"] == "Manual points expiration"
    assert reasons["PENDING_POINTS_ACTIVATED"] == "Manual points activation"
    assert reasons["POINTS_REFUNDED"] == "The order came back"
    assert reasons["POINTS_SPENT_ON_ORDER"] == "Points spent on order payment"
    metadata = by_type["POINTS_EARNED"]["details"]["metadata"]
    assert metadata["earning_rule_id"] == write_id("earning_rule", NOW_RULE.id)
    assert by_type["ADMIN_CREDIT"]["details"]["points"]["expiration_date"] is not None
    assert by_type["PENDING_POINTS_ADDED"]["details"]["points"]["type"] == "PERIOD_BASED"


async def test_a_card_of_nobody_or_of_another_is_not_found(served: ServedVouch) -> None:
    anna, bert = await buyer_of(served), await buyer_of(served, "C-2")
    for card in (await bert.card(), write_id("card", 9), "lcrd_1", anna.member):
        response = await served.client.get(f"{anna.root}/cards/{card}/transactions")
        body = problem_of(response)
        assert (response.status_code, body["resource_type"], body["resource_id"]) == (
            404,
            "card",
            card,
        )
    bad = await served.client.get(f"{anna.root}/cards/lcrd_1/transactions?limit=0")
    assert error_of(bad)[:2] == (400, "invalid_query_params")


async def test_transactions_are_filtered(live: Callable[[Any], Awaitable[Life]]) -> None:
    life = await live("seed")
    await life.run()
    buyer = life.buyer
    told = await buyer.transactions("?limit=100")
    ids = [each["id"] for each in told]

    async def found(query: str) -> list[str]:
        return [each["id"] for each in await buyer.transactions(f"?limit=100&{query}")]

    def having(field: str, operator: str, value: str) -> str:
        return f"filters[{field}][conditions][{operator}]={quote(value)}"

    third, last = told[2], told[-1]
    assert await found(having("id", "$is", third["id"])) == [third["id"]]
    assert await found(having("id", "$is", "lctx_1")) == []
    assert await found(having("id", "$is_not", third["id"])) == [
        each for each in ids if each != third["id"]
    ]
    two = f"{having('id', '$in', third['id'])}&{having('id', '$in', last['id'])}"
    assert await found(two) == [third["id"], last["id"]]
    before = having("created_at", "$before", third["created_at"])
    assert await found(before) == [
        each["id"] for each in told if each["created_at"] < third["created_at"]
    ]
    either = f"{having('id', '$is', third['id'])}&{before}&filters[junction]=OR"
    assert await found(either) == [
        each["id"]
        for each in told
        if each["created_at"] < third["created_at"] or each["id"] == third["id"]
    ]
    both = f"{having('id', '$is', third['id'])}&{before}"
    assert await found(both) == []
    own = having("card_definition_id", "$is", write_id("card_definition", POINT_TYPE))
    other = having("card_definition_id", "$is", write_id("card_definition", 9))
    assert await found(own) == ids
    assert await found(other) == []
    assert await found(f"{other}&{having('id', '$is', third['id'])}&filters[junction]=OR") == [
        third["id"]
    ]
    assert await found(f"{own}&{having('id', '$is', 'lctx_1')}&filters[junction]=OR") == ids
    path = await buyer.card_path()
    for query in ("filters[type][conditions][$is]=ADMIN_CREDIT", "order=type", "cursor=lcrsprg_00"):
        refused = await life.served.client.get(f"{path}?{query}")
        assert error_of(refused)[:2] == (400, "invalid_query_params")


async def test_purchases_are_filtered(serve_shop: ServeVouch) -> None:
    rewards = (make_reward(1), make_reward(2, template_id=1999))
    served = await serve_shop(make_shop(rewards=rewards))
    buyer = await buyer_of(served)
    named = [write_id("reward", 1001), write_id("reward", 1999)]
    for each in (*named, named[0]):
        await buyer.buy(each)
    told = await buyer.purchases("?order=id")

    async def found(*conditions: str) -> list[int]:
        query = "&".join(("order=id", *conditions))
        shown = [each["id"] for each in await buyer.purchases(f"?{query}")]
        return [place for place, each in enumerate(told) if each["id"] in shown]

    by_reward = "filters[reward_id][conditions]"
    by_id = "filters[id][conditions]"
    by_card = "filters[card_definition_id][conditions]"
    assert await found(f"{by_reward}[$is]={named[1]}") == [1]
    assert await found(f"{by_reward}[$is_not]={named[1]}") == [0, 2]
    assert await found(f"{by_reward}[$in][0]={named[0]}", f"{by_reward}[$in][1]={named[1]}") == [
        0,
        1,
        2,
    ]
    assert await found(f"{by_id}[$is]={told[0]['id']}") == [0]
    assert await found(f"{by_id}[$is]={told[0]['id']}", f"{by_reward}[$is]={named[1]}") == []
    assert await found(
        f"{by_id}[$is]={told[0]['id']}", f"{by_reward}[$is]={named[1]}", "filters[junction]=OR"
    ) == [0, 1]
    assert await found(f"{by_card}[$is]={write_id('card_definition', POINT_TYPE)}") == [0, 1, 2]
    assert await found(f"{by_card}[$is]={write_id('card_definition', 9)}") == []
    assert await found("filters[created_at][conditions][$before]=2020-01-01") == []
    assert await found("filters[created_at][conditions][$after]=2020-01-01") == [0, 1, 2]


async def test_pages_hold_all_once_and_a_cursor_its_query(
    live: Callable[[Any], Awaitable[Life]],
) -> None:
    life = await live("seed")
    await life.run()
    buyer, client = life.buyer, life.served.client
    path = await buyer.card_path()
    whole = await buyer.transactions("?limit=100")
    for order in ("id", "-id", "created_at", "-created_at"):
        seen: list[Json] = []
        query = f"?limit=5&order={order}"
        cursor = ""
        while True:
            page = await buyer.page(path, f"{query}{cursor}")
            seen += page["data"]
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']['next']}"
        assert seen == (whole if order.startswith("-") else whole[::-1])
    first = await buyer.page(path, "?limit=5")
    named = first["cursor"]["next"]
    assert named.startswith("lcrsctx_")
    for query in ("limit=6", "limit=5&order=id"):
        refused = await client.get(f"{path}?{query}&cursor={named}")
        assert error_of(refused)[:2] == (400, "cursor_and_query_mismatch")
    life.clock.now += timedelta(minutes=16)
    refused = await client.get(f"{path}?limit=5&cursor={named}")
    assert error_of(refused)[:2] == (400, "invalid_or_expired_cursor")


async def _follow(buyer: Buyer, path: str, stop: asyncio.Event) -> list[str]:
    """Poll a list from its beginning, going on after the last one seen, until all has stopped."""
    seen: list[str] = []
    while True:
        is_last = stop.is_set()
        last = seen[-1] if seen else None
        fresh: list[str] = []
        cursor = ""
        while True:
            page = await buyer.page(path, f"?limit=3&order=id{cursor}")
            fresh += [each["id"] for each in page["data"]]
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']['next']}"
        # What was seen before is still there, in its order, and all that is new comes after it.
        assert fresh[: len(seen)] == seen
        assert last is None or all(each > last for each in fresh[len(seen) :])
        seen = fresh
        if is_last:
            return seen


async def test_a_poller_misses_nothing_while_others_write(serve_shop: ServeVouch) -> None:
    """On the card and among the purchases, while they are bought, settled, given back and
    adjusted by several at a time."""
    served = await serve_shop()
    buyer = await buyer_of(served, points=10_000)
    other = await buyer_of(served, "C-2", points=10_000)
    stop = asyncio.Event()
    pollers = [
        asyncio.create_task(_follow(buyer, path, stop))
        for path in (await buyer.card_path(), buyer.purchases_path)
    ]

    async def write(who: Buyer) -> None:
        for _ in range(8):
            bought = await who.buy(make_reward())
            adjust = Adjust(program_id=PROGRAM, member=MemberRef(id=MemberId(who.number)), points=1)
            await served.ledger.submit(served.shop.id, adjust)
            await who.process()
            await who.refund(bought)

    await asyncio.gather(write(buyer), write(buyer), write(other))
    stop.set()
    transactions, purchases = await asyncio.gather(*pollers)
    assert len(purchases) == 16
    (entries,) = await row_of(
        served,
        "SELECT count(*) FROM entries e JOIN wallets w ON w.id = e.wallet_id "
        "WHERE w.member_id = $1",
        buyer.number,
    )
    assert len(transactions) == entries == 1 + 16 * 3
