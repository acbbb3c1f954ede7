"""Switching a reward on and off between two readings of the program file."""

from datetime import datetime

from msgspec.structs import replace

from guerdon.domain.catalogue import Catalogue, Reward, RewardStatus
from guerdon.domain.command import Refused
from guerdon.domain.errors import NotFound
from guerdon.domain.ids import MerchantId, ProgramId, RewardId, RewardVersionId
from guerdon.engine.repeating import Answer, once
from guerdon.engine.runtime import Runtime
from guerdon.store import catalogues, counters, offers, sequences
from guerdon.store.connection import Connection

_YES, _NO = b"yes", b"no"


class Switch:
    """What is to be switched: a reward of a program, to be taken (`is_active`) or not."""

    def __init__(self, program_id: ProgramId, reward_id: RewardId, *, is_active: bool) -> None:
        self.program_id = program_id
        self.reward_id = reward_id
        self.status: RewardStatus = "active" if is_active else "inactive"


async def switch_reward(
    runtime: Runtime,
    merchant_id: MerchantId,
    switch: Switch,
    *,
    key: str | None = None,
    fingerprint: bytes = b"",
) -> Answer | Refused:
    """Let a reward be taken, or no longer; `was_switched` says of the answer whether it changed.

    What is committed before counts: no redemption is decided on the old offers after. The program
    file still says what a reward is like, its status too: the next `apply` makes it so. Locks the
    reward's counter, then the merchant's sequence, as batches do. Raises NotFound where the program
    offers no such reward; one that is a draft is not offered yet."""

    async def act(tx: Connection, now: datetime) -> bytes:
        await counters.lock_counters(tx, merchant_id, [switch.reward_id])
        await sequences.lock_sequence(tx, merchant_id)
        merchant = await catalogues.find_merchant(tx, merchant_id)
        assert merchant is not None, "its key was just found"
        reward = find_offered(
            await catalogues.list_offers(tx, merchant), switch.program_id, switch.reward_id
        )
        if reward is None:
            raise NotFound(NotFound.__doc__)
        if reward.status == switch.status:
            return _NO
        version_id = RewardVersionId(await sequences.take_ids(tx, merchant_id, 1))
        switched = replace(reward, status=switch.status, version_id=version_id, updated_at=now)
        await offers.put_reward(tx, merchant_id, switched)
        await offers.insert_reward_version(tx, merchant_id, switched, now)
        await sequences.bump_catalogue_version(tx, merchant_id)
        return _YES

    return await once(runtime, merchant_id, act, key=key, fingerprint=fingerprint)


def was_switched(answer: Answer) -> bool:
    """Say whether the act changed anything, or found it so already."""
    return answer.stored == _YES


def find_offered(catalogue: Catalogue, program_id: ProgramId, reward_id: RewardId) -> Reward | None:
    """Find a reward that a program offers, switched off or not."""
    reward = catalogue.rewards.get(reward_id)
    if reward is None or reward.program_id != program_id or reward.archived_at is not None:
        return None
    return None if reward.status == "draft" else reward
