"""Subscriptions keep their secrets sealed, and show them once."""

import asyncio
import re

import asyncpg
import pytest

from guerdon.domain.command import Refused
from guerdon.domain.errors import Conflict, KeyConflict, NotFound, Unavailable
from guerdon.domain.ids import ProgramId, SubscriptionId
from guerdon.engine import subscribing
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.subscribing import (
    Changes,
    Repeat,
    Scope,
    Subscribed,
    change_subscription,
    context_of,
    rotate_secret,
    subscribe,
    unsubscribe,
)
from tests.builders.member import Clock, books
from tests.builders.shop import PROGRAM, Shop, make_shop, save_shop

_SEAL = Seal(b"a sealing key of thirty-two bytes or more")
_NO_KEY = Repeat()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(pool: asyncpg.Pool, clock: Clock) -> Runtime:
    return Runtime(pool=pool, now=clock, seal=_SEAL)


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    return await save_shop(pool, make_shop())


@pytest.fixture
def scope(shop: Shop) -> Scope:
    return Scope(merchant_id=shop.id, dialect="mage", program_id=PROGRAM)


async def _make(runtime: Runtime, scope: Scope, repeat: Repeat = _NO_KEY) -> Subscribed:
    made = await subscribe(
        runtime,
        scope,
        url="https://shop.example/hooks",
        events=("points.earned",),
        description="till",
        repeat=repeat,
    )
    assert isinstance(made, Subscribed)
    return made


async def _secret(pool: asyncpg.Pool, made: Subscribed, scope: Scope) -> str:
    sealed = await pool.fetchval("SELECT secret_sealed FROM webhook_subscriptions")
    return _SEAL.open(sealed, context_of(scope.merchant_id, made.subscription.id)).decode()


async def test_makes_a_secret_and_seals_it(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope, clock: Clock
) -> None:
    made = await _make(runtime, scope)
    assert made.secret is not None
    assert re.fullmatch(r"[0-9a-f]{64}", made.secret)
    assert await _secret(pool, made, scope) == made.secret
    row = await pool.fetchrow("SELECT * FROM webhook_subscriptions")
    assert made.secret.encode() not in row["secret_sealed"]
    assert (row["created_at"], row["updated_at"]) == (clock.at, clock.at)


async def test_no_secret_is_readable_in_the_database(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope
) -> None:
    made = await _make(runtime, scope, Repeat("k", b"f"))
    assert made.secret is not None
    stored = await pool.fetchval("SELECT answer FROM idempotency_records")
    assert made.secret.encode() not in stored
    assert bytes.fromhex(made.secret) not in stored


async def test_a_repeated_key_gives_the_same_secret_and_no_second_subscription(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope
) -> None:
    first = await _make(runtime, scope, Repeat("k", b"f"))
    again = await _make(runtime, scope, Repeat("k", b"f"))
    assert again == Subscribed(first.subscription, first.secret, is_replay=True)
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 1


async def test_another_request_under_the_key_is_refused(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope
) -> None:
    made = await _make(runtime, scope, Repeat("k", b"f"))
    before = await books(pool)
    other = await rotate_secret(runtime, scope, made.subscription.id, repeat=Repeat("k", b"g"))
    assert other == Refused((KeyConflict("k"),))
    assert await books(pool) == before


async def test_rotation_replaces_the_secret(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope, clock: Clock
) -> None:
    made = await _make(runtime, scope)
    clock.pass_(hours=1)
    rotated = await rotate_secret(runtime, scope, made.subscription.id, repeat=_NO_KEY)
    assert isinstance(rotated, Subscribed)
    assert rotated.secret is not None
    assert rotated.secret != made.secret
    assert await _secret(pool, made, scope) == rotated.secret
    assert rotated.subscription.updated_at == clock.at


async def test_a_change_keeps_the_secret_and_what_is_not_named(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope, clock: Clock
) -> None:
    made = await _make(runtime, scope)
    clock.pass_(hours=1)
    changes = Changes(is_active=False, description=None)
    changed = await change_subscription(
        runtime, scope, made.subscription.id, changes, repeat=_NO_KEY
    )
    assert isinstance(changed, Subscribed)
    assert changed.secret is None
    assert changed.subscription.is_active is False
    assert changed.subscription.description is None
    assert changed.subscription.url == made.subscription.url
    assert changed.subscription.events == ("points.earned",)
    assert changed.subscription.updated_at == clock.at
    assert await _secret(pool, made, scope) == made.secret


async def test_changing_nothing_leaves_the_time_of_the_last_change(
    runtime: Runtime, scope: Scope, clock: Clock
) -> None:
    made = await _make(runtime, scope)
    clock.pass_(hours=1)
    same = await change_subscription(
        runtime, scope, made.subscription.id, Changes(description="till"), repeat=_NO_KEY
    )
    assert same == Subscribed(made.subscription)


async def test_removal_is_final_and_repeatable_by_its_key(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope
) -> None:
    made = await _make(runtime, scope)
    repeat = Repeat("gone", b"f")
    await unsubscribe(runtime, scope, made.subscription.id, repeat=repeat)
    again = await unsubscribe(runtime, scope, made.subscription.id, repeat=repeat)
    assert isinstance(again, subscribing.Unsubscribed)
    assert again.is_replay
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 0
    with pytest.raises(NotFound):
        await unsubscribe(runtime, scope, made.subscription.id, repeat=_NO_KEY)


@pytest.mark.parametrize("elsewhere", ["merchant", "program", "dialect", "id"])
async def test_others_see_no_such_subscription(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope, elsewhere: str
) -> None:
    made = await _make(runtime, scope)
    other = await save_shop(pool, make_shop(2))
    stranger = Scope(
        merchant_id=other.id if elsewhere == "merchant" else scope.merchant_id,
        program_id=ProgramId(99) if elsewhere == "program" else PROGRAM,
        dialect="voucherify" if elsewhere == "dialect" else "mage",
    )
    wanted = SubscriptionId(made.subscription.id + (elsewhere == "id"))
    before = await books(pool)
    with pytest.raises(NotFound):
        await change_subscription(
            runtime, stranger, wanted, Changes(is_active=False), repeat=_NO_KEY
        )
    with pytest.raises(NotFound):
        await rotate_secret(runtime, stranger, wanted, repeat=_NO_KEY)
    with pytest.raises(NotFound):
        await unsubscribe(runtime, stranger, wanted, repeat=_NO_KEY)
    assert await books(pool) == before


async def test_there_are_never_more_than_there_may_be(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "SUBSCRIPTIONS_MAX", 3)
    results = await asyncio.gather(
        *(_make(runtime, scope) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(each, Subscribed) for each in results) == 3
    assert sum(isinstance(each, Conflict) for each in results) == 5
    assert await pool.fetchval("SELECT count(*) FROM webhook_subscriptions") == 3


async def test_nothing_is_kept_without_a_sealing_key(
    pool: asyncpg.Pool, runtime: Runtime, scope: Scope
) -> None:
    before = await books(pool)
    with pytest.raises(Unavailable):
        await _make(Runtime(pool=pool), scope)
    assert await books(pool) == before
