"""Which merchant and which program a command is about, named or the only one."""

from typing import TYPE_CHECKING

from guerdon.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from guerdon.domain.catalogue import Catalogue, Program
    from guerdon.domain.ids import MerchantId
    from guerdon.store.connection import Pool


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
