"""A merchant is made equal to a program file, and nothing else happens to it."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from guerdon.domain.blueprint import Difference
from guerdon.domain.catalogue import Catalogue
from guerdon.domain.command import Adjust, Done, Enrol, Redeem
from guerdon.domain.errors import Conflict, Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.domain.key import Key
from guerdon.domain.member import MemberRef
from guerdon.engine import applying, keying
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.engine.subscribing import context_of
from guerdon.store import catalogues, integrations, keys, offers, webhook_subscriptions
from guerdon.store.snapshot import snapshot
from tests.builders.member import Clock
from tests.builders.program_file import SECRETS, make_blueprint, make_file

_SEAL = Seal(b"a sealing key for nothing but tests")
_KEY = {"name": "till", "dialect": "mage", "secret_env": "KEY_ONE"}
_HOOK = {
    "url": "https://shop.example/hooks",
    "dialect": "mage",
    "events": ["points.redeemed"],
    "secret_env": "HOOK",
}
_ROWS = 'SELECT xmin::text, t.* FROM "{}" t'
_SHOPIFY = {"shopify": {"shop": "tidewater.myshopify.com", "token_env": "TOKEN"}}


@pytest.fixture
def runtime(pool: asyncpg.Pool) -> Runtime:
    return Runtime(pool=pool, seal=_SEAL)


async def _apply(runtime: Runtime, file: dict[str, Any] | None = None) -> list[str]:
    return _said(await applying.apply(runtime, make_blueprint(file)))


def _said(differences: list[Difference]) -> list[str]:
    return [f"{each.act} {each.path}" for each in differences]


async def _catalogue(runtime: Runtime) -> Catalogue:
    async with snapshot(runtime.pool) as view:
        merchant_id = await offers.find_merchant_by_slug(view, "tidewater")
        assert merchant_id is not None
        merchant = await catalogues.find_merchant(view, merchant_id)
        assert merchant is not None
        return await catalogues.list_offers(view, merchant)


async def _keys(runtime: Runtime) -> dict[str, Key]:
    merchant_id = (await _catalogue(runtime)).merchant.id
    async with snapshot(runtime.pool) as view:
        return {key.name: key for key in await keys.list_keys(view, merchant_id)}


async def _rows(pool: asyncpg.Pool) -> dict[str, list[str]]:
    """Read every row of every table, with the transaction that wrote it."""
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return {
        name: sorted(str(tuple(row)) for row in await pool.fetch(_ROWS.format(name)))
        for (name,) in tables
    }


def _reward(file: dict[str, Any], index: int) -> dict[str, Any]:
    reward: dict[str, Any] = file["programs"][0]["rewards"][index]
    return reward


async def test_a_new_merchant_has_what_the_file_says(runtime: Runtime) -> None:
    assert await _apply(runtime) == [
        "add merchant tidewater",
        "add programs.main",
        "add programs.main.tiers.ebb",
        "add programs.main.tiers.flow",
        "add programs.main.rewards.ten",
        "add programs.main.rewards.mug",
        "add programs.main.earning_rules.join",
        "add programs.main.earning_rules.buy",
    ]
    catalogue = await _catalogue(runtime)
    (program,) = catalogue.programs.values()
    assert program.timezone == "Europe/Lisbon"
    assert program.point_type_id in catalogue.point_types
    rewards = {reward.slug: reward for reward in catalogue.rewards.values()}
    assert rewards["ten"].discount is not None
    assert rewards["ten"].discount.amount_minor == 1000
    assert rewards["ten"].discount.minimum_spend_minor == 4050
    flow = catalogue.tiers[program.id][1]
    assert (flow.slug, flow.multiplier_permille) == ("flow", 1500)
    assert rewards["mug"].tier_id == flow.id
    assert {rule.slug: rule.points for rule in catalogue.rules.values()} == {"join": 50, "buy": 2}


async def test_a_plan_says_the_same_and_writes_nothing(runtime: Runtime) -> None:
    file = make_file(keys=[_KEY], webhooks=[_HOOK], integrations=_SHOPIFY)
    before = await _rows(runtime.pool)
    planned = _said(await applying.plan(runtime, make_blueprint(file)))
    assert await _rows(runtime.pool) == before
    assert planned == await _apply(runtime, file)
    assert await applying.plan(runtime, make_blueprint(file)) == []


async def test_applying_twice_writes_nothing(runtime: Runtime) -> None:
    file = make_file(keys=[_KEY], webhooks=[_HOOK], integrations=_SHOPIFY)
    await _apply(runtime, file)
    before = await _rows(runtime.pool)
    assert await _apply(runtime, file) == []
    after = await _rows(runtime.pool)
    # The sequence is locked, which marks its row, but nothing in it is changed.
    assert [row.split(",", 1)[1] for row in after.pop("sequences")] == [
        row.split(",", 1)[1] for row in before.pop("sequences")
    ]
    assert after == before


async def test_a_changed_reward_gets_a_new_version_and_keeps_the_old(runtime: Runtime) -> None:
    await _apply(runtime)
    before = await _catalogue(runtime)
    file = make_file()
    _reward(file, 0)["points_cost"] = 120
    (difference,) = await applying.apply(runtime, make_blueprint(file))
    assert difference.changes == {"points_cost": ("100", "120")}
    after = await _catalogue(runtime)
    assert after.version == before.version + 1
    for old in before.rewards.values():
        new = after.rewards[old.id]
        assert (new == old) is (old.slug == "mug")
        assert (new.version_id == old.version_id) is (old.slug == "mug")
        async with snapshot(runtime.pool) as view:
            kept = await offers.list_reward_versions(
                view, after.merchant.id, [old.version_id, new.version_id]
            )
        assert kept == {old.version_id: old, new.version_id: new}


async def test_what_is_left_out_is_archived_and_comes_back_as_itself(runtime: Runtime) -> None:
    await _apply(runtime)
    before = await _catalogue(runtime)
    file = make_file()
    del _reward(file, 1)["tier"]
    for name in ("tiers", "rewards", "earning_rules"):
        del file["programs"][0][name][1]
    assert await _apply(runtime, file) == [
        "archive programs.main.tiers.flow",
        "archive programs.main.rewards.mug",
        "archive programs.main.earning_rules.buy",
    ]
    gone = await _catalogue(runtime)
    assert {reward.slug: reward.archived_at is None for reward in gone.rewards.values()} == {
        "ten": True,
        "mug": False,
    }
    assert [tier.slug for each in gone.tiers.values() for tier in each] == ["ebb"]
    assert await _apply(runtime) == [
        "restore programs.main.tiers.flow",
        "restore programs.main.rewards.mug",
        "restore programs.main.earning_rules.buy",
    ]
    after = await _catalogue(runtime)
    assert after.rewards.keys() == before.rewards.keys()
    assert [reward.version_id for reward in after.rewards.values()] == [
        reward.version_id for reward in before.rewards.values()
    ]
    assert after.rules.keys() == before.rules.keys()
    assert {t.id for each in after.tiers.values() for t in each} == {
        t.id for each in before.tiers.values() for t in each
    }
    assert await _apply(runtime) == []


async def test_a_program_left_out_becomes_inactive(runtime: Runtime) -> None:
    await _apply(runtime)
    (difference,) = await applying.apply(runtime, make_blueprint(make_file(programs=[])))
    assert difference.changes == {"status": ("active", "inactive")}
    assert await _apply(runtime, make_file(programs=[])) == []
    assert await _apply(runtime) == ["change programs.main"]


async def test_inactivity_is_counted_from_when_it_was_first_wanted(pool: asyncpg.Pool) -> None:
    clock = Clock()
    runtime = Runtime(pool=pool, seal=_SEAL, now=clock)

    async def counted_from(expiry: dict[str, Any] | None) -> datetime | None:
        file = make_file()
        file["programs"][0]["points_expiry"] = expiry
        await _apply(runtime, file)
        (program,) = (await _catalogue(runtime)).programs.values()
        return program.inactivity_counts_from

    assert await counted_from({"days": 30}) is None
    clock.pass_(days=1)
    first = clock.at
    assert await counted_from({"inactive_days": 90}) == first
    clock.pass_(days=1)
    assert await counted_from({"days": 30, "inactive_days": 60}) == first
    assert await counted_from(None) is None
    assert await counted_from({"inactive_days": 60}) == clock.at


async def test_a_managed_key_is_revoked_when_left_out_and_lives_again(runtime: Runtime) -> None:
    await _apply(runtime, make_file(keys=[_KEY]))
    catalogue = await _catalogue(runtime)
    (program_id,) = catalogue.programs
    by_hand = await keying.create_key(
        runtime,
        merchant_id=catalogue.merchant.id,
        program_id=program_id,
        dialect="mage",
        name="by hand",
    )
    assert await _apply(runtime) == ["revoke keys.till"]
    known = await _keys(runtime)
    assert known["till"].revoked_at is not None
    assert known["by hand"].revoked_at is None
    assert await _apply(runtime, make_file(keys=[_KEY])) == ["restore keys.till"]
    known = await _keys(runtime)
    assert known["till"].revoked_at is None
    assert known["till"].secret_hash == keying.hash_of(SECRETS["KEY_ONE"])
    assert known["till"].program_id == program_id
    assert known["by hand"].id == by_hand.id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret_env": "KEY_TWO"}, "change keys.till"),
        ({"name": "counter"}, "change keys.counter"),
        ({"access": "read"}, "change keys.till"),
    ],
)
async def test_a_changed_key_is_the_same_key(
    runtime: Runtime, change: dict[str, str], said: str
) -> None:
    await _apply(runtime, make_file(keys=[_KEY]))
    (before,) = (await _keys(runtime)).values()
    assert await _apply(runtime, make_file(keys=[_KEY | change])) == [said]
    (after,) = (await _keys(runtime)).values()
    assert after.id == before.id
    assert await _apply(runtime, make_file(keys=[_KEY | change])) == []


async def test_a_secret_of_another_merchant_is_refused_whole(runtime: Runtime) -> None:
    other = make_file(keys=[_KEY])
    other["merchant"]["slug"] = "elsewhere"
    await _apply(runtime, other)
    await _apply(runtime)
    before = await _rows(runtime.pool)
    file = make_file(keys=[_KEY])
    _reward(file, 0)["points_cost"] = 1
    with pytest.raises(Conflict):
        await _apply(runtime, file)
    assert await _rows(runtime.pool) == before


async def test_a_webhook_is_kept_sealed_and_changed_in_place(runtime: Runtime) -> None:
    await _apply(runtime, make_file(webhooks=[_HOOK]))
    merchant_id = (await _catalogue(runtime)).merchant.id

    async def managed() -> tuple[Any, bytes]:
        async with snapshot(runtime.pool) as view:
            ((hook, sealed),) = await webhook_subscriptions.list_managed_subscriptions(
                view, merchant_id
            )
            return hook, sealed

    hook, sealed = await managed()
    assert _SEAL.open(sealed, context_of(merchant_id, hook.id)).decode() == SECRETS["HOOK"]
    assert SECRETS["HOOK"].encode() not in sealed
    changed = _HOOK | {"events": ["points.earned"], "secret_env": "KEY_TWO"}
    assert await _apply(runtime, make_file(webhooks=[changed])) == [
        "change webhooks.https://shop.example/hooks"
    ]
    after, sealed = await managed()
    assert (after.id, after.events) == (hook.id, ("points.earned",))
    assert _SEAL.open(sealed, context_of(merchant_id, hook.id)).decode() == SECRETS["KEY_TWO"]
    assert await _apply(runtime) == ["remove webhooks.https://shop.example/hooks"]
    async with snapshot(runtime.pool) as view:
        assert await webhook_subscriptions.list_managed_subscriptions(view, merchant_id) == []


async def test_an_integration_keeps_its_secret_apart(runtime: Runtime) -> None:
    await _apply(runtime, make_file(integrations=_SHOPIFY))
    merchant_id = (await _catalogue(runtime)).merchant.id
    async with snapshot(runtime.pool) as view:
        ((integration, sealed),) = await integrations.list_integrations(view, merchant_id)
    assert integration.definition == {
        "shop": "tidewater.myshopify.com",
        "api_version": "2026-10",
        "base_url": None,
        "store_credit": None,
    }
    opened = json.loads(_SEAL.open(sealed, f"integrations/{merchant_id}/shopify"))
    assert opened == {"token": SECRETS["TOKEN"]}
    assert await _apply(runtime) == ["remove integrations.shopify"]


async def test_another_seal_seals_again(runtime: Runtime) -> None:
    file = make_file(webhooks=[_HOOK], integrations=_SHOPIFY)
    await _apply(runtime, file)
    another = replace(runtime, seal=Seal(b"another sealing key, made since then"))
    assert await _apply(another, file) == [
        "change integrations.shopify",
        "change webhooks.https://shop.example/hooks",
    ]
    assert await _apply(another, file) == []


async def test_without_a_seal_nothing_at_all_is_written(runtime: Runtime) -> None:
    before = await _rows(runtime.pool)
    with pytest.raises(Unavailable):
        await _apply(replace(runtime, seal=None), make_file(webhooks=[_HOOK]))
    assert await _rows(runtime.pool) == before


async def test_stock_may_be_lowered_below_what_was_taken(runtime: Runtime) -> None:
    file = make_file()
    del _reward(file, 1)["tier"]
    await _apply(runtime, file)
    assert await _redeem_mugs(runtime, 4) == 4
    _reward(file, 1)["stock"] = 2
    await _apply(runtime, file)
    assert await _redeem_mugs(runtime, 1) == 0
    _reward(file, 1)["stock"] = 5
    await _apply(runtime, file)
    assert await _redeem_mugs(runtime, 3) == 1


async def _redeem_mugs(runtime: Runtime, count: int, ledger: Ledger | None = None) -> int:
    """Try to take mugs with enough points; give how many were had."""
    catalogue = await _catalogue(runtime)
    merchant_id: MerchantId = catalogue.merchant.id
    (program_id,) = catalogue.programs
    (mug,) = (reward for reward in catalogue.rewards.values() if reward.slug == "mug")
    ledger = ledger or Ledger(runtime)
    ref = MemberRef(external_id="7001")
    await ledger.submit(merchant_id, Enrol(program_id=program_id, external_id="7001"))
    gift = Adjust(program_id=program_id, member=ref, points=300 * count)
    await ledger.submit(merchant_id, gift)
    redeem = Redeem(program_id=program_id, member=ref, reward_id=mug.id)
    outcomes = await asyncio.gather(*(ledger.submit(merchant_id, redeem) for _ in range(count)))
    return sum(isinstance(outcome, Done) for outcome in outcomes)


async def test_applying_while_shoppers_redeem_stops_neither(runtime: Runtime) -> None:
    file = make_file()
    del _reward(file, 1)["tier"]
    _reward(file, 1)["stock"] = 1000
    await _apply(runtime, file)

    async def change_stock() -> None:
        for round_number in range(20):
            _reward(file, 1)["stock"] = 1000 + round_number % 2
            await _apply(runtime, file)

    async def redeem() -> int:
        ledger = Ledger(runtime)
        return sum([await _redeem_mugs(runtime, 10, ledger) for _ in range(10)])

    _, taken, also_taken = await asyncio.gather(change_stock(), redeem(), redeem())
    assert taken + also_taken == 200


async def test_two_who_make_the_same_merchant_make_one(runtime: Runtime) -> None:
    results = await asyncio.gather(*(_apply(runtime) for _ in range(4)), return_exceptions=True)
    made = [result for result in results if isinstance(result, list) and result]
    assert len(made) == 1
    assert all(isinstance(result, list | Conflict) for result in results)
    assert await _apply(runtime) == []
