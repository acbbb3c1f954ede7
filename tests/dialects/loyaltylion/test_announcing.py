"""Events as LoyaltyLion's webhooks tell them: topics, bodies, signature, repetitions."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from guerdon.dialects.loyaltylion.announcing import EVENTS, LoyaltyLionForm
from guerdon.domain.catalogue import Catalogue, Reward
from guerdon.domain.delivery import Letter
from guerdon.engine.announcing import Announcement
from tests.builders.letters import (
    HAPPENED,
    earned_letter,
    make_earning,
    make_letter,
    make_redemption,
    redeemed_letter,
)
from tests.builders.shop import make_reward, make_shop, make_tier
from tests.builders.subscription import make_subscription

_FORM = LoyaltyLionForm(random_part=lambda: 0.0)
_CLAIMED = "program_events/customer.claimed_reward"
_EARNED = "program_events/customer.points_earned"
_SECRET = "site-secret"
_AT = "2026-03-14T09:26:53.589Z"
_FOUNDED = "2026-01-01T00:00:00.000Z"
_TIERS = (make_tier(1, 0, name="Amber"), make_tier(2, 1050, name="Jade"))
_CUSTOMER = {
    "id": 5001,
    "merchant_id": "7001",
    "email": "7001@shopper.example",
    "points_approved": 150,
    "points_pending": 0,
    "points_spent": 250,
    "properties": {"first_name": "Ana"},
    "metadata": {},
    "blocked": False,
    "guest": False,
    "enrolled": True,
    "enrolled_at": _FOUNDED,
    "referral_id": "ref1",
    "loyalty_tier_membership": None,
    "tier_eligibility": None,
    "birthday": None,
    "linked_merchant_ids": [],
    "created_at": _FOUNDED,
    "updated_at": _FOUNDED,
}
_EMBEDDED = {
    "id": 5001,
    "merchant_id": "7001",
    "email": "7001@shopper.example",
    "points_pending": 0,
    "points_approved": 150,
    "points_spent": 250,
}


def _announce(letter: Letter, *topics: str) -> list[Announcement]:
    return list(_FORM.announce(letter, make_subscription("loyaltylion", *topics)))


def _properties(letter: Letter, topic: str) -> Any:
    (announced,) = _announce(letter, topic)
    return json.loads(announced.body)["payload"]["properties"]


def _with_offers(letter: Letter, *rewards: Reward) -> Letter:
    shop = make_shop(rewards=rewards, tiers=_TIERS)
    catalogue = Catalogue(
        version=1,
        merchant=shop.merchant,
        programs={shop.program.id: shop.program},
        point_types={},
        tiers={shop.program.id: _TIERS},
        rewards={reward.id: reward for reward in rewards},
        rules={},
    )
    return replace(letter, catalogue=catalogue)


def test_a_claimed_voucher_is_written_whole() -> None:
    (announced,) = _announce(redeemed_letter(make_reward(name="£10 off")), _CLAIMED)
    body = json.loads(announced.body)
    event_id, inner_id = body.pop("id"), body["payload"].pop("id")
    assert (str(UUID(event_id)), event_id != inner_id) == (announced.id, True)
    assert body == {
        "topic": _CLAIMED,
        "created_at": _AT,
        "payload": {
            "created_at": _AT,
            "kind": "customer.claimed_reward",
            "unique_until": None,
            "properties": {
                "title": "£10 off",
                "reward_type": "voucher",
                "discount_type": "flat",
                "discount_amount": 10,
                "voucher_code": "MAGE-7QH2ZP",
                "gift_card_last_characters": None,
                "currency": None,
                "initial_value": None,
                "balance": None,
                "customer": _CUSTOMER,
            },
        },
    }


def test_a_gift_card_is_told_by_its_last_characters_alone() -> None:
    (announced,) = _announce(redeemed_letter(make_reward(kind="gift_card")), _CLAIMED)
    properties = json.loads(announced.body)["payload"]["properties"]
    assert b"MAGE-7QH2ZP" not in announced.body
    del properties["customer"], properties["title"]
    assert properties == {
        "reward_type": "gift_card",
        "discount_type": "flat",
        "discount_amount": None,
        "voucher_code": None,
        "gift_card_last_characters": "H2ZP",
        "currency": "gbp",
        "initial_value": 10,
        "balance": 10,
    }


def test_points_earned_come_with_a_transaction_and_what_can_be_had_for_them() -> None:
    cheap = make_reward(1, name="Mug", points_cost=150)
    letter = earned_letter()
    letter = _with_offers(
        replace(letter, standing=replace(letter.standing, tier=_TIERS[0])),
        cheap,
        make_reward(2, points_cost=151),
        make_reward(3, status="inactive"),
        make_reward(4, archived_at=HAPPENED),
        make_reward(5, tier_id=_TIERS[1].id),
        make_reward(6, ends_at=HAPPENED),
    )
    properties = _properties(letter, _EARNED)
    assert properties["transaction"] == {
        "id": 6501,
        "customer": _EMBEDDED,
        "points_approved": 50,
        "points_pending": 0,
        "created_at": _AT,
        "resource": "activity",
        "activity": {
            "id": 6501,
            "merchant_id": None,
            "value": 50,
            "state": "approved",
            "customer": _EMBEDDED,
            "created_at": _AT,
            "rule": {"id": 4001, "name": "custom", "title": "Rule 1"},
        },
    }
    assert properties["available_rewards"] == [
        {
            "id": 1001,
            "title": "Mug",
            "description": None,
            "point_cost": 150,
            "kind": "cart_discount_voucher",
            "discount_type": "flat",
            "discount_amount": 10,
            "minimum_spend": 40,
        }
    ]
    assert properties["customer"]["loyalty_tier_membership"]["loyalty_tier"] == {
        "id": 3001,
        "name": "Amber",
        "number": 1,
        "default": True,
        "hidden": False,
        "lower_bound": "0.00",
        "upper_bound": "10.50",
        "position": 0,
    }


def test_points_that_were_pending_are_so_no_more() -> None:
    letter = replace(earned_letter(), earning=make_earning(due_at=HAPPENED))
    transaction = _properties(letter, _EARNED)["transaction"]
    assert (transaction["points_approved"], transaction["points_pending"]) == (50, -50)


def test_points_given_by_hand_are_an_adjustment() -> None:
    letter = make_letter("points.adjusted", earning=make_earning(is_manual=True), note="sorry")
    transaction = _properties(letter, _EARNED)["transaction"]
    assert (transaction["resource"], transaction["adjustment"]) == ("adjustment", {"note": "sorry"})
    assert "activity" not in transaction


@pytest.mark.parametrize(("is_up", "ending"), [(True, "upgraded"), (False, "downgraded")])
def test_a_change_of_tier_names_both(is_up: bool, ending: str) -> None:
    letter = _with_offers(
        make_letter("member.tier_changed", previous_tier="Amber", new_tier="Jade", is_up=is_up)
    )
    (announced,) = _announce(letter, *EVENTS[1:])
    assert announced.event == f"program_events/customer.tier_{ending}"
    properties = json.loads(announced.body)["payload"]["properties"]
    assert properties["previous_tier"]["name"] == "Amber"
    assert (properties["new_tier"]["number"], properties["new_tier"]["upper_bound"]) == (2, None)


def test_enrolment_is_told() -> None:
    properties = _properties(make_letter("member.enrolled"), "program_events/customer.enrolled")
    assert properties == {"customer": _CUSTOMER, "enrollment": {"date": _AT, "trigger": "api"}}


def test_a_changed_customer_is_there_twice() -> None:
    (announced,) = _announce(make_letter("redemption.refunded"), "customers/update")
    body = json.loads(announced.body)
    assert body.pop("id") == announced.id
    assert body == {
        "topic": "customers/update",
        "created_at": _AT,
        "payload": {"customer": _CUSTOMER},
        "customer": _CUSTOMER,
    }


def test_what_happened_comes_before_that_the_customer_changed() -> None:
    both = _announce(redeemed_letter(), "customers/update", _CLAIMED)
    assert [each.event for each in both] == [_CLAIMED, "customers/update"]
    assert both == _announce(replace(redeemed_letter(), attempt=7), "customers/update", _CLAIMED)


@pytest.mark.parametrize(
    "letter",
    [
        redeemed_letter(make_reward(kind="custom")),
        redeemed_letter(is_handed_over=True),
        make_letter(
            "redemption.approved", reward=make_reward(), redemption=make_redemption(is_grant=True)
        ),
        make_letter("points.adjusted", points=-50),
        make_letter("member.tier_changed", previous_tier=None, new_tier="Amber", is_up=True),
        make_letter("redemption.used"),
    ],
    ids="custom handed-over-later grant taken first-tier used".split(),
)
def test_nothing_is_said_of_what_the_vendor_has_no_topic_for(letter: Letter) -> None:
    assert _announce(letter, *EVENTS[1:]) == []


def test_the_signature_is_over_the_body_alone() -> None:
    letter = redeemed_letter()
    (announced,) = _announce(letter, _CLAIMED)
    headers = dict(_FORM.headers(announced, _SECRET, letter, datetime.now(UTC)))
    digest = hmac.new(_SECRET.encode("ascii"), announced.body, hashlib.sha256).digest()
    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": "LoyaltyLion-Webhook/2.0",
        "X-LoyaltyLion-Topic": _CLAIMED,
        "X-LoyaltyLion-Site-Domain": "shop-1.myshopify.com",
        "X-LoyaltyLion-Hmac-SHA256": base64.b64encode(digest).decode("ascii"),
    }


def test_repetitions_come_ever_more_seldom_and_do_not_end() -> None:
    delays = [_FORM.retry_after(attempt) for attempt in (1, 2, 3, 10, 11, 30, 1000)]
    assert delays == [30, 60, 120, 15_360, 21_600, 21_600, 21_600]


def test_wants_what_its_topics_are_told_of() -> None:
    assert _FORM.wants(("customers/update",), "points.expired")
    assert not _FORM.wants(("customers/update",), "redemption.used")
    assert _FORM.wants((_CLAIMED,), "redemption.approved")
    assert not _FORM.wants((_CLAIMED,), "points.earned")


def test_an_unsubscribed_address_is_told_of() -> None:
    letter = make_letter("member.unsubscribed")
    (call,) = _announce(letter, "loyalty_emails/unsubscribe", "customers/update")
    body = json.loads(call.body)
    assert str(UUID(body["id"])) == body.pop("id")
    assert body == {
        "topic": "loyalty_emails/unsubscribe",
        "created_at": _AT,
        "payload": {"unsubscribe": {"customer": {"id": 5001, "email": "7001@shopper.example"}}},
    }
    assert _announce(letter, "customers/update") == []
    assert not _FORM.wants(["customers/update"], "member.unsubscribed")
