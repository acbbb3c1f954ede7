"""Takes a pending redemption to its end: handed over and settled, or given up and released.

The request and the worker come here alike. See docs/decisions/0011 for why each step is where it
is."""

import asyncio
from datetime import datetime, timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace

from guerdon.domain.catalogue import Merchant, Reward
from guerdon.domain.code import make_code
from guerdon.domain.command import Done, Outcome, Refused, Release, Settle
from guerdon.domain.errors import FulfilmentUnavailable, OutcomeUnknown, Unavailable
from guerdon.domain.fulfilment import Fulfilment
from guerdon.domain.ids import MerchantId
from guerdon.domain.member import Member
from guerdon.domain.redemption import Redemption
from guerdon.engine import crediting
from guerdon.engine.ports import CodeTaken, Fulfilled, Fulfiller, FulfilmentFailed, Handover
from guerdon.engine.submitting import Ledger
from guerdon.store import fulfilments, members, offers
from guerdon.store.faults import DRIVER_ERRORS
from guerdon.store.snapshot import snapshot
from guerdon.store.transaction import CommitUnknown, transaction

# How much longer than a request's budget a pending redemption is left to the request.
MARGIN = timedelta(seconds=7)
# What cannot be handed over for so long, or so often, is given back.
AGE_MAX = timedelta(hours=24)
ATTEMPTS_MAX = 60
# How often a platform is asked within one budget, and how many strangers' codes are met.
TRIES_MAX = 3
CODES_MAX = 5
# What one try may take of the time that is left, so that there is some to look at what it did.
_SHARE = 0.6
_PAUSE_SECONDS = 0.1
# What has not been done is asked for again within the time where a platform is back so soon.
_SOON_SECONDS, _LONG = 1.0, 1e9
# The worker leaves a redemption that is being released to whoever releases it.
_RELEASE_SECONDS = 2.0
# Ways whose product is found by its code, so that the platform's name for it need not be kept.
_FOUND_BY_CODE = frozenset({"shopify"})
_ERROR_LENGTH_MAX = 500

_log = structlog.get_logger(__name__)


class Given(Struct, frozen=True):
    """The platform handed over. `code` is the one that the member shows."""

    code: str | None
    reference: str | None = None


class NotGiven(Struct, frozen=True):
    """The platform did not hand over, or not that anybody knows: `may_exist` then."""

    reason: str
    code: str | None = None
    is_permanent: bool = False
    may_exist: bool = False
    after_seconds: float | None = None


class PutOff(Struct, frozen=True):
    """Not done yet; to be gone on with. Without a `reason` nothing failed, and it goes on after
    exactly so long; with one, no sooner than that."""

    reason: str
    after_seconds: float | None = None


class Matter(Struct, frozen=True, kw_only=True):
    """A redemption with all that handing it over takes."""

    merchant: Merchant
    member: Member
    reward: Reward
    redemption: Redemption


async def fulfil(
    ledger: Ledger,
    merchant_id: MerchantId,
    redemption: Redemption,
    *,
    known: Fulfilment | None = None,
) -> Outcome | PutOff:
    """Hand a pending redemption over, with no transaction open; then settle or release it.

    Without `known` a caller waits, and at the end of the time, `runtime.fulfil_seconds`, the answer
    is yes or no: what is not known to be handed over is released as
    Refused(FulfilmentUnavailable), and what may be there all the same is taken back by the
    worker. With `known`, a worker asks under its lease: what may still succeed is PutOff, until it
    is too old. Raises OutcomeUnknown where the database cannot be asked; the redemption then stays
    pending, and a worker takes it up."""
    try:
        matter = await get_matter(ledger, merchant_id, redemption)
        end = await _hand_over(ledger, matter, known)
        if isinstance(end, Given):
            return await _settle(ledger, merchant_id, matter, end)
        if known is not None and not _is_over(ledger, redemption, known, end):
            return PutOff(end.reason, end.after_seconds)
        return await _release(ledger, merchant_id, redemption, end, is_known=known is not None)
    except OutcomeUnknown:
        raise
    except (*DRIVER_ERRORS, CommitUnknown, Unavailable) as error:
        raise OutcomeUnknown("the points are held; the database went away") from error


