"""Campaigns and rewards of the older API: made, offered, ended; and what the file keeps."""

from typing import Any

import httpx

from guerdon.dialects.voucherify.ids import write_id
from guerdon.domain.catalogue import Discount
from tests.builders.ledgers import drifts
from tests.builders.shop import PROGRAM, make_reward, make_shop
from tests.builders.vouch import READ_KEYS, ServedVouch, error_of
from tests.dialects.voucherify.conftest import ServeVouch
from tests.dialects.voucherify.test_v1_cards import CAMPAIGN, adjust

GIFTS = make_reward(
    2, kind="gift_card", fulfil_by="code", discount=Discount(type="fixed_amount", amount_minor=500)
)
MUG: dict[str, Any] = {"name": "A mug", "parameters": {"product": {"id": "prod_1"}}}


async def make(served: ServedVouch, path: str, body: object) -> dict[str, Any]:
    made = await served.client.post(path, json=body)
    assert made.status_code == 200, made.text
    answered: dict[str, Any] = made.json()
    return answered


def terms(points: int) -> dict[str, Any]:
    return {"parameters": {"loyalty": {"points": points}}}


async def assign(
    served: ServedVouch, campaign: str, reward: str, points: int = 50
) -> httpx.Response:
    body = [{"reward": reward} | terms(points)]
    return await served.client.post(f"/v1/loyalties/{campaign}/rewards", json=body)


async def card_of(served: ServedVouch, campaign: str, points: int = 0) -> str:
    path = f"/v1/loyalties/{campaign}/members"
    code: str = (await make(served, path, {"customer": {"source_id": "C-1"}}))["code"]
    if points:
        await adjust(served, code, points=points)
    return code


async def test_a_campaign_lives_from_its_making_to_its_end(served: ServedVouch) -> None:
    body = {
        "name": "Sea Club",
        "campaign_type": "LOYALTY_PROGRAM",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "description": "For sailors",
        "start_date": "2026-01-01T00:00:00Z",
        "metadata": {"a": 1, "b": 2},
        "voucher": {
            "type": "LOYALTY_CARD",
            "loyalty_card": {
                "points": 0,
                "expiration_rules": {
                    "period_type": "FIXED_DAY_OF_YEAR",
                    "fixed_month": 6,
                    "fixed_day": 30,
                },
            },
            "code_config": {"pattern": "SEA-##########"},
        },
    }
    made = await make(served, "/v1/loyalties", body)
    assert (made["active"], made["vouchers_count"], made["updated_at"]) == (True, 0, None)
    assert made["voucher"]["loyalty_card"] == {
        "expiration_rules": body["voucher"]["loyalty_card"]["expiration_rules"]  # type: ignore[index]
    }
    assert made["voucher"]["code_config"]["pattern"] == "SEA-##########"
    code = await card_of(served, made["id"], points=10)
    assert code.startswith("SEA-")
    card = (await served.client.get(f"/v1/loyalties/members/{code}")).json()
    assert card["loyalty_card"]["next_expiration_date"].endswith("-06-30")
    path = f"/v1/loyalties/{made['id']}"
    change = {"metadata": {"b": 3}, "unset_metadata_fields": ["a"], "description": None}
    changed = (await served.client.put(path, json=change)).json()
    assert (changed["metadata"], changed["description"]) == ({"b": 3}, None)
    assert changed["start_date"] == "2026-01-01T00:00:00.000Z"
    assert (await served.client.get("/v1/loyalties/Sea%20Club")).json() == changed
    listed = (await served.client.get("/v1/loyalties?limit=1")).json()
    assert (listed["total"], listed["campaigns"]) == (2, [changed])
    # It is a program of the newer API as well.
    program = f"/v2/loyalties/programs/{made['id'].replace('camp_', 'lprg_')}"
    assert (await served.client.get(program)).json()["status"] == "ACTIVE"
    assert (await served.client.delete(path)).status_code == 200
    for gone in (path, "/v1/loyalties/Sea%20Club", f"/v1/loyalties/members/{code}", program):
        assert (await served.client.get(gone)).status_code == 404
    assert (await served.client.delete(path)).status_code == 404
    assert await drifts(served.pool) == []


