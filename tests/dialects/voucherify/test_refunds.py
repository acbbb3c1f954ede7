"""Purchases given back: what comes back, what is refused, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace as replaced

from guerdon.dialects.voucherify.call import Settings
from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.catalogue import PointType
from guerdon.domain.command import Adjust, Done, Leave, Redeem
from guerdon.domain.ids import PointTypeId, ProgramId, RewardId, TemplateId
from guerdon.domain.member import MemberRef
from guerdon.domain.template import Template
from guerdon.engine.redeeming import redeem
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, sequences
from guerdon.store.templates import put_template
from guerdon.store.transaction import transaction
from tests.builders.ledgers import drifts
from tests.builders.shop import POINT_TYPE, PROGRAM, Shop, make_reward, make_shop
from tests.builders.vouch import PROGRAM_ID, ServedVouch, error_of, problem_of
from tests.builders.vouch_purchases import Buyer, Json, buyer_of, row_counts, row_of
from tests.dialects.voucherify.conftest import ServeVouch

BEANS = PointTypeId(77)
TEMPLATE = TemplateId(1999)
CODE = make_reward(1, stock=5)
KEPT = make_reward(2, is_refundable=False)
POINTS = make_reward(
    3, fulfil_by="points", kind="custom", credit_points=30, credit_point_type="beans"
)
SHARED = make_reward(4, template_id=TEMPLATE)


def _shop() -> Shop:
    rewards = (CODE, KEPT, POINTS, SHARED)
    shop = make_shop(rewards=rewards, further_point_type_ids=(BEANS,))
    return replace(shop, further_point_types=(PointType(id=BEANS, slug="beans", name="Beans"),))


@pytest.fixture
async def buyer(serve_shop: ServeVouch) -> Buyer:
    served = await serve_shop(_shop())
    async with transaction(served.pool) as tx:
        now = datetime.now(UTC)
        bare = replaced(SHARED, id=RewardId(0), program_id=ProgramId(0), template_id=None)
        template = Template(
            id=TEMPLATE, name="Shared", status="active", reward=bare, created_at=now
        )
        await put_template(tx, served.shop.id, template)
    return await buyer_of(served)


async def _bought(buyer: Buyer, reward: Any = CODE) -> Json:
    bought = await buyer.buy(reward)
    await buyer.process()
    return bought


async def _drifts(buyer: Buyer) -> list[str]:
    pool = buyer.served.pool
    assert isinstance(pool, asyncpg.Pool)
    return await drifts(pool)


async def _live(buyer: Buyer) -> int:
    (live,) = await row_of(
        buyer.served, "SELECT units_live FROM reward_counters WHERE reward_id = $1", CODE.id
    )
    return int(live)


async def test_a_refund_is_answered_as_documented_and_gives_all_back(buyer: Buyer) -> None:
    bought = await _bought(buyer)
    before, _ = await buyer.poll(bought)
    response = await buyer.refund(bought)
    assert response.status_code == 202
    (returned, spent, _) = await buyer.transactions()
    own_id = f"lrtx_{int(returned['id'].partition('_')[2], 16) + 1:018x}"
    coupon = before["details"]["result"]["digital"]["discount_coupons"][0]
    purchase = {
        "card_transaction": {"id": spent["id"]},
        "reward_transaction": {"id": before["id"]},
    }
    assert response.json() == {
        "transaction": {
            "id": own_id,
            "card_id": bought["card_id"],
            "card_transaction_id": returned["id"],
            "card_definition_id": write_id("card_definition", POINT_TYPE),
            "program_id": PROGRAM_ID,
            "member_id": buyer.member,
            "reward_id": write_id("reward", CODE.id),
            "status": "APPROVED",
            "type": "REFUND",
            "details": {
                "reason": "Manual reward refund",
                "rejection": None,
                "metadata": {},
                "points": {"total": 100},
                "result": {
                    "reward": {"id": write_id("reward", CODE.id), "type": "DIGITAL"},
                    "quantity": 1,
                    "material": None,
                    "digital": {
                        "type": "DISCOUNT_COUPONS",
                        "discount_coupons": [coupon | {"result": "DELETED"}],
                    },
                },
                "purchase": purchase,
            },
            "created_at": returned["created_at"],
            "updated_at": None,
            "object": "reward_transaction",
        },
        "status": "APPROVED",
        "message": (
            "Reward refund transaction created. Points will be returned to the member's card "
            "shortly."
        ),
    }
    assert (returned["type"], returned["status"]) == ("POINTS_RETURNED", "APPROVED")
    assert returned["details"]["points"]["total"] == 100
    assert returned["details"]["reward_transaction"] == {"id": own_id}
    assert returned["details"]["purchase"] == purchase
    assert spent["status"] == "APPROVED"
    # The refund is not in the list of purchases; what it gave back is told there.
    (listed,) = await buyer.purchases()
    assert (listed["id"], listed["status"]) == (before["id"], "REFUNDED")
    assert (await buyer.balance(), await _live(buyer)) == ((1000, 0), 0)
    assert await _drifts(buyer) == []


async def test_a_refund_is_given_once(buyer: Buyer) -> None:
    bought = await _bought(buyer)
    answers = await asyncio.gather(*(buyer.refund(bought) for _ in range(4)))
    told = sorted(each.status_code for each in answers)
    assert told == [202, 423, 423, 423]
    before = await row_counts(buyer.served)
    refused = await buyer.refund(bought)
    assert error_of(refused) == (
        423,
        "non_approved_reward_transaction",
        "Invalid reward_transaction status",
    )
    assert problem_of(refused)["message"] == (
        "Cannot refund reward when transaction status is not APPROVED"
    )
    assert await row_counts(buyer.served) == before
    assert await buyer.balance() == (1000, 0)
    assert await _drifts(buyer) == []


async def test_a_repeated_refund_under_one_key_has_one_answer(buyer: Buyer) -> None:
    bought = await _bought(buyer, POINTS)
    (listed,) = await buyer.purchases()
    path = f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases/{listed['id']}/refund"
    key = {"Idempotency-Key": "give-it-back"}
    client = buyer.served.client
    first = await client.post(path, headers=key, json={})
    again = await client.post(path, headers=key, json={})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post(path, headers=key, json={"policies": {"stock": "WRITE_OFF"}})
    assert error_of(other)[1] == "duplicate_found"
    assert bought["status"] == "PENDING"


async def test_stock_may_be_written_off(buyer: Buyer) -> None:
    one, other = await _bought(buyer), await _bought(buyer)
    assert await _live(buyer) == 2
    written_off = {"policies": {"refund": None, "stock": "WRITE_OFF"}}
    assert (await buyer.refund(one, written_off)).status_code == 202
    assert await _live(buyer) == 2
    assert (await buyer.refund(other, {"policies": None})).status_code == 202
    assert await _live(buyer) == 1


async def test_a_policy_is_obeyed_unless_the_caller_overrides_it(buyer: Buyer) -> None:
    bought = await _bought(buyer, KEPT)
    named = write_id("reward", KEPT.id)
    for body in ({}, {"policies": {"refund": "DEFAULT"}}):
        response = await buyer.refund(bought, body)
        assert problem_of(response)["message"] == "Cannot refund reward"
        assert error_of(response) == (
            423,
            "reward_refund_policy_does_not_allow_refunds",
            (
                f"Reward {named} refund policy does not allow refunds. To refund reward, set the "
                "refund policy to 'ALLOW' in the request body"
            ),
        )
    assert (await buyer.refund(bought, {"policies": {"refund": "ALLOW"}})).status_code == 202


async def test_bought_points_are_taken_off_again(buyer: Buyer) -> None:
    bought = await _bought(buyer, POINTS)
    assert await buyer.balance(BEANS) == (30, 0)
    response = await buyer.refund(bought)
    assert response.status_code == 202
    beans = await buyer.card(BEANS)
    reversed_, credit = await buyer.transactions(card=beans)
    assert (reversed_["type"], credit["type"]) == ("POINTS_PURCHASE_REVERSED", "POINTS_PURCHASED")
    details = reversed_["details"]
    assert details["points"]["total"] == 30
    assert details["reward_transaction"] == {"id": response.json()["transaction"]["id"]}
    assert details["purchase"]["card_transaction"] == {"id": bought["card_transaction_id"]}
    assert (await buyer.balance(), await buyer.balance(BEANS)) == ((1000, 0), (0, 0))
    assert await _drifts(buyer) == []


async def test_bought_points_that_are_spent_are_not_given_back_for(buyer: Buyer) -> None:
    bought = await _bought(buyer, POINTS)
    spend = Adjust(
        program_id=PROGRAM,
        member=MemberRef(external_id="C-1"),
        points=-1,
        point_type_id=BEANS,
    )
    assert isinstance(await buyer.served.ledger.submit(buyer.served.shop.id, spend), Done)
    before = await row_counts(buyer.served)
    beans = await buyer.card(BEANS)
    assert error_of(await buyer.refund(bought, {"policies": {"refund": "ALLOW"}})) == (
        423,
        "loyalty_card_points_insufficient_balance",
        (
            f"Target card {beans} does not have enough points to reverse the loyalty card points "
            "purchase"
        ),
    )
    assert await row_counts(buyer.served) == before


async def test_what_is_named_must_be_a_purchase_of_the_program(buyer: Buyer) -> None:
    served = buyer.served
    bought = await _bought(buyer)
    given = await buyer.refund(bought)
    refund_id = given.json()["transaction"]["id"]
    root = f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases"
    refused = await served.client.post(f"{root}/{refund_id}/refund")
    assert error_of(refused)[:2] == (423, "non_purchase_reward_transaction")
    for named in (write_id("reward_transaction", 9), "lrtx_1", bought["reward_id"]):
        missing = problem_of(await served.client.post(f"{root}/{named}/refund"))
        assert (missing["resource_type"], missing["resource_id"]) == ("reward_transaction", named)
    elsewhere = f"/v2/loyalties/programs/{write_id('program', 9)}/rewards/purchases"
    missing = problem_of(await served.client.post(f"{elsewhere}/{refund_id}/refund"))
    assert missing["resource_type"] == "program"
    malformed = await served.client.post(f"{root}/{refund_id}/refund", json={"reason": "x"})
    assert error_of(malformed)[:2] == (400, "invalid_payload")
    malformed = await served.client.post(
        f"{root}/{refund_id}/refund", json={"policies": {"stock": "KEEP"}}
    )
    said = error_of(malformed)[2]
    assert said is not None
    assert said.startswith("Property .policies.stock must be equal to one of")


@pytest.mark.parametrize(("profile", "status"), [("seed", 202), ("current", 404)])
async def test_the_seeds_own_id_is_taken_in_its_profile(
    serve_shop: ServeVouch, profile: Any, status: int
) -> None:
    served = await serve_shop(settings=Settings(purchase_profile=profile))
    buyer = await buyer_of(served)
    bought = await _bought(buyer, make_reward())
    path = f"/v2/loyalties/programs/{PROGRAM_ID}/rewards/purchases"
    response = await served.client.post(f"{path}/{bought['card_transaction_id']}/refund")
    assert response.status_code == status


async def test_what_is_still_pending_cannot_be_given_back(buyer: Buyer) -> None:
    bought = await buyer.buy(CODE)
    assert error_of(await buyer.refund(bought))[1] == "non_approved_reward_transaction"
    await buyer.process()
    assert (await buyer.refund(bought)).status_code == 202


async def _change(served: ServedVouch, reward: Any = None, **program: Any) -> None:
    async with transaction(served.pool) as tx:
        now = datetime.now(UTC)
        if reward is not None:
            await offers.put_reward(tx, served.shop.id, reward)
            await offers.insert_reward_version(tx, served.shop.id, reward, now)
        if program:
            changed = replaced(served.shop.program, **program)
            await offers.put_program(tx, served.shop.id, changed, now)
        await sequences.bump_catalogue_version(tx, served.shop.id)


async def test_programs_rewards_and_cards_must_be_there_still(buyer: Buyer) -> None:
    served = buyer.served
    one, shared = await _bought(buyer), await _bought(buyer, write_id("reward", TEMPLATE))
    await _change(served, status="inactive")
    assert error_of(await buyer.refund(one))[1] == "non_active_program"
    await _change(served, ends_at=datetime.now(UTC))
    assert error_of(await buyer.refund(one))[1] == "program_outside_validity_window"
    await _change(served, slug="main")
    gone = datetime.now(UTC)
    await _change(served, replaced(CODE, version_id=2991, archived_at=gone))
    assert error_of(await buyer.refund(one))[1] == "reward_not_found"
    await _change(served, replaced(SHARED, version_id=2994, archived_at=gone))
    assert error_of(await buyer.refund(shared))[1] == "refund_reward_not_assigned_to_program"
    await _change(served, make_reward(5, template_id=TEMPLATE))
    assert (await buyer.refund(shared)).status_code == 202
    await _change(served, replaced(CODE, version_id=2992))
    left = Leave(program_id=PROGRAM, member=MemberRef(external_id="C-1"))
    assert isinstance(await served.ledger.submit(served.shop.id, left), Done)
    assert error_of(await buyer.refund(one))[1] == "refund_card_not_found"


async def test_what_another_dialect_sold_can_be_given_back_here(buyer: Buyer) -> None:
    served = buyer.served
    ledger: Ledger = served.ledger
    command = Redeem(program_id=PROGRAM, member=MemberRef(external_id="C-1"), reward_id=CODE.id)
    assert isinstance(await redeem(ledger, served.shop.id, command), Done)
    (listed,) = await buyer.purchases()
    assert (await buyer.refund(listed)).status_code == 202
    assert await buyer.balance() == (1000, 0)
