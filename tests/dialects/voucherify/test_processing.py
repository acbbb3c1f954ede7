"""What becomes of a purchase after its answer: polled for, handed over or rejected, once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from guerdon.dialects.voucherify.call import Settings
from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.catalogue import (
    Discount,
    MemberLimit,
    PointType,
    Reward,
    TargetProduct,
)
from guerdon.domain.command import ChangeMember, Done, Leave, Redeem
from guerdon.domain.ids import PointTypeId
from guerdon.domain.member import MemberRef
from guerdon.engine.pooling import add_codes
from guerdon.engine.queueing import process_queued
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import fulfil_due
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import connect, drifts
from tests.builders.platform import MemoryPlatform
from tests.builders.shop import PROGRAM, Shop, make_reward, make_shop
from tests.builders.vouch import ServedVouch, error_of
from tests.builders.vouch_purchases import Buyer, Json, buyer_of, row_of
from tests.dialects.voucherify.conftest import ServeVouch

BEANS = PointTypeId(77)
_CARD = Discount(type="fixed_amount", amount_minor=1000)
CODE = make_reward(1, stock=2)
POOL = make_reward(2, fulfil_by="pool")
MUG = make_reward(
    3, fulfil_by="manual", kind="custom", products=(TargetProduct(product_id="4711"),)
)
SHIRT = make_reward(
    4,
    fulfil_by="webhook",
    kind="custom",
    products=(TargetProduct(product_id="4712", sku="SHIRT-M"),),
)
POINTS = make_reward(
    5, fulfil_by="points", kind="custom", credit_points=30, credit_point_type="beans"
)
GIFT = make_reward(6, fulfil_by="gift_card", kind="gift_card", discount=_CARD)
ONLINE = make_reward(
    7, fulfil_by="shopify", stock=1, limit_per_member=MemberLimit(count=1, interval="ever")
)
CREDIT = make_reward(8, fulfil_by="store_credit", kind="gift_card", discount=_CARD)
ALL = (CODE, POOL, MUG, SHIRT, POINTS, GIFT, ONLINE, CREDIT)


def _shop() -> Shop:
    shop = make_shop(rewards=ALL, further_point_type_ids=(BEANS,))
    return replace(shop, further_point_types=(PointType(id=BEANS, slug="beans", name="Beans"),))


class Scene:
    """A shop with a reward of every shape, a member with 1,000 points, and a platform."""

    def __init__(self, served: ServedVouch, buyer: Buyer, platform: MemoryPlatform) -> None:
        self.served = served
        self.buyer = buyer
        self.platform = platform

    async def work(self) -> None:
        """Do what workers do until nothing is left to do now."""
        await self.buyer.process()
        await fulfil_due(self.served.ledger, self.served.shop.id, 100)

    async def drifts(self) -> list[str]:
        pool = self.served.pool
        assert isinstance(pool, asyncpg.Pool)
        return await drifts(pool)


async def _open(
    serve_shop: ServeVouch, profile: Any = "seed", *moods: Any, **runtime: Any
) -> Scene:
    platform = MemoryPlatform(*moods)
    ways: Any = ("shopify", "gift_card", "store_credit")
    served = await serve_shop(
        _shop(),
        settings=Settings(purchase_profile=profile),
        fulfillers=dict.fromkeys(ways, platform),
        **runtime,
    )
    await connect_platform(served.ledger.runtime, served.shop.id)
    await add_codes(served.ledger.runtime, served.shop.id, POOL.id, ["P-1", "P-2"])
    return Scene(served, await buyer_of(served), platform)


def _expected(reward: Reward, scene: Scene, redemption: int, code: str | None, card: str) -> Json:
    """Give the documented result of a reward."""
    voucher = {"id": write_id("voucher", redemption), "code": code}
    worth = {"amount": 1000, "balance": 1000}
    material = {
        MUG.id: {"type": "PRODUCT", "product": {"id": "4711"}},
        SHIRT.id: {"type": "SKU", "sku": {"id": "SHIRT-M", "product_id": "4712"}},
    }.get(reward.id)
    credited = {
        "points": 30,
        "card_definition_id": write_id("card_definition", BEANS),
        "card_id": card,
    }
    digital = {
        POINTS.id: {"type": "LOYALTY_CARD_POINTS", "loyalty_card_points": credited},
        GIFT.id: {"type": "GIFT_VOUCHERS", "gift_vouchers": [voucher | worth]},
    }.get(reward.id, {"type": "DISCOUNT_COUPONS", "discount_coupons": [voucher]})
    kind = "DIGITAL" if material is None else "MATERIAL"
    return {
        "reward": {"id": write_id("reward", reward.id), "type": kind},
        "quantity": 1,
        "material": material,
        "digital": None if material is not None else digital,
    }


@pytest.mark.parametrize("profile", ["seed", "current"])
async def test_every_shape_of_reward_is_approved_with_its_result(
    serve_shop: ServeVouch, profile: Any
) -> None:
    scene = await _open(serve_shop, profile)
    buyer = scene.buyer
    rewards = [reward for reward in ALL if reward is not CREDIT]
    bought = [await buyer.buy(reward) for reward in rewards]
    for each in await buyer.purchases():
        # A code is the member's once it is approved, and nobody sees it before.
        assert (each["status"], each["details"]["result"]) == ("PROCESSING", None)
    assert await buyer.balance() == (300, 700)
    await scene.work()
    beans = await buyer.card(BEANS)
    for reward, first in zip(rewards, bought, strict=True):
        in_rewards, in_cards = await buyer.poll(first)
        assert (in_rewards["status"], in_cards["status"]) == ("APPROVED", "APPROVED")
        redemption = int(in_cards["id"].partition("_")[2], 16)
        (code,) = await row_of(
            scene.served, "SELECT code FROM redemptions WHERE id = $1", redemption
        )
        expected = _expected(reward, scene, redemption, code, beans)
        assert in_rewards["details"]["result"] == expected, reward.slug
        assert in_cards["details"].get("result") == (expected if profile == "seed" else None)
        assert in_rewards["updated_at"] >= in_rewards["created_at"]
    assert (await buyer.balance(), await buyer.balance(BEANS)) == ((300, 0), (30, 0))
    await _check_credit(buyer, bought[rewards.index(POINTS)], beans)
    assert await scene.drifts() == []


async def _check_credit(buyer: Buyer, bought: Json, beans: str) -> None:
    """Points that were bought are a transaction of the card that got them, and each names the
    other."""
    (credit,) = await buyer.transactions(card=beans)
    in_rewards, spent = await buyer.poll(bought)
    assert credit["type"] == "POINTS_PURCHASED"
    assert credit["details"]["points"]["total"] == 30
    assert credit["details"]["reward"] == {"id": bought["reward_id"]}
    assert credit["details"]["card_transaction"] == {"id": spent["id"]}
    assert credit["details"]["reward_transaction"] == {"id": in_rewards["id"]}
    assert spent["details"]["target_card"] == {"id": beans}
    assert spent["details"]["purchase_transaction"] == {"id": credit["id"]}


async def test_a_purchase_waits_for_its_delay(serve_shop: ServeVouch) -> None:
    clock = Clock()
    served = await serve_shop(now=clock, queue_delay_seconds=5)
    buyer = await buyer_of(served)
    bought = await buyer.buy(make_reward())
    # It is in both lists as soon as it is answered, and its points are locked.
    assert [each["status"] for each in await buyer.poll(bought)] == ["PENDING", "PENDING"]
    assert await buyer.balance() == (900, 100)
    assert await buyer.process() == 0
    clock.now += timedelta(seconds=5)
    assert [each["status"] for each in await buyer.poll(bought)] == ["PROCESSING", "PROCESSING"]
    assert await buyer.process() == 1
    assert [each["status"] for each in await buyer.poll(bought)] == ["APPROVED", "APPROVED"]
    assert await buyer.balance() == (900, 0)


async def test_what_is_processed_twice_is_done_once(
    serve_shop: ServeVouch, database_url: str
) -> None:
    scene = await _open(serve_shop)
    buyer = scene.buyer
    bought = [await buyer.buy(reward) for reward in (CODE, POINTS, MUG)]
    pool = await connect(database_url)
    rival = Ledger(Runtime(pool=pool))
    ledgers = (scene.served.ledger, rival) * 2
    await asyncio.gather(*(process_queued(each, scene.served.shop.id, 500) for each in ledgers))
    await rival.close()
    await pool.close()
    for each in bought:
        assert (await buyer.poll(each))[0]["status"] == "APPROVED"
    assert (await buyer.balance(), await buyer.balance(BEANS)) == ((700, 0), (30, 0))
    assert len(await buyer.transactions(card=await buyer.card(BEANS))) == 1
    assert await scene.drifts() == []


async def test_what_a_worker_left_half_done_is_finished(serve_shop: ServeVouch) -> None:
    """However far it came before it was stopped, points are credited once."""
    scene = await _open(serve_shop)
    buyer, ledger, shop = scene.buyer, scene.served.ledger, scene.served.shop.id
    bought = [await buyer.buy(reward) for reward in (POINTS, CODE, POOL)]
    for turns in range(1, 40):
        task = asyncio.ensure_future(process_queued(ledger, shop, 500))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await scene.work()
    for each in bought:
        assert (await buyer.poll(each))[0]["status"] == "APPROVED"
    assert await buyer.balance(BEANS) == (30, 0)
    assert await scene.drifts() == []


async def test_a_slow_platform_holds_up_nothing_else(serve_shop: ServeVouch) -> None:
    scene = await _open(serve_shop)
    buyer = scene.buyer
    slow, quick = await buyer.buy(ONLINE), await buyer.buy(CODE)
    scene.platform.gate.clear()
    await buyer.process()
    asking = asyncio.create_task(fulfil_due(scene.served.ledger, scene.served.shop.id, 100))
    while not scene.platform.asked:
        await asyncio.sleep(0.01)
    assert (await buyer.poll(slow))[0]["status"] == "PROCESSING"
    assert (await buyer.poll(quick))[0]["status"] == "APPROVED"
    again = await buyer.buy(CODE)
    await buyer.process()
    assert (await buyer.poll(again))[0]["status"] == "APPROVED"
    scene.platform.gate.set()
    await asking
    assert (await buyer.poll(slow))[0]["status"] == "APPROVED"


async def test_what_cannot_be_handed_over_is_rejected_and_given_back(
    serve_shop: ServeVouch,
) -> None:
    """Points, stock and the member's limit: all as if it had never been bought."""
    scene = await _open(serve_shop, "seed", "refuses for good")
    buyer = scene.buyer
    bought = await buyer.buy(ONLINE)
    assert error_of(await buyer.ask(ONLINE))[1] == "reward_out_of_stock"
    assert await buyer.balance() == (900, 100)
    await scene.work()
    in_rewards, in_cards = await buyer.poll(bought)
    assert in_rewards["status"] == in_cards["status"] == "REJECTED"
    assert in_rewards["details"]["rejection"] == {"reason": "FULFILLMENT_FAILED"}
    assert in_cards["details"]["rejection"]["reason"] == "FULFILLMENT_FAILED"
    assert in_cards["details"]["rejection"]["details"]
    assert in_rewards["details"]["result"] is None
    assert in_rewards["updated_at"] is not None
    # Nothing else is told of it on the card: it only is no longer locked.
    assert [each["type"] for each in await buyer.transactions()] == [
        "POINTS_SPENT_ON_REWARD",
        "ADMIN_CREDIT",
    ]
    assert await buyer.balance() == (1000, 0)
    again = await buyer.buy(ONLINE)
    await scene.work()
    assert (await buyer.poll(again))[0]["status"] == "APPROVED"
    assert [each["status"] for each in await buyer.purchases()] == ["APPROVED", "REJECTED"]
    refused = await buyer.refund(bought)
    assert error_of(refused)[:2] == (423, "non_approved_reward_transaction")
    assert await scene.drifts() == []


