"""Custom rewards: staff, a pool, and the shop's own endpoint asked as the vendor asks it."""

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from guerdon.cli.outside import reach_out
from guerdon.dialects.loyaltylion.wire import stamp
from guerdon.domain.blueprint import Difference
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.pooling import add_codes
from guerdon.engine.probing import Probed, calls_for_probes, probe_changed
from guerdon.engine.repairing import complete, fulfil_due
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.sandbox.app import SandboxApp
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import drifts
from tests.builders.lion import ServedLion, error_of, serve_lion
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shop import make_reward, make_shop, save_shop

_SECRET = "the secret of the site"
_TREE = make_reward(1, slug="tree", kind="custom", fulfil_by="webhook", units_max=10)
_CHAT = make_reward(2, slug="chat", kind="custom", fulfil_by="manual", units_max=1)
_SPA = make_reward(3, slug="spa", kind="custom", fulfil_by="pool")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(SandboxApp(now=clock)) as running:
        await running.control("hooks/tree", {"form": "loyaltylion", "secret": _SECRET})
        yield running


@pytest.fixture
async def served(
    pool: asyncpg.Pool, clock: Clock, sandbox: RunningSandbox
) -> AsyncIterator[ServedLion]:
    rules = UrlRules(allows_http=True, allows_private=True)
    async with reach_out(rules, clock) as outside:
        runtime = Runtime(
            pool=pool,
            now=clock,
            seal=Seal(b"a sealing key of thirty-two bytes or more"),
            fulfillers=outside.fulfillers,
            probers=outside.probers,
            webhook_urls=rules,
        )
        shop = await save_shop(pool, make_shop(rewards=(_TREE, _CHAT, _SPA)))
        definition = {"url": sandbox.hook("tree"), "form": "loyaltylion"}
        secrets = {"secret": _SECRET}
        await connect_platform(runtime, shop.id, "endpoint", secrets=secrets, **definition)
        ledger = Ledger(runtime)
        made = await serve_lion(ledger, shop)
        async with made.client:
            await made.enrol("C/20:1", points=1000)
            yield made
        await ledger.close()


async def _claim(served: ServedLion, reward_id: int, **body: Any) -> dict[str, Any]:
    response = await served.client.post(
        "/v2/customers/C%2F20%3A1/claimed_rewards", json={"reward_id": reward_id, **body}
    )
    assert response.status_code == 201, response.text
    claimed: dict[str, Any] = response.json()["claimed_reward"]
    return claimed


async def _seen(served: ServedLion, claimed: dict[str, Any]) -> dict[str, Any]:
    """Give the redeemable as it stands now."""
    path = f"/v2/customers/C%2F20%3A1/claimed_rewards/{claimed['id']}"
    found: dict[str, Any] = (await served.client.get(path)).json()["claimed_reward"]["redeemable"]
    return found


def _asyncpg(served: ServedLion) -> asyncpg.Pool:
    return cast("asyncpg.Pool", served.pool)


