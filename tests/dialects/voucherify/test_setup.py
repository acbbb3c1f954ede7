"""A program set up by calls alone, in both generations' forms, and bought from."""

from typing import Any

import pytest

from guerdon.dialects.voucherify.ids import read_id, write_id
from guerdon.domain.command import Adjust, Done, Enrol, Enrolled
from guerdon.domain.ids import ProgramId
from guerdon.domain.member import MemberRef
from guerdon.engine.keying import create_key
from guerdon.engine.pooling import add_codes
from guerdon.engine.queueing import process_queued
from tests.builders.shop import make_reward, make_shop
from tests.builders.vouch import ServedVouch
from tests.builders.vouch_offers import Setup, costs, limited, reward_body
from tests.dialects.voucherify.conftest import ServeVouch


@pytest.fixture
def setup(served: ServedVouch) -> Setup:
    return Setup(client=served.client)


async def enrol(served: ServedVouch, program: str, points: int, external_id: str = "C-9") -> str:
    """Make a member of a program with so many points; give the member's id."""
    number = read_id("program", program)
    assert number is not None
    program_id = ProgramId(number)
    outcome = await served.ledger.submit(
        served.shop.id, Enrol(program_id=program_id, external_id=external_id)
    )
    assert isinstance(outcome, Done)
    assert isinstance(outcome.result, Enrolled)
    ref = MemberRef(external_id=external_id)
    adjust = Adjust(program_id=program_id, member=ref, points=points)
    assert isinstance(await served.ledger.submit(served.shop.id, adjust), Done)
    return write_id("member", outcome.result.member.id)


async def buy(served: ServedVouch, program: str, member: str, reward: str) -> tuple[int, Any]:
    path = f"/v2/loyalties/programs/{program}/members/{member}/rewards/purchases"
    response = await served.client.post(path, json={"reward_id": reward})
    return response.status_code, response.json()


async def test_a_program_is_set_up_and_bought_from(served: ServedVouch, setup: Setup) -> None:
    definition = await setup.card_definition()
    rule = await setup.rule(definition)
    reward = await setup.reward(definition)
    body = {
        "name": "Bean Club",
        "status": "ACTIVE",
        "card_definitions": [{"id": definition}],
        "earning_rules": [{"id": rule}],
        "rewards": [{"id": reward, "stock": limited(5)}],
    }
    program = await setup.ask("POST", "/programs", body)
    assert program == {
        "id": program["id"],
        "name": "Bean Club",
        "status": "ACTIVE",
        "start_date": None,
        "end_date": None,
        "validity_hours": {"type": "ANY_TIME"},
        "metadata": {},
        "created_at": program["created_at"],
        "updated_at": None,
        "object": "program",
        "card_definitions": [{"id": definition}],
        "earning_rules": [{"id": rule}],
        "rewards": [{"id": reward, "stock": limited(5)}],
        "tier_structures": [],
    }

    customer = (await served.client.post("/v1/customers", json={"source_id": "C-9"})).json()
    joining = {"customer_identification": {"type": "customer_id", "customer_id": customer["id"]}}
    path = f"/programs/{program['id']}/members"
    joined = await setup.ask("POST", path, joining)
    member, card = joined["id"], joined["cards"][0]["card"]
    assert card["card_definition_id"] == definition
    await setup.ask("POST", f"{path}/{member}/cards/{card['id']}/points", {"points": 1000})
    status, bought = await buy(served, program["id"], member, reward)
    assert (status, bought["transaction"]["status"]) == (202, "PENDING")
    assert (await process_queued(served.ledger, served.shop.id, 10)).done == 1
    purchases = await setup.ask("GET", f"{path}/{member}/rewards/purchases")
    assert [each["status"] for each in purchases["data"]] == ["APPROVED"]
    material = {"type": "PRODUCT", "product": {"id": "prod_0a1b2c"}}
    assert purchases["data"][0]["details"]["result"]["material"] == material
    assert bought["transaction"]["card_definition_id"] == definition
    assert bought["transaction"]["details"]["points"]["total"] == 400
    listed = await setup.ask("GET", f"/programs/{program['id']}/rewards")
    assert listed["data"] == [
        {
            "reward_id": reward,
            "stock": limited(4),
            "redeemed": 1,
            "created_at": program["created_at"],
            "updated_at": None,
            "object": "program_reward",
        }
    ]
    held = await setup.ask("GET", f"/programs/{program['id']}/card-definitions")
    assert held["data"] == [
        {
            "card_type": "INDIVIDUAL",
            "card_definition_id": definition,
            "created_at": program["created_at"],
            "object": "program_card_definition",
        }
    ]
    ruled = await setup.ask("GET", f"/programs/{program['id']}/earning-rules")
    assert [each["earning_rule_id"] for each in ruled["data"]] == [rule]


