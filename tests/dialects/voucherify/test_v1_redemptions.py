"""Rewards taken with a loyalty card over the older API, shown and given back."""

import asyncio
from datetime import timedelta

import httpx

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.card_code import card_code
from guerdon.domain.catalogue import Discount, MemberLimit, Reward, TargetProduct
from guerdon.domain.terms import Cost
from guerdon.engine.runtime import utc_now
from tests.builders.ledgers import drifts
from tests.builders.platform import MemoryPlatform
from tests.builders.shop import POINT_TYPE, PROGRAM, make_point_type, make_reward, make_shop
from tests.builders.vouch import PROGRAM_ID, ServedVouch, error_of
from tests.builders.vouch_purchases import row_counts
from tests.dialects.voucherify.conftest import ServeVouch
from tests.dialects.voucherify.test_v1_cards import adjust, give_card, leave, show

COUPON = make_reward(1)
MUG = make_reward(
    2,
    kind="custom",
    fulfil_by="manual",
    discount=None,
    products=(TargetProduct(product_id="prod_1", sku="sku_1", title="A mug"),),
)
GIFT = make_reward(
    3, kind="gift_card", fulfil_by="code", discount=Discount(type="fixed_amount", amount_minor=500)
)
BONUS = make_reward(4, kind="custom", fulfil_by="points", discount=None, credit_points=30)


def named(reward: Reward) -> str:
    return write_id("v1_reward", reward.id)


async def take(
    served: ServedVouch, code: str, reward: Reward = COUPON, *, key: str | None = None
) -> httpx.Response:
    body = {"reward": {"id": named(reward)}}
    path = f"/v1/loyalties/members/{code}/redemption"
    headers = {} if key is None else {"Idempotency-Key": key}
    return await served.client.post(path, json=body, headers=headers)


async def roll_back(served: ServedVouch, redemption_id: str, **body: object) -> httpx.Response:
    return await served.client.post(f"/v1/redemptions/{redemption_id}/rollback", json=body)


async def test_each_kind_of_reward_is_shown_as_what_it_gives(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(COUPON, MUG, GIFT, BONUS)))
    code = await give_card(served, points=1000)
    offered = (COUPON, MUG, GIFT, BONUS)
    taken = {each.id: (await take(served, code, each)).json() for each in offered}
    coupon, mug, gift, bonus = (taken[each.id]["reward"] for each in offered)
    assert [each["type"] for each in (coupon, mug, gift, bonus)] == [
        "CAMPAIGN",
        "MATERIAL",
        "CAMPAIGN",
        "CAMPAIGN",
    ]
    assert coupon["parameters"]["campaign"] == {
        "id": write_id("campaign", COUPON.id),
        "type": "DISCOUNT_COUPONS",
    }
    assert coupon["assignment_id"] == write_id("assignment", COUPON.id)
    assert (coupon["voucher"]["type"], coupon["voucher"]["active"]) == ("DISCOUNT_VOUCHER", True)
    assert coupon["voucher"]["code"].startswith("MAGE-")
    assert mug["voucher"] is None
    assert (mug["product"]["id"], mug["sku"]["id"]) == ("prod_1", "sku_1")
    assert mug["parameters"] == {"product": {"id": "prod_1", "sku_id": "sku_1"}}
    assert (gift["voucher"]["type"], gift["voucher"]["gift"]["balance"]) == ("GIFT_VOUCHER", 500)
    assert bonus["parameters"]["campaign"] == {
        "id": write_id("campaign", PROGRAM),
        "balance": 30,
        "type": "LOYALTY_PROGRAM",
    }
    card = (await show(served, code))["loyalty_card"]
    assert (card["points"], card["balance"]) == (1030, 630)
    for each in taken.values():
        shown = (await served.client.get(f"/v1/redemptions/{each['id']}")).json()
        assert (shown["reward"], shown["amount"]) == (each["reward"], 100)
    assert await drifts(served.pool) == []


