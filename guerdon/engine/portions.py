"""Work that falls due, done a portion at a time."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from guerdon.domain.command import Command, Outcome
from guerdon.domain.ids import MerchantId
from guerdon.engine.submitting import Ledger


class Portion(Struct, frozen=True):
    """`done` is how much was done; `has_more` that another portion may be waiting already."""

    done: int
    has_more: bool


async def submit_all(
    ledger: Ledger, merchant_id: MerchantId, commands: Sequence[Command]
) -> list[Outcome]:
    """Submit commands side by side, so that they share batches; give their outcomes in order.

    Every command gets its chance. If some failed, the first failure is raised when all are over."""
    results = await asyncio.gather(
        *(ledger.submit(merchant_id, command) for command in commands), return_exceptions=True
    )
    outcomes: list[Outcome] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        outcomes.append(result)
    return outcomes
