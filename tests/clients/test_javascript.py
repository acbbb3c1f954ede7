"""The vendor's JavaScript client, as npm has it, against a served dialect."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import APP_ID, APP_TOKEN, HERE, ClientShop, drive


@pytest.mark.timeout(180)
def test_the_client_does_what_redeeming_takes(client_shop: ClientShop, node_modules: Path) -> None:
    printed = drive(
        HERE / "drive.js",
        node_modules,
        URL=client_shop.url,
        APP_ID=APP_ID,
        APP_TOKEN=APP_TOKEN,
        CAMPAIGN=client_shop.campaign,
    )
    told: dict[str, Any] = json.loads(printed)
    _check_cards(told)
    _check_redemptions(told)
    _check_purchase(told)
    _check_offers(told)
    _check_failures(told)
    proof = client_shop.prove()
    assert proof.code == 0, proof.out + proof.err


def _check_cards(told: dict[str, Any]) -> None:
    assert told["card"]["holder_id"] == told["customer"]["id"]
    assert told["card"]["type"] == "LOYALTY_CARD"
    assert told["card"]["code"] != told["other"]["code"]
    added = told["added"]
    assert (added["points"], added["total"], added["balance"]) == (1000, 1000, 1000)
    assert added["related_object"] == {"type": "voucher", "id": told["card"]["id"]}
    assert (told["taken"]["points"], told["taken"]["balance"]) == (-50, 950)
    assert (told["taken"]["total"], told["lent"]["balance"]) == (1000, 30)
    moved = told["moved"]
    assert (moved["id"], moved["loyalty_card"]["balance"]) == (told["card"]["id"], 970)
    assert moved["loyalty_card"]["points"] == 1020
    offered = {row["reward"]["name"]: row for row in told["rewards"]["data"]}
    assert {name: row["assignment"]["parameters"] for name, row in offered.items()} == {
        "£5 off": {"loyalty": {"points": 100, "auto_redeem": False}},
        "A mug": {"loyalty": {"points": 300, "auto_redeem": False}},
    }
    members = told["members"]
    assert (members["data_ref"], members["total"], len(members["vouchers"])) == ("vouchers", 2, 1)
    assert members["vouchers"][0]["code"] == told["other"]["code"]


def _check_redemptions(told: dict[str, Any]) -> None:
    redeemed = told["redeemed"]
    assert (redeemed["result"], redeemed["status"]) == ("SUCCESS", "SUCCEEDED")
    assert redeemed["amount"] == redeemed["loyalty_card"]["points"] == 100
    assert redeemed["reward"]["type"] == "CAMPAIGN"
    assert redeemed["reward"]["voucher"]["code"]
    assert redeemed["reward"]["voucher"]["discount"]["amount_off"] == 500
    assert redeemed["voucher"]["loyalty_card"]["balance"] == 870
    mug = told["mug"]
    assert (mug["reward"]["type"], mug["metadata"]) == ("MATERIAL", {"engraving": "J"})
    assert mug["reward"]["product"]["name"] == "A mug"
    assert told["shown"] == mug
    back = told["rolledBack"]
    assert (back["object"], back["redemption"]) == ("redemption_rollback", mug["id"])
    assert (back["amount"], back["reason"]) == (-300, "Chipped")
    assert told["after"] == told["alone"]
    card = told["after"]["loyalty_card"]
    assert (card["balance"], card["points"], card["subtracted_points"]) == (870, 1020, 50)
    # Points that were moved keep the day of the lot that they come from: here all have the same.
    assert [row["bucket"]["total_points"] for row in told["expiration"]["data"]] == [870]
    kinds = [row["type"] for row in told["transactions"]["data"] + told["rest"]["data"]]
    assert kinds == [
        "POINTS_REFUND",
        "POINTS_REDEMPTION",
        "POINTS_REDEMPTION",
        "POINTS_TRANSFER_IN",
        "POINTS_REMOVAL",
        "POINTS_ADDITION",
    ]
    assert (told["transactions"]["has_more"], told["rest"]["has_more"]) == (True, False)
    last = told["rest"]["data"][-1]
    assert (last["reason"], last["details"]["balance"]["balance"]) == ("Hello", 1000)


def _check_purchase(told: dict[str, Any]) -> None:
    bought, polled = told["bought"], told["polled"]
    assert bought["status"] == "TRANSACTION_CREATED"
    assert bought["transaction"]["type"] == "POINTS_SPENT_ON_REWARD"
    assert bought["transaction"]["status"] == "PENDING"
    assert (polled["type"], polled["status"]) == ("PURCHASE", "APPROVED")
    assert polled["card_transaction_id"] == bought["transaction"]["id"]
    assert polled["details"]["result"]["digital"]["discount_coupons"][0]["code"]
    refused = told["refused"]
    assert (refused["code"], refused["key"], refused["kind"]) == (404, "not_found", "reward")


def _check_offers(told: dict[str, Any]) -> None:
    assert told["updated"]["parameters"]["loyalty"]["points"] == 75
    assert told["assignments"]["data"] == [told["updated"]] == [told["assignment"]]
    assert (told["details"]["id"], told["details"]["name"]) == (told["found"]["id"], "A cap")
    assert (told["inUse"]["code"], told["inUse"]["key"]) == (400, "resource_in_use")
    assert told["renamed"] == told["found"]
    assert (told["found"]["name"], told["found"]["stock"]) == ("A red cap", 3)
    assert told["found"] in told["offered"]["data"]
    assert told["gone"]["code"] == 404
    campaign = told["campaign"]
    assert campaign["description"] == "From a test"
    assert campaign["voucher"]["code_config"]["prefix"] == "JS-"
    assert campaign in told["campaigns"]["campaigns"]
    assert told["named"] == campaign
    assert told["endedAgain"]["kind"] == "campaign"


def _check_failures(told: dict[str, Any]) -> None:
    code = told["card"]["code"]
    for name in ("short", "dear"):
        refused = told[name]
        assert (refused["code"], refused["key"]) == (400, "loyalty_card_points_exceeded")
        assert refused["details"] == code
        assert refused["requestId"].startswith("v-")
    assert (told["missing"]["code"], told["missing"]["key"]) == (400, "missing_reward")
    kinds = {name: told[name]["kind"] for name in ("noReward", "noCard", "noCampaign")}
    assert kinds == {"noReward": "reward", "noCard": "voucher", "noCampaign": "campaign"}
    assert {told[name]["code"] for name in kinds} == {404}
    assert (told["twice"]["code"], told["twice"]["key"]) == (400, "already_rolled_back")
    assert (told["stranger"]["code"], told["stranger"]["key"]) == (401, "unauthorized")
    assert told["limits"]["limit"] == 2000
    assert told["limits"]["remaining"] == 1999
    # There is such a header only where a call was refused for its rate.
    assert told["limits"]["retry"] == 0
