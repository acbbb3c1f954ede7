"""Keys, and the site secret, of the LoyaltyLion dialect as a user makes them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import Ran, run_here

_CREATE = ("keys", "create", "--dialect", "loyaltylion", "--name", "lion")
_MINE = "the-site-secret-of-the-shop"


class Shop:
    """A program file beside a database of its own, which can seal."""

    def __init__(self, url: str, folder: Path) -> None:
        self.file = folder / "shop.yaml"
        self.run = partial(
            run_here,
            GUERDON_DATABASE_URL=url,
            GUERDON_SECRET_KEY="a key of thirty-two bytes, or more",
            MY_SITE_SECRET=_MINE,
            **SECRETS,
        )

    def apply(self, **key: Any) -> Ran:
        written = {"name": "lion", "dialect": "loyaltylion", "secret_env": "KEY_ONE", **key}
        self.file.write_text(yaml.safe_dump(make_file(keys=[written])))
        return self.run("apply", str(self.file))


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    return Shop(database_url, tmp_path)


def test_a_key_with_scopes_is_made(shop: Shop) -> None:
    assert shop.apply(scopes=["read_customers", "write_orders"]).code == 0
    made = shop.run(*_CREATE, "--scope", "write_customers", "--program", "main")
    assert (made.code, made.out[:4], len(made.out.strip())) == (0, "pat_", 36)
    listed = json.loads(shop.run("keys", "list", "--json").out)
    assert [key["scopes"] for key in listed] == [
        ["read_customers", "write_orders"],
        ["write_customers"],
    ]


def test_a_token_and_secret_is_made(shop: Shop) -> None:
    assert shop.apply(app_id="the-shops-token").code == 0
    made = shop.run(*_CREATE, "--app-id", "another-token", "--program", "main")
    (secret,) = made.out.splitlines()
    assert made.err.splitlines()[-1] == "token: another-token"
    assert len(secret) == 64
    listed = json.loads(shop.run("keys", "list", "--json").out)
    assert [key["app_id"] for key in listed] == ["the-shops-token", "another-token"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({}, "keys[0].scopes: missing; name some of read_customers"),
        ({"scopes": ["read_everything"]}, "keys[0].scopes: no scope 'read_everything'"),
        ({"scopes": ["read_orders"], "app_id": "t"}, "keys[0].scopes: a token and secret may do"),
        ({"dialect": "mage", "app_id": "t"}, "keys[0].app_id: a mage key has none"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(shop: Shop, key: dict[str, Any], said: str) -> None:
    refused = shop.apply(**key)
    assert (refused.code, said in refused.err) == (1, True), refused.err


def test_a_command_that_makes_no_sense_is_refused(shop: Shop) -> None:
    shop.apply(scopes=["read_customers"])
    refused = shop.run(*_CREATE)
    assert (refused.code, "--scope: missing; name some of" in refused.err) == (1, True)
    wrong = shop.run(*_CREATE, "--scope", "write_everything")
    assert (wrong.code, "no scope 'write_everything'" in wrong.err) == (1, True)


def test_the_site_secret_is_told_and_replaced(shop: Shop) -> None:
    shop.apply(scopes=["read_customers"])
    site = partial(shop.run, "webhooks", "site-secret", "--program", "main")
    first = site()
    assert (first.code, len(first.out.strip())) == (0, 64)
    assert site().out == first.out
    assert site("--from-env", "MY_SITE_SECRET").out.strip() == _MINE
    assert site().out.strip() == _MINE
    missing = site("--from-env", "NO_SUCH_VARIABLE")
    assert (missing.code, "NO_SUCH_VARIABLE is not set" in missing.err) == (1, True)
