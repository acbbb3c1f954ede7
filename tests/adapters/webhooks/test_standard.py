"""Our own form, judged by the specification's own verifier."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from guerdon.adapters.webhooks.standard import EVENTS, StandardForm, signing_key
from guerdon.domain.delivery import Letter
from guerdon.engine.announcing import Announcement
from tests.builders.letters import (
    earned_letter,
    make_earning,
    make_letter,
    redeemed_letter,
    tier_letter,
)
from tests.builders.shop import make_reward, make_rule
from tests.builders.subscription import STANDARD_SECRET, make_subscription

_FORM = StandardForm(random_part=lambda: 0.0)


def _announce(letter: Letter) -> Announcement:
    (announced,) = _FORM.announce(letter, make_subscription("guerdon", *EVENTS))
    return announced


def test_a_redemption_is_written_whole() -> None:
    letter = redeemed_letter(make_reward(name="Ten off", points_cost=800), points_available=145)
    announced = _announce(letter)
    assert (announced.id, announced.event) == ("evt_1_101", "redemption.approved")
    assert json.loads(announced.body) == {
        "type": "redemption.approved",
        "timestamp": "2026-03-14T09:26:53.589Z",
        "data": {
            "event_id": 101,
            "merchant": "shop-1",
            "program": "main",
            "currency": "GBP",
            "member": {
                "id": 5001,
                "external_id": "7001",
                "email": "7001@shopper.example",
                "first_name": "Ana",
                "last_name": None,
                "tier": None,
            },
            "facts": {"points": 800, "points_available": 145, "points_lifetime": 400},
            "redemption": {
                "id": 6001,
                "points_cost": 800,
                "units": 1,
                "code": "MAGE-7QH2ZP",
                "is_grant": False,
                "expires_at": None,
                "created_at": "2026-03-14T09:26:53.589Z",
                "reward": {
                    "id": 1001,
                    "slug": "reward-1",
                    "name": "Ten off",
                    "kind": "cart_discount",
                    "discount_type": "fixed_amount",
                    "discount_amount": 10,
                    "minimum_spend": 40,
                },
            },
        },
    }


def test_an_earning_says_its_rule_and_order() -> None:
    earning = make_earning(order_id="5550001", order_number="#1042")
    letter = make_letter("points.earned", rule=make_rule(slug="purchase"), earning=earning)
    data = json.loads(_announce(letter).body)["data"]
    assert "redemption" not in data
    assert data["earning"] == {
        "id": 6501,
        "points": 50,
        "base_points": 50,
        "action": "custom",
        "rule": "purchase",
        "is_manual": False,
        "order_id": "5550001",
        "order_number": "#1042",
        "due_at": None,
        "expires_at": None,
    }


@pytest.mark.parametrize("letter", [redeemed_letter(), earned_letter(), tier_letter()])
def test_the_specifications_own_verifier_takes_it(letter: Letter) -> None:
    announced = _announce(letter)
    headers = dict(_FORM.headers(announced, STANDARD_SECRET, letter, datetime.now(UTC)))
    verified = Webhook(STANDARD_SECRET).verify(announced.body, headers)
    assert verified == json.loads(announced.body)
    assert headers["webhook-id"] == announced.id
    with pytest.raises(WebhookVerificationError):
        Webhook(STANDARD_SECRET).verify(announced.body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "QUJD" * 8).verify(announced.body, headers)


def test_a_repetition_has_its_own_time_and_the_same_id() -> None:
    letter, now = earned_letter(), datetime.now(UTC)
    announced = _announce(letter)
    first = dict(_FORM.headers(announced, STANDARD_SECRET, letter, now))
    later = dict(_FORM.headers(announced, STANDARD_SECRET, letter, now + timedelta(seconds=61)))
    assert int(later["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 61
    assert later["webhook-id"] == first["webhook-id"]
    assert later["webhook-signature"] != first["webhook-signature"]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "QUJD" * 8,
        "whsec_QUJD",
        "whsec_" + "A" * 31,
        "whsec_ü",
        "whsec_" + "QUJD" * 22,
    ],
)
def test_a_secret_that_cannot_sign_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="the secret is not whsec_") as refused:
        signing_key(secret)
    assert len(secret) < 7 or secret not in str(refused.value)


def test_nine_repetitions_over_three_days() -> None:
    delays = [_FORM.retry_after(attempt) for attempt in range(1, 11)]
    hours = [2, 5, 10, 14, 20, 24]
    assert delays == [5, 300, 1800, *(each * 3600 for each in hours), None]


def test_repetitions_are_spread_a_little() -> None:
    form = StandardForm(random_part=lambda: 0.999)
    delay = form.retry_after(2)
    assert delay is not None
    assert 325 < delay < 330


def test_every_kind_of_event_can_be_subscribed_to() -> None:
    assert _FORM.wants(("points.expired",), "points.expired")
    assert not _FORM.wants(("points.expired",), "points.earned")
    assert {"redemption.refunded", "member.tier_changed", "points.pending"} <= set(EVENTS)