async def test_a_purchase_of_somebody_who_left_is_rejected(serve_shop: ServeVouch) -> None:
    scene = await _open(serve_shop)
    buyer, served = scene.buyer, scene.served
    await buyer.buy(CODE)
    left = Leave(program_id=PROGRAM, member=MemberRef(external_id="C-1"))
    assert isinstance(await served.ledger.submit(served.shop.id, left), Done)
    await scene.work()
    row = await row_of(
        served,
        "SELECT r.status, r.reason, c.units_live FROM redemptions r "
        "JOIN reward_counters c ON c.reward_id = r.reward_id",
    )
    assert row == ("declined", "member_gone", 0)
    other = await buyer_of(served, "C-2")
    assert (await other.buy(CODE))["status"] == "PENDING"
    assert await scene.drifts() == []


async def test_what_was_taken_on_is_processed_though_the_member_was_excluded_since(
    serve_shop: ServeVouch,
) -> None:
    """Only new calls are refused; but points are credited to nobody who may have none."""
    scene = await _open(serve_shop)
    buyer, served = scene.buyer, scene.served
    bought, points = await buyer.buy(CODE), await buyer.buy(POINTS)
    frozen = ChangeMember(program_id=PROGRAM, member=MemberRef(external_id="C-1"), is_frozen=True)
    assert isinstance(await served.ledger.submit(served.shop.id, frozen), Done)
    await scene.work()
    assert (await buyer.poll(bought))[0]["status"] == "APPROVED"
    in_rewards, _ = await buyer.poll(points)
    assert in_rewards["status"] == "REJECTED"
    assert await buyer.balance() == (900, 0)
    assert await scene.drifts() == []


