"""Letters to a receiver that is there, with every answer it may give, and what comes of each."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from guerdon.adapters.webhooks import courier as courier_module
from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.domain.delivery import Deferred, Delivered, Dropped, Letter, Skipped, Verdict
from guerdon.domain.ids import ProgramId
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.ports import Destination
from guerdon.engine.runtime import utc_now
from tests.builders.letters import make_letter, make_member, redeemed_letter
from tests.builders.subscription import (
    STANDARD_SECRET,
    make_subscription,
    webhook_destination,
)
from tests.support.webhook_receiver import Received, Receiver, answer, receiving

_TRIAL = UrlRules(allows_http=True, allows_private=True)
_MAGE_SECRET = "0f" * 32
_CLAIMED = "program_events/customer.claimed_reward"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(_TRIAL)
    yield sender
    await sender.close()


@pytest.fixture
def courier(sender: Sender) -> WebhookCourier:
    forms = (MageForm(), LoyaltyLionForm(lambda: 0.0), StandardForm(lambda: 0.0))
    return WebhookCourier(forms, sender)


def _mage(receiver: Receiver) -> Destination:
    subscription = make_subscription("mage", "points.redeemed", url=receiver.url)
    return webhook_destination(subscription, _MAGE_SECRET)


def _lion(receiver: Receiver, *topics: str) -> Destination:
    subscription = make_subscription("loyaltylion", *(topics or (_CLAIMED,)), url=receiver.url)
    return webhook_destination(subscription, "site-secret")


def _standard(receiver: Receiver) -> Destination:
    subscription = make_subscription("guerdon", "redemption.approved", url=receiver.url)
    return webhook_destination(subscription, STANDARD_SECRET)


async def _carry(
    courier: WebhookCourier, destination: Destination, letter: Letter
) -> Verdict | None:
    (verdict,) = await courier.carry(destination, [letter])
    return verdict


def _is_signed_by_mage(received: Received) -> bool:
    signed = received.headers["X-Webhook-Timestamp"].encode() + b"." + received.body
    expected = hmac.new(_MAGE_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return received.headers["X-Webhook-Signature"] == f"sha256={expected}"


def _is_signed_by_lion(received: Received) -> bool:
    digest = hmac.new(b"site-secret", received.body, hashlib.sha256).digest()
    return received.headers["X-LoyaltyLion-Hmac-SHA256"] == base64.b64encode(digest).decode()


async def test_each_form_arrives_signed(courier: WebhookCourier) -> None:
    async with receiving() as receiver:
        for destination in (_mage(receiver), _lion(receiver), _standard(receiver)):
            assert await _carry(courier, destination, redeemed_letter()) == Delivered()
        mage, lion, standard = receiver.received
    assert _is_signed_by_mage(mage)
    assert _is_signed_by_lion(lion)
    Webhook(STANDARD_SECRET).verify(standard.body, standard.headers)
    assert [each.headers["Content-Type"] for each in receiver.received] == ["application/json"] * 3


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_delivered(courier: WebhookCourier, status: int) -> None:
    async with receiving(answer(status)) as receiver:
        assert await _carry(courier, _mage(receiver), redeemed_letter()) == Delivered()


@pytest.mark.parametrize("status", [304, 400, 401, 404, 410, 429, 500, 503])
async def test_mage_repeats_whatever_else_was_said(courier: WebhookCourier, status: int) -> None:
    async with receiving(*[answer(status, "retry-after: 9999")] * 4) as receiver:
        said = [
            await _carry(courier, _mage(receiver), replace(redeemed_letter(), attempt=attempt))
            for attempt in (1, 2, 3, 4)
        ]
        bodies = {(each.body, each.headers["X-Webhook-Signature"]) for each in receiver.received}
    *deferred, dropped = said
    assert [each.after_seconds for each in deferred if isinstance(each, Deferred)] == [10, 60, 300]
    assert isinstance(dropped, Dropped)
    assert f"answered {status}" in dropped.reason
    assert not dropped.is_gone
    # Every repetition was the first call over again.
    assert len(bodies) == 1


async def test_standard_keeps_to_its_schedule(courier: WebhookCourier) -> None:
    async with receiving(*[answer(500)] * 10) as receiver:
        said = [
            await _carry(courier, _standard(receiver), replace(redeemed_letter(), attempt=attempt))
            for attempt in range(1, 11)
        ]
        ids = {each.headers["webhook-id"] for each in receiver.received}
    waits = [each.after_seconds for each in said if isinstance(each, Deferred)]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert isinstance(said[-1], Dropped)
    assert len(ids) == 1


async def test_standard_waits_as_long_as_it_is_asked_to(courier: WebhookCourier) -> None:
    in_an_hour = (utc_now() + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    asked = ["120", "1", "nonsense", "-5", "9" * 40, in_an_hour, "Thu, 01 Jan 1970 00:00:00 GMT"]
    # No such place on earth, nor such a year.
    asked += [f"Thu, 01 Jan 1970 00:00:00 +{'9' * 14}", f"Thu, 01 Jan {'9' * 20} 00:00:00 GMT"]
    waits = []
    async with receiving(*[answer(429, f"retry-after: {each}") for each in asked]) as receiver:
        for _ in asked:
            said = await _carry(courier, _standard(receiver), redeemed_letter())
            assert isinstance(said, Deferred)
            waits.append(said.after_seconds)
    hour = waits.pop(5)
    assert waits == [120, 5, 5, 5, 86_400, 5, 5, 5]
    assert hour is not None
    assert 3590 < hour <= 3600


async def test_standard_stops_for_good_at_410(courier: WebhookCourier) -> None:
    async with receiving(answer(410)) as receiver:
        said = await _carry(courier, _standard(receiver), redeemed_letter())
    assert isinstance(said, Dropped)
    assert said.is_gone


async def test_loyaltylion_never_gives_a_letter_up(courier: WebhookCourier) -> None:
    async with receiving(*[answer(410)] * 2) as receiver:
        for attempt, wait in ((1, 30), (40, 21_600)):
            letter = replace(redeemed_letter(), attempt=attempt)
            said = await _carry(courier, _lion(receiver), letter)
            assert said == Deferred("answered 410", wait)


async def test_a_letter_of_two_calls_is_delivered_once_both_were_taken(
    courier: WebhookCourier,
) -> None:
    async with receiving(answer(200), answer(500), answer(200), answer(200)) as receiver:
        destination = _lion(receiver, _CLAIMED, "customers/update")
        first = await _carry(courier, destination, redeemed_letter())
        again = await _carry(courier, destination, replace(redeemed_letter(), attempt=2))
        assert isinstance(first, Deferred)
        assert again == Delivered()
        topics = [each.headers["X-LoyaltyLion-Topic"] for each in receiver.received]
        ids = [json.loads(each.body)["id"] for each in receiver.received]
    assert topics == [_CLAIMED, "customers/update"] * 2
    # What was taken before is known for a repetition by its id.
    assert ids[:2] == ids[2:]


async def test_a_redirect_is_a_failure_and_is_not_followed(courier: WebhookCourier) -> None:
    async with receiving() as other, receiving(answer(307, f"location: {other.url}")) as receiver:
        said = await _carry(courier, _mage(receiver), redeemed_letter())
        assert isinstance(said, Deferred)
        assert "redirects are not followed" in said.reason
        assert other.received == []


@pytest.mark.parametrize("dialect", ["mage", "loyaltylion", "guerdon"])
async def test_an_address_that_may_not_be_called_is_a_failure(dialect: str) -> None:
    sender = Sender(UrlRules())
    courier = WebhookCourier((MageForm(), LoyaltyLionForm(), StandardForm()), sender)
    events = ("points.redeemed", _CLAIMED, "redemption.approved")
    # It was allowed when it was made, and is no more.
    url = "https://127.0.0.1/hooks?token=of-the-shop"
    destination = webhook_destination(make_subscription(dialect, *events, url=url), STANDARD_SECRET)
    said = await _carry(courier, destination, redeemed_letter())
    assert isinstance(said, Deferred)
    assert "private" in said.reason
    assert "of-the-shop" not in said.reason


async def test_no_answer_is_a_failure(courier: WebhookCourier) -> None:
    async with receiving(None) as receiver:
        said = await _carry(courier, _mage(receiver), redeemed_letter())
    assert isinstance(said, Deferred)
    assert said.after_seconds == 10


async def test_a_secret_that_cannot_sign_is_not_shown(courier: WebhookCourier) -> None:
    async with receiving() as receiver:
        subscription = make_subscription("guerdon", "redemption.approved", url=receiver.url)
        destination = webhook_destination(subscription, "not-a-standard-secret")
        said = await _carry(courier, destination, redeemed_letter())
        assert isinstance(said, Deferred)
        assert "not-a-standard-secret" not in said.reason
        assert receiver.received == []


async def test_there_is_nothing_to_say_to_another_program(courier: WebhookCourier) -> None:
    async with receiving() as receiver:
        subscription = make_subscription(
            "mage", "points.redeemed", url=receiver.url, program_id=ProgramId(99)
        )
        destination = webhook_destination(subscription, _MAGE_SECRET)
        assert isinstance(await _carry(courier, destination, redeemed_letter()), Skipped)
        everywhere = replace(subscription, program_id=None)
        destination = webhook_destination(everywhere, _MAGE_SECRET)
        assert await _carry(courier, destination, redeemed_letter()) == Delivered()


async def test_what_a_form_does_not_say_is_skipped(courier: WebhookCourier) -> None:
    async with receiving() as receiver:
        letter = redeemed_letter(is_handed_over=True)
        assert isinstance(await _carry(courier, _mage(receiver), letter), Skipped)
        assert receiver.received == []


async def test_wants_asks_the_form_of_a_subscription_that_is_on(courier: WebhookCourier) -> None:
    on = make_subscription("mage", "points.redeemed")
    for subscription, is_wanted in (
        (on, True),
        (replace(on, is_active=False), False),
        (replace(on, dialect="voucherify"), False),
        (replace(on, events=("points.earned",)), False),
    ):
        destination = webhook_destination(subscription, None)
        assert courier.wants(destination, "redemption.approved") == is_wanted


async def test_members_do_not_wait_for_each_other_and_each_ones_letters_come_in_order(
    courier: WebhookCourier, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        await slow.wait()
        writer.write(answer(500))

    def letter(number: int, member: int) -> Letter:
        return make_letter("points.earned", number=number, member=make_member(member))

    monkeypatch.setattr(courier_module, "AT_ONCE", 2)
    async with receiving(wait) as receiver:
        subscription = make_subscription("guerdon", "points.earned", url=receiver.url)
        destination = webhook_destination(subscription, STANDARD_SECRET)
        letters = [letter(1, 1), letter(2, 1), letter(3, 2), letter(4, 2), letter(5, 3)]
        carrying = asyncio.ensure_future(courier.carry(destination, letters))
        while len(receiver.received) < 4:
            await asyncio.sleep(0.005)
        slow.set()
        verdicts = await carrying
        said = [json.loads(each.body)["data"]["event_id"] for each in receiver.received]
    assert said == [101, 103, 104, 105]
    assert verdicts == [Deferred("answered 500", 5.0), None, *[Delivered()] * 3]
