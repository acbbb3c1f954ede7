"""Random acts by several ledgers at once on the real store, while connections are lost at will.

A small model knows only what the callers were told. After every step the balances must be what
that adds up to, and at the end of a run every figure must be proven. GUERDON_STEPS sets a run's
steps, GUERDON_HYPOTHESIS_PROFILE=long how many runs there are."""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from guerdon.domain.catalogue import MemberLimit
from guerdon.domain.command import (
    Adjust,
    Adjusted,
    ChangeMember,
    ClawBack,
    Command,
    Done,
    Earn,
    Earned,
    Enrol,
    ExpireInactive,
    ExpireLots,
    MarkUsed,
    Outcome,
    Redeem,
    Redeemed,
    Refund,
    Refused,
    Release,
    Reopen,
    Reversed,
    Settle,
    Transfer,
    Transferred,
)
from guerdon.domain.errors import KeyConflict, OutcomeUnknown, Unavailable
from guerdon.domain.ids import EarningId, MerchantId, PointTypeId, RedemptionId, RewardId, RuleId
from guerdon.domain.point_terms import Expiry, SpendLimits
from guerdon.domain.terms import Period
from guerdon.engine.queueing import process_queued
from guerdon.engine.runtime import Runtime
from guerdon.engine.submitting import Ledger
from guerdon.engine.verifying import verify
from tests.builders.ledgers import connect, ref
from tests.builders.shop import (
    FOUNDED,
    POINT_TYPE,
    PROGRAM,
    make_point_type,
    make_reward,
    make_rule,
    make_shop,
    save_shop,
)
from tests.support.tcp_proxy import AtCommit, TcpProxy

NAMES = ("anna", "bela", "carl")
REWARDS = (1001, 1002, 1003, 1004, 1005)
LIMIT = 60
GEMS = make_point_type(
    1,
    expiry=Expiry(kind="sliding", period=Period(2, "day"), resets_on=("earning", "spending")),
    spend_limits=SpendLimits(interval="day", interval_points_max=LIMIT),
)
KINDS = (POINT_TYPE, GEMS.id)
COOLDOWN = timedelta(hours=20)
STOCK = 6
RUNS = 6
STEPS = int(os.environ.get("GUERDON_STEPS", "20"))
_T = TypeVar("_T")
_merchants = itertools.count(1)
SEEDS = st.integers(0, 2**32)


# Whose points of which type.
Purse = tuple[str, PointTypeId]


@dataclass
class Known:
    """What the callers were told of one redemption."""

    purse: Purse
    points_cost: int
    points_refunded: int = 0
    is_given_back: bool = False

    @property
    def points_spent(self) -> int:
        return 0 if self.is_given_back else self.points_cost - self.points_refunded


