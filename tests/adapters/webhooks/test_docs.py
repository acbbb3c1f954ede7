"""What the page for receivers shows is what verifies our calls."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guerdon.adapters.webhooks.standard import EVENTS, StandardForm
from guerdon.dialects.loyaltylion.announcing import EVENTS as LION_EVENTS
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.dialects.mage.wire_webhooks import EVENTS as MAGE_EVENTS
from guerdon.engine.announcing import WebhookForm
from tests.builders.letters import redeemed_letter
from tests.builders.subscription import STANDARD_SECRET, make_subscription

_PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
_FORMS: list[tuple[int, WebhookForm]] = [
    (0, MageForm()),
    (1, LoyaltyLionForm()),
    (2, StandardForm()),
]


def _read(example: str) -> Callable[[str, dict[str, str], bytes], bool]:
    names: dict[str, Any] = {}
    exec(compile(example, "docs/webhooks.md", "exec"), names)  # noqa: S102 -- our own page
    is_genuine: Callable[[str, dict[str, str], bytes], bool] = names["is_genuine"]
    return is_genuine


@pytest.mark.parametrize(("place", "form"), _FORMS, ids=["mage", "loyaltylion", "guerdon"])
def test_the_examples_verify_our_calls_and_no_others(place: int, form: WebhookForm) -> None:
    is_genuine = _read(_EXAMPLES[place])
    letter = redeemed_letter()
    (announced, *_) = form.announce(letter, make_subscription(form.dialect, *form.events))
    headers = dict(form.headers(announced, STANDARD_SECRET, letter, datetime.now(UTC)))
    assert is_genuine(STANDARD_SECRET, headers, announced.body)
    assert not is_genuine(STANDARD_SECRET, headers, announced.body + b" ")
    assert not is_genuine("whsec_" + "QUJD" * 8, headers, announced.body)


def test_every_event_that_a_vendor_has_is_told() -> None:
    told = [*MAGE_EVENTS, *(topic.removeprefix("program_events/") for topic in LION_EVENTS)]
    assert [each for each in told if f"`{each}`" not in _PAGE] == []
    named = set(re.findall(r"`((?:member|points|redemption)\.[a-z_]+)`", _PAGE))
    assert named - set(EVENTS) - set(MAGE_EVENTS) == set()
