"""Gives members the wallets of point types that their program has got since they came."""

from guerdon.domain.command import Enrol
from guerdon.domain.ids import MemberId, MerchantId
from guerdon.engine.portions import Portion, submit_all
from guerdon.engine.submitting import Ledger
from guerdon.store import wallets
from guerdon.store.snapshot import snapshot

# How many portions are made of the members at one go, before others have their turn.
_PAGES_MAX = 20


async def equip_members(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Open the wallets that members of programs with several point types lack, by member.

    Nobody waits for it: what moves points of such a wallet opens it by itself. It is for those who
    look."""
    catalogue = await ledger.catalogues.newest(merchant_id)
    done = 0
    for program in catalogue.programs.values():
        if not program.further_point_type_ids:
            continue
        after = MemberId(0)
        for _ in range(_PAGES_MAX):
            async with snapshot(ledger.runtime.pool) as view:
                lacking = await wallets.list_members_lacking(
                    view,
                    merchant_id,
                    program.id,
                    list(program.further_point_type_ids),
                    after=after,
                    limit=limit,
                )
            if not lacking:
                break
            # To enrol a member again is to open what they lack, and nothing else.
            await submit_all(
                ledger,
                merchant_id,
                [
                    Enrol(program_id=program.id, external_id=external_id)
                    for _, external_id in lacking
                ],
            )
            done += len(lacking)
            after = lacking[-1][0]
    return Portion(done, has_more=done >= limit * _PAGES_MAX)