async def test_the_older_generation_says_price_and_stock_in_the_program(
    served: ServedVouch, setup: Setup
) -> None:
    definition = await setup.card_definition()
    body = reward_body(definition)
    del body["costs"]
    unpriced = await setup.ask("POST", "/rewards", body)
    assert unpriced["costs"] == []
    rule = await setup.rule(definition)
    link = {"id": unpriced["id"], "stock": 2}
    wanted = {
        "name": "Old Club",
        "status": "ACTIVE",
        "card_definitions": [{"id": definition}],
        "earning_rules": [{"id": rule}],
        "rewards": [link],
    }
    refused = await setup.refused("POST", "/programs", wanted)
    assert (refused["key"], refused["details"]) == (
        "invalid_payload",
        "Payload must have required property 'costs'",
    )
    link["costs"] = costs(definition, 250)
    program = await setup.ask("POST", "/programs", wanted)
    assert program["rewards"] == [{"id": unpriced["id"], "stock": limited(2)}]
    listed = await setup.ask("GET", f"/programs/{program['id']}/rewards")
    assert listed["data"][0]["costs"][0]["spending"][0]["points"] == 250
    member = await enrol(served, program["id"], 600)
    assert (await buy(served, program["id"], member, unpriced["id"]))[0] == 202
    joining = {"customer_id": "cust_" + b"C-8".hex()}
    await served.client.post("/v1/customers", json={"source_id": "C-8"})
    joined = await setup.ask("POST", f"/programs/{program['id']}/members", joining)
    assert joined["customer_id"] == joining["customer_id"]
    # A price of the reward's own does not replace what the program asks for.
    await setup.ask("PUT", f"/rewards/{unpriced['id']}", {"costs": costs(definition, 900)})
    assert (await buy(served, program["id"], member, unpriced["id"]))[0] == 202
    status, refusal = await buy(served, program["id"], member, unpriced["id"])
    assert (status, refusal["key"]) == (423, "reward_out_of_stock")


async def test_a_stock_is_what_is_left(served: ServedVouch, setup: Setup) -> None:
    definition = await setup.card_definition()
    reward = await setup.reward(definition, 10)
    program = await setup.program(definition, await setup.rule(definition), reward, quantity=1)
    member = await enrol(served, program, 100)
    assert (await buy(served, program, member, reward))[0] == 202
    assert (await buy(served, program, member, reward))[1]["key"] == "reward_out_of_stock"
    path = f"/programs/{program}/rewards/{reward}"
    changed = await setup.ask("PUT", path, {"stock": limited(1)})
    assert (changed["stock"], changed["redeemed"]) == (limited(1), 1)
    assert (await buy(served, program, member, reward))[0] == 202
    assert (await buy(served, program, member, reward))[1]["key"] == "reward_out_of_stock"
    changed = await setup.ask("PUT", path, {"stock": {"type": "UNLIMITED"}})
    assert (changed["stock"], changed["redeemed"]) == ({"type": "UNLIMITED"}, 2)
    assert (await buy(served, program, member, reward))[0] == 202
    # What goes and comes again goes on counting, and is not to be had in between.
    batch = f"/programs/{program}/rewards/batch"
    gone = await setup.ask("POST", batch, {"unassign": [{"id": reward}]})
    assert gone["assigned"] is None
    assert gone["unassigned"][0]["reward_id"] == reward
    assert (await buy(served, program, member, reward))[1]["resource_type"] == "reward"
    again = await setup.ask("POST", batch, {"assign": [{"id": reward, "stock": 1}]})
    assert again["unassigned"] is None
    assert (again["assigned"][0]["stock"], again["assigned"][0]["redeemed"]) == (limited(1), 3)
    assert (await buy(served, program, member, reward))[0] == 202
    assert (await buy(served, program, member, reward))[1]["key"] == "reward_out_of_stock"


async def test_a_changed_reward_changes_wherever_it_is_offered(
    served: ServedVouch, setup: Setup
) -> None:
    definition = await setup.card_definition()
    rule = await setup.rule(definition)
    reward = await setup.reward(definition, 100)
    programs = [await setup.program(definition, rule, reward) for _ in range(2)]
    members = [await enrol(served, program, 150) for program in programs]
    await setup.ask("PUT", f"/rewards/{reward}", {"costs": costs(definition, 50)})
    for program, member in zip(programs, members, strict=True):
        status, bought = await buy(served, program, member, reward)
        assert (status, bought["transaction"]["details"]["points"]["total"]) == (202, 50)
    await setup.ask("POST", f"/rewards/{reward}/deactivate")
    assert (await buy(served, programs[0], members[0], reward))[1]["key"] == "non_active_reward"
    await setup.ask("POST", f"/rewards/{reward}/activate")
    await setup.ask("POST", f"/programs/{programs[1]}/deactivate")
    assert (await buy(served, programs[0], members[0], reward))[0] == 202
    assert (await buy(served, programs[1], members[1], reward))[1]["key"] == "non_active_program"


