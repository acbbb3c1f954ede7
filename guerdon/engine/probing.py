"""Tries whoever is to hand rewards over, when these are new or have changed."""

import asyncio
from collections.abc import Collection, Sequence

from msgspec import Struct

from guerdon.domain.blueprint import Difference
from guerdon.domain.catalogue import Catalogue, FulfilBy, Reward
from guerdon.engine.cataloguing import Catalogues
from guerdon.engine.connections import list_connected
from guerdon.engine.ports import FulfilmentFailed
from guerdon.engine.runtime import Runtime
from guerdon.store import offers
from guerdon.store.snapshot import snapshot

_MAKES_ANEW = frozenset({"add", "change", "restore"})


class Probed(Struct, frozen=True):
    """One reward, and what its endpoint said of it; nothing where it said yes."""

    reward: str
    failure: str | None = None


def calls_for_probes(differences: Sequence[Difference]) -> bool:
    """Say whether anything among what was done may have to be tried."""
    return any(_is_reward(each) or _is_endpoint(each) for each in differences)


async def probe_changed(
    runtime: Runtime, slug: str, differences: Sequence[Difference]
) -> list[Probed]:
    """Try the rewards that an apply has made or changed; all of them, where their endpoint is new
    or another. Nothing is written, and one that fails stands as it was applied."""
    async with snapshot(runtime.pool) as view:
        merchant_id = await offers.find_merchant_by_slug(view, slug)
        assert merchant_id is not None, "it was just applied"
        connections = await list_connected(view, runtime.seal, merchant_id)
    catalogue = await Catalogues(runtime.pool).refresh(merchant_id)
    platforms = {each.kind: each for each in connections}
    probed = []
    for reward in _to_try(catalogue, differences, runtime.probers.keys()):
        prober = runtime.probers[reward.fulfil_by]
        connected = platforms.get(prober.platform)
        if connected is None:
            continue
        try:
            async with asyncio.timeout(runtime.fulfil_seconds):
                if not await prober.probe(connected, catalogue.merchant, reward):
                    continue
        except (FulfilmentFailed, TimeoutError) as failure:
            probed.append(Probed(reward.slug, str(failure) or "no answer in time"))
        else:
            probed.append(Probed(reward.slug))
    return probed


def _to_try(
    catalogue: Catalogue, differences: Sequence[Difference], ways: Collection[FulfilBy]
) -> list[Reward]:
    """List the rewards in use that are tried, by id."""
    paths = {each.path for each in differences if _is_reward(each)}
    is_all = any(_is_endpoint(each) for each in differences)
    found = []
    for reward in sorted(catalogue.rewards.values(), key=lambda each: each.id):
        path = f"programs.{catalogue.programs[reward.program_id].slug}.rewards.{reward.slug}"
        is_wanted = reward.archived_at is None and reward.fulfil_by in ways
        if is_wanted and (is_all or path in paths):
            found.append(reward)
    return found


def _is_reward(difference: Difference) -> bool:
    parts = difference.path.split(".")
    return difference.act in _MAKES_ANEW and len(parts) == 4 and parts[2] == "rewards"


def _is_endpoint(difference: Difference) -> bool:
    return difference.act in _MAKES_ANEW and difference.path == "integrations.endpoint"