class LedgerMachine(RuleBasedStateMachine):
    """One merchant's shop; ledger 0 reaches the database through a proxy that cuts connections."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.loop = asyncio.Runner()
        self.merchant_id = MerchantId(next(_merchants))
        self.now = FOUNDED
        self.keys = itertools.count()
        self.told: dict[str, tuple[Command, Outcome]] = {}
        self.moved = {(name, kind): 0 for name in NAMES for kind in KINDS}
        self.redemptions: dict[RedemptionId, Known] = {}
        self.earners: dict[EarningId, Purse] = {}
        self.run(self._open())

    def run(self, awaitable: Awaitable[_T]) -> _T:
        async def wait() -> _T:
            return await asyncio.wait_for(awaitable, 60)

        return self.loop.run(wait())

    async def _open(self) -> None:
        self.proxy = TcpProxy(self.url)
        await self.proxy.open()
        urls = [self.proxy.url, self.url, self.url]
        self.pools: list[asyncpg.Pool] = [await connect(url, size=3) for url in urls]
        self.ledgers = [Ledger(Runtime(pool=pool, now=lambda: self.now)) for pool in self.pools]
        limit = MemberLimit(count=2, interval="day")
        rewards = (
            make_reward(1, points_cost=10, stock=STOCK),
            make_reward(2, points_cost=25, limit_per_member=limit),
            make_reward(3, points_cost=15, fulfil_by="shopify", max_redemptions=STOCK),
            make_reward(4, points_cost=5, cooldown=Period(20, "hour")),
            make_reward(5, points_cost=20, point_type_id=GEMS.id, stock=STOCK),
        )
        shop = make_shop(
            self.merchant_id,
            rewards=rewards,
            rules=(
                make_rule(1),
                make_rule(2, is_once=True),
                make_rule(3, points=30, point_type_id=GEMS.id),
            ),
            point_types=(GEMS,),
            points_expiry_days=3,
            inactive_days_max=2,
            inactivity_counts_from=FOUNDED,
            restore_days=1,
        )
        await save_shop(self.pools[1], shop)
        for name in NAMES:
            enrol = Enrol(program_id=PROGRAM, external_id=name)
            await self.ledgers[1].submit(self.merchant_id, enrol)

    # -- acting ----------------------------------------------------------------------------

    @initialize(seed=SEEDS)
    def endow(self, seed: int) -> None:
        gifts = [Adjust(program_id=PROGRAM, member=ref(name), points=90) for name in NAMES]
        self.run(self._submit_all(gifts, Random(seed)))  # noqa: S311 -- repeatable

    @rule(seed=SEEDS, count=st.integers(1, 16))
    def submit_at_once(self, seed: int, count: int) -> None:
        random = Random(seed)  # noqa: S311 -- repeatable
        self.run(self._submit_all([self._command(random) for _ in range(count)], random))

    @rule(
        seed=SEEDS,
        count=st.integers(1, 16),
        acts=st.lists(st.sampled_from([AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER]), max_size=4),
    )
    def submit_while_commits_are_lost(self, seed: int, count: int, acts: list[AtCommit]) -> None:
        self.proxy.at_commit(*acts)
        self.submit_at_once(seed, count)

    @rule(seed=SEEDS, count=st.integers(1, 16), after=st.sampled_from([0, 0.002, 0.005, 0.01]))
    def submit_while_connections_are_lost(self, seed: int, count: int, after: float) -> None:
        async def cut_soon() -> None:
            await asyncio.sleep(after)
            self.proxy.cut_all()

        async def both() -> None:
            await asyncio.gather(
                cut_soon(), self._submit_all([self._command(random) for _ in range(count)], random)
            )

        random = Random(seed)  # noqa: S311 -- repeatable
        self.run(both())

    @rule(
        first=st.integers(0, 1),
        acts=st.lists(st.sampled_from([AtCommit.CUT_BEFORE, AtCommit.CUT_AFTER]), max_size=1),
    )
    def let_two_workers_see_to_the_queue(self, first: int, acts: list[AtCommit]) -> None:
        async def work(ledger: Ledger) -> None:
            with suppress(Unavailable, OutcomeUnknown, OSError, asyncpg.PostgresError):
                await process_queued(ledger, self.merchant_id, 3)

        async def both() -> None:
            await asyncio.gather(work(self.ledgers[first]), work(self.ledgers[2]))

        self.proxy.at_commit(*acts)
        self.run(both())

    @rule(hours=st.sampled_from([1, 12, 30]))
    def let_time_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(seed=SEEDS)
    def ask_again(self, seed: int) -> None:
        """The same key gets the same answer from whichever ledger, and another request none."""
        random = Random(seed)  # noqa: S311 -- repeatable
        done = [key for key, (_, outcome) in self.told.items() if isinstance(outcome, Done)]
        if not done:
            return
        key = random.choice(done)
        command, outcome = self.told[key]
        ledger = random.choice(self.ledgers)
        assert isinstance(outcome, Done)
        again = self.run(self._submit(ledger, command, key))
        assert again == Done(outcome.result, is_replay=True)
        other = self.run(self._submit(ledger, command, key, fingerprint=b"other"))
        assert other == Refused((KeyConflict(key),))

    # -- the model -------------------------------------------------------------------------

    async def _submit_all(self, commands: Sequence[Command], random: Random) -> None:
        keys = [f"k{next(self.keys)}" for _ in commands]
        ledgers = [random.choice(self.ledgers) for _ in commands]
        outcomes = await asyncio.gather(
            *(
                self._submit(ledger, command, key)
                for ledger, command, key in zip(ledgers, commands, keys, strict=True)
            )
        )
        for key, command, outcome in zip(keys, commands, outcomes, strict=True):
            self.told[key] = (command, outcome)
            if isinstance(outcome, Done):
                self._learn(command, outcome.result)

    async def _submit(
        self, ledger: Ledger, command: Command, key: str, *, fingerprint: bytes = b"f"
    ) -> Outcome:
        """Submit until it is known what came of it, as a caller with a key may."""
        while True:
            try:
                return await ledger.submit(
                    self.merchant_id, command, key=key, fingerprint=fingerprint
                )
            except (Unavailable, OutcomeUnknown):
                ledger = self.ledgers[1]

    def _learn(self, command: Command, result: Any) -> None:
        if isinstance(result, Adjusted):
            self.moved[_purse(command)] += result.points
        elif isinstance(result, Earned) and not result.is_repeat:
            self.moved[_purse(command)] += result.earning.points
            self.earners[result.earning.id] = _purse(command)
        elif isinstance(result, Reversed):
            self.moved[self.earners[result.earning.id]] -= result.points
        elif isinstance(result, Transferred):
            assert isinstance(command, Transfer)
            kind = command.point_type_id or POINT_TYPE
            self.moved[command.source.external_id or "", kind] -= result.points
            self.moved[command.target.external_id or "", kind] += result.points
        elif isinstance(result, Redeemed):
            made = result.redemption
            if isinstance(command, Redeem):
                assert made.id not in self.redemptions, "one redemption was answered twice"
                self.redemptions[made.id] = Known(_purse(command), made.points_cost)
            elif isinstance(command, Refund) and command.points is not None:
                self.redemptions[made.id].points_refunded += command.points
            if made.status in ("void", "declined"):
                self.redemptions[made.id].is_given_back = True

    def _command(self, random: Random) -> Command:
        name, other = random.choice(NAMES), random.choice(NAMES)
        redemption_id = RedemptionId(1)
        if self.redemptions:
            redemption_id = random.choice(list(self.redemptions)[-8:])
        earning_id = EarningId(1)
        if self.earners:
            earning_id = random.choice(list(self.earners)[-4:])
        made: list[tuple[int, Command]] = [
            (2, ClawBack(earning_id=earning_id, points=random.choice([5, 20, 50]))),
            (1, Reopen(redemption_id=redemption_id)),
            (8, _redeem(name, random)),
            (2, Refund(redemption_id=redemption_id)),
            (2, Refund(redemption_id=redemption_id, points=5)),
            (2, Settle(redemption_id=redemption_id)),
            (2, Release(redemption_id=redemption_id, reason="no")),
            (1, MarkUsed(redemption_id=redemption_id)),
            (3, _adjust(name, random)),
            (
                2,
                Transfer(
                    program_id=PROGRAM,
                    source=ref(name),
                    target=ref(other),
                    points=9,
                    point_type_id=random.choice(KINDS),
                ),
            ),
            (2, Earn(program_id=PROGRAM, member=ref(name), rule_id=_rule(random))),
            (1, ExpireLots(program_id=PROGRAM, member=ref(name))),
            (1, ExpireInactive(program_id=PROGRAM, member=ref(name))),
            (1, Enrol(program_id=PROGRAM, external_id=name)),
            (
                1,
                ChangeMember(
                    program_id=PROGRAM,
                    member=ref(name),
                    is_frozen=random.random() < 0.2,
                    first_name=other,
                ),
            ),
        ]
        commands = [command for _, command in made]
        return random.choices(commands, [weight for weight, _ in made])[0]

    # -- what must hold --------------------------------------------------------------------

    @invariant()
    def balances_are_what_callers_were_told(self) -> None:
        self.run(self._check())

    async def _check(self) -> None:
        rows = await self.pools[1].fetch(
            """
            SELECT m.external_id, w.point_type_id, w.points_available, coalesce(sum(e.points)
                FILTER (WHERE e.kind = 'expired'), 0)::bigint AS points_expired
            FROM members m JOIN wallets w ON w.merchant_id = $1 AND w.member_id = m.id
            LEFT JOIN entries e ON e.merchant_id = $1 AND e.wallet_id = w.id
            WHERE m.merchant_id = $1
            GROUP BY m.external_id, w.point_type_id, w.points_available
            """,
            self.merchant_id,
        )
        assert len(rows) == len(self.moved)
        for row in rows:
            purse = row["external_id"], row["point_type_id"]
            spent = sum(
                each.points_spent for each in self.redemptions.values() if each.purse == purse
            )
            told = self.moved[purse] - spent + row["points_expired"]
            assert row["points_available"] == told, f"{purse} has {dict(row)}, told {told}"
        made = await self.pools[1].fetch(
            "SELECT id, reward_id FROM redemptions WHERE merchant_id = $1", self.merchant_id
        )
        assert {row["id"] for row in made} == self.redemptions.keys()
        keys = await self.pools[1].fetchval(
            "SELECT count(*) FROM idempotency_records WHERE merchant_id = $1", self.merchant_id
        )
        assert keys == sum(isinstance(outcome, Done) for _, outcome in self.told.values())

    def _check_cooldowns(self, rows: Sequence[asyncpg.Record]) -> None:
        taken: dict[int, datetime] = {}
        for row in rows:
            if row["reward_id"] == 1004 and row["status"] not in ("void", "declined"):
                last = taken.get(row["member_id"])
                assert last is None or row["created_at"] - last >= COOLDOWN
                taken[row["member_id"]] = row["created_at"]

    def teardown(self) -> None:
        try:
            self.run(self._prove())
        finally:
            self.loop.close()

    async def _prove(self) -> None:
        try:
            while (await process_queued(self.ledgers[1], self.merchant_id, 50)).done:
                pass
            rows = await self.pools[1].fetch(
                "SELECT member_id, status, fulfilment, reward_id, created_at FROM redemptions "
                "WHERE merchant_id = $1 ORDER BY member_id, id",
                self.merchant_id,
            )
            assert not [row for row in rows if (row[1], row[2]) == ("pending", "queued")]
            self._check_cooldowns(rows)
            most = await self.pools[1].fetchval(
                """
                SELECT max(day.points) FROM (
                    SELECT sum(points_cost - points_refunded) AS points FROM redemptions
                    WHERE merchant_id = $1 AND reward_id = 1005
                    GROUP BY member_id, (created_at AT TIME ZONE 'Europe/London')::date) AS day
                """,
                self.merchant_id,
            )
            assert (most or 0) <= LIMIT
            proof = await verify(self.pools[1], merchant_id=self.merchant_id)
            assert proof.drifts == []
        finally:
            for ledger in self.ledgers:
                await ledger.close()
                assert ledger._queues == {}, "a lane is stuck"
            for pool in self.pools:
                pool.terminate()
            await self.proxy.close()


def _redeem(name: str, random: Random) -> Redeem:
    return Redeem(
        program_id=PROGRAM,
        member=ref(name),
        reward_id=RewardId(random.choice(REWARDS)),
        is_queued=random.random() < 0.5,
    )


def _rule(random: Random) -> RuleId:
    return RuleId(random.choice((4001, 4002, 4003)))


def _adjust(name: str, random: Random) -> Adjust:
    return Adjust(
        program_id=PROGRAM,
        member=ref(name),
        points=random.choice([30, -7]),
        point_type_id=random.choice((None, *KINDS)),
    )


def _purse(command: Command) -> Purse:
    """Say whose points a command moves, and which."""
    assert isinstance(command, Redeem | Adjust | Earn)
    assert command.member.external_id is not None
    kind = POINT_TYPE
    if isinstance(command, Adjust):
        kind = command.point_type_id or POINT_TYPE
    elif isinstance(command, Redeem):
        kind = GEMS.id if command.reward_id == 1005 else POINT_TYPE
    elif command.rule_id == 4003:
        kind = GEMS.id
    return command.member.external_id, kind


def test_callers_are_told_the_truth(database_url: str) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(database_url)

    known = settings.get_profile(settings.get_current_profile_name())
    runs = RUNS if known.max_examples <= 100 else known.max_examples
    run_state_machine_as_test(
        Machine,
        settings=settings(
            known,
            max_examples=runs,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
