"""What a program file may not say, each refused with the path to it."""

from decimal import Decimal
from typing import Any

import pytest

from guerdon.cli.program_file import BadProgramFile
from guerdon.cli.yaml_reading import BadYaml, read_yaml
from guerdon.domain.blueprint import Blueprint
from tests.builders.program_file import make_blueprint, make_file, read_blueprint

_KEY = {"name": "till", "dialect": "mage", "secret_env": "KEY_ONE"}
_HOOK = {
    "url": "https://shop.example/hooks",
    "dialect": "mage",
    "events": ["points.redeemed"],
    "secret_env": "HOOK",
}
_CUSTOM = {"slug": "r", "trigger": "custom", "points": 1}


def _changed(path: str, value: object) -> dict[str, Any]:
    """Give the file with one thing changed; a step that is a number is a place in a list."""
    file = make_file(keys=[dict(_KEY)], webhooks=[dict(_HOOK)])
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = file
    for step in steps:
        place = place[step]
    if isinstance(last, int) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return file


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("merchant.colour", "red", "merchant.colour: unknown key"),
        ("merchant.currency", "euro", "merchant.currency: "),
        ("merchant.slug", "Not A Slug", "merchant.slug: "),
        ("merchant.timezone", "Mars/Base", "merchant.timezone: no time zone 'Mars/Base'"),
        ("merchant.storefront_url", "ftp://x", "merchant.storefront_url: "),
        ("programs.0.rewards.1.tier", "jade", "programs[0].rewards[1].tier: no tier 'jade'"),
        ("programs.0.rewards.0.stok", 3, "programs[0].rewards[0].stok: unknown key"),
        ("programs.0.rewards.0.points_cost", -1, "programs[0].rewards[0].points_cost: "),
        ("programs.0.rewards.0.points_cost", 1.5, "programs[0].rewards[0].points_cost: "),
        ("programs.0.rewards.0.points_cost", True, "programs[0].rewards[0].points_cost: "),
        ("programs.0.rewards.0.kind", "car", "programs[0].rewards[0].kind: "),
        ("programs.0.rewards.1.slug", "ten", "programs[0].rewards[1].slug: 'ten' is there twice"),
        (
            "programs.0.rewards.0.discount.amount",
            "10.005",
            "programs[0].rewards[0].discount.amount: 10.005 is finer than the smallest unit of EUR",
        ),
        (
            "programs.0.rewards.0.discount.amount",
            "NaN",
            "programs[0].rewards[0].discount.amount: NaN is not an amount of money",
        ),
        (
            "programs.0.rewards.0.discount",
            {"type": "percentage", "amount": 101},
            "programs[0].rewards[0].discount.amount: 101 is not from 0 to 100",
        ),
        (
            "programs.0.rewards.0.discount",
            {"type": "fixed_amount"},
            "programs[0].rewards[0].discount.amount: a fixed_amount discount needs one above 0",
        ),
        (
            "programs.0.rewards.0.discount",
            {"type": "free_shipping", "amount": 3},
            "programs[0].rewards[0].discount.amount: a free_shipping discount has none",
        ),
        (
            "programs.0.rewards.0.units",
            {"min": 3, "max": 2},
            "programs[0].rewards[0].units: min 3 is above max 2",
        ),
        (
            "programs.0.rewards.0.grant_on_entry",
            True,
            "programs[0].rewards[0].grant_on_entry: it needs a tier to be entered",
        ),
        ("programs.0.rewards.0.starts_at", "2026-12-01", "programs[0].rewards[0].starts_at: "),
        (
            "programs.0.tiers.1.points_required",
            0,
            "programs[0].tiers[1].points_required: 0 is there twice",
        ),
        (
            "programs.0.tiers.1.multiplier",
            "1.2345",
            "programs[0].tiers[1].multiplier: 1.2345 has more than 3 decimal places",
        ),
        ("programs.0.code_length", 3, "programs[0].code_length: "),
        ("programs.0.code_length", 25, "programs[0].code_length: "),
        (
            "programs.0.code_alphabet",
            "AABC",
            "programs[0].code_alphabet: its characters must be distinct, and two at least",
        ),
        (
            "programs.0.code_alphabet",
            "01",
            "programs[0].code_length: 10 characters of 2 are 10 bits; codes have 20 to 120",
        ),
        (
            "programs.0.points_expiry",
            {},
            "programs[0].points_expiry: give days, inactive_days, or both; or null",
        ),
        ("programs.0.restore_days", "never", "programs[0].restore_days: "),
        ("programs.0.earning_rules.2", _CUSTOM, "programs[0].earning_rules[2].action_key: missing"),
        (
            "programs.0.earning_rules.0.action_key",
            "join",
            "programs[0].earning_rules[0].action_key: only custom has it",
        ),
        (
            "programs.0.earning_rules.1.rates",
            {"EUR": 3},
            "programs[0].earning_rules[1].rates.EUR: points_per_currency_unit says it for EUR",
        ),
        (
            "programs.0.earning_rules.1.rates",
            {"euro": 3},
            "programs[0].earning_rules[1].rates.euro: no currency, which is three capitals",
        ),
        (
            "programs.0.earning_rules.0.rates",
            {"USD": 3},
            "programs[0].earning_rules[0].rates: they go with points_per_currency_unit only",
        ),
        (
            "programs.0.earning_rules.0.counts_tax",
            True,
            "programs[0].earning_rules[0].counts_tax: only order_paid has it",
        ),
        ("programs.0.negative_balance", "forgive", "programs[0].negative_balance: "),
        (
            "programs.0.earning_rules.0.points_per_currency_unit",
            1,
            "programs[0].earning_rules[0].points_per_currency_unit: only order_paid has it",
        ),
        ("keys.0.program", "other", "keys[0].program: no program 'other'"),
        (
            "keys.0.secret_env",
            "NONE",
            "keys[0].secret_env: the environment variable NONE is not set",
        ),
        ("keys.0.scopes", ["read"], "keys[0].scopes: only a loyaltylion key has them; use access"),
        ("keys.1", _KEY | {"secret_env": "KEY_TWO"}, "keys[1].name: 'till' is there twice"),
        ("keys.1", _KEY | {"name": "two"}, "keys[1].secret_env: "),
        ("webhooks.0.url", "http://shop.example/x", "webhooks[0].url: it must use HTTPS"),
        ("webhooks.0.url", "https://10.0.0.1/x", "webhooks[0].url: it must not point to a private"),
        ("webhooks.0.events", ["points.lost"], "webhooks[0].events[0]: no event 'points.lost'"),
        ("webhooks.0.events", [], "webhooks[0].events: "),
        ("webhooks.0.dialect", "loyaltylion", "webhooks[0].events[0]: no event 'points.redeemed'"),
        ("webhooks.0.dialect", "voucherify", "webhooks[0].dialect: "),
    ],
)
def test_refuses_with_the_path(path: str, value: object, problem: str) -> None:
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(_changed(path, value))
    (said,) = refused.value.problems
    assert said.startswith(problem)
    # No complaint of the decoder shows through in its own form.
    assert "$" not in said.split(":")[0]