async def test_rules_made_here_award_for_orders(served: ServedVouch, setup: Setup) -> None:
    definition = await setup.card_definition()
    effects = [
        {"type": "POINTS", "points": {"value": 7, "card_definition_id": definition}},
        {
            "type": "POINTS_PROPORTIONAL",
            "points_proportional": {
                "calculation_type": "POST_DISCOUNT_ORDER_AMOUNT",
                "card_definition_id": definition,
                "order": {"every": 1000, "value": 3},
            },
        },
    ]
    rule = await setup.rule(definition, earnings=[{"name": "Orders", "effects": effects}])
    shown = await setup.ask("GET", f"/earning-rules/{rule}")
    told = shown["earnings"][0]["effects"]
    assert [{**each, "id": None} for each in told] == [{**each, "id": None} for each in effects]
    program = await setup.program(definition, rule)
    await enrol(served, program, 1)
    order = {
        "source_id": "order-1",
        "status": "PAID",
        "customer": {"source_id": "C-9"},
        "amount": 4599,
    }
    response = await served.client.post("/v1/orders", json=order)
    assert response.status_code == 200, response.text
    # Seven for the order, and three for each whole ten pounds of it.
    assert await _points(served) == 1 + 7 + 12
    # An order stated in another dialect counts the same, and so do its tax and shipping.
    token = f"pat_{'c3' * 16}"
    await create_key(
        served.ledger.runtime,
        merchant_id=served.shop.id,
        program_id=ProgramId(read_id("program", program) or 0),
        dialect="loyaltylion",
        name="lion",
        scopes=("write_orders",),
        secret=token,
    )
    other = {
        "merchant_id": "order-2",
        "customer_id": "C-9",
        "customer_email": "c9@shop.example",
        "total": "20.00",
        "total_shipping": "3.00",
        "total_tax": "2.00",
        "payment_status": "paid",
    }
    response = await served.client.post(
        "http://guerdon.test/loyaltylion/v2/orders",
        json=other,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 201, response.text
    assert await _points(served) == 1 + 7 + 12 + 7 + 6


async def _points(served: ServedVouch) -> int:
    async with served.pool.acquire() as connection:
        points: int = await connection.fetchval("SELECT sum(points_available) FROM wallets")
    return points


async def test_custom_events_award_by_their_name(served: ServedVouch, setup: Setup) -> None:
    definition = await setup.card_definition()
    for written, name in (("ms_" + b"wrote a review".hex(), "wrote a review"), ("visit", "visit")):
        trigger = {"event": "customer.custom_event", "custom_event": {"schema_id": written}}
        rule = await setup.rule(definition, 5, trigger=trigger)
        shown = await setup.ask("GET", f"/earning-rules/{rule}")
        schema_id = f"ms_{name.encode().hex()}"
        assert shown["trigger"]["custom_event"] == {"schema_id": schema_id}
        program = await setup.program(definition, rule, name=name)
        await enrol(served, program, 1, external_id=name)
        event = {"event": name, "customer": {"source_id": name}}
        response = await served.client.post("/v1/events", json=event)
        assert response.status_code == 200, response.text
    assert await _points(served) == 2 * (1 + 5)


async def test_a_coupon_is_taken_from_the_pool_of_the_program_file(serve_shop: ServeVouch) -> None:
    shop = make_shop(rewards=(make_reward(1, fulfil_by="pool"),))
    served = await serve_shop(shop)
    setup = Setup(client=served.client)
    source = shop.rewards[0].id
    await add_codes(served.ledger.runtime, served.shop.id, source, ["BEAN-1", "BEAN-2"])
    definition = await setup.card_definition()
    coupons = {"campaign_id": write_id("campaign", source)}
    digital = {"type": "DISCOUNT_COUPONS", "discount_coupons": coupons}
    reward = await setup.reward(definition, 10, type="DIGITAL", digital=digital, material=None)
    program = await setup.program(definition, await setup.rule(definition), reward)
    member = await enrol(served, program, 100)
    for _ in range(2):
        assert (await buy(served, program, member, reward))[0] == 202
    status, refusal = await buy(served, program, member, reward)
    assert (status, refusal["key"]) == (423, "reward_out_of_stock")
    await process_queued(served.ledger, served.shop.id, 10)
    path = f"/programs/{program}/members/{member}/rewards/purchases"
    given = [each["details"]["result"] for each in (await setup.ask("GET", path))["data"]]
    codes = [each["digital"]["discount_coupons"][0]["code"] for each in given]
    assert sorted(codes) == ["BEAN-1", "BEAN-2"]