async def test_a_refused_redemption_leaves_no_trace(serve_shop: ServeVouch) -> None:
    limited = make_reward(5, points_cost=1, limit_per_member=MemberLimit(count=1, interval="ever"))
    gone = make_reward(6, stock=0)
    off = make_reward(7, status="inactive")
    later = make_reward(8, starts_at=utc_now() + timedelta(days=1))
    shop = make_shop(rewards=(COUPON, limited, gone, off, later))
    served = await serve_shop(shop)
    code = await give_card(served, points=51)
    assert (await take(served, code, limited)).status_code == 200
    before = await row_counts(served)
    path = f"/v1/loyalties/members/{code}/redemption"
    for reward, key, details in (
        (COUPON, "loyalty_card_points_exceeded", code),
        (limited, "quantity_exceeded", named(limited)),
        (gone, "quantity_exceeded", named(gone)),
        (off, "voucher_not_active", named(off)),
        (later, "voucher_not_active_now", code),
    ):
        refused = await take(served, code, reward)
        assert error_of(refused) == (400, key, details), reward.name
    for body, status, key in (
        ({}, 400, "missing_reward"),
        ({"reward": None}, 400, "missing_reward"),
        ({"reward": {}}, 400, "invalid_payload"),
        ({"reward": {"id": "rew_0"}}, 404, "not_found"),
        ({"reward": {"id": PROGRAM_ID}}, 404, "not_found"),
        ({"reward": {"id": named(COUPON), "points": 5}}, 400, "invalid_payload"),
        ({"reward": {"id": named(COUPON)}, "order": {"amount": 1}}, 400, "invalid_payload"),
        ({"reward": {"id": named(COUPON)}, "gift": 1}, 400, "invalid_payload"),
    ):
        refused = await served.client.post(path, json=body)
        assert error_of(refused)[:2] == (status, key), body
    assert await row_counts(served) == before


async def test_a_card_that_would_not_pay_is_refused(serve_shop: ServeVouch) -> None:
    gems = make_point_type(1)
    prices = (Cost(points=10, point_type_id=gems.id), Cost(points=40, point_type_id=POINT_TYPE))
    reward = make_reward(1, costs=prices, points_cost=10, point_type_id=gems.id)
    served = await serve_shop(make_shop(rewards=(reward,), point_types=(gems,)))
    code = await give_card(served, points=500)
    offered = await served.client.get(f"/v1/loyalties/members/{code}/rewards")
    (row,) = offered.json()["data"]
    assert row["assignment"]["parameters"]["loyalty"]["points"] == 40
    only = await served.client.get(f"/v1/loyalties/members/{code}/rewards?affordable_only=true")
    assert only.json()["data"] == []
    async with served.pool.acquire() as connection:
        number = await connection.fetchval("SELECT id FROM wallets WHERE NOT is_default")
    gem_code = card_code(served.shop.id, number)
    await adjust(served, gem_code, points=10)
    # The first price holds for everybody, and is paid with the other card.
    assert error_of(await take(served, code))[:2] == (400, "customer_rules_violated")
    assert (await take(served, gem_code)).json()["amount"] == 10
    assert (await show(served, code))["loyalty_card"]["balance"] == 500


async def test_who_is_inactive_can_neither_spend_nor_be_funded(served: ServedVouch) -> None:
    member_id = await served.enrol("C-1", points=500)
    code = await give_card(served)
    path = f"/v2/loyalties/programs/{PROGRAM_ID}/members/{member_id}/deactivate"
    assert (await served.client.post(path)).status_code == 200
    assert (await show(served, code))["active"] is False
    assert error_of(await take(served, code)) == (400, "voucher_disabled", code)
    funded = await served.client.post(f"/v1/loyalties/members/{code}/balance", json={"points": 5})
    assert error_of(funded) == (400, "voucher_disabled", code)


async def test_asked_twice_under_a_key_it_is_taken_once(served: ServedVouch) -> None:
    code = await give_card(served, points=500)
    first, again = [await take(served, code, key="till-7") for _ in range(2)]
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")
    path = f"/v1/loyalties/members/{code}/redemption"
    other = {"reward": {"id": named(COUPON)}, "metadata": {"a": 1}}
    clash = await served.client.post(path, json=other, headers={"Idempotency-Key": "till-7"})
    assert error_of(clash)[:2] == (409, "duplicate_found")
    assert (await show(served, code))["loyalty_card"]["balance"] == 400


async def test_of_many_at_once_the_points_and_the_stock_pay_for_no_more(
    serve_shop: ServeVouch,
) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1, stock=3),)))
    codes = [await give_card(served, f"C-{number}", points=250) for number in range(2)]
    answers = await asyncio.gather(*(take(served, code) for code in codes * 4))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 3 + [400] * 5
    given = [each.json()["reward"]["voucher"]["code"] for each in answers if each.is_success]
    assert len(set(given)) == 3
    balances = [(await show(served, code))["loyalty_card"]["balance"] for code in codes]
    assert sum(balances) == 200
    assert await drifts(served.pool) == []