def test_says_every_problem_at_once() -> None:
    file = _changed("programs.0.rewards.1.tier", "jade")
    file["merchant"]["timezone"] = "Mars"
    file["keys"][0]["secret_env"] = "NONE"
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(file)
    assert len(refused.value.problems) == 3


def test_never_repeats_a_secret() -> None:
    with pytest.raises(BadProgramFile) as refused:
        make_blueprint(make_file(keys=[_KEY]), {"KEY_ONE": "too-short"})
    assert "too-short" not in str(refused.value)
    assert "KEY_ONE" in str(refused.value)


def _integrations(text: str) -> dict[str, dict[str, str | None]]:
    environment = {"SHOP": "key_0123456789"}
    file = f"merchant: {{slug: a, name: A, currency: EUR}}\nintegrations:\n{text}"
    return {each.kind: each.definition for each in read_blueprint(file, environment).integrations}


def test_marketing_platforms_have_settings_of_their_own() -> None:
    assert _integrations(
        "  klaviyo: {key_env: SHOP, revision: 2026-10-15, base_url: 'http://127.0.0.1:1/k'}\n"
        "  omnisend: {key_env: SHOP, generation: v5, retry_uncertain: true}\n"
        "  postscript: {key_env: SHOP, retry_uncertain: true}\n"
    ) == {
        "klaviyo": {"revision": "2026-10-15", "base_url": "http://127.0.0.1:1/k"},
        "omnisend": {"generation": "v5", "retry_uncertain": "true", "base_url": None},
        "postscript": {"retry_uncertain": "true", "base_url": None},
    }


