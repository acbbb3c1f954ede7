"""Keys: made, found, kept at hand, revoked."""

import asyncio
import hashlib
from typing import Any

import asyncpg
import pytest

from guerdon.domain.errors import Conflict, Invalid, Unavailable
from guerdon.domain.ids import KeyId
from guerdon.engine import keying
from guerdon.engine.keying import Keyring, create_key, list_keys, revoke_key
from guerdon.engine.runtime import Runtime
from tests.builders.shop import PROGRAM, make_shop, save_shop

_SECRET = "twenty-four-characters-at-least"


async def _make(runtime: Runtime, **changes: Any) -> keying.CreatedKey:
    shop = make_shop()
    arguments: dict[str, Any] = {
        "merchant_id": shop.id,
        "program_id": PROGRAM,
        "dialect": "mage",
        "name": "front",
    }
    return await create_key(runtime, **(arguments | changes))


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_made_secret_is_long_and_only_its_hash_is_kept(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    made = await _make(runtime)
    assert made.secret.startswith("mk_live_")
    assert len(made.secret) == len("mk_live_") + 43
    (key,) = await list_keys(runtime, shop.id)
    assert key.id == made.id
    assert key.secret_hash == hashlib.sha256(made.secret.encode()).digest()
    assert key.secret_hint == made.secret[:12]
    async with pool.acquire() as connection:
        assert made.secret not in await connection.fetchval("SELECT k::text FROM keys k")
    assert await Keyring(pool).find(made.secret) == key


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"secret": "x" * 23}, Invalid, "at least 24"),
        ({"secret": " " + _SECRET}, Invalid, "no spaces around it"),
        ({"secret": _SECRET + "\N{EURO SIGN}"}, Invalid, "ASCII"),
        ({"dialect": "esperanto"}, Invalid, "no dialect 'esperanto'"),
        ({"program_id": None}, Invalid, "belongs to one program"),
        ({"secret": _SECRET}, Conflict, "in use already"),
    ],
)
async def test_bad_key_is_refused(
    pool: asyncpg.Pool, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    await _make(runtime, secret=_SECRET)
    with pytest.raises(error, match=message):
        await _make(runtime, **changes)


async def test_revoked_key_works_until_it_is_looked_up_again(pool: asyncpg.Pool) -> None:
    shop = await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    made = await _make(runtime)
    clock = _Clock()
    ring = Keyring(pool, kept_seconds=3, clock=clock)
    assert ring.recall(made.secret) is None
    assert await ring.find(made.secret) is not None
    assert ring.recall(made.secret) is not None
    assert await revoke_key(runtime, shop.id, made.id)
    assert not await revoke_key(runtime, shop.id, made.id)
    assert not await revoke_key(runtime, shop.id, KeyId(999))
    assert ring.recall(made.secret) is not None
    clock.now += 3.1
    assert ring.recall(made.secret) is None
    assert await ring.find(made.secret) is None
    (key,) = await list_keys(runtime, shop.id)
    assert key.revoked_at is not None


async def test_unknown_secret_is_looked_up_once_in_a_while(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    clock = _Clock()
    ring = Keyring(pool, kept_seconds=3, clock=clock)
    assert await ring.find(_SECRET) is None
    await _make(Runtime(pool=pool), secret=_SECRET)
    assert await ring.find(_SECRET) is None
    clock.now += 3.1
    assert await ring.find(_SECRET) is not None


async def test_guesses_do_not_fill_the_memory(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keying, "_UNKNOWN_MAX", 10)
    await save_shop(pool, make_shop())
    made = await _make(Runtime(pool=pool))
    ring = Keyring(pool, kept_seconds=60)
    await ring.find(made.secret)
    await asyncio.gather(*(ring.find(f"a guess at a secret {number}") for number in range(100)))
    assert len(ring._unknown) == 10
    assert ring._asking == {}
    assert ring.recall(made.secret) is not None


async def test_callers_at_once_ask_once(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    made = await _make(Runtime(pool=pool))
    ring = Keyring(pool)
    asked = [asyncio.create_task(ring.find(made.secret)) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(ring._asking) == 1
    asked[0].cancel()
    found = await asyncio.gather(*asked[1:])
    assert {key.id for key in found if key} == {made.id}


async def test_database_out_of_reach_is_said(pool: asyncpg.Pool) -> None:
    ring = Keyring(pool)
    await pool.close()
    with pytest.raises(Unavailable):
        await ring.find(_SECRET)


async def test_same_app_id_is_refused(pool: asyncpg.Pool) -> None:
    await save_shop(pool, make_shop())
    runtime = Runtime(pool=pool)
    await _make(runtime, dialect="voucherify", app_id="app-1")
    with pytest.raises(Conflict):
        await _make(runtime, dialect="voucherify", app_id="app-1")
