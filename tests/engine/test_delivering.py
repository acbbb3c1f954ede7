"""Letters go out in order and at least once; never twice where that would be wrong."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
from structlog.testing import capture_logs

from guerdon.domain.command import Adjust
from guerdon.domain.delivery import (
    Deferred,
    Delivered,
    Dropped,
    Letter,
    Skipped,
    Uncertain,
    Verdict,
)
from guerdon.domain.ids import DeliveryId
from guerdon.domain.member import MemberRef
from guerdon.engine import delivering
from guerdon.engine.addressing import courier_of
from guerdon.engine.delivering import Round, deliver
from guerdon.engine.replaying import replay, replay_failed
from guerdon.engine.retrying import ATTEMPTS_MAX
from guerdon.engine.runtime import Runtime
from guerdon.engine.sealing import Seal
from guerdon.engine.submitting import Ledger
from guerdon.store import deliveries
from tests.builders.couriers import (
    Scripted,
    add_webhook,
    deliver_all,
    give,
    hand_all_on,
    make_runtime,
    statuses,
)
from tests.builders.member import Clock, enrol
from tests.builders.shop import PROGRAM, Shop, make_shop, save_shop


class Post:
    """A shop with two members and a webhook for points given by hand."""

    def __init__(self, pool: asyncpg.Pool, shop: Shop, courier: Scripted) -> None:
        self.pool = pool
        self.shop = shop
        self.courier = courier
        self.clock = Clock()
        self.ledger = Ledger(make_runtime(pool, courier, self.clock))
        self.name = ""

    async def set_up(self) -> "Post":
        for member in (1, 2):
            await enrol(self.ledger, self.shop, str(member))
        self.name = await add_webhook(self.pool, self.shop.id)
        return self

    async def post(self, member: int, *points: int) -> None:
        """Give points, and hand the events on."""
        await give(self.ledger, self.shop, member, *points)
        await hand_all_on(self.ledger, self.shop.id)

    async def deliver(self, limit: int = 500) -> Round:
        return await deliver(self.ledger, self.shop.id, self.name, limit)

    async def deliver_all(self, limit: int = 500) -> int:
        return await deliver_all(self.ledger, self.shop.id, self.name, limit)

    async def take_and_die(self) -> list[DeliveryId]:
        """Claim all that is due and go no further."""
        runtime = self.ledger.runtime
        courier = courier_of(runtime, self.name)
        assert courier is not None
        hand, _ = await delivering._take(runtime, self.shop.id, self.name, courier, 500)
        return [each.id for each in hand.claimed]

    async def column(self, name: str) -> list[object]:
        rows = await self.pool.fetch(f"SELECT {name} FROM deliveries ORDER BY id")  # noqa: S608
        return [row[0] for row in rows]


@pytest.fixture
async def post(pool: asyncpg.Pool) -> Post:
    return await Post(pool, await save_shop(pool, make_shop()), Scripted()).set_up()


def only(points: int, verdict: Verdict) -> Callable[[Letter], Verdict]:
    """Answer a letter of so many points with this, and take all others."""
    return lambda letter: verdict if letter.event.facts["points"] == points else Delivered()


async def test_carries_each_event_once_in_order(post: Post) -> None:
    await post.post(1, 10, 11, 12)
    await post.post(2, 20)
    assert await post.deliver() == Round(claimed=4, delivered=4)
    assert post.courier.points(1) == [10, 11, 12]
    assert post.courier.points(2) == [20]
    assert await post.deliver() == Round()
    assert await statuses(post.pool) == ["delivered"] * 4
    assert await post.column("attempts") == [1] * 4
    assert await post.column("leased_until") == [None] * 4


async def test_a_letter_that_waits_keeps_only_its_member_waiting(post: Post) -> None:
    post.courier.answer = only(10, Deferred("busy"))
    await post.post(1, 10, 11)
    await post.post(2, 20)
    assert (await post.deliver()).delivered == 1
    assert await statuses(post.pool) == ["waiting", "waiting", "delivered"]
    assert await post.column("attempts") == [1, 0, 1]
    assert await post.column("last_error") == ["busy", None, None]
    await post.post(1, 12)
    await post.post(2, 21)
    assert await post.deliver_all() == 1
    assert post.courier.points(1) == [10]
    assert post.courier.points(2) == [20, 21]
    post.courier.answer = only(0, Delivered())
    post.clock.pass_(seconds=10)
    assert await post.deliver_all() == 3
    assert post.courier.points(1) == [10, 10, 11, 12]
    assert [letter.attempt for letter in post.courier.carried if letter.attempt > 1] == [2]


async def test_what_is_put_off_behind_a_letter_in_hand_is_woken_by_its_end(post: Post) -> None:
    await post.post(1, 10)
    slow = asyncio.Event()
    begun = asyncio.Event()
    first = post.courier

    class Slow(Scripted):
        async def _send(self, letter: Letter) -> Verdict:
            begun.set()
            await slow.wait()
            return await first._send(letter)

    other = Ledger(make_runtime(post.pool, Slow(), post.clock))
    carrying = asyncio.create_task(deliver(other, post.shop.id, post.name))
    await begun.wait()
    await post.post(1, 11)
    assert (await post.deliver()).claimed == 0
    (_, put_off) = await post.column("next_at")
    assert put_off == post.clock.at + timedelta(seconds=5)
    slow.set()
    await carrying
    assert (await post.deliver()).delivered == 1
    assert post.courier.points(1) == [10, 11]


async def test_a_long_backlog_of_one_member_is_carried_in_order(post: Post) -> None:
    await post.post(1, *range(1, 31))
    await post.post(2, 20)
    assert await post.deliver_all(limit=7) == 31
    assert post.courier.points(1) == list(range(1, 31))


async def test_a_backlog_that_is_blocked_does_not_hide_the_others(post: Post) -> None:
    post.courier.answer = only(1, Deferred("busy", 600))
    await post.post(1, *range(1, 41))
    await post.post(2, 20)
    assert await post.deliver_all(limit=5) == 1
    assert post.courier.points() == [1, 20]
    post.courier.answer = only(0, Delivered())
    post.clock.pass_(seconds=600)
    assert await post.deliver_all(limit=5) == 40
    assert post.courier.points(1) == [1, *range(1, 41)]


async def test_one_that_is_due_later_than_a_portion_behind_it_is_reached(post: Post) -> None:
    post.courier.answer = only(1, Deferred("busy", 60))
    await post.post(1, 1)
    await post.deliver()
    await post.post(1, *range(2, 22))
    post.courier.answer = only(0, Delivered())
    post.clock.pass_(seconds=60)
    assert await post.deliver_all(limit=5) == 21
    assert post.courier.points(1) == [1, *range(1, 22)]


async def test_two_workers_carry_each_letter_once(post: Post) -> None:
    for member in range(3, 23):
        await enrol(post.ledger, post.shop, str(member))
        await give(post.ledger, post.shop, member, *range(100, 110))
    await hand_all_on(post.ledger, post.shop.id)
    rival = Ledger(make_runtime(post.pool, post.courier, post.clock))
    done = await asyncio.gather(
        *(
            deliver_all(ledger, post.shop.id, post.name, 17)
            for ledger in (post.ledger, rival, post.ledger, rival)
        )
    )
    # One worker may find everything blocked by the other and leave: the rest is due in a moment.
    post.clock.pass_(seconds=5)
    assert sum(done) + await post.deliver_all() == 200
    for member in range(3, 23):
        assert post.courier.points(member) == list(range(100, 110))
    assert await post.column("attempts") == [1] * 200


async def test_what_a_dead_worker_had_in_hand_is_sent_again(post: Post) -> None:
    await post.post(1, 10, 11)
    assert len(await post.take_and_die()) == 2
    post.clock.pass_(seconds=89)
    assert await post.deliver() == Round()
    post.clock.pass_(seconds=1)
    assert (await post.deliver()).delivered == 2
    assert [letter.attempt for letter in post.courier.carried] == [2, 2]


async def test_what_a_dead_worker_had_in_hand_is_uncertain_where_twice_is_wrong(
    post: Post,
) -> None:
    post.courier.repeats_safely = False
    await post.post(1, 10)
    await post.take_and_die()
    await post.post(1, 11)
    post.clock.pass_(seconds=90)
    with capture_logs() as logs:
        assert await post.deliver_all() == 1
    assert post.courier.points() == [11]
    assert await statuses(post.pool) == ["uncertain", "delivered"]
    assert (await post.column("last_error"))[0] == "it was in hand when its worker died"
    assert [entry["event"] for entry in logs] == ["deliveries_failed"]


async def test_a_letter_that_kills_its_workers_is_dead_in_the_end(post: Post) -> None:
    await post.post(1, 10)
    for _ in range(ATTEMPTS_MAX):
        assert await post.take_and_die()
        post.clock.pass_(seconds=90)
    assert (await post.deliver()).delivered == 0
    assert post.courier.carried == []
    assert await statuses(post.pool) == ["dead"]


async def test_so_little_is_in_hand_where_it_might_become_uncertain(post: Post) -> None:
    post.courier.repeats_safely = False
    await post.post(1, *range(1, 31))
    assert (await post.deliver()).claimed == delivering.LETTERS_MAX_UNSAFE


async def test_a_verdict_that_cannot_be_written_leaves_the_letter_in_hand(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.post(1, 10)

    async def fail(*_: object, **__: object) -> int:
        raise asyncpg.PostgresError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "close_delivered", fail)
        with pytest.raises(asyncpg.PostgresError):
            await post.deliver()
    assert await statuses(post.pool) == ["waiting"]
    assert await post.deliver() == Round()
    post.clock.pass_(seconds=90)
    assert (await post.deliver()).delivered == 1
    assert post.courier.points() == [10, 10]


async def test_a_verdict_is_written_again_when_the_connection_was_lost(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.post(1, 10)
    write, losses = deliveries.close_delivered, [ConnectionError("lost"), ConnectionError("lost")]

    async def lose_first(*args: object) -> int:
        if losses:
            raise losses.pop()
        return await write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(deliveries, "close_delivered", lose_first)
    monkeypatch.setattr(delivering, "_WRITE_BACKOFF_SECONDS", 0.001)
    assert (await post.deliver()).delivered == 1
    assert await statuses(post.pool) == ["delivered"]
    assert await post.column("attempts") == [1]


async def test_a_worker_whose_lease_ran_out_does_not_overwrite(post: Post) -> None:
    await post.post(1, 10)
    begun, slow = asyncio.Event(), asyncio.Event()

    class Slow(Scripted):
        async def _send(self, _: Letter) -> Verdict:
            begun.set()
            await slow.wait()
            return Dropped("too late to say")

    late = Ledger(make_runtime(post.pool, Slow(), post.clock))
    carrying = asyncio.create_task(deliver(late, post.shop.id, post.name))
    await begun.wait()
    post.clock.pass_(seconds=90)
    assert (await post.deliver()).delivered == 1
    slow.set()
    with capture_logs() as logs:
        await carrying
    assert await statuses(post.pool) == ["delivered"]
    assert "lease_lost" in [entry["event"] for entry in logs]


async def test_verdicts_say_how_a_delivery_stands(post: Post) -> None:
    answers: dict[object, Verdict] = {
        10: Delivered(),
        11: Skipped("nothing to say"),
        12: Dropped("refused"),
        13: Uncertain("no answer"),
    }
    post.courier.answer = lambda letter: answers[letter.event.facts["points"]]
    await post.post(1, 10, 11, 12, 13)
    await post.deliver()
    assert await statuses(post.pool) == ["delivered", "skipped", "dead", "uncertain"]
    assert await post.column("last_error") == [None, "nothing to say", "refused", "no answer"]


async def test_waits_grow_and_end(post: Post) -> None:
    post.courier.answer = only(10, Deferred("busy"))
    await post.post(1, 10)
    waits = []
    for _ in range(ATTEMPTS_MAX):
        assert (await post.deliver()).claimed == 1
        (next_at,) = await post.column("next_at")
        assert hasattr(next_at, "timestamp")
        waits.append(next_at.timestamp() - post.clock.at.timestamp())
        assert await post.deliver() == Round()
        post.clock.pass_(days=1)
    for wait, middle in zip(waits, (5, 15, 45, 135, 405), strict=False):
        assert middle * 0.75 <= wait <= middle * 1.25
    assert max(waits) <= 6 * 3600 * 1.25
    assert await statuses(post.pool) == ["dead"]
    assert await post.column("last_error") == [f"busy, at the last of {ATTEMPTS_MAX} attempts"]


async def test_what_a_destination_asks_for_is_the_wait(post: Post) -> None:
    post.courier.answer = only(10, Deferred("slow down", 77))
    await post.post(1, 10)
    assert (await post.deliver()).is_down
    assert await post.column("next_at") == [post.clock.at + timedelta(seconds=77)]


@pytest.mark.parametrize(("repeats_safely", "status"), [(True, "waiting"), (False, "uncertain")])
async def test_a_courier_that_fails_or_does_not_end_is_judged(
    post: Post, repeats_safely: bool, status: str
) -> None:
    class Broken(Scripted):
        async def carry(self, *_: object) -> list[Verdict | None]:
            raise RuntimeError("with a secret in it")

    class Endless(Scripted):
        async def carry(self, *_: object) -> list[Verdict | None]:
            await asyncio.sleep(60)
            return []

    class Terse(Scripted):
        async def carry(self, *_: object) -> list[Verdict | None]:
            return []

    for courier in (
        Broken(repeats_safely=repeats_safely),
        Endless(repeats_safely=repeats_safely, lease_seconds=0.01),
        Terse(repeats_safely=repeats_safely),
    ):
        await post.post(1, 10)
        with capture_logs():
            await deliver(
                Ledger(make_runtime(post.pool, courier, post.clock)), post.shop.id, post.name
            )
        assert (await statuses(post.pool))[-1] == status
        assert "secret" not in str((await post.column("last_error"))[-1])
        await post.pool.execute("DELETE FROM deliveries")


@pytest.mark.parametrize(("repeats_safely", "status"), [(True, "waiting"), (False, "uncertain")])
async def test_a_worker_that_is_stopped_says_so(
    post: Post, repeats_safely: bool, status: str
) -> None:
    begun = asyncio.Event()

    class Endless(Scripted):
        async def carry(self, *_: object) -> list[Verdict | None]:
            begun.set()
            await asyncio.sleep(60)
            return []

    await post.post(1, 10)
    courier = Endless(repeats_safely=repeats_safely)
    ledger = Ledger(make_runtime(post.pool, courier, post.clock))
    carrying = asyncio.create_task(deliver(ledger, post.shop.id, post.name))
    await begun.wait()
    carrying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await carrying
    assert await statuses(post.pool) == [status]
    assert await post.column("last_error") == ["the worker was stopped"]
    assert await post.column("leased_until") == [None]


async def test_what_cannot_be_read_is_given_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.post(1, 10)

    async def fail(*_: object) -> None:
        raise asyncpg.PostgresError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "write_letters", fail)
        with pytest.raises(asyncpg.PostgresError):
            await post.deliver()
    assert await post.column("attempts") == [0]
    assert (await post.deliver()).delivered == 1
    assert post.courier.carried[0].attempt == 1


async def test_what_a_key_is_missing_for_waits(post: Post) -> None:
    await post.post(1, 10)
    stranger = Runtime(
        pool=post.pool,
        now=post.clock,
        seal=Seal(b"another key, of 32 bytes or more too"),
        couriers={"webhook": post.courier},
    )
    with capture_logs() as logs:
        assert (await deliver(Ledger(stranger), post.shop.id, post.name)).is_down
    assert [entry["event"] for entry in logs] == ["secret_unreadable"]
    assert await post.column("attempts") == [0]
    post.clock.pass_(seconds=60)
    assert (await post.deliver()).delivered == 1
    assert post.courier.destinations[0].secret == "secret"


async def test_what_staff_wrote_is_in_the_letter_and_not_in_the_event(post: Post) -> None:
    adjust = Adjust(
        program_id=PROGRAM, member=MemberRef(external_id="1"), points=5, note="sorry, Anna"
    )
    await post.ledger.submit(post.shop.id, adjust)
    await hand_all_on(post.ledger, post.shop.id)
    await post.deliver()
    assert [letter.event.facts["note"] for letter in post.courier.carried] == ["sorry, Anna"]
    assert "Anna" not in str(await post.pool.fetch("SELECT facts FROM events"))


async def test_an_erased_member_is_not_spoken_of(post: Post) -> None:
    await post.post(1, 10)
    await post.pool.execute("UPDATE members SET external_id = 'erased-0' WHERE external_id = '1'")
    await post.deliver()
    assert post.courier.carried == []
    assert await statuses(post.pool) == ["skipped"]


async def test_replays_by_id_whatever_became_of_it(post: Post) -> None:
    await post.post(1, 10, 11)
    await post.deliver()
    first = DeliveryId(post.courier.carried[0].delivery_id)
    replayed = await replay(post.ledger.runtime, post.shop.id, [first, DeliveryId(99)])
    assert replayed == [first]
    assert await statuses(post.pool) == ["waiting", "delivered"]
    assert await post.deliver_all() == 1
    assert post.courier.points() == [10, 11, 10]
    assert post.courier.carried[-1].attempt == 1


async def test_replays_what_failed_before_what_waits(post: Post) -> None:
    post.courier.answer = only(10, Dropped("refused"))
    await post.post(1, 10)
    await post.post(2, 20)
    await post.deliver()
    await post.post(1, 11)
    before = post.clock.at
    post.clock.pass_(seconds=1)
    to_replay = partial(replay_failed, post.ledger.runtime, post.shop.id, limit=9)
    now = post.clock.at
    assert await to_replay("uncertain", destination=None, before=now) == []
    assert await to_replay("dead", destination="webhook:1", before=now) == []
    assert await to_replay("dead", destination=None, before=before) == []
    done = await to_replay("dead", destination=post.name, before=now)
    assert len(done) == 1
    post.courier.answer = only(0, Delivered())
    assert await post.deliver_all() == 2
    assert post.courier.points(1) == [10, 10, 11]


async def test_one_that_waits_is_not_replayed(post: Post) -> None:
    await post.post(1, 10)
    (first,) = await post.take_and_die()
    assert await replay(post.ledger.runtime, post.shop.id, [first]) == []
    assert await post.column("attempts") == [1]