async def get_matter(ledger: Ledger, merchant_id: MerchantId, redemption: Redemption) -> Matter:
    """Read who redeemed what; the reward is as it was when it was redeemed."""
    catalogue = await ledger.catalogues.get(merchant_id)
    reward = catalogue.rewards.get(redemption.reward_id)
    version_id = redemption.reward_version_id
    async with snapshot(ledger.runtime.pool) as view:
        (member,) = await members.list_members(view, merchant_id, [redemption.member_id])
        if reward is None or reward.version_id != version_id:
            versions = await offers.list_reward_versions(view, merchant_id, [version_id])
            reward = versions[version_id]
    return Matter(merchant=catalogue.merchant, member=member, reward=reward, redemption=redemption)


async def find_way(
    ledger: Ledger, matter: Matter, known: Fulfilment | None
) -> tuple[Fulfiller, Handover] | str:
    """Find who hands the reward over, and what they are told; or say why nobody does."""
    way = matter.reward.fulfil_by
    fulfiller = ledger.runtime.fulfillers.get(way)
    if fulfiller is None:
        return f"no platform is connected that fulfils by {way}"
    connected = await ledger.connections.find(matter.merchant.id, fulfiller.platform)
    if connected is None:
        return f"the merchant is not connected to {fulfiller.platform}"
    handover = Handover(
        merchant=matter.merchant,
        member=matter.member,
        reward=matter.reward,
        redemption=matter.redemption,
        connected=connected,
        code=matter.redemption.code if known is None or known.code is None else known.code,
        is_repeat=known is not None and known.attempts > 1,
        reference=None if known is None else known.reference,
    )
    return fulfiller, handover


