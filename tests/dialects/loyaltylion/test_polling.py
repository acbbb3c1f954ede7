"""Paging while others write: whoever goes on where they stopped misses nothing, and is told
nothing twice. The writers are many, on two ledgers that know nothing of each other, as two
processes are."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest

from guerdon.domain.command import Adjust, Approve, Command, Done, Earn, Earned, Enrol, Redeem
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import RandomBits, Runtime, utc_now
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.lion import ServedLion
from tests.builders.shop import PROGRAM, make_reward, make_rule, make_shop
from tests.dialects.loyaltylion.conftest import ServeLion

WRITERS = 24
ACTS = 12
MEMBERS = 12
RULE = make_rule(1, points=30)
DELAYED = make_rule(2, points=20, approval_days=5)


@pytest.fixture
async def served(serve_shop: ServeLion) -> ServedLion:
    """A served shop in which points can be earned in several ways and spent."""
    return await serve_shop(make_shop(rules=(RULE, DELAYED), rewards=(make_reward(),)))


@pytest.fixture
async def rival(served: ServedLion, database_url: str) -> AsyncIterator[Ledger]:
    """Another process's ledger on the same shop."""
    async with asyncpg.create_pool(database_url, min_size=0, max_size=4) as pool:
        ledger = Ledger(Runtime(pool=pool, now=utc_now, bits=RandomBits()))
        yield ledger
        await ledger.close()


async def write(ledger: Ledger, served: ServedLion, number: int) -> None:
    """Enrol somebody, then do this and that to whoever is there."""
    dice = random.Random(number)  # noqa: S311 -- so that a run can be repeated

    async def submit(command: Command) -> Any:
        outcome = await ledger.submit(served.shop.id, command)
        return outcome.result if isinstance(outcome, Done) else None

    for turn in range(ACTS):
        if turn % 4 == 0:
            await submit(Enrol(program_id=PROGRAM, external_id=f"W-{number}-{turn}"))
        me = MemberRef(external_id=f"C-{dice.randrange(MEMBERS)}")
        match dice.randrange(4):
            case 0:
                await submit(Adjust(program_id=PROGRAM, member=me, points=dice.randrange(1, 200)))
            case 1:
                await submit(Earn(program_id=PROGRAM, member=me, rule_id=RULE.id))
            case 2:
                earn = Earn(program_id=PROGRAM, member=me, rule_id=DELAYED.id)
                earned = await submit(earn)
                if isinstance(earned, Earned):
                    await submit(Approve(earning_id=earned.earning.id))
            case _:
                reward_id = served.shop.rewards[0].id
                await submit(Redeem(program_id=PROGRAM, member=me, reward_id=reward_id))


async def write_all(served: ServedLion, rival: Ledger) -> None:
    ledgers = (served.ledger, rival)
    await asyncio.gather(*(write(ledgers[n % 2], served, n) for n in range(WRITERS)))


async def ask(served: ServedLion, url: str) -> dict[str, Any]:
    response = await served.client.get(url)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


Poll = Callable[[ServedLion, asyncio.Event], Coroutine[Any, Any, list[dict[str, Any]]]]


def follow(path: str, kind: str, limit: int) -> Poll:
    """Poll a list by since_id until the writers are done and there is no more."""

    async def poll(served: ServedLion, is_over: asyncio.Event) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        since = 0
        while True:
            was_over = is_over.is_set()
            page = (await ask(served, f"{path}?limit={limit}&since_id={since}"))[kind]
            seen += page
            since = page[-1]["id"] if page else since
            if len(page) < limit and was_over:
                return seen
            await asyncio.sleep(0)

    return poll


def walk(path: str, kind: str, query: str) -> Poll:
    """Go through a list by cursor, again and again from its beginning; give the last run."""

    async def poll(served: ServedLion, is_over: asyncio.Event) -> list[dict[str, Any]]:
        while True:
            was_over = is_over.is_set()
            seen: list[dict[str, Any]] = []
            first = await ask(served, f"{path}?limit=5&{query}")
            known = [each["id"] for each in await _all(served, path, kind)]
            page = first
            while True:
                seen += page[kind]
                following = page["cursor"]["next"]
                if following is None:
                    break
                page = await ask(served, f"{path}?limit=5&cursor={following}")
            ids = [each["id"] for each in seen]
            assert len(set(ids)) == len(ids), "one is there twice"
            newest = ids[0] if ids else 0
            # All that there was when the run began; what came later stands above where it began.
            assert [each for each in ids if each <= newest] == [
                each for each in known if each <= newest
            ]
            if was_over:
                return seen

    return poll


