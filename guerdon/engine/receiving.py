"""Messages from platforms: kept raw before they are answered, acted on by the worker."""

from collections.abc import Sequence
from datetime import timedelta

from guerdon.domain.errors import OutcomeUnknown, Unavailable
from guerdon.domain.ids import InboxId, MerchantId
from guerdon.domain.incoming import Received
from guerdon.domain.integration import IntegrationKind
from guerdon.engine.portions import Portion
from guerdon.engine.ports import Connected
from guerdon.engine.remembering import persist
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store import inbox_events, offers
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

# Platforms repeat a message for some hours; by then each copy of it has been known for long.
KEPT = timedelta(days=30)


def hook_token(seal: Seal, source: str, merchant_slug: str) -> str:
    """Give the token that the address of a merchant's inbox ends in.

    It follows from the sealing key: nothing is stored, and a new key makes a new one, while
    those of retired keys are still taken."""
    return seal.mark(_context_of(source, merchant_slug))


def hook_path(seal: Seal, source: str, merchant_slug: str) -> str:
    """Give the path at which a platform delivers a merchant's messages."""
    return f"/hooks/{source}/{merchant_slug}/{hook_token(seal, source, merchant_slug)}"


def _context_of(source: str, merchant_slug: str) -> str:
    return f"hooks/{source}/{merchant_slug}"


class Inbox:
    """Where one platform's messages arrive."""

    def __init__(self, ledger: Ledger, source: IntegrationKind) -> None:
        self._ledger = ledger
        self._source = source
        # A merchant's slug is theirs for good.
        self._merchants: dict[str, MerchantId] = {}

    async def find_merchant(self, slug: str, token: str) -> MerchantId | None:
        """Find whose inbox an address is; None where the token is not the slug's, which is told
        before anything is looked up."""
        seal = self._ledger.runtime.seal
        if seal is None or not seal.is_mark(token, _context_of(self._source, slug)):
            return None
        known = self._merchants.get(slug)
        if known is None:
            try:
                async with snapshot(self._ledger.runtime.pool) as view:
                    known = await offers.find_merchant_by_slug(view, slug)
            except DRIVER_ERRORS as error:
                raise Unavailable("the database is out of reach") from error
            if known is not None:
                self._merchants[slug] = known
        return known

    async def find_connected(self, merchant_id: MerchantId) -> Connected | None:
        """Find what the merchant's messages are signed with. One that is disconnected still counts:
        the last messages come after that."""
        try:
            return await self._ledger.connections.recall(merchant_id, self._source)
        except DRIVER_ERRORS as error:
            raise Unavailable("the database is out of reach") from error

    async def receive(self, merchant_id: MerchantId, event: Received) -> bool:
        """Keep a message; say False where it was received before. One statement.

        Raises Unavailable or OutcomeUnknown: the platform will send it again."""
        runtime = self._ledger.runtime
        try:
            async with transaction(runtime.pool) as tx:
                return await inbox_events.insert_inbox_event(tx, merchant_id, event, runtime.now())
        except CommitUnknown as error:
            raise OutcomeUnknown("the connection was lost while committing") from error
        except DRIVER_ERRORS as error:
            raise Unavailable("the message could not be kept") from error


async def replay_inbox(
    runtime: Runtime, merchant_id: MerchantId, ids: Sequence[InboxId] | None
) -> int:
    """Let dead messages be acted on again, all or those named; say how many there were."""

    async def act() -> int:
        async with transaction(runtime.pool) as tx:
            wanted = None if ids is None else list(ids)
            return await inbox_events.reopen_inbox_events(tx, merchant_id, runtime.now(), wanted)

    return await persist(act)


async def purge_inbox(ledger: Ledger, merchant_id: MerchantId, limit: int) -> Portion:
    """Forget at most so many messages that were dealt with long ago."""
    before = ledger.runtime.now() - KEPT
    async with transaction(ledger.runtime.pool) as tx:
        done = await inbox_events.delete_old_inbox_events(tx, merchant_id, before, limit)
    return Portion(done, has_more=done == limit)