def test_marketing_platforms_repeat_nothing_uncertain_unless_told() -> None:
    assert _integrations(
        "  klaviyo: {key_env: SHOP}\n  omnisend: {key_env: SHOP}\n  postscript: {key_env: SHOP}\n"
    ) == {
        "klaviyo": {"revision": "2026-07-15", "base_url": None},
        "omnisend": {"generation": "2026-03-15", "retry_uncertain": None, "base_url": None},
        "postscript": {"retry_uncertain": None, "base_url": None},
    }


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("klaviyo: {key_env: SHOP, revision: newest}", "integrations.klaviyo.revision: "),
        ("klaviyo: {key_env: SHOP, retry_uncertain: true}", "integrations.klaviyo.retry_uncertain"),
        ("omnisend: {key_env: SHOP, generation: v3}", "integrations.omnisend.generation: "),
        ("omnisend: {key_env: SHOP, retry_uncertain: maybe}", "integrations.omnisend.retry_unc"),
        ("postscript: {key_env: SHOP, revision: 2026-07-15}", "integrations.postscript.revision"),
        ("postscript: {key_env: SHOP, base_url: 'ftp://x'}", "integrations.postscript.base_url"),
        ("postscript: {key_env: NONE}", "integrations.postscript.key_env: "),
    ],
)
def test_settings_of_marketing_platforms_are_refused_with_the_path(text: str, path: str) -> None:
    with pytest.raises(BadProgramFile) as raised:
        _integrations(f"  {text}\n")
    assert any(problem.startswith(path) for problem in raised.value.problems)


def test_a_key_needs_its_program_named_only_where_there_are_several() -> None:
    file = make_file(keys=[_KEY])
    (key,) = make_blueprint(file).keys
    assert key.program == "main"
    file["programs"].append({"slug": "second", "name": "Second"})
    with pytest.raises(BadProgramFile, match=r"keys\[0\].program: missing; there are 2 programs"):
        make_blueprint(file)


def _rule(blueprint: Blueprint, index: int) -> tuple[str, str, bool]:
    rule = blueprint.programs[0].rules[index]
    return rule.category, rule.action, rule.is_once


def test_rules_take_what_their_trigger_implies() -> None:
    file = make_file()
    file["programs"][0]["earning_rules"] += [
        _CUSTOM | {"action_key": "review", "limit": "once"},
        {"slug": "follow", "trigger": "manual", "points": 5, "action": "follow_on_instagram"},
    ]
    blueprint = make_blueprint(file)
    assert _rule(blueprint, 0) == ("signup", "signup", True)
    assert _rule(blueprint, 1) == ("purchase", "place_order", False)
    assert _rule(blueprint, 2) == ("engagement", "custom", True)
    assert _rule(blueprint, 3) == ("social", "follow_on_instagram", True)


def test_currencies_without_cents_have_none() -> None:
    file = make_file()
    file["merchant"]["currency"] = "JPY"
    file["programs"][0]["rewards"][0]["discount"] = {"type": "fixed_amount", "amount": 500}
    discount = make_blueprint(file).programs[0].rewards[0].reward.discount
    assert discount is not None
    assert discount.amount_minor == 500


def test_forfeit_is_a_word() -> None:
    file = make_file()
    file["programs"][0]["restore_days"] = "forfeit"
    assert make_blueprint(file).programs[0].program.restore_days is None


def test_an_instant_is_kept_in_utc() -> None:
    text = """
merchant: {slug: a, name: A, currency: EUR}
programs:
  - {slug: p, name: P, starts_at: 2026-12-01T00:00:00+01:00}
"""
    starts_at = read_blueprint(text).programs[0].program.starts_at
    assert starts_at is not None
    assert starts_at.isoformat() == "2026-11-30T23:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' is there twice"),
        ("a: [1", "line 1"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4"),
        ("a: *b", "line 1, column 4"),
        ("{a: 1}\n---\n{a: 2}", "line 2"),
    ],
)
def test_bad_yaml_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(BadYaml) as refused:
        read_yaml(text)
    assert str(refused.value).startswith(place)


def test_yaml_is_read_as_it_is_meant() -> None:
    assert read_yaml("{a: no, b: 010, c: 1.10, d: 2026-12-01, e: null, f: true, g: 12:30}") == {
        "a": "no",
        "b": "010",
        "c": Decimal("1.10"),
        "d": "2026-12-01",
        "e": None,
        "f": True,
        "g": "12:30",
    }


def test_a_file_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(BadProgramFile, match="the file: expected `object`, got `array`"):
        read_blueprint("[1, 2]")


def test_purchase_rule_says_what_money_counts() -> None:
    file = make_file()
    buy = file["programs"][0]["earning_rules"][1]
    buy |= {"rates": {"USD": 3}, "counts_shipping": True, "counts_tax": True}
    file["programs"][0] |= {"enrol_new_customers": True}
    wanted = make_blueprint(file).programs[0]
    rule = wanted.rules[1]
    assert (rule.points, rule.is_per_unit, rule.rates) == (2, True, {"USD": 3})
    assert (rule.counts_shipping, rule.counts_tax) == (True, True)
    assert not wanted.rules[0].is_per_unit
    assert wanted.program.enrol_new_customers
