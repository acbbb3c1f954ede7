"""Finds the merchant, program or reward that a command names."""

from guerdon.domain.catalogue import Catalogue, Merchant, Program, Reward
from guerdon.domain.errors import NotFound
from guerdon.store import catalogues, offers
from guerdon.store.connection import Connection


async def get_merchant(view: Connection, slug: str | None) -> Merchant:
    """Give the merchant of this name; where there is only one, it need not be named."""
    known = await offers.list_merchants(view)
    if slug is None:
        if len(known) != 1:
            said = ", ".join(name for _, name in known)
            raise NotFound(
                f"there are {len(known)} merchants ({said}); name one with --merchant"
                if known
                else "there is no merchant yet; make one with: guerdon apply FILE"
            )
        merchant_id = known[0][0]
    else:
        found = await offers.find_merchant_by_slug(view, slug)
        if found is None:
            raise NotFound(f"there is no merchant {slug!r}")
        merchant_id = found
    merchant = await catalogues.find_merchant(view, merchant_id)
    assert merchant is not None, "it was just listed"
    return merchant


def get_program(catalogue: Catalogue, slug: str | None) -> Program:
    """Give the program of this name; where there is only one, it need not be named."""
    programs = sorted(catalogue.programs.values(), key=lambda program: program.id)
    if slug is None and len(programs) == 1:
        return programs[0]
    for program in programs:
        if program.slug == slug:
            return program
    said = ", ".join(program.slug for program in programs)
    if slug is None:
        raise NotFound(f"there are {len(programs)} programs ({said}); name one with --program")
    raise NotFound(f"there is no program {slug!r}; there are: {said}")


def get_reward(catalogue: Catalogue, named: str) -> Reward:
    """Give the reward named PROGRAM/REWARD, or REWARD where there is only one program."""
    program_slug, slash, slug = named.rpartition("/")
    program = get_program(catalogue, program_slug if slash else None)
    for reward in catalogue.rewards.values():
        if reward.program_id == program.id and reward.slug == slug:
            return reward
    raise NotFound(f"the program {program.slug!r} has no reward {slug!r}")
