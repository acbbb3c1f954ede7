"""The sandbox's receiver, which knows nothing of our forms, finds each of their signatures good."""

import pytest

from guerdon.adapters.webhooks.courier import WebhookCourier
from guerdon.adapters.webhooks.sending import Sender
from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.domain.delivery import Deferred, Delivered
from guerdon.domain.webhook_url import UrlRules
from tests.builders.letters import redeemed_letter
from tests.builders.sandbox import running_sandbox
from tests.builders.subscription import (
    STANDARD_SECRET,
    make_subscription,
    webhook_destination,
)

_CLAIMED = "program_events/customer.claimed_reward"


@pytest.mark.parametrize(
    ("dialect", "form", "event"),
    [
        ("mage", "mage", "points.redeemed"),
        ("loyaltylion", "loyaltylion", _CLAIMED),
        ("guerdon", "standard", "redemption.approved"),
    ],
)
async def test_each_form_is_verified(dialect: str, form: str, event: str) -> None:
    sender = Sender(UrlRules(allows_http=True, allows_private=True))
    courier = WebhookCourier((MageForm(), LoyaltyLionForm(), StandardForm()), sender)
    async with running_sandbox() as sandbox:
        await sandbox.control("hooks/till", {"form": form, "secret": STANDARD_SECRET})
        subscription = make_subscription(dialect, event, url=sandbox.hook("till"))
        good = webhook_destination(subscription, STANDARD_SECRET)
        assert await courier.carry(good, [redeemed_letter()]) == [Delivered()]
        wrong = webhook_destination(subscription, "whsec_" + "QUJD" * 8)
        (refused,) = await courier.carry(wrong, [redeemed_letter()])
        assert isinstance(refused, Deferred)
        await sandbox.faults({"service": "webhook", "kind": "cut_after", "nth": 1, "times": 1})
        (cut,) = await courier.carry(good, [redeemed_letter()])
        received = (await sandbox.state())["webhooks"]["till"]
        await sender.close()
    assert [each["verified"] for each in received[:2]] == [True, False]
    # Taken, and the connection closed without a word, as by a server that had closed it before: the
    # call is made again at once, and is the same call.
    assert cut == Delivered()
    assert [each["verified"] for each in received[2:]] == [True, True]
    assert received[2]["body"] == received[3]["body"]