async def test_what_a_campaign_would_not_keep_to_is_refused(served: ServedVouch) -> None:
    card = {"type": "LOYALTY_CARD", "loyalty_card": {}}
    for more, said in (
        ({"type": "STATIC"}, ".type"),
        ({"vouchers_count": 5}, ".vouchers_count"),
        ({"join_once": False}, ".join_once"),
        ({"auto_join": True}, ".auto_join"),
        ({"validity_day_of_week": [1]}, ".validity_day_of_week"),
        ({"category": "x"}, ".category"),
        ({"activity_duration_after_publishing": "P1D"}, ".activity_duration_after_publishing"),
        ({"voucher": card | {"loyalty_card": {"points": 5}}}, ".voucher.loyalty_card.points"),
        ({"voucher": card | {"redemption": {"quantity": 1}}}, ".voucher.redemption.quantity"),
        ({"voucher": card | {"code_config": {"pattern": "##"}}}, ".code_config"),
        ({"start_date": "2027-01-01T00:00:00Z", "expiration_date": "2026-01-01T00:00:00Z"}, None),
        ({"campaign_type": "GIFT_VOUCHERS"}, ".campaign_type"),
        ({"colour": "red"}, "colour"),
    ):
        refused = await served.client.post("/v1/loyalties", json={"name": "No"} | more)
        status, key, details = error_of(refused)
        assert (status, key) == (400, "invalid_payload"), more
        assert said is None or said in (details or ""), details
    assert (await served.client.get("/v1/loyalties")).json()["total"] == 1


async def test_what_the_file_keeps_is_shown_and_not_changed(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1), GIFTS)))
    reward, gifts = write_id("v1_reward", 1001), write_id("v1_reward", 1002)
    listed = (await served.client.get("/v1/rewards")).json()
    assert [row["id"] for row in listed["data"]] == [reward, gifts]
    assert listed["data"][1]["parameters"]["campaign"]["balance"] == 500
    assignment = write_id("assignment", 1001)
    path = f"/v1/loyalties/{CAMPAIGN}/rewards/{assignment}"
    assert (await served.client.get(path)).json()["parameters"]["loyalty"]["points"] == 100
    only = (await served.client.get(f"/v1/rewards?assignment_id={assignment}")).json()
    assert [row["id"] for row in only["data"]] == [reward]
    for answered in (
        await served.client.put(f"/v1/loyalties/{CAMPAIGN}", json={"description": "x"}),
        await served.client.delete(f"/v1/loyalties/{CAMPAIGN}"),
        await served.client.put(f"/v1/rewards/{reward}", json={"name": "x"}),
        await served.client.delete(f"/v1/rewards/{reward}"),
        await served.client.put(path, json=terms(5)),
        await served.client.delete(path),
        await assign(served, CAMPAIGN, gifts),
    ):
        assert error_of(answered)[:2] == (423, "resource_locked")


async def test_rewards_are_made_changed_offered_and_deleted(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1), GIFTS)))
    body = MUG | {
        "stock": 2,
        "attributes": {"image_url": "https://shop.example/mug.png", "description": "Blue"},
        "metadata": {"shelf": "B"},
    }
    made = await make(served, "/v1/rewards", body)
    assert (made["stock"], made["redeemed"], made["type"]) == (2, 0, "MATERIAL")
    assert (made["attributes"], made["metadata"]) == (body["attributes"], {"shelf": "B"})
    club = await make(served, "/v1/loyalties", {"name": "Club"})
    given = await assign(served, club["id"], made["id"])
    assert given.status_code == 200
    assert error_of(await assign(served, club["id"], made["id"]))[:2] == (400, "invalid_payload")
    elsewhere = await make(served, "/v1/loyalties", {"name": "Other club"})
    assert error_of(await assign(served, elsewhere["id"], made["id"]))[2] == (
        "Property .stock holds in one campaign, and the reward is in another"
    )
    code = await card_of(served, club["id"], points=500)
    path = f"/v1/loyalties/members/{code}/redemption"
    wanted = {"reward": {"id": made["id"]}}
    assert (await make(served, path, wanted))["amount"] == 50
    taken = await make(served, path, wanted)
    assert taken["amount"] == 50
    assert error_of(await served.client.post(path, json=wanted))[1] == "quantity_exceeded"
    reward_path = f"/v1/rewards/{made['id']}"
    assert (await served.client.get(reward_path)).json()["redeemed"] == 2
    more = (await served.client.put(reward_path, json={"stock": 3, "attributes": None})).json()
    assert (more["stock"], more["redeemed"], more["attributes"]) == (3, 2, {})
    assert more["name"] == "A mug"
    assert (await make(served, path, wanted))["reward"]["name"] == "A mug"
    assert error_of(await served.client.delete(reward_path))[:2] == (400, "resource_in_use")
    gone = f"/v1/loyalties/{club['id']}/rewards/{given.json()['id']}"
    assert (await served.client.delete(gone)).status_code == 204
    assert error_of(await served.client.post(path, json=wanted))[:2] == (404, "not_found")
    # A redemption that was made before is shown as it was.
    shown = (await served.client.get(f"/v1/redemptions/{taken['id']}")).json()
    assert (shown["reward"]["id"], shown["status"]) == (made["id"], "SUCCEEDED")
    assert (await served.client.delete(reward_path)).status_code == 204
    assert (await served.client.get(reward_path)).status_code == 404
    assert await drifts(served.pool) == []