def said_of(error: Exception) -> str:
    """Put an outcome that nobody knows into words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}"[:_ERROR_LENGTH_MAX]


async def _hand_over(ledger: Ledger, matter: Matter, known: Fulfilment | None) -> Given | NotGiven:
    if matter.reward.fulfil_by == "points":
        refused = await crediting.credit(
            ledger, matter.merchant.id, matter.reward, matter.redemption
        )
        return Given(None) if refused is None else NotGiven(refused, is_permanent=True)
    way = await find_way(ledger, matter, known)
    if isinstance(way, str):
        may_exist = known is not None and known.attempts > 1
        return NotGiven(way, matter.redemption.code, may_exist=may_exist)
    return await _Asking(ledger, *way).ask()


class _Asking:
    """Asks a platform within one budget, and looks before it asks again."""

    def __init__(self, ledger: Ledger, fulfiller: Fulfiller, handover: Handover) -> None:
        self._ledger = ledger
        self._fulfiller = fulfiller
        self._handover = handover
        self._may_exist = handover.is_repeat
        self._ends_at = asyncio.get_running_loop().time() + ledger.runtime.fulfil_seconds

    async def ask(self) -> Given | NotGiven:
        tries = codes = 0
        end = self._not_given("there was no time to ask")
        while tries < TRIES_MAX and self._left > 0:
            tries += 1
            pause = min(_PAUSE_SECONDS * tries, self._left / 10)
            try:
                fulfilled = await self._try(is_last=tries == TRIES_MAX)
            except CodeTaken as taken:
                # Whoever holds the code, an earlier call of ours can no longer take it.
                codes += 1
                tries -= 1
                end = self._not_given(taken.reason)
                if codes >= CODES_MAX:
                    return end
                await self._choose_another()
                continue
            except FulfilmentFailed as failure:
                end = self._not_given(
                    failure.reason,
                    is_permanent=failure.is_permanent,
                    after_seconds=failure.after_seconds,
                )
                pause = max(pause, failure.after_seconds or 0)
                is_soon = self._may_exist or (failure.after_seconds or _LONG) <= _SOON_SECONDS
                if failure.is_permanent or not is_soon or pause >= self._left:
                    return end
            except Exception as error:  # noqa: BLE001 -- what nobody foresaw is unknown too
                # A time-out, or something nobody foresaw: it may have been handed over or not.
                self._may_exist = True
                end = self._not_given(said_of(error))
                self._log(error)
            else:
                return Given(fulfilled.code or self._handover.code, fulfilled.reference)
            self._handover = replace(self._handover, is_repeat=self._may_exist)
            await asyncio.sleep(max(min(pause, self._left), 0))
        return end

    @property
    def _left(self) -> float:
        return self._ends_at - asyncio.get_running_loop().time()

    async def _try(self, *, is_last: bool) -> Fulfilled:
        async with asyncio.timeout(self._left if is_last else self._left * _SHARE):
            return await self._fulfiller.fulfil(self._handover)

    async def _choose_another(self) -> None:
        """Choose another code and keep it before it is used, so that it can be looked for.

        Where a rival chose one meanwhile, its choice counts, and may have been used already."""
        runtime = self._ledger.runtime
        handover = self._handover
        assert handover.code is not None, "a code that is taken was chosen"
        catalogue = await self._ledger.catalogues.get(handover.merchant.id)
        program = catalogue.programs[handover.redemption.program_id]
        code = make_code(program, runtime.bits())
        now = runtime.now()
        async with transaction(runtime.pool) as tx:
            chosen = await fulfilments.replace_code(
                tx,
                handover.merchant.id,
                handover.redemption.id,
                now,
                taken=handover.code,
                code=code,
                next_at=later(ledger=self._ledger, now=now),
            )
        self._may_exist = self._may_exist or chosen != code
        self._handover = replace(handover, code=chosen, is_repeat=chosen != code)

    def _not_given(
        self, reason: str, *, is_permanent: bool = False, after_seconds: float | None = None
    ) -> NotGiven:
        return NotGiven(
            reason[:_ERROR_LENGTH_MAX],
            self._handover.code,
            is_permanent=is_permanent,
            may_exist=self._may_exist,
            after_seconds=after_seconds,
        )

    def _log(self, error: Exception) -> None:
        redemption_id = self._handover.redemption.id
        _log.warning("fulfilment_unknown", redemption_id=redemption_id, error=said_of(error))


def later(ledger: Ledger, now: datetime) -> datetime:
    """Give the time when a request that is under way now is certainly over."""
    return now + timedelta(seconds=ledger.runtime.fulfil_seconds) + MARGIN


def _is_over(ledger: Ledger, redemption: Redemption, known: Fulfilment, end: NotGiven) -> bool:
    age = ledger.runtime.now() - redemption.created_at
    return end.is_permanent or age >= AGE_MAX or known.attempts >= ATTEMPTS_MAX


async def _settle(ledger: Ledger, merchant_id: MerchantId, matter: Matter, given: Given) -> Outcome:
    redemption = matter.redemption
    if given.reference is not None and matter.reward.fulfil_by not in _FOUND_BY_CODE:
        now = ledger.runtime.now()
        async with transaction(ledger.runtime.pool) as tx:
            await fulfilments.put_reference(
                tx,
                merchant_id,
                redemption.id,
                now,
                reference=given.reference,
                next_at=later(ledger, now),
            )
    settled = await ledger.submit(merchant_id, Settle(redemption_id=redemption.id, code=given.code))
    if isinstance(settled, Done):
        return settled
    # Somebody released it meanwhile, so what was handed over is nobody's.
    reason = "the redemption was released meanwhile"
    _log.warning("fulfilled_after_release", redemption_id=redemption.id)
    await leave_to_worker(ledger, merchant_id, redemption, code=given.code, error=reason)
    return Refused((FulfilmentUnavailable(reason),))


async def _release(
    ledger: Ledger,
    merchant_id: MerchantId,
    redemption: Redemption,
    end: NotGiven,
    *,
    is_known: bool,
) -> Outcome:
    """Give the points back. What may be there all the same is written down before, so that no
    crash between the two leaves it with nobody to take it back."""
    if end.may_exist and not is_known:
        await leave_to_worker(
            ledger,
            merchant_id,
            redemption,
            code=end.code,
            error=end.reason,
            after_seconds=_RELEASE_SECONDS,
        )
    release = Release(redemption_id=redemption.id, reason=end.reason, code=end.code)
    released = await ledger.submit(merchant_id, release)
    if isinstance(released, Refused):
        # Somebody settled it meanwhile; settling again gives what it came to.
        return await ledger.submit(merchant_id, Settle(redemption_id=redemption.id))
    _log.warning("fulfilment_failed", redemption_id=redemption.id, reason=end.reason)
    return Refused((FulfilmentUnavailable(end.reason),))


async def leave_to_worker(
    ledger: Ledger,
    merchant_id: MerchantId,
    redemption: Redemption,
    *,
    code: str | None = None,
    error: str | None = None,
    after_seconds: float = 0.0,
    attempts: int = 1,
) -> None:
    """Have the worker see to a redemption. `attempts` counts those that may have had effect."""
    now = ledger.runtime.now()
    async with transaction(ledger.runtime.pool) as tx:
        await fulfilments.open_fulfilment(
            tx,
            merchant_id,
            redemption.id,
            now,
            next_at=now + timedelta(seconds=after_seconds),
            attempts=attempts,
            code=code if code != redemption.code else None,
            error=error,
        )