async def test_a_stock_is_sold_once_to_many_at_a_time(serve_shop: ServeVouch) -> None:
    """By calls at once, of which each has its answer; and no one gets more than they may."""
    last = make_reward(1, stock=7)
    seldom = make_reward(2, limit_per_member=MemberLimit(count=2, interval="day"))
    served = await serve_shop(make_shop(rewards=(last, seldom)))
    buyers = [await buyer_of(served, f"C-{number}") for number in range(4)]
    answers = await asyncio.gather(*(buyer.ask(last) for buyer in buyers for _ in range(5)))
    told = [each.status_code for each in answers]
    assert (told.count(202), told.count(423)) == (7, 13)
    answers = await asyncio.gather(*(buyer.ask(seldom) for buyer in buyers for _ in range(4)))
    for place in range(4):
        told = [each.status_code for each in answers[4 * place : 4 * place + 4]]
        assert sorted(told) == [202, 202, 423, 423]
    keys = {error_of(each)[1] for each in answers if each.status_code == 423}
    assert keys == {"purchase_limit_frequency"}
    await buyers[0].process()
    bought = [each for buyer in buyers for each in await buyer.purchases("?limit=100")]
    assert len(bought) == 15
    assert {each["status"] for each in bought} == {"APPROVED"}


async def test_points_are_spent_once_by_many_calls_of_one_member(serve_shop: ServeVouch) -> None:
    served = await serve_shop()
    buyer = await buyer_of(served, points=450)
    key = {"Idempotency-Key": "the-same-call"}
    answers = await asyncio.gather(
        *(buyer.ask(make_reward(), headers=key) for _ in range(5)),
        *(buyer.ask(make_reward()) for _ in range(9)),
    )
    assert {each.status_code for each in answers[:5]} == {202}
    assert len({each.json()["transaction"]["id"] for each in answers[:5]}) == 1
    told = [each.status_code for each in answers[5:]]
    assert (told.count(202), told.count(423)) == (3, 6)
    assert await buyer.balance() == (50, 400)


async def test_other_ways_to_redeem_are_purchases_too(serve_shop: ServeVouch) -> None:
    """What a member takes over another dialect is settled at once, and listed here."""
    served = await serve_shop()
    buyer = await buyer_of(served)
    command = Redeem(
        program_id=PROGRAM, member=MemberRef(external_id="C-1"), reward_id=make_reward().id
    )
    assert isinstance(await redeem(served.ledger, served.shop.id, command), Done)
    (listed,) = await buyer.purchases()
    assert (listed["status"], listed["type"]) == ("APPROVED", "PURCHASE")
    (spent, _) = await buyer.transactions()
    assert (spent["id"], spent["type"]) == (
        listed["card_transaction_id"],
        "POINTS_SPENT_ON_REWARD",
    )
