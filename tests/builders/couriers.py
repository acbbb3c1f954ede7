"""Couriers that do what a test tells them, and shops with webhooks for them to go to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from guerdon.domain.catalogue import Program
from guerdon.domain.command import Adjust
from guerdon.domain.delivery import Delivered, Letter, Verdict
from guerdon.domain.event import EventKind
from guerdon.domain.ids import MerchantId, ProgramId, SubscriptionId
from guerdon.domain.member import MemberRef
from guerdon.domain.subscription import Subscription
from guerdon.engine.addressing import hand_on
from guerdon.engine.carrying import one_by_one
from guerdon.engine.delivering import LETTERS_MAX, deliver
from guerdon.engine.ports import Destination
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.engine.subscribing import context_of
from guerdon.store.sequences import take_ids
from guerdon.store.transaction import transaction
from guerdon.store.webhook_subscriptions import insert_subscription
from tests.builders.member import Clock, do
from tests.builders.shop import FOUNDED, PROGRAM, Shop

SEAL = Seal(b"a key for tests, of 32 bytes or more")


def take_all(_: Letter) -> Verdict:
    return Delivered()


@dataclass
class Scripted:
    """A courier that writes down what it is given and answers as told."""

    answer: Callable[[Letter], Verdict] = take_all
    repeats_safely: bool = True
    lease_seconds: float = 60.0
    kinds: tuple[EventKind, ...] | None = None
    carried: list[Letter] = field(default_factory=list)
    destinations: list[Destination] = field(default_factory=list)

    def wants(self, destination: Destination, kind: EventKind) -> bool:
        subscription = destination.subscription
        assert subscription is not None
        return (kind in subscription.events) if self.kinds is None else kind in self.kinds

    async def carry(
        self, destination: Destination, letters: Sequence[Letter]
    ) -> Sequence[Verdict | None]:
        self.destinations.append(destination)
        return await one_by_one(self._send, letters, at_once=8, repeats_safely=self.repeats_safely)

    async def _send(self, letter: Letter) -> Verdict:
        self.carried.append(letter)
        return self.answer(letter)

    def points(self, member: int | None = None) -> list[object]:
        """List the points of each letter carried, perhaps of one member, by external id."""
        return [
            letter.event.facts["points"]
            for letter in self.carried
            if member is None or letter.member.external_id == str(member)
        ]


def make_runtime(pool: asyncpg.Pool, courier: object, clock: Clock | None = None) -> Runtime:
    """Make a runtime whose webhooks are carried by this courier."""
    now = {} if clock is None else {"now": clock}
    return Runtime(pool=pool, seal=SEAL, couriers={"webhook": courier}, **now)  # type: ignore[dict-item, arg-type]


async def add_webhook(
    pool: asyncpg.Pool,
    merchant_id: MerchantId,
    *events: EventKind,
    program: Program | None = None,
    is_active: bool = True,
) -> str:
    """Add a webhook for these events, points by hand if none are given; give its name."""
    async with transaction(pool) as tx:
        number = SubscriptionId(await take_ids(tx, merchant_id, 1))
        subscription = Subscription(
            id=number,
            dialect="guerdon",
            program_id=None if program is None else ProgramId(program.id),
            url="https://shop.example/hooks",
            events=events or ("points.adjusted",),
            description=None,
            is_active=is_active,
            is_managed=False,
            created_at=FOUNDED,
            updated_at=FOUNDED,
        )
        sealed = SEAL.seal(b"secret", context_of(merchant_id, number))
        await insert_subscription(tx, merchant_id, subscription, sealed)
    return f"webhook:{number}"


async def give(ledger: Ledger, shop: Shop, member: int, *points: int) -> None:
    """Give a member points by hand, one event each."""
    ref = MemberRef(external_id=str(member))
    for each in points:
        await do(ledger, shop, Adjust(program_id=PROGRAM, member=ref, points=each))


async def hand_all_on(ledger: Ledger, merchant_id: MerchantId, limit: int = 1000) -> int:
    """Hand on until there is nothing left; give how many deliveries that made."""
    done = 0
    while True:
        portion = await hand_on(ledger, merchant_id, limit)
        done += portion.done
        if not portion.has_more:
            return done


async def deliver_all(
    ledger: Ledger, merchant_id: MerchantId, name: str, limit: int = LETTERS_MAX
) -> int:
    """Deliver until nothing is due; give how many letters were taken."""
    delivered = 0
    while True:
        done = await deliver(ledger, merchant_id, name, limit)
        delivered += done.delivered
        if not done.claimed and not done.has_more:
            return delivered


async def statuses(pool: asyncpg.Pool) -> list[str]:
    """List how every delivery stands, in order of ids."""
    rows = await pool.fetch("SELECT status FROM deliveries ORDER BY merchant_id, id")
    return [row[0] for row in rows]
