"""Changes a merchant's offers as calls ask for it."""

from collections.abc import Callable
from itertools import count
from typing import TypeVar

from guerdon.domain.catalogue import Catalogue
from guerdon.domain.ids import MerchantId
from guerdon.domain.shelf import Shelf
from guerdon.engine.remembering import persist
from guerdon.engine.runtime import Runtime
from guerdon.store import catalogues, counters, offers, sequences, templates
from guerdon.store.connection import Connection
from guerdon.store.transaction import transaction

_T = TypeVar("_T")


async def change_offers(
    runtime: Runtime, merchant_id: MerchantId, act: Callable[[Shelf], _T]
) -> _T:
    """Carry out a change of offers in one transaction, all of it or nothing; give what `act` gives.

    `act` is one of the functions of domain/offer.py and domain/assignment.py, or several of them;
    it is asked again after a collision, and what it raises undoes everything. Locks all counters
    of the merchant's rewards, then its sequence, in the order a batch does. Where nothing differs,
    nothing is written. Raises Unavailable or OutcomeUnknown."""

    async def carry_out() -> _T:
        async with transaction(runtime.pool) as tx:
            return await _change(tx, runtime, merchant_id, act)

    return await persist(carry_out)


async def _change(
    tx: Connection, runtime: Runtime, merchant_id: MerchantId, act: Callable[[Shelf], _T]
) -> _T:
    before = await _read(tx, merchant_id)
    # The counters come first, as they do in a batch, or each would wait for the other.
    taken = await counters.lock_counters(tx, merchant_id, sorted(before.rewards))
    first, version = await sequences.lock_sequence(tx, merchant_id)
    catalogue = before
    if version != before.version:
        catalogue = await _read(tx, merchant_id)
        new = sorted(catalogue.rewards.keys() - before.rewards.keys())
        taken |= await counters.lock_counters(tx, merchant_id, new)
    ids = count(first)
    known = await templates.list_templates(tx, merchant_id)
    shelf = Shelf(catalogue, known, taken, ids, runtime.now())
    result = act(shelf)
    if shelf.is_changed:
        needed = next(ids) - first
        if needed:
            await sequences.take_ids(tx, merchant_id, needed)
        await _write(tx, merchant_id, shelf)
        await sequences.bump_catalogue_version(tx, merchant_id)
    return result


async def _read(tx: Connection, merchant_id: MerchantId) -> Catalogue:
    merchant = await catalogues.find_merchant(tx, merchant_id)
    assert merchant is not None, "a key belongs to a merchant"
    return await catalogues.list_offers(tx, merchant)


async def _write(tx: Connection, merchant_id: MerchantId, shelf: Shelf) -> None:
    now = shelf.now
    for _, point_type in sorted(shelf.put_point_types.items()):
        await offers.put_point_type(tx, merchant_id, point_type, now)
    for _, program in sorted(shelf.put_programs.items()):
        await offers.put_program(tx, merchant_id, program, now)
    for _, template in sorted(shelf.put_templates.items()):
        await templates.put_template(tx, merchant_id, template)
    for _, reward in sorted(shelf.put_rewards.items()):
        await offers.put_reward(tx, merchant_id, reward)
        await offers.insert_reward_version(tx, merchant_id, reward, now)
    for _, rule in sorted(shelf.put_rules.items()):
        await offers.put_rule(tx, merchant_id, rule)