async def test_a_platform_out_of_reach_takes_nothing(serve_shop: ServeVouch) -> None:
    platform = MemoryPlatform("refuses")
    shop = make_shop(rewards=(make_reward(1, fulfil_by="shopify"),))
    served = await serve_shop(shop, fulfillers={"shopify": platform})
    code = await give_card(served, points=500)
    refused = await take(served, code)
    assert error_of(refused)[:2] == (503, "api_error")
    assert (await show(served, code))["loyalty_card"]["balance"] == 500
    listed = await served.client.get(f"/v1/loyalties/members/{code}/transactions")
    kinds = [row["type"] for row in listed.json()["data"]]
    assert kinds == ["POINTS_REFUND", "POINTS_REDEMPTION", "POINTS_ADDITION"]
    async with served.pool.acquire() as connection:
        number = await connection.fetchval("SELECT id FROM redemptions")
    failed = (await served.client.get(f"/v1/redemptions/{write_id('redemption', number)}")).json()
    assert (failed["result"], failed["status"]) == ("FAILURE", "FAILED")
    assert failed["reward"]["voucher"] is None
    twice = await roll_back(served, failed["id"])
    assert error_of(twice)[:2] == (400, "already_rolled_back")


async def test_a_rollback_gives_back_once(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1, stock=1, is_refundable=False),)))
    code = await give_card(served, points=100)
    taken = (await take(served, code)).json()
    assert error_of(await take(served, code))[1] == "quantity_exceeded"
    for body, status in (
        ({"order": {"id": "x"}}, 400),
        ({"metadata": {"a": 1}}, 400),
        ({"customer": {"source_id": "C-2"}}, 404),
        ({"reason": 5}, 400),
    ):
        assert (await roll_back(served, taken["id"], **body)).status_code == status
    back = await roll_back(served, taken["id"], reason="Torn", customer={"source_id": "C-1"})
    assert back.status_code == 200
    assert (back.json()["amount"], back.json()["reason"]) == (-100, "Torn")
    assert back.json()["reward"]["voucher"]["active"] is False
    assert error_of(await roll_back(served, taken["id"]))[:2] == (400, "already_rolled_back")
    shown = (await served.client.get(f"/v1/redemptions/{taken['id']}")).json()
    assert shown["status"] == "ROLLED_BACK"
    rollback = (await served.client.get(f"/v1/redemptions/{back.json()['id']}")).json()
    assert rollback == back.json()
    for wrong in ("r_0", f"r_{5:018x}", f"rr_{5:018x}", taken["id"].replace("r_", "rr_")):
        missing = await served.client.get(f"/v1/redemptions/{wrong}")
        assert error_of(missing)[:2] == (404, "not_found"), wrong
    # The stock came back with it.
    assert (await take(served, code)).status_code == 200
    assert await drifts(served.pool) == []


async def test_points_that_were_the_reward_are_taken_off_again(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(BONUS,)))
    code = await give_card(served, points=100)
    taken = (await take(served, code, BONUS)).json()
    await adjust(served, code, points=-5)
    refused = await roll_back(served, taken["id"])
    assert error_of(refused)[:2] == (400, "loyalty_card_points_exceeded")
    await adjust(served, code, points=5)
    assert (await roll_back(served, taken["id"])).status_code == 200
    assert (await show(served, code))["loyalty_card"]["balance"] == 100
    assert await drifts(served.pool) == []


async def test_what_who_left_had_taken_is_shown_no_more_and_stays(served: ServedVouch) -> None:
    code = await give_card(served, points=500)
    taken = (await take(served, code)).json()
    await leave(served)
    before = await row_counts(served)
    for answered in (
        await served.client.get(f"/v1/redemptions/{taken['id']}"),
        await roll_back(served, taken["id"]),
        await take(served, code),
    ):
        assert error_of(answered)[:2] == (404, "not_found")
        assert answered.json()["resource_type"] == "voucher"
    assert await row_counts(served) == before


async def test_what_waits_in_the_queue_is_not_there_yet(served: ServedVouch) -> None:
    member_id = await served.enrol("C-1", points=500)
    path = f"/v2/loyalties/programs/{PROGRAM_ID}/members/{member_id}/rewards/purchases"
    bought = await served.client.post(path, json={"reward_id": write_id("reward", COUPON.id)})
    assert bought.status_code == 202
    number = bought.json()["transaction"]["id"].replace("lctx_", "r_")
    assert (await served.client.get(f"/v1/redemptions/{number}")).status_code == 404
    assert error_of(await roll_back(served, number))[:2] == (404, "not_found")
