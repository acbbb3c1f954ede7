"""Commands as a user runs them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from guerdon.store.migrating import MIGRATIONS
from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import Ran, run, run_here

_KEY = {"name": "till", "dialect": "mage", "secret_env": "KEY_ONE"}


class Shop:
    """A program file beside a database of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.file = folder / "shop.yaml"
        self.run = partial(run_here, GUERDON_DATABASE_URL=url, **SECRETS)

    def write(self, file: dict[str, Any]) -> None:
        self.file.write_text(yaml.safe_dump(file))

    def apply(self, *options: str) -> Ran:
        return self.run("apply", str(self.file), *options)

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run("show", "--json").out)
        return shown


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    made = Shop(database_url, tmp_path)
    made.write(make_file(keys=[_KEY]))
    return made


def test_a_plan_prints_the_difference_and_applying_removes_it(shop: Shop) -> None:
    planned = shop.apply("--plan")
    assert planned.code == 0
    assert "+ add programs.main.rewards.ten\n" in planned.out
    assert "nothing was written" in planned.err
    assert shop.run("show").code == 1
    applied = shop.apply()
    assert (applied.code, applied.out) == (0, planned.out)
    again = shop.apply()
    assert (again.code, again.out) == (0, "")
    assert "nothing to do" in again.err


def test_show_gives_every_id_in_each_dialects_form_and_no_secret(shop: Shop) -> None:
    shop.apply()
    shown = shop.show()
    (program,) = shown["programs"]
    ten, mug = program["rewards"]
    assert ten["ids"] == {
        "mage": f"reward_{_base36(ten['id']):0>16}",
        "voucherify": f"lrew_{ten['id']:018x}",
    }
    assert program["ids"] == {"voucherify": f"lprg_{program['id']:018x}"}
    (points,) = shown["point_types"]
    assert points["ids"] == {"voucherify": f"lcdef_{points['id']:018x}"}
    assert points["id"] == program["point_type_id"]
    assert program["ids"]["voucherify"] in shop.run("show").out
    assert mug["tier"] == "flow"
    assert program["tiers"][1]["ids"]["mage"].startswith("tier_")
    assert program["earning_rules"][0]["ids"]["mage"].startswith("rule_")
    text = json.dumps(shown) + shop.run("show").out
    assert not [secret for secret in SECRETS.values() if secret in text]


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (_base36(number // 36) if number >= 36 else "") + digits[number % 36]


def test_a_key_is_made_listed_and_revoked(shop: Shop) -> None:
    shop.apply()
    made = shop.run("keys", "create", "--dialect", "mage", "--name", "by hand")
    secret = made.out.strip()
    assert (made.code, secret[:8]) == (0, "mk_live_")
    listed = json.loads(shop.run("keys", "list", "--json").out)
    assert [key["name"] for key in listed] == ["till", "by hand"]
    assert secret not in json.dumps(listed)
    revoked = shop.run("keys", "revoke", str(listed[1]["id"]))
    assert revoked.code == 0
    assert shop.run("keys", "revoke", str(listed[1]["id"])).code == 1
    assert len(json.loads(shop.run("keys", "list", "--json").out)) == 1
    assert len(json.loads(shop.run("keys", "list", "--json", "--all").out)) == 2
    assert "by hand" not in shop.run("keys", "list").out


def test_codes_are_added_to_a_pool_once(shop: Shop, tmp_path: Path) -> None:
    file = make_file()
    file["programs"][0]["rewards"][0]["fulfil"] = {"by": "pool"}
    shop.write(file)
    shop.apply()
    codes = tmp_path / "codes.txt"
    codes.write_text("TIDE-1\n\nTIDE-2\nTIDE-1\n")
    assert "2 codes added" in shop.run("pool", "add", str(codes), "--reward", "main/ten").err
    assert "0 codes added" in shop.run("pool", "add", str(codes), "--reward", "ten").err
    refused = shop.run("pool", "add", str(codes), "--reward", "mug")
    assert (refused.code, "not from a pool" in refused.err) == (1, True)
    with psycopg.connect(shop.url) as connection:
        found = connection.execute("SELECT code FROM pool_codes ORDER BY code").fetchall()
    assert found == [("TIDE-1",), ("TIDE-2",)]


def test_a_refused_file_changes_nothing(shop: Shop) -> None:
    shop.apply()
    before = shop.show()
    file = make_file()
    file["programs"][0]["rewards"][0]["points_cost"] = 1
    file["programs"][0]["rewards"][1]["tier"] = "jade"
    shop.write(file)
    refused = shop.apply()
    assert refused.code == 1
    assert refused.err.splitlines()[1:] == ["  programs[0].rewards[1].tier: no tier 'jade'"]
    assert shop.show() == before


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["show"], {"GUERDON_PORT": "x"}, "GUERDON_PORT is 'x'"),
        (["show"], {"GUERDON_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "cannot be reached"),
        (["serve"], {"GUERDON_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "cannot be reached"),
        (["demo"], {"GUERDON_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "unset"),
        (["apply", "no-such-file.yaml"], {}, "no-such-file.yaml: No such file"),
    ],
)
def test_a_users_error_is_one_line(
    arguments: list[str], settings: dict[str, str], said: str
) -> None:
    ran = run(*arguments, **settings)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert ran.err.startswith("error: ")
    assert len(ran.err.splitlines()) == 1


def test_a_database_without_its_tables_is_said_and_mended(empty_database_url: str) -> None:
    settings = {"GUERDON_DATABASE_URL": empty_database_url}
    ran = run_here("show", **settings)
    assert ran.code == 1
    assert "guerdon migrate" in ran.err
    names = [path.stem for path in sorted(MIGRATIONS.glob("*.sql"))]
    planned = run_here("migrate", "--plan", **settings).out.splitlines()
    assert planned == [f"would apply {name}" for name in names]
    applied = run_here("migrate", **settings).out.splitlines()
    assert applied == [f"applied {name}" for name in names]
    assert run_here("migrate", **settings).out == "the schema is the newest\n"


def test_an_unknown_merchant_is_named(shop: Shop) -> None:
    shop.apply()
    ran = shop.run("show", "--merchant", "nobody")
    assert (ran.code, "no merchant 'nobody'" in ran.err) == (1, True)


def test_secrets_to_be_read_back_need_a_key_on_a_server_of_ones_own(shop: Shop) -> None:
    hook = {
        "url": "https://shop.example/hooks",
        "dialect": "mage",
        "events": ["points.redeemed"],
        "secret_env": "HOOK",
    }
    shop.write(make_file(webhooks=[hook]))
    refused = shop.apply()
    assert refused.code == 1
    assert "GUERDON_SECRET_KEY" in refused.err
    assert shop.run("show").code == 1
    key = "a sealing key for nothing but tests"
    assert shop.run("apply", str(shop.file), GUERDON_SECRET_KEY=key).code == 0
    assert [each["url"] for each in shop.show()["webhooks"]] == [hook["url"]]
