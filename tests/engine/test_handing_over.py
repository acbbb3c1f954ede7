"""Rewards that no platform makes: points, and what the shop or its staff hand over."""

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from guerdon.cli.outside import reach_out
from guerdon.domain.command import Done, Redeem, Refused
from guerdon.domain.errors import Invalid, NotFound, RedemptionStatusWrong
from guerdon.domain.ids import RedemptionId, RewardId
from guerdon.domain.redemption import Redemption
from guerdon.domain.webhook_url import UrlRules
from guerdon.engine.inspecting import (
    get_redemption_with_fulfilment,
    list_redemptions_with_fulfilments,
)
from guerdon.engine.redeeming import redeem
from guerdon.engine.repairing import complete, fulfil_due, retry, void
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.sandbox.app import SandboxApp
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.http import Clock
from tests.builders.integration import connect_platform
from tests.builders.ledgers import SHOP, balance, drifts, enrol, redemption_of, ref
from tests.builders.sandbox import RunningSandbox, running_sandbox
from tests.builders.shop import PROGRAM, make_reward, make_shop, save_shop

_SECRET = "whsec_" + "B" * 32
_STARS = make_reward(1, fulfil_by="points", credit_points=30)
_TOTE = make_reward(2, fulfil_by="webhook", content={"sku": "TOTE-1"})
_CHAT = make_reward(3, fulfil_by="manual")
_VAGUE = make_reward(4, fulfil_by="points", credit_points=30, credit_point_type="nowhere")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(SandboxApp(now=clock)) as running:
        await running.control("hooks/tote", {"form": "standard", "secret": _SECRET})
        yield running


@pytest.fixture
async def ledger(
    pool: asyncpg.Pool, clock: Clock, sandbox: RunningSandbox
) -> AsyncIterator[Ledger]:
    rules = UrlRules(allows_http=True, allows_private=True)
    async with reach_out(rules, clock) as outside:
        runtime = Runtime(
            pool=pool,
            now=clock,
            seal=Seal(b"a sealing key of thirty-two bytes or more"),
            fulfillers=outside.fulfillers,
        )
        made = Ledger(runtime)
        await save_shop(pool, make_shop(rewards=(_STARS, _TOTE, _CHAT, _VAGUE)))
        secrets = {"secret": _SECRET}
        await connect_platform(runtime, SHOP, "endpoint", secrets=secrets, url=sandbox.hook("tote"))
        await enrol(made, "7001", 250)
        yield made
        await made.close()


async def _redeem(ledger: Ledger, reward_id: RewardId) -> Redemption:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=reward_id)
    return redemption_of(await redeem(ledger, SHOP, command, key=f"k-{reward_id}"))


async def _work(ledger: Ledger, clock: Clock, *seconds: float) -> None:
    await fulfil_due(ledger, SHOP, 50)
    for each in seconds:
        clock.advance(seconds=each)
        await fulfil_due(ledger, SHOP, 50)


def _pool(ledger: Ledger) -> asyncpg.Pool:
    return cast("asyncpg.Pool", ledger.runtime.pool)


async def _told(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return list((await sandbox.state())["webhooks"].get("tote", []))


async def test_points_are_credited_in_the_same_breath(ledger: Ledger) -> None:
    redemption = await _redeem(ledger, _STARS.id)
    assert redemption.status == "approved"
    assert await balance(_pool(ledger), "7001") == 250 - 100 + 30
    assert await _redeem(ledger, _STARS.id) == redemption
    assert await balance(_pool(ledger), "7001") == 180
    assert await drifts(_pool(ledger)) == []


async def test_points_of_no_wallet_are_refused_and_cost_nothing(ledger: Ledger) -> None:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_VAGUE.id)
    assert isinstance(await redeem(ledger, SHOP, command), Refused)
    assert await balance(_pool(ledger), "7001") == 250


async def test_points_credited_before_a_crash_are_not_credited_again(
    ledger: Ledger, clock: Clock
) -> None:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_STARS.id)
    await ledger.submit(SHOP, command)
    await _work(ledger, clock, 60)
    await _work(ledger, clock, 60)
    assert await balance(_pool(ledger), "7001") == 180
    assert await drifts(_pool(ledger)) == []


async def test_void_takes_credited_points_back(ledger: Ledger) -> None:
    redemption = await _redeem(ledger, _STARS.id)
    assert isinstance(await void(ledger, SHOP, redemption.id, "by staff"), Done)
    assert await balance(_pool(ledger), "7001") == 250
    assert await drifts(_pool(ledger)) == []


