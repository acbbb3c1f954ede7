"""Whatever couriers answer and whenever workers die: nothing is lost, and order holds."""

import asyncio
import random
from collections import defaultdict

import asyncpg
import pytest
from structlog.testing import capture_logs

from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.engine import delivering
from guerdon.engine.addressing import hand_on
from guerdon.engine.delivering import deliver
from guerdon.engine.submitting import Ledger
from tests.builders.couriers import Scripted, add_webhook, give, hand_all_on, make_runtime
from tests.builders.ledgers import connect
from tests.builders.member import Clock, enrol
from tests.builders.shop import Shop, make_shop, save_shop

MEMBERS = 4
_ENDS: tuple[Verdict, ...] = (Skipped("no"), Dropped("no"), Uncertain("no"))


class Moody(Scripted):
    """Answers by chance, and keeps what each letter ended with."""

    def __init__(self, chance: random.Random, *, repeats_safely: bool) -> None:
        super().__init__(repeats_safely=repeats_safely)
        self.chance = chance
        self.is_calm = False
        # By member: the letters that were sent, with whether the destination had them then.
        self.sent: dict[int, list[tuple[int, bool]]] = defaultdict(list)

    async def _send(self, letter: Letter) -> Verdict:
        await asyncio.sleep(self.chance.choice((0, 0, 0.001)))
        luck = self.chance.random()
        if self.is_calm or luck < 0.6:
            verdict: Verdict = Delivered()
        elif luck < 0.9:
            verdict = Deferred("later", self.chance.choice((None, 1.0, 400.0)))
        else:
            verdict = self.chance.choice(_ENDS)
        is_over = not isinstance(verdict, Deferred)
        self.sent[letter.event.member_id].append((letter.event.id, is_over))
        return verdict


class Run:
    """A world of two workers that is moved on step by step, by chance."""

    def __init__(self, seed: int, *, repeats_safely: bool) -> None:
        self.chance = random.Random(seed)  # noqa: S311 -- a seed is what makes a run be found again
        self.courier = Moody(self.chance, repeats_safely=repeats_safely)
        self.clock = Clock()

    async def play(self, pools: list[asyncpg.Pool], shop: Shop, names: list[str]) -> None:
        workers = [Ledger(make_runtime(pool, self.courier, self.clock)) for pool in pools]
        for _ in range(40):
            await asyncio.gather(*(self._step(worker, shop, names) for worker in workers))
            self.clock.pass_(seconds=self.chance.choice((0, 1, 5, 30, 100)))
        self.courier.is_calm = True
        for _ in range(200):
            await hand_all_on(workers[0], shop.id)
            for name in names:
                await deliver(workers[0], shop.id, name)
            if not await pools[0].fetchval("SELECT count(*) FROM deliveries WHERE is_open"):
                return
            self.clock.pass_(hours=1)
        left = await pools[0].fetch("SELECT * FROM deliveries WHERE is_open ORDER BY id LIMIT 5")
        raise AssertionError(f"still open at {self.clock.at}: {left}")

    async def _step(self, worker: Ledger, shop: Shop, names: list[str]) -> None:
        name = self.chance.choice(names)
        match self.chance.choice(("give", "give", "hand on", "deliver", "deliver", "die")):
            case "give":
                points = [self.chance.randint(1, 9) for _ in range(3)]
                await give(worker, shop, self.chance.randrange(MEMBERS), *points)
            case "hand on":
                await hand_on(worker, shop.id, self.chance.randint(1, 9))
            case "deliver":
                await deliver(worker, shop.id, name, self.chance.randint(1, 9))
            case _:
                limit = self.chance.randint(1, 4)
                runtime = worker.runtime
                await delivering._take(runtime, shop.id, name, self.courier, limit)


@pytest.mark.parametrize("repeats_safely", [True, False])
@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_and_order_holds(
    database_url: str, pool: asyncpg.Pool, seed: int, repeats_safely: bool
) -> None:
    shop = await save_shop(pool, make_shop())
    one = await add_webhook(pool, shop.id)
    run = Run(seed, repeats_safely=repeats_safely)
    ledger = Ledger(make_runtime(pool, run.courier, run.clock))
    for member in range(MEMBERS):
        await enrol(ledger, shop, str(member))
    pools = [await connect(database_url) for _ in range(2)]
    with capture_logs():
        await run.play(pools, shop, [one])
    for each in pools:
        await each.close()
    rows = await pool.fetch(
        "SELECT e.member_id, e.id, d.status, d.attempts FROM events e "
        "LEFT JOIN deliveries d ON d.event_id = e.id WHERE e.kind = 'points.adjusted' ORDER BY 2"
    )
    assert len(rows) == len({row["id"] for row in rows}) > 30
    for member_id, sent in run.courier.sent.items():
        # A letter is sent again and again, but never after a later one of the same member.
        order = [event_id for event_id, _ in sent]
        assert order == sorted(order)
        ends = [event_id for event_id, is_over in sent if is_over]
        assert len(ends) == len(set(ends))
        mine = [row for row in rows if row["member_id"] == member_id]
        for row in mine:
            if row["status"] == "uncertain" and row["id"] not in ends:
                # Its worker died with it in hand.
                assert not repeats_safely
            else:
                assert row["id"] in ends, row
    assert {row["status"] for row in rows} <= {"delivered", "skipped", "dead", "uncertain"}
