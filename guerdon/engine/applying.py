"""Makes a merchant equal to a blueprint, or says what that would take."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from typing import TypeVar

from msgspec.structs import replace

from guerdon.domain.blueprint import Blueprint, Difference
from guerdon.domain.errors import Conflict, OutcomeUnknown, Unavailable
from guerdon.domain.ids import MerchantId
from guerdon.engine.comparing import Offers, Standing, changes_of, compare_offers
from guerdon.engine.connecting import Connecting, load_access
from guerdon.engine.runtime import Runtime
from guerdon.store import catalogues, counters, offers, sequences
from guerdon.store.connection import Connection
from guerdon.store.faults import DRIVER_ERRORS, constraint_of, fault_of
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

_TRIES = 3
# Above every id, so that what is only planned is never taken for what is there.
_UNTAKEN = 1 << 53
_CONFLICTS = {
    "keys_secret_hash_unique": "a key's secret is in use by another key",
    "keys_app_id_unique": "a key's application id is in use by another key",
    "merchants_pkey": "another merchant was made at the same moment; apply again",
    "merchants_slug_unique": "another merchant of this name was made at the same moment",
}
_T = TypeVar("_T")


async def plan(runtime: Runtime, blueprint: Blueprint) -> list[Difference]:
    """Say what apply would do. Nothing is written: it is read in a snapshot."""
    async with snapshot(runtime.pool) as view:
        merchant_id = await offers.find_merchant_by_slug(view, blueprint.merchant.slug)
        standing = await _load(view, blueprint, merchant_id or MerchantId(0))
        access = await load_access(view, runtime, merchant_id)
    now = runtime.now()
    found = compare_offers(standing, blueprint, count(_UNTAKEN), now)
    connecting = Connecting(
        runtime=runtime,
        merchant_id=merchant_id or MerchantId(0),
        programs=found.programs,
        now=now,
    )
    return [
        *_merchant_differences(standing, blueprint, is_new=merchant_id is None),
        *found.differences,
        *(step.difference for step in connecting.steps(access, blueprint)),
    ]


async def apply(runtime: Runtime, blueprint: Blueprint) -> list[Difference]:
    """Make the merchant equal to the blueprint in one transaction; give what was done.

    Locks all counters of the merchant's rewards, then its sequence, in the order a batch does.
    Where nothing differs, nothing is written. Raises Conflict where a secret or an application id
    belongs to another key."""

    async def act() -> list[Difference]:
        async with transaction(runtime.pool) as tx:
            return await _apply(tx, runtime, blueprint)

    return await _persist(act)


async def _persist(act: Callable[[], Awaitable[_T]]) -> _T:
    """Try again after a collision with a batch, and put other faults into our words."""
    for _ in range(_TRIES):
        try:
            return await act()
        except CommitUnknown as error:
            raise OutcomeUnknown(
                "the connection was lost while committing; apply again, which is harmless"
            ) from error
        except DRIVER_ERRORS as error:
            conflict = _CONFLICTS.get(constraint_of(error) or "")
            if conflict is not None:
                raise Conflict(conflict) from error
            if fault_of(error) != "collision":
                raise
    raise Unavailable("the merchant is too busy; nothing was changed")


async def _apply(tx: Connection, runtime: Runtime, blueprint: Blueprint) -> list[Difference]:
    now = runtime.now()
    merchant_id = await offers.find_merchant_by_slug(tx, blueprint.merchant.slug)
    is_new = merchant_id is None
    if merchant_id is None:
        merchant_id = await offers.get_next_merchant_id(tx)
        await offers.insert_merchant(tx, replace(blueprint.merchant, id=merchant_id), now)
        await sequences.insert_sequence(tx, merchant_id, 1)
    else:
        await _lock(tx, merchant_id)
    standing = await _load(tx, blueprint, merchant_id)
    found = await _take_ids(tx, standing, blueprint, merchant_id, now)
    differences = _merchant_differences(standing, blueprint, is_new=is_new)
    if differences and not is_new:
        await offers.update_merchant(tx, replace(blueprint.merchant, id=merchant_id))
    await _write(tx, merchant_id, found, now)
    if differences or found.differences:
        await sequences.bump_catalogue_version(tx, merchant_id)
    connecting = Connecting(
        runtime=runtime, merchant_id=merchant_id, programs=found.programs, now=now
    )
    steps = connecting.steps(await load_access(tx, runtime, merchant_id), blueprint)
    for step in steps:
        await step.write(tx)
    return [*differences, *found.differences, *(step.difference for step in steps)]


async def _lock(tx: Connection, merchant_id: MerchantId) -> None:
    """Keep batches out. The counters come first, as they do in a batch, or each would wait for
    the other."""
    merchant = await catalogues.find_merchant(tx, merchant_id)
    assert merchant is not None, "its slug was just found"
    catalogue = await catalogues.list_offers(tx, merchant)
    await counters.lock_counters(tx, merchant_id, sorted(catalogue.rewards))
    await sequences.lock_sequence(tx, merchant_id)


async def _load(tx: Connection, blueprint: Blueprint, merchant_id: MerchantId) -> Standing:
    merchant = await catalogues.find_merchant(tx, merchant_id)
    if merchant is None:
        return Standing.nothing(replace(blueprint.merchant, id=merchant_id))
    catalogue = await catalogues.list_offers(tx, merchant)
    archived = await offers.list_archived_tiers(tx, merchant_id)
    return Standing(catalogue, tuple(archived))


async def _take_ids(
    tx: Connection,
    standing: Standing,
    blueprint: Blueprint,
    merchant_id: MerchantId,
    now: datetime,
) -> Offers:
    """Compare once to learn how many ids it takes, and once more with these."""
    counter = count(_UNTAKEN)
    compare_offers(standing, blueprint, counter, now)
    needed = next(counter) - _UNTAKEN
    first = await sequences.take_ids(tx, merchant_id, needed) if needed else 0
    return compare_offers(standing, blueprint, count(first), now)


async def _write(tx: Connection, merchant_id: MerchantId, found: Offers, now: datetime) -> None:
    for point_type in found.point_types:
        await offers.put_point_type(tx, merchant_id, point_type, now)
    for program in found.changed_programs:
        await offers.put_program(tx, merchant_id, program, now)
    for tier, archived_at in found.tiers:
        await offers.put_tier(tx, merchant_id, tier, archived_at)
    for reward in sorted(found.rewards, key=lambda reward: reward.id):
        await offers.put_reward(tx, merchant_id, reward)
    for reward in found.new_versions:
        await offers.insert_reward_version(tx, merchant_id, reward, now)
    for rule in found.rules:
        await offers.put_rule(tx, merchant_id, rule)


def _merchant_differences(
    standing: Standing, blueprint: Blueprint, *, is_new: bool
) -> list[Difference]:
    path = f"merchant {blueprint.merchant.slug}"
    if is_new:
        return [Difference(act="add", path=path)]
    changes = changes_of(standing.catalogue.merchant, blueprint.merchant)
    return [Difference(act="change", path=path, changes=changes)] if changes else []