async def test_endpoint_that_says_yes_completes(
    ledger: Ledger, clock: Clock, sandbox: RunningSandbox
) -> None:
    redemption = await _redeem(ledger, _TOTE.id)
    assert (redemption.status, redemption.fulfilment) == ("approved", "open")
    await _work(ledger, clock)
    (call,) = await _told(sandbox)
    assert call["verified"] is True
    body = call["body"]
    assert body["type"] == "redemption.fulfil"
    assert body["data"]["code"] == redemption.code
    assert body["data"]["reward"]["content"] == {"sku": "TOTE-1"}
    assert body["data"]["member"]["external_id"] == "7001"
    after, kept = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert after.fulfilment == "done"
    assert kept is not None
    assert not kept.is_open
    await _work(ledger, clock, 60)
    assert len(await _told(sandbox)) == 1


async def test_worker_hears_of_a_new_reward(
    ledger: Ledger, clock: Clock, sandbox: RunningSandbox
) -> None:
    worker = Ledger(ledger.runtime)
    await _work(worker, clock)
    late = make_reward(5, fulfil_by="webhook")
    async with transaction(ledger.runtime.pool) as tx:
        await offers.put_reward(tx, SHOP, late)
        await offers.insert_reward_version(tx, SHOP, late, clock.now)
        await sequences.bump_catalogue_version(tx, SHOP)
    await ledger.catalogues.refresh(SHOP)
    redemption = await _redeem(ledger, late.id)
    await _work(worker, clock)
    assert len(await _told(sandbox)) == 1
    after, _ = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert after.fulfilment == "done"
    await worker.close()


async def test_endpoint_that_says_no_is_asked_again_under_the_same_id(
    ledger: Ledger, clock: Clock, sandbox: RunningSandbox
) -> None:
    await sandbox.faults({"service": "webhook", "kind": "status", "status": 500, "match": "tote"})
    await sandbox.faults({"service": "webhook", "kind": "cut_after", "match": "tote", "nth": 2})
    redemption = await _redeem(ledger, _TOTE.id)
    await _work(ledger, clock)
    _, kept = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert kept is not None
    assert (kept.attempts, kept.is_open) == (1, True)
    assert kept.last_error == "the endpoint answered with status 500"
    stuck = await list_redemptions_with_fulfilments(
        ledger.runtime, SHOP, status=None, is_stuck=True, limit=10
    )
    assert [each.id for each, _ in stuck] == [redemption.id]
    await _work(ledger, clock, 10, 10, 30)
    calls = await _told(sandbox)
    ids = {call["headers"]["webhook-id"] for call in calls}
    assert (len(ids), len(calls)) == (1, 2)
    after, _ = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert after.fulfilment == "done"


async def test_endpoint_that_never_says_yes_is_left_to_people(
    ledger: Ledger, clock: Clock, sandbox: RunningSandbox
) -> None:
    await sandbox.faults(
        {"service": "webhook", "kind": "status", "status": 500, "nth": None, "times": 1000}
    )
    redemption = await _redeem(ledger, _TOTE.id)
    await _work(ledger, clock, 86_400, 86_400 * 7)
    _, kept = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert kept is not None
    assert (kept.is_open, kept.last_error) == (False, "the endpoint answered with status 500")
    await sandbox.clear_faults()
    await retry(ledger, SHOP, redemption.id)
    after, _ = await get_redemption_with_fulfilment(ledger.runtime, SHOP, redemption.id)
    assert after.fulfilment == "done"


async def test_refunded_before_it_was_handed_over_is_not_asked_for(
    ledger: Ledger, clock: Clock, sandbox: RunningSandbox
) -> None:
    redemption = await _redeem(ledger, _TOTE.id)
    await void(ledger, SHOP, redemption.id, "by staff")
    await _work(ledger, clock, 60)
    assert await _told(sandbox) == []
    assert await balance(_pool(ledger), "7001") == 250


async def test_staff_complete_what_is_open(ledger: Ledger, clock: Clock) -> None:
    redemption = await _redeem(ledger, _CHAT.id)
    await _work(ledger, clock, 60)
    assert redemption.fulfilment == "open"
    outcome = await complete(ledger, SHOP, redemption.id)
    assert redemption_of(outcome).fulfilment == "done"
    await void(ledger, SHOP, redemption.id, "by staff")
    again = await complete(ledger, SHOP, redemption.id)
    assert again == Refused((RedemptionStatusWrong(redemption.id, "void"),))


async def test_what_a_platform_hands_over_is_not_for_staff(ledger: Ledger) -> None:
    command = Redeem(program_id=PROGRAM, member=ref("7001"), reward_id=_STARS.id)
    redemption = redemption_of(await ledger.submit(SHOP, command))
    with pytest.raises(Invalid):
        await complete(ledger, SHOP, redemption.id)
    with pytest.raises(NotFound):
        await retry(ledger, SHOP, RedemptionId(99))