async def test_rewards_of_campaigns_give_their_codes(serve_shop: ServeVouch) -> None:
    served = await serve_shop(make_shop(rewards=(make_reward(1), GIFTS)))
    club = await make(served, "/v1/loyalties", {"name": "Club"})
    code = await card_of(served, club["id"], points=500)
    for parameters, kind in (
        ({"id": write_id("campaign", 1001)}, "DISCOUNT_COUPONS"),
        ({"id": write_id("campaign", 1002), "balance": 700}, "GIFT_VOUCHERS"),
        ({"id": club["id"], "balance": 25}, "LOYALTY_PROGRAM"),
    ):
        body = {"name": kind, "parameters": {"campaign": parameters}}
        made = await make(served, "/v1/rewards", body)
        assert made["parameters"]["campaign"] == parameters | {"type": kind}
        assert (await assign(served, club["id"], made["id"], 10)).status_code == 200
        path = f"/v1/loyalties/members/{code}/redemption"
        taken = await make(served, path, {"reward": {"id": made["id"]}})
        assert taken["reward"]["parameters"] == made["parameters"]
        voucher = taken["reward"]["voucher"]
        if kind == "GIFT_VOUCHERS":
            assert voucher["gift"]["amount"] == 700
        assert (voucher is None) == (kind == "LOYALTY_PROGRAM")
    card = (await served.client.get(f"/v1/loyalties/members/{code}")).json()
    assert card["loyalty_card"]["balance"] == 500 - 30 + 25
    assert await drifts(served.pool) == []


async def test_rewards_that_cannot_be(served: ServedVouch) -> None:
    for body, status in (
        ({"name": "x"}, 400),
        ({"name": "", "parameters": {}}, 400),
        ({"name": "x", "parameters": {}}, 400),
        ({"name": "x", "parameters": {"coin": {"exchange_ratio": 1}}}, 400),
        ({"name": "x", "parameters": {"campaign": {"id": "camp_0"}}}, 404),
        ({"name": "x", "parameters": {"campaign": {"id": CAMPAIGN}}}, 400),
        (MUG | {"stock": -1}, 400),
        (MUG | {"colour": 1}, 400),
        (
            {
                "name": "x",
                "stock": 5,
                "parameters": {"campaign": {"id": write_id("campaign", 1001)}},
            },
            400,
        ),
    ):
        refused = await served.client.post("/v1/rewards", json=body)
        assert error_of(refused)[0] == status, body
    club = (await make(served, "/v1/loyalties", {"name": "Club"}))["id"]
    made = (await make(served, "/v1/rewards", MUG))["id"]
    path = f"/v1/loyalties/{club}/rewards"
    for listed, status in (
        ([], 400),
        ({"reward": made} | terms(5), 400),
        ([{"reward": made}], 400),
        ([{"reward": made} | terms(0)], 400),
        ([{"reward": "rew_0"} | terms(5)], 404),
        ([{"reward": made} | terms(5), {"reward": "rew_0"} | terms(5)], 404),
        ([{"reward": made} | terms(5), {"reward": made} | terms(5)], 409),
        ([{"reward": made, "validation_rules": ["val_1"]} | terms(5)], 400),
        ([{"reward": made, "parameters": {"loyalty": {"points": 5, "auto_redeem": True}}}], 400),
    ):
        assert error_of(await served.client.post(path, json=listed))[0] == status, listed
    assert (await served.client.get(path)).json()["data"] == []
    only = await served.client.post(path, json=[{"reward": made} | terms(5)], headers=READ_KEYS)
    assert only.status_code == 403
    second = (await make(served, "/v1/rewards", MUG | {"name": "Another"}))["id"]
    both = [{"reward": made} | terms(5), {"reward": second} | terms(6)]
    answered = await make(served, path, both)
    assert [row["reward_id"] for row in answered["data"]] == [made, second]
    for number in (PROGRAM, 1001):
        wrong = f"{path}/{write_id('assignment', number)}"
        assert (await served.client.get(wrong)).json()["resource_type"] == "reward_assignment"
        assert (await served.client.put(wrong, json=terms(5))).status_code == 404
        assert (await served.client.delete(wrong)).status_code == 404
