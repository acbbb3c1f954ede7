"""Points for one completion are granted once, whichever process the calls reach."""

import asyncio

import asyncpg
import pytest

from guerdon.domain.command import Done, Earn, Earned, Outcome, Refused
from guerdon.domain.errors import AlreadyAwarded, RuleNotAwardable
from guerdon.domain.member import MemberRef
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.store import offers, sequences
from guerdon.store.transaction import transaction
from tests.builders.member import ANA, do, enrol
from tests.builders.shop import PROGRAM, Shop, make_rule, make_shop, save_shop
from tests.support.tcp_proxy import AtCommit, tcp_proxy

_RULE = make_rule()


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    saved = await save_shop(pool, make_shop(rules=(_RULE,)))
    ledger = Ledger(Runtime(pool=pool))
    await enrol(ledger, saved)
    await enrol(ledger, saved, "7002")
    return saved


def _earn(member: MemberRef = ANA, **changes: object) -> Earn:
    fields = {"program_id": PROGRAM, "member": member, "rule_id": _RULE.id} | changes
    return Earn(**fields)  # type: ignore[arg-type]  # a test may send anything


async def _both_at_once(pool: asyncpg.Pool, shop: Shop, *commands: Earn) -> list[Outcome]:
    """Send every command twenty times, half to each of two processes' ledgers."""
    ledgers = [Ledger(Runtime(pool=pool)) for _ in range(2)]
    submitted = [
        ledger.submit(shop.id, command)
        for _ in range(10)
        for ledger in ledgers
        for command in commands
    ]
    return list(await asyncio.gather(*submitted))


async def _granted(pool: asyncpg.Pool) -> tuple[int, int]:
    points = await pool.fetchval("SELECT sum(points_available) FROM wallets")
    return int(points), await pool.fetchval("SELECT count(*) FROM earnings")


async def test_one_completion_in_two_processes(pool: asyncpg.Pool, shop: Shop) -> None:
    outcomes = await _both_at_once(pool, shop, _earn(action_key="a"))
    results = [each.result for each in outcomes if isinstance(each, Done)]
    assert len(results) == 20
    first = [each for each in results if isinstance(each, Earned) and not each.is_repeat]
    assert len(first) == 1
    assert {each.earning for each in results if isinstance(each, Earned)} == {first[0].earning}
    assert await _granted(pool) == (50, 1)


async def test_once_in_two_processes(pool: asyncpg.Pool, shop: Shop) -> None:
    outcomes = await _both_at_once(pool, shop, _earn(is_once=True))
    assert sum(isinstance(each, Done) for each in outcomes) == 1
    refused = {each.refusals for each in outcomes if isinstance(each, Refused)}
    assert refused == {(AlreadyAwarded(_RULE.id),)}
    assert await _granted(pool) == (50, 1)


async def test_two_members_with_one_completion_key(pool: asyncpg.Pool, shop: Shop) -> None:
    rival = MemberRef(external_id="7002")
    commands = (_earn(action_key="a"), _earn(rival, action_key="a"))
    outcomes = await _both_at_once(pool, shop, *commands)
    assert sum(isinstance(each, Done) for each in outcomes) == 20
    assert sum(isinstance(each, Refused) for each in outcomes) == 20
    assert await _granted(pool) == (50, 1)


async def test_what_a_rule_gave_before_it_was_once_only_counts(
    pool: asyncpg.Pool, shop: Shop
) -> None:
    ledger = Ledger(Runtime(pool=pool))
    await do(ledger, shop, _earn())
    await do(ledger, shop, _earn())
    async with transaction(pool) as tx:
        await offers.put_rule(tx, shop.id, make_rule(is_once=True))
        await sequences.bump_catalogue_version(tx, shop.id)
    assert await ledger.submit(shop.id, _earn()) == Refused((AlreadyAwarded(_RULE.id),))
    assert await _granted(pool) == (100, 2)


async def test_other_categories_are_refused_whole(pool: asyncpg.Pool, shop: Shop) -> None:
    ledger = Ledger(Runtime(pool=pool))
    outcome = await ledger.submit(shop.id, _earn(categories=("social", "purchase")))
    assert outcome == Refused((RuleNotAwardable("engagement"),))
    assert await _granted(pool) == (0, 0)


@pytest.mark.parametrize("fate", [AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER])
async def test_a_connection_cut_at_commit_grants_once(
    pool: asyncpg.Pool, database_url: str, shop: Shop, fate: AtCommit
) -> None:
    async with (
        tcp_proxy(database_url) as proxy,
        asyncpg.create_pool(proxy.url, min_size=0) as cut,
    ):
        proxy.at_commit(fate)
        earned = await do(Ledger(Runtime(pool=cut)), shop, _earn(action_key="a", is_once=True))
    assert isinstance(earned, Earned)
    assert not earned.is_repeat
    assert await _granted(pool) == (50, 1)
