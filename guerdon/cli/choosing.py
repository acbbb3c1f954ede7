"""Which merchant and which program a command is about, named or the only one."""

from typing import TYPE_CHECKING

from guerdon.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from guerdon.domain.catalogue import Catalogue, Program, Reward
    from guerdon.domain.ids import MerchantId
    from guerdon.store.connection import Pool

# Every id is below 2^53, so that any client can hold it as a number.
ID_MAX = 2**53 - 1


async def choose_catalogue(pool: "Pool", slug: str | None) -> "Catalogue":
    """Read what a merchant offers; without a slug, there must be one merchant only."""
    from guerdon.store import catalogues
    from guerdon.store.snapshot import snapshot

    merchant_id = await choose_merchant(pool, slug)
    async with snapshot(pool) as view:
        merchant = await catalogues.find_merchant(view, merchant_id)
        assert merchant is not None, "merchants are never deleted"
        return await catalogues.list_offers(view, merchant)


async def choose_merchant(pool: "Pool", slug: str | None) -> "MerchantId":
    """Find a merchant by its slug; without one, there must be one merchant only."""
    from guerdon.store import offers
    from guerdon.store.snapshot import snapshot

    async with snapshot(pool) as view:
        merchants = await offers.list_merchants(view)
    if not merchants:
        raise NotFound("there is no merchant yet; make one with: guerdon apply FILE")
    slugs = ", ".join(each for _, each in merchants[:10])
    if slug is None:
        if len(merchants) > 1:
            raise Invalid(f"say which merchant with --merchant: {slugs}")
        return merchants[0][0]
    for merchant_id, each in merchants:
        if each == slug:
            return merchant_id
    raise NotFound(f"there is no merchant {slug!r}, only {slugs}")


def choose_program(catalogue: "Catalogue", slug: str | None) -> "Program":
    """Find a program of a merchant by its slug; without one, there must be one program only."""
    programs = list(catalogue.programs.values())
    if not programs:
        raise NotFound("the merchant has no program yet; make one with: guerdon apply FILE")
    slugs = ", ".join(program.slug for program in programs[:10])
    if slug is None:
        if len(programs) > 1:
            raise Invalid(f"say which program with --program: {slugs}")
        return programs[0]
    for program in programs:
        if program.slug == slug:
            return program
    raise NotFound(f"there is no program {slug!r}, only {slugs}")


def choose_reward(catalogue: "Catalogue", named: str) -> "Reward":
    """Find a reward named PROGRAM/REWARD, or REWARD alone where there is one program only."""
    program_slug, slash, slug = named.rpartition("/")
    program = choose_program(catalogue, program_slug if slash else None)
    for reward in catalogue.rewards.values():
        if reward.program_id == program.id and reward.slug == slug:
            return reward
    raise NotFound(f"the program {program.slug!r} has no reward {slug!r}")