async def _all(served: ServedLion, path: str, kind: str) -> list[dict[str, Any]]:
    """Give a whole list, the latest first, in pages of the greatest size."""
    found: list[dict[str, Any]] = []
    since = 0
    while True:
        page = (await ask(served, f"{path}?limit=500&since_id={since}"))[kind]
        found += page
        if len(page) < 500:
            return found[::-1]
        since = page[-1]["id"]


async def run(served: ServedLion, rival: Ledger, *polls: Poll) -> list[list[dict[str, Any]]]:
    """Let pollers run beside the writers, and a while longer."""
    for number in range(MEMBERS):
        await served.enrol(f"C-{number}", email=None, points=300)
    is_over = asyncio.Event()
    tasks = [asyncio.create_task(poll(served, is_over)) for poll in polls]
    await write_all(served, rival)
    is_over.set()
    return list(await asyncio.gather(*tasks))


async def test_a_poller_by_id_sees_every_transaction_once(
    served: ServedLion, rival: Ledger
) -> None:
    polls = [follow("/v2/transactions", "transactions", limit) for limit in (1, 7, 500)]
    seen = await run(served, rival, *polls)
    async with served.pool.acquire() as connection:
        rows = await connection.fetch("SELECT id, points, pending_points FROM entries ORDER BY id")
    written = [(row["id"], row["points"], row["pending_points"]) for row in rows]
    assert len(written) > WRITERS * ACTS / 2
    for each in seen:
        told = [(row["id"], row["points_approved"], row["points_pending"]) for row in each]
        assert told == written
    assert (await verify(served.pool)).is_clean


async def test_a_poller_by_id_sees_every_customer_once(served: ServedLion, rival: Ledger) -> None:
    polls = [follow("/v2/customers", "customers", limit) for limit in (1, 3, 500)]
    seen = await run(served, rival, *polls)
    async with served.pool.acquire() as connection:
        rows = await connection.fetch("SELECT external_id FROM members ORDER BY id")
    written = [row["external_id"] for row in rows]
    assert len(written) == MEMBERS + WRITERS * ACTS / 4
    for each in seen:
        assert [row["merchant_id"] for row in each] == written


async def test_a_walk_by_cursor_misses_nothing_and_repeats_nothing(
    served: ServedLion, rival: Ledger
) -> None:
    walks = [walk("/v2/transactions", "transactions", ""), walk("/v2/customers", "customers", "")]
    transactions, customers = await run(served, rival, *walks)
    assert [each["id"] for each in transactions] == [
        each["id"] for each in await _all(served, "/v2/transactions", "transactions")
    ]
    assert [each["id"] for each in customers] == [
        each["id"] for each in await _all(served, "/v2/customers", "customers")
    ]


async def test_following_changes_by_cursor_ends_with_what_everyone_has(
    served: ServedLion, rival: Ledger
) -> None:
    """Keep a copy of all customers by their changes alone; in the end it is what there is."""
    copy: dict[int, dict[str, Any]] = {}

    async def poll(served: ServedLion, is_over: asyncio.Event) -> list[dict[str, Any]]:
        url = "/v2/customers?sort_field=updated_at&sort_direction=asc&limit=5"
        while True:
            was_over = is_over.is_set()
            page = await ask(served, url)
            ids = [each["id"] for each in page["customers"]]
            assert len(set(ids)) == len(ids)
            copy.update(zip(ids, page["customers"], strict=True))
            following = page["cursor"]["next"]
            if following is not None:
                url = f"/v2/customers?limit=5&cursor={following}"
            elif was_over:
                return []
            else:
                # The same page again, until more has come after it.
                await asyncio.sleep(0)

    await run(served, rival, poll)
    there = await _all(served, "/v2/customers", "customers")
    assert len(there) == MEMBERS + WRITERS * ACTS / 4
    assert sorted(copy.values(), key=lambda each: -each["id"]) == there


async def test_a_walk_through_changes_tells_everyone_who_kept_still(
    served: ServedLion, rival: Ledger
) -> None:
    """The latest change first: whoever changes meanwhile moves above where the walk began."""
    still = {f"S-{number}" for number in range(9)}
    for name in still:
        await served.enrol(name, email=None)

    async def poll(served: ServedLion, is_over: asyncio.Event) -> list[dict[str, Any]]:
        while True:
            was_over = is_over.is_set()
            seen: list[str] = []
            page = await ask(served, "/v2/customers?sort_field=updated_at&limit=4")
            while True:
                seen += [each["merchant_id"] for each in page["customers"]]
                following = page["cursor"]["next"]
                if following is None:
                    break
                page = await ask(served, f"/v2/customers?limit=4&cursor={following}")
            assert len(set(seen)) == len(seen), "one is there twice"
            assert still <= set(seen)
            if was_over:
                return []

    await run(served, rival, poll)
