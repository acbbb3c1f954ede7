"""Webhooks in a program file: in each form, with its events and its kind of secret."""

import pytest

from guerdon.cli.program_file import BadProgramFile
from guerdon.domain.blueprint import WantedWebhook
from tests.builders.program_file import read_blueprint

_GOOD = "whsec_" + "QUJD" * 8
_FILE = """
merchant: {slug: a, name: A, currency: EUR}
programs: [{slug: main, name: Main}, {slug: staff, name: Staff}]
webhooks:
  - {url: https://shop.example/hooks, secret_env: HOOK, """


def _read(part: str, secret: str = _GOOD) -> tuple[WantedWebhook, ...]:
    return read_blueprint(f"{_FILE}{part}}}\n", {"HOOK": secret}).webhooks


def test_our_own_form_takes_every_kind_of_event_of_every_program() -> None:
    (hook,) = _read("dialect: guerdon, events: [points.expired, redemption.approved]")
    assert (hook.dialect, hook.program, hook.secret) == ("guerdon", None, _GOOD)
    assert hook.events == ("points.expired", "redemption.approved")


def test_loyaltylion_has_topics() -> None:
    topics = ("customers/update", "program_events/customer.claimed_reward")
    (hook,) = _read(f"dialect: loyaltylion, program: staff, events: [{', '.join(topics)}]", "any")
    assert (hook.dialect, hook.program, hook.events) == ("loyaltylion", "staff", topics)


@pytest.mark.parametrize(
    ("part", "secret", "problem"),
    [
        ("dialect: guerdon, events: [points.redeemed]", _GOOD, "webhooks[0].events[0]: no event"),
        ("dialect: guerdon, events: [points.earned]", "QUJD" * 8, "webhooks[0].secret_env: HOOK:"),
        ("dialect: guerdon, events: [points.earned]", "whsec_QUJD", "webhooks[0].secret_env: HOOK"),
        ("dialect: guerdon, events: [points.earned]", "whsec_#", "webhooks[0].secret_env: HOOK:"),
        ("dialect: loyaltylion, events: [customers/update]", "any", "webhooks[0].program: missing"),
        ("dialect: loyaltylion, program: main, events: [x]", "any", "webhooks[0].events[0]: no ev"),
        ("dialect: voucherify, events: [x]", "any", "webhooks[0].dialect: "),
    ],
)
def test_refuses_what_a_form_does_not_have(part: str, secret: str, problem: str) -> None:
    with pytest.raises(BadProgramFile) as refused:
        _read(part, secret)
    (said,) = refused.value.problems
    assert said.startswith(problem)
    assert secret not in said or secret == "any"
