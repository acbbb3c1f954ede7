"""Pairs of keys of the Voucherify dialect as a user makes them, tried at its door."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store.connection import open_pool
from guerdon.web import create_app
from tests.builders.program_file import SECRETS, make_file
from tests.support.commands import Ran, run_here

_CREATE = ("keys", "create", "--dialect", "voucherify", "--name", "cards")
_APP_ID = "an-application-id"


class Shop:
    """A program file beside a database of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.file = folder / "shop.yaml"
        self.run = partial(run_here, GUERDON_DATABASE_URL=url, MY_APP_ID=_APP_ID, **SECRETS)

    def apply(self, **key: Any) -> Ran:
        written = {"name": "cards", "dialect": "voucherify", "secret_env": "KEY_ONE", **key}
        self.file.write_text(yaml.safe_dump(make_file(keys=[written])))
        return self.run("apply", str(self.file))

    def call(self, method: str, path: str, app_id: str, token: str) -> httpx.Response:
        """Call the dialect with a pair of keys."""

        async def ask() -> httpx.Response:
            pool = await open_pool(self.url, size=2, application="a test")
            try:
                app = create_app(Ledger(Runtime(pool=pool)))
                async with httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=app), base_url="http://guerdon.test"
                ) as client:
                    shown = {"X-App-Id": app_id, "X-App-Token": token}
                    return await client.request(method, f"/voucherify{path}", headers=shown)
            finally:
                await pool.close()

        return asyncio.run(ask())


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    return Shop(database_url, tmp_path)


def test_a_key_of_the_program_file_opens_the_door(shop: Shop) -> None:
    applied = shop.apply(app_id_env="MY_APP_ID", access="read")
    assert applied.code == 0, applied.err
    token = SECRETS["KEY_ONE"]
    listed = shop.call("GET", "/v2/loyalties/programs", _APP_ID, token)
    assert [each["name"] for each in listed.json()["data"]] == ["Tides"]
    refused = shop.call("POST", "/v1/orders", _APP_ID, token)
    assert refused.status_code == 403
    assert shop.call("GET", "/v2/loyalties/programs", "another-id", token).status_code == 401


def test_a_key_made_by_hand_opens_the_door(shop: Shop) -> None:
    shop.apply(app_id_env="MY_APP_ID")
    made = shop.run(*_CREATE)
    assert made.code == 0, made.err
    (token,) = made.out.splitlines()
    assert token.startswith("vf_live_")
    app_id = made.err.splitlines()[-1].removeprefix("application id: ")
    assert shop.call("GET", "/v2/loyalties/programs", app_id, token).status_code == 200
    assert shop.run("keys", "revoke", "2").code == 0
    assert shop.call("GET", "/v2/loyalties/programs", app_id, token).status_code == 401


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({}, "keys[0].app_id_env: missing; a voucherify key has an application id"),
        ({"app_id": "with a space"}, "keys[0].app_id: it has to be 1 to 255 visible ASCII"),
        ({"app_id": "a", "program": "main"}, "keys[0].program: a voucherify key opens all"),
        ({"app_id": "a", "scopes": ["api"]}, "keys[0].scopes: only a loyaltylion key has them"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(shop: Shop, key: dict[str, Any], said: str) -> None:
    refused = shop.apply(**key)
    assert (refused.code, said in refused.err) == (1, True), refused.err


def test_a_command_that_makes_no_sense_is_refused(shop: Shop) -> None:
    for options, said in (
        (("--program", "main"), "--program: a voucherify key opens all programs"),
        (("--app-id", "with a space"), "--app-id: it has to be 1 to 255 visible ASCII"),
        (("--scope", "api"), "--scope: only a loyaltylion key has them"),
    ):
        refused = shop.run(*_CREATE, *options)
        assert (refused.code, said in refused.err) == (1, True), refused.err
