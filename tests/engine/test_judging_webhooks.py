"""Webhooks whose calls fail: told of, removed or switched off, as their dialect promises."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from guerdon.adapters.webhooks.standard import StandardForm
from guerdon.dialects.loyaltylion.announcing import LoyaltyLionForm
from guerdon.dialects.mage.announcing import MageForm
from guerdon.domain.delivery import Deferred, Delivered, Dropped, Skipped, Verdict
from guerdon.domain.ids import SubscriptionId
from guerdon.domain.subscription import Subscription
from guerdon.engine.judging_webhooks import record_results
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.subscribing import Changes, Repeat, Scope, change_subscription
from guerdon.store import webhook_subscriptions as store
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import transaction
from tests.builders.member import Clock
from tests.builders.shop import PROGRAM, Shop, make_shop, save_shop
from tests.builders.subscription import make_subscription

_FAILED = Deferred("answered 500", 30)
_DROPPED = Dropped("answered 500, at the last of 4 attempts")
_GONE = Dropped("answered 410", is_gone=True)


class Hooks:
    """One merchant's subscriptions, and what the log said of them."""

    def __init__(self, runtime: Runtime, clock: Clock, shop: Shop) -> None:
        self.runtime = runtime
        self.clock = clock
        self.shop = shop
        self.said: list[str] = []

    async def add(self, dialect: str, number: int = 1) -> Subscription:
        made = replace(make_subscription(dialect, "x"), id=SubscriptionId(number))
        async with transaction(self.runtime.pool) as tx:
            await store.insert_subscription(tx, self.shop.id, made, b"sealed")
        return made

    async def record(self, hook: Subscription, verdicts: Sequence[Verdict | None]) -> None:
        with capture_logs() as logs:
            await record_results(self.runtime, self.shop.id, hook.id, verdicts)
        self.said += [log["event"] for log in logs]
        assert all(log["log_level"] == "warning" for log in logs)

    async def find(self, hook: Subscription) -> Subscription | None:
        async with snapshot(self.runtime.pool) as view:
            found = await store.list_all_subscriptions(view, self.shop.id)
        return next((each for each in found if each.id == hook.id), None)

    async def failures(self, hook: Subscription) -> int:
        async with self.runtime.pool.acquire() as connection:
            count: int = await connection.fetchval(
                "SELECT failures FROM webhook_subscriptions WHERE merchant_id = $1 AND id = $2",
                self.shop.id,
                hook.id,
            )
        return count


@pytest.fixture
async def hooks(pool: asyncpg.Pool) -> Hooks:
    clock = Clock()
    forms = (MageForm, LoyaltyLionForm, StandardForm)
    rules = {form.dialect: form.failure_rule for form in forms}
    seal = Seal(b"a sealing key of thirty-two bytes or more")
    runtime = Runtime(pool=pool, now=clock, failure_rules=rules, seal=seal)
    return Hooks(runtime, clock, await save_shop(pool, make_shop()))


async def test_loyaltylion_is_told_of_at_five_and_removed_at_thirty(hooks: Hooks) -> None:
    hook, other = await hooks.add("loyaltylion", 1), await hooks.add("loyaltylion", 2)
    for _ in range(4):
        await hooks.record(hook, [_FAILED])
    assert hooks.said == []
    await hooks.record(hook, [_FAILED, _FAILED])
    assert hooks.said == ["webhook_failing"]
    hooks.clock.pass_(days=1)
    await hooks.record(hook, [_FAILED] * 23)
    assert hooks.said == ["webhook_failing"]
    assert await hooks.failures(hook) == 29
    await hooks.record(hook, [_FAILED])
    assert hooks.said == ["webhook_failing", "webhook_removed"]
    assert await hooks.find(hook) is None
    assert await hooks.find(other) == other
    # Letters that were under way have nobody left to be counted for.
    await hooks.record(hook, [_FAILED])
    assert hooks.said[2:] == []


async def test_thirty_failures_of_a_minute_remove_nothing(hooks: Hooks) -> None:
    hook = await hooks.add("loyaltylion")
    await hooks.record(hook, [_FAILED] * 64)
    hooks.clock.pass_(hours=23, minutes=59)
    await hooks.record(hook, [_FAILED] * 64)
    assert await hooks.find(hook) == hook
    hooks.clock.pass_(minutes=1)
    await hooks.record(hook, [_FAILED])
    assert await hooks.find(hook) is None


async def test_one_call_that_is_taken_begins_the_count_anew(hooks: Hooks) -> None:
    hook = await hooks.add("loyaltylion")
    await hooks.record(hook, [_FAILED] * 20)
    hooks.clock.pass_(days=2)
    await hooks.record(hook, [_FAILED] * 20 + [Delivered()] + [_FAILED] * 3)
    assert await hooks.failures(hook) == 3
    hooks.clock.pass_(hours=23)
    await hooks.record(hook, [_FAILED] * 40)
    # It fails since the last call that was taken, and not since the first that was not.
    assert await hooks.find(hook) == hook
    await hooks.record(hook, [_FAILED, Delivered()])
    assert await hooks.failures(hook) == 0


async def test_what_was_no_call_counts_for_nothing(hooks: Hooks) -> None:
    hook = await hooks.add("loyaltylion")
    await hooks.record(hook, [_FAILED] * 3)
    await hooks.record(hook, [Skipped("nothing to say"), None])
    assert await hooks.failures(hook) == 3
    await hooks.record(hook, [])
    await hooks.record(hook, [None, _DROPPED, Skipped("nothing to say")])
    assert await hooks.failures(hook) == 4


async def test_mage_goes_on_for_ever(hooks: Hooks) -> None:
    hook = await hooks.add("mage")
    await hooks.record(hook, [_DROPPED] * 100)
    hooks.clock.pass_(days=100)
    await hooks.record(hook, [_DROPPED] * 100)
    assert await hooks.find(hook) == hook
    assert hooks.said == []


async def test_our_own_form_is_switched_off_at_410(hooks: Hooks) -> None:
    hook = await hooks.add("guerdon")
    await hooks.record(hook, [_FAILED, _GONE, _FAILED])
    assert hooks.said == ["webhook_switched_off"]
    found = await hooks.find(hook)
    assert found == replace(hook, is_active=False, updated_at=hooks.clock())


async def test_our_own_form_is_switched_off_after_five_days(hooks: Hooks) -> None:
    hook = await hooks.add("guerdon")
    await hooks.record(hook, [_FAILED] * 5)
    hooks.clock.pass_(days=5, seconds=-1)
    await hooks.record(hook, [_FAILED] * 5)
    assert hooks.said == ["webhook_failing"]
    hooks.clock.pass_(seconds=1)
    await hooks.record(hook, [_FAILED])
    assert hooks.said == ["webhook_failing", "webhook_switched_off"]
    found = await hooks.find(hook)
    assert found is not None
    assert not found.is_active


async def test_switched_on_again_it_has_a_clean_slate(hooks: Hooks) -> None:
    hook = await hooks.add("guerdon")
    await hooks.record(hook, [_FAILED] * 5)
    scope = Scope(merchant_id=hooks.shop.id, dialect="guerdon", program_id=PROGRAM)
    changes = Changes(description="mended")
    await change_subscription(hooks.runtime, scope, hook.id, changes, repeat=Repeat())
    assert await hooks.failures(hook) == 0
    hooks.clock.at += timedelta(days=6)
    await hooks.record(hook, [_FAILED])
    found = await hooks.find(hook)
    assert found is not None
    assert found.is_active