async def _told(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return list((await sandbox.state())["webhooks"].get("tree", []))


async def _work(served: ServedLion, clock: Clock, *seconds: float) -> None:
    await fulfil_due(served.ledger, served.shop.id, 50)
    for each in seconds:
        clock.advance(seconds=each)
        await fulfil_due(served.ledger, served.shop.id, 50)


async def test_the_endpoint_is_asked_in_the_vendors_words_and_its_yes_fulfils(
    served: ServedLion, sandbox: RunningSandbox, clock: Clock
) -> None:
    claimed = await _claim(served, _TREE.id, multiplier=2)
    open_ = {
        "redeemable_type": "fulfilment",
        "fulfilled": False,
        "fulfilled_at": None,
        "expires_on": None,
    }
    assert claimed["redeemable"] == open_
    clock.advance(seconds=3)
    await _work(served, clock)
    (call,) = await _told(sandbox)
    assert call["verified"] is True
    assert call["headers"]["x-loyaltylion-topic"] == "rewards/store_fulfilment"
    assert call["headers"]["x-loyaltylion-site-domain"] == "shop-1.myshopify.com"
    member_id = await _asyncpg(served).fetchval("SELECT id FROM members")
    wanted = {
        "test": False,
        "reward_id": _TREE.id,
        "reward_identifier": "tree",
        "customer_id": member_id,
        "customer_merchant_id": "C/20:1",
        "customer_email": "ana@shop.example",
        "multiplier": 2,
        "claimed_reward_id": claimed["id"],
    }
    body = call["body"]
    assert body == wanted | {
        "id": body["id"],
        "topic": "rewards/store_fulfilment",
        "created_at": stamp(clock.now),
        "payload": wanted,
    }
    done = open_ | {"fulfilled": True, "fulfilled_at": stamp(clock.now)}
    assert await _seen(served, claimed) == done
    await _work(served, clock, 3600)
    assert len(await _told(sandbox)) == 1
    assert await drifts(_asyncpg(served)) == []


async def test_it_is_asked_until_it_says_yes_and_never_given_up(
    served: ServedLion, sandbox: RunningSandbox, clock: Clock
) -> None:
    await sandbox.faults({"service": "webhook", "kind": "status", "status": 500, "times": 5})
    claimed = await _claim(served, _TREE.id)
    day = 86_400.0
    await _work(served, clock, 2, 8 * day)
    await _work(served, clock, day / 2)
    assert (await _seen(served, claimed))["fulfilled"] is False
    await _work(served, clock, day / 2, day)
    assert (await _seen(served, claimed))["fulfilled"] is False
    await _work(served, clock, day)
    assert (await _seen(served, claimed))["fulfilled"] is True
    (call,) = await _told(sandbox)
    assert call["body"]["claimed_reward_id"] == claimed["id"]


async def test_what_was_refunded_before_is_not_asked_for(
    served: ServedLion, sandbox: RunningSandbox, clock: Clock
) -> None:
    claimed = await _claim(served, _TREE.id)
    path = f"/v2/customers/C%2F20%3A1/claimed_rewards/{claimed['id']}/refund"
    refunded = await served.client.post(path)
    assert (refunded.status_code, refunded.json()["remote_resource_deleted"]) == (200, False)
    await _work(served, clock, 3600)
    assert await _told(sandbox) == []


async def test_staff_complete_a_manual_one_and_it_is_used_then(served: ServedLion) -> None:
    claimed = await _claim(served, _CHAT.id)
    assert claimed["redeemable"]["fulfilled"] is False
    await complete(served.ledger, served.shop.id, claimed["id"])
    assert (await _seen(served, claimed))["fulfilled"] is True
    path = f"/v2/customers/C%2F20%3A1/claimed_rewards/{claimed['id']}/refund"
    refused = await served.client.post(path)
    assert error_of(refused)[:2] == (422, "reward_already_used")


async def test_codes_of_a_pool_are_there_at_once_until_there_are_none(served: ServedLion) -> None:
    await add_codes(served.ledger.runtime, served.shop.id, _SPA.id, ["SPA-DAY-1"])
    claimed = await _claim(served, _SPA.id)
    assert claimed["redeemable"]["redeemable_type"] == "voucher"
    assert claimed["redeemable"]["code"] == "SPA-DAY-1"
    assert claimed["reward"]["method"] == "voucher"
    empty = await served.client.post(
        "/v2/customers/C%2F20%3A1/claimed_rewards", json={"reward_id": _SPA.id}
    )
    assert error_of(empty)[:2] == (422, "reward_out_of_stock")


def _said(act: Any, path: str) -> Difference:
    return Difference(act=act, path=path)


async def test_a_new_or_changed_reward_is_tried_with_a_test_call(
    served: ServedLion, sandbox: RunningSandbox
) -> None:
    runtime = served.ledger.runtime
    differences = [
        _said("change", "programs.main.rewards.tree"),
        _said("add", "programs.main.rewards.chat"),
        _said("change", "programs.main"),
    ]
    assert calls_for_probes(differences)
    assert await probe_changed(runtime, "shop-1", differences) == [Probed("tree")]
    (call,) = await _told(sandbox)
    assert call["verified"] is True
    assert call["body"]["test"] is call["body"]["payload"]["test"] is True
    assert call["body"]["reward_identifier"] == "tree"
    assert call["body"]["claimed_reward_id"] is None


async def test_a_changed_endpoint_is_tried_for_all_its_rewards_and_its_no_is_told(
    served: ServedLion, sandbox: RunningSandbox
) -> None:
    await sandbox.faults({"service": "webhook", "kind": "status", "status": 404})
    differences = [_said("change", "integrations.endpoint")]
    said = "the endpoint answered with status 404"
    probed = await probe_changed(served.ledger.runtime, "shop-1", differences)
    assert probed == [Probed("tree", said)]


def test_nothing_is_tried_for_what_has_gone() -> None:
    assert not calls_for_probes([_said("archive", "programs.main.rewards.tree")])
    assert not calls_for_probes([_said("remove", "integrations.endpoint")])


async def test_our_own_form_has_no_test_call(served: ServedLion, sandbox: RunningSandbox) -> None:
    secrets = {"secret": "whsec_" + "B" * 32}
    runtime, url = served.ledger.runtime, sandbox.hook("tree")
    await connect_platform(runtime, served.shop.id, "endpoint", secrets=secrets, url=url)
    differences = [_said("change", "programs.main.rewards.tree")]
    assert await probe_changed(runtime, "shop-1", differences) == []
    assert await _told(sandbox) == []
