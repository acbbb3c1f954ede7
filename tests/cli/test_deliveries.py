"""What an operator sees of deliveries, and can do about them."""

import asyncio
import json
from functools import partial

import asyncpg
import pytest

from guerdon.domain.delivery import Dropped
from guerdon.engine.submitting import Ledger
from tests.builders.couriers import (
    Scripted,
    add_webhook,
    deliver_all,
    give,
    hand_all_on,
    make_runtime,
)
from tests.builders.member import Clock, enrol
from tests.builders.shop import make_shop, save_shop
from tests.support.commands import Ran, run_here


class Shop:
    """A shop with a dead delivery, and one that waits."""

    def __init__(self, url: str) -> None:
        self._run = partial(run_here, GUERDON_DATABASE_URL=url)
        self.name = asyncio.run(_set_up(url))

    def run(self, *words: str) -> Ran:
        return self._run("deliveries", *words)

    def list(self, *options: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.run("list", "--json", *options).out)
        return found


async def _set_up(url: str) -> str:
    async with asyncpg.create_pool(url, min_size=0) as pool:
        shop = await save_shop(pool, make_shop())
        courier = Scripted(answer=lambda _: Dropped("no such [list]"))
        ledger = Ledger(make_runtime(pool, courier, Clock()))
        await enrol(ledger, shop, "1")
        name = await add_webhook(pool, shop.id)
        await give(ledger, shop, 1, 5)
        await hand_all_on(ledger, shop.id)
        await deliver_all(ledger, shop.id, name)
        await give(ledger, shop, 1, 6)
        await hand_all_on(ledger, shop.id)
    return name


@pytest.fixture
def shop(database_url: str) -> Shop:
    return Shop(database_url)


def test_lists_the_newest_first_with_what_went_wrong(shop: Shop) -> None:
    waiting, dead = shop.list()
    assert (waiting["status"], waiting["attempts"]) == ("waiting", 0)
    assert waiting["next_at"] is not None
    assert dead["destination"] == shop.name
    assert dead["event"] == "points.adjusted"
    assert dead["external_id"] == "1"
    assert (dead["status"], dead["attempts"]) == ("dead", 1)
    assert (dead["last_error"], dead["next_at"]) == ("no such [list]", None)
    assert shop.list("--status", "dead") == [dead]
    assert shop.list("--destination", "klaviyo") == []
    assert shop.list("--limit", "1") == [waiting]
    assert "no such [list]" in shop.run("list").out


def test_counts_by_destination_and_status(shop: Shop) -> None:
    assert json.loads(shop.run("count", "--json").out) == [
        {"destination": shop.name, "status": "dead", "count": 1},
        {"destination": shop.name, "status": "waiting", "count": 1},
    ]
    assert shop.name in shop.run("count").out


def test_replays_what_is_dead(shop: Shop) -> None:
    ran = shop.run("replay", "--status", "dead", "--destination", shop.name)
    assert ran.code == 0
    assert "deliveries to be carried again: 1" in ran.err
    assert [each["status"] for each in shop.list()] == ["waiting", "waiting"]
    assert [each["attempts"] for each in shop.list()] == [0, 0]


def test_replays_by_id_and_says_what_it_could_not(shop: Shop) -> None:
    waiting, dead = shop.list()
    ran = shop.run("replay", str(dead["id"]))
    assert (ran.code, "again: 1" in ran.err) == (0, True)
    ran = shop.run("replay", str(waiting["id"]), "99")
    assert ran.code == 1
    assert "2 of them are waiting already, or are not there" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--status", "lost"], "no status 'lost'"),
        (["replay"], "say which"),
        (["replay", "--status", "delivered"], "say which"),
        (["replay", "1", "--status", "dead"], "not both"),
    ],
)
def test_says_what_was_asked_wrongly(shop: Shop, words: list[str], said: str) -> None:
    ran = shop.run(*words)
    assert ran.code == 1
    assert said in ran.err
