"""Events as Mage's webhooks tell them: names, bodies, signature, repetitions."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from guerdon.dialects.mage.announcing import MageForm
from guerdon.dialects.mage.translate import dress
from guerdon.dialects.mage.wire_webhooks import EVENTS
from guerdon.domain.delivery import Letter
from guerdon.domain.event import EventKind
from guerdon.engine.announcing import Announcement
from tests.builders.letters import (
    HAPPENED,
    earned_letter,
    make_earning,
    make_letter,
    make_member,
    make_redemption,
    redeemed_letter,
    tier_letter,
)
from tests.builders.shop import make_reward, make_rule
from tests.builders.subscription import make_subscription

_FORM = MageForm()
_SECRET = "5a" * 32


def _announce(letter: Letter, *events: str) -> Announcement | None:
    announced = _FORM.announce(letter, make_subscription("mage", *(events or EVENTS)))
    assert len(announced) <= 1
    return announced[0] if announced else None


def _body(letter: Letter) -> object:
    announced = _announce(letter)
    assert announced is not None
    return json.loads(announced.body)


def test_points_redeemed_is_written_whole() -> None:
    member = make_member(external_id="7045518822", email="omar.haddad@example.org")
    reward = make_reward(name="€10 voucher", points_cost=800)
    letter = redeemed_letter(reward, points_available=145)
    letter = replace(letter, member=member)
    announced = _announce(letter)
    assert announced is not None
    assert announced.event == "points.redeemed"
    reward_id = dress("reward", reward.id)
    # The vendor's members, in the vendor's order, and no others.
    assert announced.body.decode() == (
        '{"event":"points.redeemed","shop":"' + letter.merchant.slug + '",'
        '"timestamp":"2026-03-14T09:26:53.589Z","data":{"shopify_customer_id":"7045518822",'
        '"email":"omar.haddad@example.org","points_redeemed":800,"points_balance":145,'
        f'"reward_name":"€10 voucher","reward_id":"{reward_id}","discount_code":"MAGE-7QH2ZP"}}}}'
    )


def test_points_earned_is_written_whole() -> None:
    rule = make_rule(name="Purchase", trigger="order_paid")
    earning = make_earning(order_id="5550001", order_number="#1042")
    letter = make_letter("points.earned", rule=rule, earning=earning)
    assert _body(letter) == {
        "event": "points.earned",
        "shop": letter.merchant.slug,
        "timestamp": "2026-03-14T09:26:53.589Z",
        "data": {
            "shopify_customer_id": "7001",
            "email": "7001@shopper.example",
            "points_earned": 50,
            "points_balance": 150,
            "lifetime_points": 400,
            "source": "earning_rule",
            "earning_rule_name": "Purchase",
            "order_number": "#1042",
        },
    }


def test_points_added_by_hand_are_earned_from_manual() -> None:
    letter = make_letter("points.adjusted", earning=make_earning(is_manual=True))
    body = _body(letter)
    assert isinstance(body, dict)
    assert body["event"] == "points.earned"
    assert body["data"]["source"] == "manual"
    assert body["data"]["earning_rule_name"] is None


def test_points_for_a_friend_are_from_a_referral() -> None:
    letter = make_letter("points.earned", rule=make_rule(trigger="referral"))
    body = _body(letter)
    assert isinstance(body, dict)
    assert body["data"]["source"] == "referral"


@pytest.mark.parametrize(
    ("is_up", "event"), [(True, "customer.tier_upgrade"), (False, "customer.tier_downgrade")]
)
def test_a_change_of_tier_is_written_whole(is_up: bool, event: str) -> None:
    letter = make_letter("member.tier_changed", previous_tier="Amber", new_tier="Jade", is_up=is_up)
    assert _body(letter) == {
        "event": event,
        "shop": letter.merchant.slug,
        "timestamp": "2026-03-14T09:26:53.589Z",
        "data": {
            "shopify_customer_id": "7001",
            "email": "7001@shopper.example",
            "previous_tier": "Amber",
            "new_tier": "Jade",
            "lifetime_points": 400,
        },
    }


def test_a_member_without_an_email_has_null() -> None:
    letter = replace(tier_letter(None, "Amber"), member=make_member(email=None))
    body = _body(letter)
    assert isinstance(body, dict)
    assert (body["data"]["email"], body["data"]["previous_tier"]) == (None, None)


@pytest.mark.parametrize(
    "letter",
    [
        make_letter("points.adjusted", points=-50),
        make_letter("points.earned", points=0),
        make_letter("member.tier_changed", previous_tier="Amber", new_tier=None, is_up=False),
        make_letter("points.expired"),
        replace(earned_letter(), standing=replace(earned_letter().standing, is_frozen=True)),
        make_letter(
            "redemption.approved", reward=make_reward(), redemption=make_redemption(is_grant=True)
        ),
        redeemed_letter(is_handed_over=True),
        make_letter("redemption.approved"),
    ],
    ids="taken none no-tier other frozen grant handed-over-later unknown".split(),
)
def test_nothing_is_said_of_what_the_vendor_has_no_event_for(letter: Letter) -> None:
    assert _announce(letter) is None


def test_only_what_was_subscribed_to_is_said() -> None:
    up = tier_letter()
    assert _announce(up, "customer.tier_upgrade") is not None
    assert _announce(up, "customer.tier_downgrade") is None
    wanted: dict[EventKind, bool] = {
        "points.earned": True,
        "points.adjusted": True,
        "redemption.approved": False,
        "redemption.requested": False,
        "member.tier_changed": False,
    }
    for kind, is_wanted in wanted.items():
        assert _FORM.wants(("points.earned",), kind) == is_wanted


def test_a_repetition_is_the_first_call_over_again() -> None:
    first, again = redeemed_letter(), replace(redeemed_letter(), attempt=3)
    said, repeated = _announce(first), _announce(again)
    assert said is not None
    assert said == repeated
    earlier = HAPPENED + timedelta(seconds=1)
    later = HAPPENED + timedelta(hours=5)
    headers = _FORM.headers(said, _SECRET, first, earlier)
    assert headers == _FORM.headers(said, _SECRET, again, later)


def test_the_signature_is_over_the_time_and_the_body() -> None:
    announced = _announce(redeemed_letter())
    assert announced is not None
    headers = dict(_FORM.headers(announced, _SECRET, redeemed_letter(), datetime.now(UTC)))
    signature = headers.pop("X-Webhook-Signature")
    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": "MageLoyalty-Webhook/1.0",
        "X-Webhook-Event": "points.redeemed",
        "X-Webhook-Timestamp": json.loads(announced.body)["timestamp"],
    }
    signed = headers["X-Webhook-Timestamp"].encode() + b"." + announced.body
    expected = hmac.new(_SECRET.encode("ascii"), signed, hashlib.sha256).hexdigest()
    assert signature == f"sha256={expected}"


def test_three_repetitions_and_no_more() -> None:
    assert [_FORM.retry_after(attempt) for attempt in range(1, 6)] == [10, 60, 300, None, None]
