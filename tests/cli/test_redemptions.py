"""`guerdon redemptions`, as staff run it."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from guerdon.domain.command import Redeem
from guerdon.engine.redeeming import redeem
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from tests.builders.ledgers import SHOP, connect, redemption_of, ref
from tests.builders.program_file import SECRETS, make_file
from tests.builders.shop import make_shop
from tests.support.commands import Ran, run_here

_KEY = "a sealing key of thirty-two bytes or more"


class Shop:
    """A shop with one redemption pending, which its platform has yet to hand over."""

    def __init__(self, url: str, folder: Path) -> None:
        self.run = partial(run_here, GUERDON_DATABASE_URL=url, GUERDON_SECRET_KEY=_KEY, **SECRETS)
        file = make_file(integrations={"shopify": {"shop": "a.example", "token_env": "TOKEN"}})
        file["integrations"]["shopify"]["base_url"] = "http://127.0.0.1:9"
        file["programs"][0]["rewards"][0] |= {"points_cost": 10, "fulfil": {"by": "shopify"}}
        path = folder / "shop.yaml"
        path.write_text(yaml.safe_dump(file))
        assert self.run("apply", str(path)).code == 0
        members = folder / "members.csv"
        members.write_text("external_id,points\n7001,100\n")
        assert self.run("import", "members", str(members)).code == 0
        self._url = url
        self.id = asyncio.run(self._pend())

    def queue_one(self) -> None:
        """Leave another one to a worker."""
        self.id = asyncio.run(self._pend(is_queued=True))

    async def _pend(self, *, is_queued: bool = False) -> int:
        pool = await connect(self._url)
        ledger = Ledger(Runtime(pool=pool))
        catalogue = await ledger.catalogues.get(SHOP)
        reward = next(each for each in catalogue.rewards.values() if each.slug == "ten")
        command = Redeem(
            program_id=reward.program_id,
            member=ref("7001"),
            reward_id=reward.id,
            is_queued=is_queued,
        )
        redemption = redemption_of(await redeem(ledger, SHOP, command, waits=False))
        await ledger.close()
        await pool.close()
        return redemption.id

    def listed(self, *options: str) -> list[dict[str, Any]]:
        ran = self.run("redemptions", "list", "--json", *options)
        assert ran.code == 0, ran.err
        found: list[dict[str, Any]] = json.loads(ran.out)
        return found

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.act("show", "--json").out)
        return shown

    def act(self, what: str, *options: str) -> Ran:
        return self.run("redemptions", what, str(self.id), *options)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    assert make_shop().id == SHOP
    return Shop(database_url, tmp_path)


def test_pending_one_is_listed_tried_and_voided(shop: Shop) -> None:
    (listed,) = shop.listed("--status", "pending")
    assert (listed["id"], listed["points_cost"]) == (shop.id, 10)
    assert shop.listed("--stuck") == []
    tried = shop.act("retry")
    assert tried.code == 1
    assert "out of reach" in tried.err
    (stuck,) = shop.listed("--stuck")
    assert stuck["fulfilment"]["attempts"] == 2
    assert stuck["fulfilment"]["last_error"]
    assert stuck["fulfilment"]["next_at"]
    voided = shop.act("void", "--reason", "tired of waiting")
    assert voided.code == 0, voided.err
    shown = shop.show()
    assert (shown["status"], shown["reason"]) == ("declined", "tired of waiting")
    assert shown["fulfilment"]["next_at"]
    assert shop.listed("--status", "pending") == []


def test_table_and_page_are_for_people(shop: Shop) -> None:
    shop.act("retry")
    table = shop.run("redemptions", "list").out
    assert str(shop.id) in table
    assert "pending" in table
    page = shop.act("show").out
    assert "status: pending" in page
    assert "  attempts: 2" in page
    assert SECRETS["TOKEN"] not in table + page


def test_what_cannot_be_is_said(shop: Shop) -> None:
    completed = shop.act("complete")
    assert completed.code == 1
    assert "still being handed over" in completed.err
    shop.act("void")
    again = shop.act("void")
    assert again.code == 1
    assert "It is declined." in again.err
    assert shop.run("redemptions", "show", "99").code == 1
    assert "no status" in shop.run("redemptions", "list", "--status", "lost").err


def test_a_queued_one_is_shown_as_such_and_tried_or_voided(shop: Shop) -> None:
    shop.queue_one()
    shown = shop.show()
    assert (shown["status"], shown["is_queued"], shown["fulfilment"]) == ("pending", True, None)
    assert "queued" in shop.run("redemptions", "list").out
    assert "it waits for a worker" in shop.act("complete").err
    tried = shop.act("retry")
    assert "out of reach" in tried.err
    assert shop.show()["is_queued"] is False
    shop.queue_one()
    assert shop.act("void").code == 0
    assert (shop.show()["status"], shop.show()["fulfilment"]) == ("declined", None)
