"""Codes minted ahead: kept before they are asked for, made once, handed out with no call."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from guerdon.adapters.shopify.pool import remove_code
from guerdon.domain.catalogue import Discount
from guerdon.domain.command import Adjust, Done, Enrol, Redeem, Redeemed
from guerdon.domain.ids import RewardId
from guerdon.domain.integration import Integration
from guerdon.domain.member import MemberRef
from guerdon.engine.connections import context_of
from guerdon.engine.ports import FulfilmentFailed
from guerdon.engine.refilling import list_pools, refill_pools
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store import integrations, offers, sequences
from guerdon.store.transaction import transaction
from tests.adapters.shopify.conftest import MakeSandbox
from tests.adapters.shopify.sandboxed import SHOP, Sandboxed
from tests.builders.letters import make_redemption
from tests.builders.shop import FOUNDED, PROGRAM, Shop, make_reward, make_shop, save_shop

SEAL = Seal(b"a sealing key of thirty-two bytes or more")
ADD = "discountRedeemCodeBulkAdd"
CREATE = "discountCodeBasicCreate"
POOLED = make_reward(fulfil_by="shopify_pool", pool_low_water=5, pool_refill=8)
CODES = [f"POOL-{number:04}" for number in range(300)]


async def mint(sandbox: Sandboxed, codes: list[str], reference: str | None = None) -> Any:
    minter = sandbox.shopify.minters["shopify_pool"]
    merchant = make_shop().merchant
    return await minter.mint(sandbox.connected(), merchant, POOLED, codes, reference)


async def test_codes_are_put_on_one_discount_which_anybody_may_use_once_a_code(
    sandbox: Sandboxed,
) -> None:
    minted = await mint(sandbox, CODES)
    (made,) = sandbox.discounts()
    assert sorted(minted.codes) == CODES
    assert sorted(made["codes"]) == CODES
    assert minted.reference == made["id"]
    assert made["tags"] == ["loyalty", "guerdon-shop-1-reward-1001"]
    # 250 codes a call.
    assert (sandbox.calls(CREATE), sandbox.calls(ADD)) == (1, 2)
    more = await mint(sandbox, ["POOL-MORE1", "POOL-MORE2"], minted.reference)
    assert sorted(more.codes) == ["POOL-MORE1", "POOL-MORE2"]
    assert len(sandbox.discounts()) == 1


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("cut_after", CREATE),
        ("cut_before", CREATE),
        ("cut_after", ADD),
        ("cut_before", ADD),
        ("status", "discountRedeemCodeBulkCreation"),
    ],
)
async def test_the_same_codes_asked_for_again_are_made_once(
    sandbox: Sandboxed, kind: str, match: str
) -> None:
    # A question is asked three times before it is given up.
    is_question = match == "discountRedeemCodeBulkCreation"
    sandbox.fail(kind, match, status=500, times=3 if is_question else 1)
    with pytest.raises(FulfilmentFailed) as caught:
        await mint(sandbox, CODES[:20])
    assert not caught.value.is_permanent
    sandbox.app.world.faults.clear()
    minted = await mint(sandbox, CODES[:20])
    assert sorted(minted.codes) == CODES[:20]
    (made,) = sandbox.discounts()
    assert sorted(made["codes"]) == CODES[:20]


async def test_a_code_of_somebody_else_is_left_out(sandbox: Sandboxed) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover(code=CODES[3]))
    minted = await mint(sandbox, CODES[:6])
    assert sorted(minted.codes) == [code for code in CODES[:6] if code != CODES[3]]


async def test_a_first_code_of_somebody_else_asks_for_others(sandbox: Sandboxed) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover(code=CODES[0]))
    with pytest.raises(FulfilmentFailed) as caught:
        await mint(sandbox, CODES[:6])
    assert caught.value.is_permanent


async def test_a_code_given_back_is_taken_off_and_the_others_stay(sandbox: Sandboxed) -> None:
    await mint(sandbox, CODES[:5])
    redemption = make_redemption(POOLED, code=CODES[2])
    handover = sandbox.handover(POOLED, redemption=redemption, code=CODES[2])
    assert await remove_code(sandbox.shopify.shops, handover) is True
    (made,) = sandbox.discounts()
    assert sorted(made["codes"]) == [CODES[0], CODES[1], CODES[3], CODES[4]]
    assert await remove_code(sandbox.shopify.shops, handover) is False


async def test_an_uploaded_code_is_on_no_discount_of_ours(sandbox: Sandboxed) -> None:
    await sandbox.shopify.fulfillers["shopify"].fulfil(sandbox.handover(code=CODES[0]))
    handover = sandbox.handover(POOLED, code=CODES[0])
    assert await remove_code(sandbox.shopify.shops, handover) is False
    assert sandbox.discounts()[0]["codes"] == [CODES[0]]


# -- the engine's side ---------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


async def connect(pool: asyncpg.Pool, shop: Shop, sandbox: Sandboxed) -> None:
    definition = {"shop": SHOP, "base_url": sandbox.base_url, "api_version": None}
    integration = Integration(
        kind="shopify", definition=definition, created_at=FOUNDED, updated_at=FOUNDED
    )
    sealed = SEAL.seal(b'{"token":"shpat_x"}', context_of(shop.id, "shopify"))
    async with transaction(pool) as tx:
        await integrations.put_integration(tx, shop.id, integration, sealed)


async def start(
    pool: asyncpg.Pool, sandbox: Sandboxed, now: Callable[[], datetime]
) -> tuple[Ledger, Shop]:
    shop = await save_shop(pool, make_shop(rewards=(POOLED,)))
    await connect(pool, shop, sandbox)
    runtime = Runtime(pool=pool, now=now, minters=sandbox.shopify.minters, seal=SEAL)
    return Ledger(runtime), shop


async def left(ledger: Ledger, shop: Shop) -> int:
    catalogue = await ledger.catalogues.refresh(shop.id)
    ((_, count, _),) = await list_pools(ledger.runtime, catalogue)
    return count


async def test_a_pool_that_runs_low_is_refilled_and_hands_out_without_a_call(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    ledger, shop = await start(pool, sandbox, Clock())
    assert (await refill_pools(ledger, shop.id, 10)).done == 8
    assert (await refill_pools(ledger, shop.id, 10)).done == 0
    anna = MemberRef(external_id="anna")
    await ledger.submit(shop.id, Enrol(program_id=PROGRAM, external_id="anna"))
    await ledger.submit(shop.id, Adjust(program_id=PROGRAM, member=anna, points=1000))
    calls = len(sandbox.app.world.calls)
    given = set()
    for _ in range(4):
        redeem = Redeem(program_id=PROGRAM, member=anna, reward_id=RewardId(1001))
        outcome = await ledger.submit(shop.id, redeem)
        assert isinstance(outcome, Done)
        assert isinstance(outcome.result, Redeemed)
        given.add(outcome.result.redemption.code)
    assert len(sandbox.app.world.calls) == calls
    (made,) = sandbox.discounts()
    assert given < set(made["codes"])
    assert await left(ledger, shop) == 4
    assert (await refill_pools(ledger, shop.id, 10)).done == 8
    # The second lot is on the first one's discount.
    (made,) = sandbox.discounts()
    assert len(made["codes"]) == 16


async def test_two_workers_mint_once(pool: asyncpg.Pool, sandbox: Sandboxed) -> None:
    ledger, shop = await start(pool, sandbox, Clock())
    rival = Ledger(ledger.runtime)
    portions = await asyncio.gather(
        *(refill_pools(each, shop.id, 10) for each in (ledger, rival) * 3)
    )
    assert sum(portion.done for portion in portions) == 8
    assert (sandbox.calls(CREATE), sandbox.calls(ADD)) == (1, 1)
    assert await left(ledger, shop) == 8


@pytest.mark.parametrize("fault", ["cut_after", "cut_before"])
async def test_codes_whose_minting_was_lost_are_asked_for_again_later(
    pool: asyncpg.Pool, sandbox: Sandboxed, fault: str
) -> None:
    clock = Clock()
    ledger, shop = await start(pool, sandbox, clock)
    sandbox.fail(fault, ADD)
    assert (await refill_pools(ledger, shop.id, 10)).done == 0
    assert (await refill_pools(ledger, shop.id, 10)).done == 0
    assert sandbox.calls(ADD) == 1
    clock.now += timedelta(minutes=1)
    assert (await refill_pools(ledger, shop.id, 10)).done == 8
    (made,) = sandbox.discounts()
    assert len(made["codes"]) == 8
    assert await left(ledger, shop) == 8


async def test_a_lease_of_a_worker_that_died_is_taken_over(
    pool: asyncpg.Pool, make_sandbox: MakeSandbox
) -> None:
    sandbox = await make_sandbox()
    clock = Clock()
    ledger, shop = await start(pool, sandbox, clock)
    sandbox.fail("never", ADD)
    dying = asyncio.create_task(refill_pools(ledger, shop.id, 1))
    while not sandbox.calls(ADD):
        await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert (await refill_pools(ledger, shop.id, 1)).done == 0
    clock.now += timedelta(minutes=5)
    assert (await refill_pools(ledger, shop.id, 1)).done == 8
    assert len(sandbox.discounts()) == 1


async def test_a_discount_deleted_by_hand_is_replaced(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    clock = Clock()
    ledger, shop = await start(pool, sandbox, clock)
    await refill_pools(ledger, shop.id, 10)
    sandbox.app.world.shop(SHOP).discounts.clear()
    async with transaction(pool) as tx:
        await tx.execute("DELETE FROM pool_codes WHERE merchant_id = $1", shop.id)
    assert (await refill_pools(ledger, shop.id, 10)).done == 0
    clock.now += timedelta(minutes=1)
    assert (await refill_pools(ledger, shop.id, 10)).done == 8
    assert len(sandbox.discounts()) == 1


async def test_codes_of_a_reward_that_changed_are_not_handed_out(
    pool: asyncpg.Pool, sandbox: Sandboxed
) -> None:
    ledger, shop = await start(pool, sandbox, Clock())
    await refill_pools(ledger, shop.id, 10)
    worded = replace(POOLED, description="Other words", version_id=3001)
    dearer = replace(worded, discount=Discount(type="fixed_amount", amount_minor=2000))
    for reward, discounts in ((worded, 1), (dearer, 2)):
        async with transaction(pool) as tx:
            await offers.put_reward(tx, shop.id, reward)
            await sequences.bump_catalogue_version(tx, shop.id)
        await refill_pools(ledger, shop.id, 10)
        assert len(sandbox.discounts()) == discounts
        assert await left(ledger, shop) == 8
    async with transaction(pool) as tx:
        rows = await tx.fetch("SELECT code FROM pool_codes WHERE merchant_id = $1", shop.id)
    assert {row[0] for row in rows} == set(sandbox.discounts()[1]["codes"])


async def test_without_a_connection_nothing_is_lost(pool: asyncpg.Pool, sandbox: Sandboxed) -> None:
    shop = await save_shop(pool, make_shop(rewards=(POOLED,)))
    ledger = Ledger(Runtime(pool=pool, minters=sandbox.shopify.minters, seal=SEAL))
    assert (await refill_pools(ledger, shop.id, 10)).done == 0
    catalogue = await ledger.catalogues.refresh(shop.id)
    ((_, count, minting),) = await list_pools(ledger.runtime, catalogue)
    assert count == 0
    assert minting is not None
    assert minting.last_error == "the merchant is not connected to shopify"
